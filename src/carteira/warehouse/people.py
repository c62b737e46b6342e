"""Who may look: users, one-time links, sessions, API tokens. Of secrets only their SHA-256 is kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from carteira.errors import Unacceptable
from carteira.warehouse import subjects
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("people.sql"))

ROLES = ("admin", "gestor", "vendedor")
SESSION_IDLE = timedelta(days=7)
SESSION_LIFE = timedelta(days=30)
LINK_LIFE = timedelta(hours=24)
# So many wrong passwords are a person's; from then on each one doubles the wait, up to the longest.
FREE_FAILURES_OF_ACCOUNT, LONGEST_WAIT_OF_ACCOUNT = 3, 15
FREE_FAILURES_OF_ADDRESS, LONGEST_WAIT_OF_ADDRESS = 20, 60


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is looking. `user_id` is None for the first visitor, who is an admin until there is a user."""

    user_id: int | None
    name: str
    email: str
    role: str
    owner_id: int | None


@dataclass(frozen=True, slots=True)
class User:
    """A user as the list of users shows it."""

    user_id: int
    email: str
    name: str
    role: str
    owner_id: int | None
    created_at: datetime
    disabled_at: datetime | None
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Token:
    """An API token as the list of tokens shows it; what it opens is not kept."""

    token_id: int
    name: str
    email: str
    role: str
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit log."""

    at: datetime
    email: str
    event: str
    detail: str
    address: str


def new_secret() -> str:
    """256 bits that a URL and a header can carry; show it once and keep only `digest` of it."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    # 256 random bits cannot be guessed from their hash, so a fast hash is enough.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def has_users(connection: Connection) -> bool:
    found: bool = queries.has_users(connection)[0]
    return found


def by_session(connection: Connection, secret: str) -> Viewer | None:
    """Whose session it is; None where it has ended, or its user is disabled."""
    row = queries.person_of_session(connection, session_hash=digest(secret), idle=SESSION_IDLE)
    if row is not None and row[-1]:
        queries.touch_session(connection, session_hash=digest(secret))
    return Viewer(*row[:-1]) if row else None


def by_token(connection: Connection, secret: str) -> Viewer | None:
    """Whose API token it is; None where it is revoked, or its maker is disabled."""
    row = queries.person_of_token(connection, token_hash=digest(secret))
    if row is not None and row[-1]:
        queries.touch_token(connection, token_hash=digest(secret))
    return Viewer(*row[:-1]) if row else None


def whose(kind: str, secret: str) -> tuple[str, dict[str, object]]:
    """The statement that `by_token` and `by_session` ask and its values, for whoever asks for more at once."""
    if kind == "token":
        return queries.person_of_token.sql, {"token_hash": digest(secret)}
    return queries.person_of_session.sql, {"session_hash": digest(secret), "idle": SESSION_IDLE}


def told(rows: list[tuple[Any, ...]]) -> tuple[Viewer | None, bool]:
    """Who it is that `whose` found, and whether it has to be written down that he is there."""
    return (Viewer(*rows[0][:-1]), rows[0][-1]) if rows else (None, False)


def add_user(
    connection: Connection, email: str, name: str = "", role: str = "admin", owner_id: int | None = None
) -> int:
    """A new user without a password: a link lets him in. Unacceptable says what is wrong with the wish."""
    email = email.strip()
    local, _, domain = email.partition("@")
    if not (local and domain) or any(not sign.isprintable() or sign.isspace() for sign in email):
        raise Unacceptable("That is not an e-mail address: write it as name@example.com.")
    if role not in ROLES:
        raise Unacceptable(f"There is no role {role!r}: choose one of {', '.join(ROLES)}.")
    if role == "vendedor" and owner_id is None:
        raise Unacceptable("A vendedor sees the customers of one Ploomes user: name its id with --owner.")
    row = queries.add_user(connection, email=email, name=name, role=role, owner_id=owner_id)
    if row is None:
        raise Unacceptable(f"There is a user {email} already; `carteira users list` shows everyone.")
    user_id: int = row[0]
    return user_id


def add_first_user(connection: Connection, email: str, name: str) -> int:
    """The admin whom the first visitor makes of himself; the sessions and links without a user end with it."""
    queries.lock_users(connection)
    if has_users(connection):
        raise Unacceptable("There is a user already: sign in, or ask an admin for a link.")
    return add_user(connection, email, name)


def users(connection: Connection) -> list[User]:
    return [User(*row) for row in queries.users(connection)]


def disable_user(connection: Connection, email: str) -> None:
    """Shut a user out: sessions, links and tokens stop working at once, and no account of the company's is his."""
    row = queries.set_disabled(connection, email=email.strip(), disabled=True)
    if row is None:
        raise _nobody(email)
    queries.end_sessions(connection, user_id=row[0])
    queries.end_links(connection, user_id=row[0])
    subjects.release(connection, row[0])


def enable_user(connection: Connection, email: str) -> None:
    """Let a disabled user sign in again."""
    if queries.set_disabled(connection, email=email.strip(), disabled=False) is None:
        raise _nobody(email)


