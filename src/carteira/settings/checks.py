"""What a setting must be: each check gives the value, or raises ValueError with the rest of a sentence.

The sentence follows the setting's name and never quotes the value, which may be a secret in the wrong place.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

SECRET_CHARACTERS = 16
LABEL_CHARACTERS = 60
EVERY_SIX_HOURS = "0 */6 * * *"


def printable(value: str) -> str:
    """A key: any text that an HTTP header can carry."""
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("holds spaces or characters that no HTTP header can carry: copy it again, alone.")
    return value


def strong(value: str) -> str:
    """A secret that we choose ourselves, so it may be asked to be long."""
    if len(printable(value)) < SECRET_CHARACTERS:
        raise ValueError(
            f"has {len(value)} characters and needs {SECRET_CHARACTERS} at least: make one with `openssl rand -hex 32`."
        )
    return value


def whole(value: str) -> int:
    """A whole number from 1."""
    if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) < 1:
        raise ValueError("must be a whole number from 1.")
    return int(value)


def seconds(value: str) -> float:
    """A number of seconds above 0."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", value) or float(value) <= 0:
        raise ValueError("must be a number of seconds above 0, as in 240.")
    return float(value)


def web_address(value: str) -> str:
    """An http or https address, without a slash at its end."""
    parts = _split(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or " " in value:
        raise ValueError("must be a whole address that begins with https://.")
    return value.rstrip("/")


def base_url(value: str) -> str:
    """The API's address: https, unless it is on this machine, since the key travels in each request."""
    parts = _split(web_address(value))
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must hold only https://, a host and perhaps a path; the key goes into PLOOMES_API_KEY.")
    if parts.scheme != "https" and not _loopback(parts.hostname or ""):
        raise ValueError("must begin with https://: the key travels in each request (http only to this machine).")
    return value.rstrip("/")


def issuer(value: str) -> str:
    """An OpenID provider's address, as it names itself: the client's secret and people's names travel there."""
    parts = _split(web_address(value))
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must hold only https://, a host and perhaps a path, as in https://accounts.google.com.")
    if parts.scheme != "https" and not _loopback(parts.hostname or ""):
        raise ValueError("must begin with https://: who signs in is told by it (http only to this machine).")
    return value.rstrip("/")


def label(value: str) -> str:
    """A few words for a button."""
    if not value.isprintable() or len(value) > LABEL_CHARACTERS:
        raise ValueError(f"must be a few words for a button, {LABEL_CHARACTERS} characters at most.")
    return value


def link(value: str) -> str:
    """A pattern of addresses, with {id} where a number goes."""
    if "{id}" not in value:
        raise ValueError("must hold {id} where the number goes, as in https://app.example/deal/{id}.")
    return web_address(value)


def database_url(value: str) -> str:
    """A libpq address; most often it is wrong by a letter of the password that has to be encoded."""
    scheme, colon, rest = value.partition("://")
    if not colon or scheme not in ("postgres", "postgresql"):
        raise ValueError("must be one address, postgresql://user:password@host:5432/database.")
    if "[YOUR-PASSWORD]" in value:
        raise ValueError("still holds [YOUR-PASSWORD]: write the database's password there.")
    if re.search(r"%(?![0-9A-Fa-f]{2})", value):
        raise ValueError("holds a % that begins no code: in a user or password write % as %25.")
    user, at, _ = rest.partition("?")[0].rpartition("@")
    if "@" in user:
        raise ValueError("holds more than one @: in a user or password write @ as %40.")
    if re.search(r"[\s#]", value) or "/" in user or (not at and "@" in rest):
        raise ValueError("holds a space, #, / or ? in its user or password: write them as %20, %23, %2F and %3F.")
    _split(value)
    return value


def mail_address(value: str) -> str:
    """An e-mail address, bare."""
    if not re.fullmatch(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+", value):
        raise ValueError("must be a bare e-mail address, as in ana@example.com.")
    return value


def mail_addresses(value: str) -> tuple[str, ...]:
    """One or more of them, with commas between."""
    return tuple(mail_address(one.strip()) for one in value.split(",") if one.strip())


def smtp_url(value: str) -> str:
    """A mail server with the user and password that it asks for."""
    parts = _split(value)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/"):
        raise ValueError("must be one address, smtp://user:password@host:587 or smtps://user:password@host:465.")
    if "@" in (parts.username or "") + (parts.password or "") or re.search(r"%(?![0-9A-Fa-f]{2})", value):
        raise ValueError("holds an @ or % in its user or password: write them as %40 and %25.")
    return value


def schema(value: str) -> str:
    """A name that needs no quotes in SQL."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", value) or value.startswith("pg_"):
        raise ValueError("must be a name in small letters, digits and _, not beginning with pg_.")
    return value


def schedule(value: str) -> str:
    """A cron expression of five fields."""
    step = r"(\*|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(/[0-9]+)?"
    if not re.fullmatch(rf"{step}(,{step})*(\s+{step}(,{step})*){{4}}", value):
        raise ValueError("must be a cron expression of five fields, as in 0 */6 * * * for every six hours.")
    if value != EVERY_SIX_HOURS:
        _refuse_what_never_comes(value)
    return value


def _refuse_what_never_comes(value: str) -> None:
    # Imported only for a schedule of one's own: every command reads the settings.
    from croniter import croniter

    try:
        croniter(value).get_next()
    except ValueError:
        raise ValueError(
            "is a cron expression for times that do not exist: minutes are 0-59, hours 0-23, days 1-31, months 1-12, "
            "weekdays 0-7."
        ) from None


def timezone(value: str) -> str:
    """The name of a time zone."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be the name of a time zone, as in America/Sao_Paulo.") from None


def locale(value: str) -> str:
    """A language that the pages have."""
    if value not in ("pt-BR", "en"):
        raise ValueError("must be pt-BR or en.")
    return value


def path(value: str) -> Path:
    """A path, with ~ for the user's home."""
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("begins with ~ and there is no such home folder: write the whole path.") from None


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("is not an address that can be read: check its brackets and its port.") from None
    return parts


def _loopback(host: str) -> bool:
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None
