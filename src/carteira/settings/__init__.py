"""Settings: the environment, then `.env.local`, then `.env` in the working folder.

Every fault is found at once and told as a sentence that names the variable and what to do; no value is ever
quoted, since any of them may be a secret in the wrong place. `SETTINGS` is the one table of them; the
documentation and `.env.example` are tested against it. Every command reads this module, so it imports little.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carteira.errors import SettingsError
from carteira.settings import checks, sources
from carteira.settings.spelling import near_miss


class Secret:
    """A value that printing, formatting and pickling do not show; `reveal()` gives it, `len()` its length."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: for the one place that sends or compares it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        return "…"

    def __format__(self, spec: str) -> str:
        return "…"

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


@dataclass(frozen=True)
class Settings:
    """What `load` found, checked and typed; None where an optional setting is not set."""

    ploomes_api_key: Secret | None
    ploomes_base_url: str
    ploomes_requests_per_minute: int
    ploomes_concurrency: int
    database_url: Secret | None
    database_schema: str
    home: Path
    cron_secret: Secret | None
    sync_schedule: str
    sync_deadline_seconds: float
    lease_seconds: float
    timezone: str
    locale: str
    public_url: str | None
    deal_url: str | None
    contact_url: str | None
    webhook_key: Secret | None
    metrics_token: Secret | None
    healthcheck_url: Secret | None
    alert_email_to: tuple[str, ...] | None
    alert_email_from: str | None
    smtp_url: Secret | None
    alert_webhook_url: Secret | None
    oidc_issuer: str | None
    oidc_client_id: str | None
    oidc_client_secret: Secret | None
    oidc_label: str | None

    def require(self, *names: str) -> None:
        """Raise SettingsError naming each of `names` (variables, as in SETTINGS) that is not set."""
        wanted = [setting for setting in SETTINGS if setting.name in names]
        missing = [_missing(setting) for setting in wanted if getattr(self, setting.attribute) is None]
        if missing:
            raise SettingsError(missing)