def user_by_email(connection: Connection, email: str) -> tuple[int, str | None] | None:
    """The id and the password's hash of a user who may sign in."""
    found: tuple[int, str | None] | None = queries.user_by_email(connection, email=email)
    return found


def set_password(connection: Connection, user_id: int, password_hash: str) -> None:
    """Another password: whoever is signed in as this user has to sign in again."""
    queries.set_password(connection, user_id=user_id, password_hash=password_hash)
    queries.end_sessions(connection, user_id=user_id)
    queries.end_links(connection, user_id=user_id)


def add_link(connection: Connection, email: str | None = None) -> str:
    """The secret of a link that signs in once within a day; without an e-mail address, the first visitor's."""
    secret = new_secret()
    user_id = None
    if email is not None:
        found = user_by_email(connection, email)
        if found is None:
            raise _nobody(email)
        user_id = found[0]
    queries.add_link(connection, link_hash=digest(secret), user_id=user_id, life=LINK_LIFE)
    return secret


def use_link(connection: Connection, secret: str) -> str | None:
    """The secret of the session that a link opens; None where the link is used, too old or for nobody."""
    row = queries.use_link(connection, link_hash=digest(secret))
    return open_session(connection, row[0], by_link=True) if row else None


def password_to_prove(connection: Connection, session: str) -> str | None:
    """The hash of the password that must be known to set another one; None for an hour after coming by a link."""
    row = queries.password_of_session(connection, session_hash=digest(session))
    password_hash, fresh_link = row or (None, False)
    return None if fresh_link else password_hash or ""


def open_session(connection: Connection, user_id: int | None, *, by_link: bool = False) -> str:
    """The secret of a new session."""
    secret = new_secret()
    queries.sweep(connection, idle=SESSION_IDLE)
    queries.add_session(connection, session_hash=digest(secret), user_id=user_id, life=SESSION_LIFE, by_link=by_link)
    return secret


def end_session(connection: Connection, secret: str) -> None:
    queries.end_session(connection, session_hash=digest(secret))


def add_token(connection: Connection, name: str, email: str | None = None) -> str:
    """A new API token with the rights of a user, or of an admin where none is named; it is shown this once."""
    secret = new_secret()
    if queries.add_token(connection, token_hash=digest(secret), name=name, email=email) is None:
        raise (
            _nobody(email)
            if email
            else Unacceptable(
                "A token has the rights of a user, and there is no admin yet: `carteira users add EMAIL` makes one."
            )
        )
    return secret


def tokens(connection: Connection) -> list[Token]:
    return [Token(*row) for row in queries.tokens(connection)]


def revoke_token(connection: Connection, name: str) -> int:
    """Revoke the tokens of a name; the answer is how many they were."""
    revoked = len(list(queries.revoke_tokens(connection, name=name)))
    if not revoked:
        raise Unacceptable(f"No token named {name!r} is in use; `carteira tokens list` shows them.")
    return revoked


def seconds_to_wait(connection: Connection, email: str, address: str) -> int:
    """How long nobody should try this account, or from this address; 0: now.

    Waits are short and end by themselves, so that nobody can shut another out by guessing badly on purpose.
    """
    on_account, last_on_account, from_address, last_from_address, now = queries.failures(
        connection, email_key=email_key(email), address=address
    )
    return max(
        _left(on_account - FREE_FAILURES_OF_ACCOUNT, LONGEST_WAIT_OF_ACCOUNT, last_on_account, now),
        _left(from_address - FREE_FAILURES_OF_ADDRESS, LONGEST_WAIT_OF_ADDRESS, last_from_address, now),
    )


def note_attempt(connection: Connection, email: str, address: str, *, succeeded: bool) -> None:
    queries.add_attempt(connection, email_key=email_key(email), address=address, succeeded=succeeded)


def note(connection: Connection, viewer: Viewer | None, event: str, detail: str = "", address: str = "") -> None:
    """An entry of the audit log: who did what, from where."""
    user_id, email = (viewer.user_id, viewer.email) if viewer else (None, "")
    queries.add_audit(connection, user_id=user_id, email=email, event=event, detail=detail, address=address)


def audit_log(connection: Connection, limit: int = 100) -> list[Entry]:
    """The newest entries of the audit log."""
    return [Entry(*row) for row in queries.audit(connection, limit=limit)]


def email_key(email: str) -> str:
    """What attempts are counted by: also an address that nobody has, and never longer than one can be."""
    return email.strip().casefold().replace("\0", "")[:320]


def _left(failures: int, longest: int, last: datetime | None, now: datetime) -> int:
    if failures < 0 or last is None:
        return 0
    wait = min(longest, 1 << min(failures, 10))
    return max(0, wait - int((now - last).total_seconds()))


def _nobody(email: str) -> Unacceptable:
    return Unacceptable(f"There is no user {email.strip()} who may sign in; `carteira users list` shows everyone.")
