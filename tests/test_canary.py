"""A marked secret in every setting that is one, looked for in everything that comes out, whatever goes wrong."""

from __future__ import annotations

import base64
import io
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import dashboard
import pytest
import structlog
from dump import dump
from listeners import Heard, Mailbox, mail_server, web_server
from routes import address, all_routes
from starlette.testclient import TestClient
from world import EAGER, settings_for

from carteira import log
from carteira.cli import main
from carteira.errors import DatabaseError, PloomesRefused, SettingsError
from carteira.settings import SETTINGS, Secret, Settings, load
from carteira.simulator.faults import Fault
from carteira.simulator.server import Simulator
from carteira.sync.run import sync
from carteira.warehouse.connection import Warehouse
from carteira.web.app import create_app

# Letters alone, so that no encoding of a URL or of JSON changes them.
CANARIES = {
    setting.name: f"canary{setting.name.replace('_', '').lower()}zqxj" for setting in SETTINGS if setting.secret
}


def forms(secret: str) -> set[str]:
    """How a secret may look where it has no business."""
    encoded = {base64.b64encode(secret.encode("ascii")[start:])[:-4].decode() for start in range(3)}
    return {secret, secret[::-1], quote(secret), secret.encode().hex(), *encoded}


@dataclass
class Installation:
    """Everything that comes out of one, by where it came from."""

    given: dict[str, str] = field(repr=False)
    settings: Settings
    warehouse: Warehouse
    ploomes: Simulator
    mailbox: Mailbox = field(repr=False)
    hook: Heard = field(repr=False)
    run: Callable[..., int]
    seen: dict[str, str] = field(default_factory=dict, repr=False)

    def leaks(self) -> list[str]:
        told = self.seen | {
            "database": dump(self.warehouse),
            "letters": "".join(letter.as_string() for letter in self.mailbox.letters),
            "what was posted": "".join(body for _, body in self.hook.calls),
        }
        everything = {form for secret in CANARIES.values() for form in forms(secret)}
        return [f"{where}: {form}" for where, text in told.items() for form in everything if form in text]


