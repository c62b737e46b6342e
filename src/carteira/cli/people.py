"""`carteira users …` and `carteira tokens …`: who may sign in, and which programs may ask."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from carteira.cli.opening import opened
from carteira.cli.terminal import out, out_json, out_table, say
from carteira.settings import Settings, load

if TYPE_CHECKING:
    from carteira.warehouse.connection import Connection

DEFAULT_ADDRESS = "http://127.0.0.1:8000"


@contextmanager
def _transaction(settings: Settings) -> Iterator[Connection]:
    with opened(settings) as warehouse, warehouse.transaction() as connection:
        yield connection


def sign_in_address(address: str, secret: str) -> str:
    """Where a one-time link leads."""
    return f"{address}/entrar/{secret}"


def add_user(arguments: Namespace) -> None:
    """The link is the data: only it goes to stdout."""
    from carteira.warehouse import people

    settings = load()
    with _transaction(settings) as connection:
        people.add_user(connection, arguments.email, arguments.name, arguments.role, arguments.owner)
        secret = people.add_link(connection, arguments.email)
    _show_link(settings, secret)


def link_user(arguments: Namespace) -> None:
    """Another link for somebody who is a user already: the way back in when a password is forgotten."""
    from carteira.warehouse import people

    settings = load()
    with _transaction(settings) as connection:
        secret = people.add_link(connection, arguments.email)
    _show_link(settings, secret)


def _show_link(settings: Settings, secret: str) -> None:
    out(sign_in_address(settings.public_url or DEFAULT_ADDRESS, secret))
    say("The link signs in once, within a day.")
    if settings.public_url is None:
        say("CARTEIRA_PUBLIC_URL is not set: put the address of your Carteira in place of the one above.")


def list_users(arguments: Namespace) -> None:
    """Everyone, the disabled ones too."""
    from carteira.warehouse import people

    with _transaction(load()) as connection:
        users = people.users(connection)
    if arguments.json:
        out_json(users)
        return
    out_table(
        ("e-mail", "name", "role", "owner", "last seen", "state"),
        [
            (
                user.email,
                user.name,
                user.role,
                user.owner_id,
                _day(user.seen_at),
                "disabled" if user.disabled_at else "",
            )
            for user in users
        ],
    )


def disable_user(arguments: Namespace) -> None:
    """Shut somebody out at once."""
    from carteira.warehouse import people

    with _transaction(load()) as connection:
        people.disable_user(connection, arguments.email)
    say(f"{arguments.email} is signed out everywhere and cannot sign in.")


def enable_user(arguments: Namespace) -> None:
    """Let somebody in again."""
    from carteira.warehouse import people

    with _transaction(load()) as connection:
        people.enable_user(connection, arguments.email)
    say(f"{arguments.email} may sign in again.")


def add_token(arguments: Namespace) -> None:
    """The token is the data: only it goes to stdout."""
    from carteira.warehouse import people

    with _transaction(load()) as connection:
        secret = people.add_token(connection, arguments.name, arguments.user)
    out(secret)
    say("It is shown this once. Send it as `Authorization: Bearer <token>`.")


def list_tokens(arguments: Namespace) -> None:
    """Names and use; what a token opens with is not kept."""
    from carteira.warehouse import people

    with _transaction(load()) as connection:
        tokens = people.tokens(connection)
    if arguments.json:
        out_json(tokens)
        return
    out_table(
        ("name", "user", "role", "made", "last used", "state"),
        [
            (token.name, token.email, token.role, _day(token.created_at), _day(token.used_at),
             "revoked" if token.revoked_at else "")
            for token in tokens
        ],
    )  # fmt: skip


def revoke_token(arguments: Namespace) -> None:
    """Revoke what has this name."""
    from carteira.warehouse import people

    with _transaction(load()) as connection:
        revoked = people.revoke_token(connection, arguments.name)
    say(f"Revoked: {revoked}.")


def _day(moment: object) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"