@dataclass(frozen=True)
class Setting:
    """One variable, the attribute of Settings that holds it, its default as text, and what to say of it.

    `needs` names variables without which it is of no use.
    """

    name: str
    attribute: str
    default: str | None
    check: Callable[[str], Any]
    help: str
    secret: bool = False
    needs: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The variables that set it: a secret may also come from the file that NAME_FILE names."""
        return (self.name, self.name + "_FILE") if self.secret else (self.name,)


def load(
    environ: Mapping[str, str] | None = None, folder: Path | None = None, required: Iterable[str] = ()
) -> Settings:
    """The settings, or one SettingsError with a sentence for every fault.

    `required` names variables that must be set; their absence is reported together with what is wrong.
    """
    environ = os.environ if environ is None else environ
    folder = folder or Path.cwd()
    given, faults = sources.read(environ, folder)
    misspelt = _misspelt({name for source in given for name in source.variables})
    faults += misspelt.values()
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        try:
            values[setting.attribute] = value = _value(setting, given, environ, folder)
        except ValueError as fault:
            faults.append(f"{setting.name} {fault}")
            continue
        if value is None and setting.name in required and setting.name not in misspelt:
            faults.append(_missing(setting))
    faults += _lacking(given, misspelt)
    if faults:
        raise SettingsError(faults)
    return Settings(**values)


def _value(setting: Setting, given: list[sources.Source], environ: Mapping[str, str], folder: Path) -> Any:
    text = sources.find(setting.names, given, folder) or setting.default
    if setting.name == "CARTEIRA_HOME":
        return folder / checks.path(text) if text else sources.user_data_folder(environ)
    if text is None:
        return None
    value = setting.check(text)
    return Secret(value) if setting.secret else value


def _misspelt(given: set[str]) -> dict[str, str]:
    """The right name -> a sentence, for each setting that is not set while a name a letter or two off is."""
    strangers = sorted(given.difference(*(setting.names for setting in SETTINGS)))
    found = {}
    unset = [setting for setting in SETTINGS if given.isdisjoint(setting.names)]
    for name, right in [(setting.name, right) for setting in unset for right in setting.names]:
        if wrong := near_miss(right, strangers):
            found[name] = f"{wrong} is not a setting and {right} is not set: rename it to {right}."
    return found


def _lacking(given: list[sources.Source], misspelt: Mapping[str, str]) -> list[str]:
    """A sentence for each setting that another one, which is set, needs."""
    present = {name for source in given for name in source.variables}
    using = [setting for setting in SETTINGS if setting.needs and not present.isdisjoint(setting.names)]
    lacking = {}
    for needed in SETTINGS:
        if present.isdisjoint(needed.names) and needed.name not in misspelt:
            lacking[needed] = [setting.name for setting in using if needed.name in setting.needs]
    return [
        f"{needed.name} is not set and {users[0]} needs it: set it, or take {users[0]} out. It is {needed.help}"
        for needed, users in lacking.items()
        if users
    ]


def _missing(setting: Setting) -> str:
    return f"{setting.name} is not set: put it in the environment, .env.local or .env. It is {setting.help}"


# None of these is of use without the others: the provider leads back to the public address.
OPENID = ("CARTEIRA_OIDC_ISSUER", "CARTEIRA_OIDC_CLIENT_ID", "CARTEIRA_OIDC_CLIENT_SECRET", "CARTEIRA_PUBLIC_URL")

SETTINGS = (
    Setting(
        "PLOOMES_API_KEY",
        "ploomes_api_key",
        None,
        checks.printable,
        "the User-Key of an integration user in Ploomes (Administração, Usuários de integração).",
        secret=True,
    ),
    Setting(
        "PLOOMES_BASE_URL",
        "ploomes_base_url",
        "https://public-api2.ploomes.com",
        checks.base_url,
        "where the API of Ploomes answers; https, except on this machine.",
    ),
    Setting(
        "PLOOMES_REQUESTS_PER_MINUTE",
        "ploomes_requests_per_minute",
        "110",
        checks.whole,
        "how many requests may be sent in any 60 seconds, by all processes together; an account has 120.",
    ),
    Setting(
        "PLOOMES_CONCURRENCY",
        "ploomes_concurrency",
        "4",
        checks.whole,
        "how many requests may be in flight at one time, by all processes together.",
    ),
    Setting(
        "DATABASE_URL",
        "database_url",
        None,
        checks.database_url,
        "a PostgreSQL 15 or newer, as postgresql://user:password@host:5432/database; without it Carteira "
        "runs one of its own in CARTEIRA_HOME.",
        secret=True,
    ),
    Setting("DATABASE_SCHEMA", "database_schema", "public", checks.schema, "the schema that holds Carteira's tables."),
    Setting(
        "CARTEIRA_HOME",
        "home",
        None,
        checks.path,
        "the folder of the database that Carteira runs itself; without it, one in the user's data folder.",
    ),
    Setting(
        "CRON_SECRET",
        "cron_secret",
        None,
        checks.strong,
        "what a caller of /api/cron/sync-customer-sales must present, 16 characters at least; without it the "
        "route answers 503.",
        secret=True,
    ),
    Setting(
        "SYNC_SCHEDULE",
        "sync_schedule",
        "0 */6 * * *",
        checks.schedule,
        "when the worker syncs, as a cron expression in CARTEIRA_TIMEZONE.",
    ),
    Setting(
        "SYNC_DEADLINE_SECONDS",
        "sync_deadline_seconds",
        "240",
        checks.seconds,
        "how long the cron route reads before it answers 202 and leaves the rest to the next call.",
    ),
    Setting(
        "CARTEIRA_LEASE_SECONDS",
        "lease_seconds",
        "30",
        checks.seconds,
        "how long a run that died keeps others from running.",
    ),
    Setting(
        "CARTEIRA_TIMEZONE",
        "timezone",
        "America/Sao_Paulo",
        checks.timezone,
        "the time zone whose days and months the reports count.",
    ),
    Setting("CARTEIRA_LOCALE", "locale", "pt-BR", checks.locale, "the language where a browser names none: pt-BR, en."),
    Setting(
        "CARTEIRA_PUBLIC_URL",
        "public_url",
        None,
        checks.web_address,
        "the address under which people reach the pages, for links.",
    ),
    Setting(
        "PLOOMES_DEAL_URL", "deal_url", None, checks.link, "the page of a deal in Ploomes, with {id} for its number."
    ),
    Setting(
        "PLOOMES_CONTACT_URL",
        "contact_url",
        None,
        checks.link,
        "the page of a contact in Ploomes, with {id} for its number.",
    ),
    Setting(
        "PLOOMES_WEBHOOK_KEY",
        "webhook_key",
        None,
        checks.strong,
        "what Ploomes must present with each webhook, 16 characters at least.",
        secret=True,
    ),
    Setting(
        "METRICS_TOKEN",
        "metrics_token",
        None,
        checks.strong,
        "what a reader of /metrics must present, 16 characters at least; without it the route is closed.",
        secret=True,
    ),
    Setting(
        "HEALTHCHECK_URL",
        "healthcheck_url",
        None,
        checks.web_address,
        "an address like those of healthchecks.io that is told when a run starts, succeeds or fails.",
        secret=True,
    ),
    Setting(
        "ALERT_EMAIL_TO",
        "alert_email_to",
        None,
        checks.mail_addresses,
        "who is told by e-mail when syncing fails, when the figures grow old, and when that is over; several with "
        "commas between them. It needs SMTP_URL.",
    ),
    Setting(
        "ALERT_EMAIL_FROM",
        "alert_email_from",
        None,
        checks.mail_address,
        "the address that such e-mails come from; without it, the first of ALERT_EMAIL_TO.",
    ),
    Setting(
        "SMTP_URL",
        "smtp_url",
        None,
        checks.smtp_url,
        "the server that sends them: smtp://user:password@host:587 (encrypted by STARTTLS) or "
        "smtps://user:password@host:465.",
        secret=True,
    ),
    Setting(
        "ALERT_WEBHOOK_URL",
        "alert_webhook_url",
        None,
        checks.web_address,
        "an incoming webhook as Slack has them, told the same as ALERT_EMAIL_TO.",
        secret=True,
    ),
    Setting(
        "CARTEIRA_OIDC_ISSUER",
        "oidc_issuer",
        None,
        checks.issuer,
        "the OpenID provider that knows the company's people, as it names itself: https://accounts.google.com.",
        needs=OPENID,
    ),
    Setting(
        "CARTEIRA_OIDC_CLIENT_ID",
        "oidc_client_id",
        None,
        checks.printable,
        "the name under which the OpenID provider knows Carteira.",
        needs=OPENID,
    ),
    Setting(
        "CARTEIRA_OIDC_CLIENT_SECRET",
        "oidc_client_secret",
        None,
        checks.printable,
        "what the OpenID provider gave together with CARTEIRA_OIDC_CLIENT_ID.",
        secret=True,
        needs=OPENID,
    ),
    Setting(
        "CARTEIRA_OIDC_LABEL",
        "oidc_label",
        None,
        checks.label,
        "what stands on the button that leads to the OpenID provider.",
        needs=OPENID,
    ),
)