@pytest.fixture
def installation(
    simulator: Simulator, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Installation]:  # fmt: skip
    """One in which every secret is set, and works: the password of the database is not asked for, but sent along."""
    with mail_server() as mailbox, web_server() as hook:
        plain = settings_for(simulator, warehouse, tmp_path).database_url
        assert plain
        user, at, rest = plain.reveal().removeprefix("postgresql://").partition("@")
        given = CANARIES | {
            "PLOOMES_API_KEY": simulator.add_key(CANARIES["PLOOMES_API_KEY"]),
            "PLOOMES_BASE_URL": simulator.url,
            "PLOOMES_REQUESTS_PER_MINUTE": "100000",
            "DATABASE_URL": f"postgresql://{user}:{CANARIES['DATABASE_URL']}{at}{rest}",
            "CARTEIRA_HOME": str(tmp_path / "home"),
            "HOME": str(tmp_path),
            "ALERT_EMAIL_TO": "ana@example.com",
            "SMTP_URL": mailbox.url.replace("//", f"//carteira:{CANARIES['SMTP_URL']}@"),
            "ALERT_WEBHOOK_URL": f"{hook.url}/{CANARIES['ALERT_WEBHOOK_URL']}",
            "HEALTHCHECK_URL": f"{hook.url}/{CANARIES['HEALTHCHECK_URL']}",
            "CARTEIRA_OIDC_ISSUER": hook.url,
            "CARTEIRA_OIDC_CLIENT_ID": "carteira",
            "CARTEIRA_PUBLIC_URL": "http://127.0.0.1:8000",
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        made: Installation

        def run(*command: str) -> int:
            code = main(command)
            told = capsys.readouterr()
            made.seen[f"carteira {' '.join(command)}, no. {len(made.seen)}"] = told.out + told.err
            return code

        made = Installation(given, load(given, tmp_path), warehouse, simulator, mailbox, hook, run)
        yield made


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """The log as `serve` and `worker` write it, but with no secret struck out: it must not be needed."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    log.configure((), stream)
    yield stream
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_every_secret_setting_has_a_canary(installation: Installation) -> None:
    for setting in SETTINGS:
        if setting.secret:
            value = getattr(installation.settings, setting.attribute)
            assert isinstance(value, Secret) and CANARIES[setting.name] in value.reveal()


def test_a_leak_would_be_found(installation: Installation) -> None:
    installation.seen["told"] = f"password={base64.b64encode(('x' + CANARIES['CRON_SECRET']).encode()).decode()}"
    assert installation.leaks()


def test_commands_that_work_tell_none(installation: Installation, logged: io.StringIO) -> None:
    assert installation.run("sync") == 0
    for command in (("sync", "--full", "--json"), ("status", "--json"), ("status",), ("doctor",), ("doctor", "--json"),
                    ("rebuild",), ("db", "check"), ("export", "customers", "--output", "x.csv"), ("forget",),
                    ("users", "add", "ana@example.com"), ("tokens", "add", "bi"),
                    ("users", "list", "--json")):  # fmt: skip
        installation.run(*command)
    installation.seen["log"] = logged.getvalue()

    assert installation.leaks() == []


def test_commands_that_fail_tell_none(
    installation: Installation, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.ploomes.faults.add(Fault("status", status=400, times=None))
    assert installation.run("sync") == 7
    installation.ploomes.faults.clear()
    installation.ploomes.restrict(forbidden=[("Deals", "Amount")])
    installation.run("doctor")
    for name, value in (
        ("PLOOMES_API_KEY", "wrong" + CANARIES["PLOOMES_API_KEY"]),
        ("PLOOMES_BASE_URL", "http://127.0.0.1:1"),
        ("DATABASE_URL", f"postgresql://ana:{CANARIES['DATABASE_URL']}@127.0.0.1:1/x"),
    ):
        with monkeypatch.context() as changed:
            changed.setenv(name, value)
            if name != "PLOOMES_BASE_URL":
                assert installation.run("sync") != 0
            assert installation.run("doctor") == 1
            installation.run("doctor", "--json")
    installation.seen["log"] = logged.getvalue()

    assert installation.leaks() == []


@pytest.mark.parametrize("wrong", ["{} with spaces", "é{}", "http://[{}", "postgresql://a@b@{}", "{}%", "{}"])
def test_a_secret_in_the_wrong_place_is_not_quoted(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """In any setting at all, those that are no secrets too."""
    for setting in SETTINGS:
        if setting.name not in ("CARTEIRA_HOME", "DATABASE_SCHEMA"):
            with monkeypatch.context() as changed:
                changed.setenv(setting.name, wrong.format(CANARIES["PLOOMES_API_KEY"]))
                try:
                    load(folder=Path.cwd())
                except SettingsError as error:
                    installation.seen[setting.name] = str(error) + repr(error)

    assert len(installation.seen) > 5
    assert installation.leaks() == []


def test_a_server_tells_none(installation: Installation, logged: io.StringIO, warehouse: Warehouse) -> None:
    """On any page, in any state of its database, to strangers and to an admin."""
    sync(installation.settings, warehouse)
    who = dashboard.viewer(warehouse, "admin")
    right = {"authorization": f"Bearer {CANARIES['CRON_SECRET']}"}
    with dashboard.served(installation.settings, warehouse, raise_server_exceptions=False) as client:
        _visit(installation, client, who, "well")
        installation.seen["cron"] = client.get("/api/cron/sync-customer-sales", headers=right).text
        installation.ploomes.faults.add(Fault("status", status=400, times=None))
        installation.seen["cron that fails"] = client.get("/api/cron/sync-customer-sales", headers=right).text
        client.post(
            "/api/webhooks/ploomes", content=b"{", headers={"x-ploomes-validation-key": CANARIES["PLOOMES_WEBHOOK_KEY"]}
        )
        with warehouse.transaction() as connection:
            connection.execute("alter table customer_sales rename to gone")
        _visit(installation, client, who, "broken")
    # Without its pool, which would wait for the server to come back.
    _visit(installation, TestClient(create_app(installation.settings, _away())), who, "away")
    with warehouse.transaction() as connection:
        connection.execute("alter table gone rename to customer_sales")
    installation.seen["log"] = logged.getvalue()

    assert "Traceback" in logged.getvalue(), "no page has failed, so nothing was shown"
    assert installation.leaks() == []


def _visit(installation: Installation, client: TestClient, who: dict[str, str], state: str) -> None:
    for route in all_routes():
        for name, headers in (("stranger", {}), ("admin", who)):
            answer = client.get(address(route), headers=headers)
            installation.seen[f"{route.path}, {name}, {state}"] = f"{answer.headers}{answer.text}"


def _away() -> Warehouse:
    return Warehouse(f"postgresql://ana:{CANARIES['DATABASE_URL']}@127.0.0.1:1/x")


def test_alerts_and_pings_that_fail_tell_none(installation: Installation, logged: io.StringIO) -> None:
    installation.hook.status = 500
    # What time may mend is not told at once.
    installation.ploomes.faults.add(Fault("status", status=401, times=None))
    with pytest.raises(PloomesRefused):
        sync(installation.settings, installation.warehouse, patience=EAGER)
    installation.seen["log"] = logged.getvalue()

    assert "SMTP_URL" in logged.getvalue() or installation.mailbox.letters
    assert "HEALTHCHECK_URL" in logged.getvalue()
    assert installation.leaks() == []


@pytest.mark.parametrize("step", ["opened", "staged", "audited", "publishing", "published"])
def test_a_traceback_with_all_its_variables_tells_none(installation: Installation, step: str) -> None:
    """As tools that report errors take them: the locals of every frame, by repr."""

    def fail(reached: str) -> None:
        if reached == step:
            raise RuntimeError("out of luck")

    try:
        sync(installation.settings, installation.warehouse, at_step=fail)
    except RuntimeError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        installation.seen["traceback"] = "".join(told.format())

    assert "settings = " in installation.seen["traceback"]
    assert installation.leaks() == []


def test_a_traceback_of_a_database_that_is_away_tells_none(installation: Installation) -> None:
    with pytest.raises(DatabaseError) as failure:
        sync(installation.settings, _away())
    told = traceback.TracebackException.from_exception(failure.value)
    installation.seen["traceback"] = "".join(told.format())

    assert "direct cause" in installation.seen["traceback"]
    assert installation.leaks() == []


def test_nothing_shows_a_secret_that_it_holds(installation: Installation) -> None:
    """Whatever prints, formats, encodes or compares the settings."""
    settings = installation.settings
    installation.seen["settings"] = f"{settings} {settings!r} {vars(settings)} {installation.warehouse!r}"
    installation.seen["json"] = json.dumps(vars(settings), default=str)
    for secret in (value for value in vars(settings).values() if isinstance(value, Secret)):
        installation.seen["secret"] = f"{secret} {secret!r} {secret:>99} {[secret]} {hash(secret)}"

    assert installation.leaks() == []
