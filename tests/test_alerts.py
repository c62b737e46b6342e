"""People are told what is wrong and when it is over, once each; a health check is told of every run."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import dashboard
import pytest
from listeners import Heard, Mailbox, mail_server, web_server
from starlette.testclient import TestClient
from world import settings_for

from carteira.alerts import channels, messages
from carteira.alerts.messages import Message
from carteira.alerts.watch import PATIENCE_SECONDS, look, looking
from carteira.cli import main
from carteira.errors import CarteiraError, LeaseHeld, PloomesError, PloomesRefused
from carteira.ploomes.client import Patience
from carteira.settings import Secret, Settings, load
from carteira.simulator.faults import Fault
from carteira.simulator.server import Simulator
from carteira.sync.run import sync
from carteira.warehouse import lease
from carteira.warehouse.connection import Warehouse

ONCE = Patience(tries=1, first_pause=0.001)
ADDRESS = "https://carteira.example.com"
NEWER = (
    "insert into supabase_migrations.schema_migrations (version, name, statements) "
    "values ('20991231000000', 'later', array['-- Carteira: later'])"
)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


@pytest.fixture
def hook() -> Iterator[Heard]:
    with web_server() as heard:
        yield heard


@pytest.fixture
def watched(simulator: Simulator, warehouse: Warehouse, tmp_path: Path, mailbox: Mailbox, hook: Heard) -> Settings:
    """An installation that tells a mailbox and a webhook."""
    return settings_for(
        simulator, warehouse, tmp_path, CARTEIRA_PUBLIC_URL=ADDRESS, ALERT_EMAIL_TO="ana@example.com, bia@example.com",
        ALERT_EMAIL_FROM="carteira@example.com", SMTP_URL=mailbox.url, ALERT_WEBHOOK_URL=hook.url,
    )  # fmt: skip


def fail(settings: Settings, warehouse: Warehouse, simulator: Simulator) -> None:
    simulator.faults.add(Fault("status", status=500, times=None))
    with pytest.raises(PloomesError):
        sync(settings, warehouse, patience=ONCE)
    simulator.faults.clear()


def fail_for_long(settings: Settings, warehouse: Warehouse, simulator: Simulator) -> None:
    """What time might have mended, and somebody who looks when it has not."""
    fail(settings, warehouse, simulator)
    with warehouse.transaction() as connection:
        connection.execute(
            "update alerts set since = since - make_interval(secs => %(patience)s), "
            "ripe_at = ripe_at - make_interval(secs => %(patience)s)",
            {"patience": PATIENCE_SECONDS},
        )
    look(settings, warehouse)


def grow_old(warehouse: Warehouse, hours: int = 14) -> None:
    with warehouse.transaction() as connection:
        connection.execute("update sync_runs set opened_at = opened_at - make_interval(hours => %s)", [hours])


def subjects(mailbox: Mailbox) -> list[str]:
    return [letter["subject"] for letter in mailbox.letters]


def test_a_failure_is_told_once_with_what_since_when_and_what_to_do(
    watched: Settings, warehouse: Warehouse, simulator: Simulator, mailbox: Mailbox, hook: Heard
) -> None:
    sync(watched, warehouse)
    fail(watched, warehouse, simulator)
    assert mailbox.letters == []
    fail_for_long(watched, warehouse, simulator)
    fail(watched, warehouse, simulator)

    (letter,) = mailbox.letters
    text = letter.get_content()
    assert letter["subject"] == "Carteira: a sincronização falhou"
    assert (letter["from"], letter["to"]) == ("carteira@example.com", "ana@example.com, bia@example.com")
    assert mailbox.recipients == [["ana@example.com", "bia@example.com"]]
    assert "HTTP 500" in text
    assert "Desde: " in text
    assert "carteira doctor" in text
    assert f"{ADDRESS}/sincronizacoes" in text
    ((_, body),) = hook.calls
    assert letter["subject"] in json.loads(body)["text"]
    assert "HTTP 500" in json.loads(body)["text"]


def test_a_network_that_was_away_for_a_moment_is_no_news(
    watched: Settings, warehouse: Warehouse, simulator: Simulator, mailbox: Mailbox, hook: Heard
) -> None:
    """Neither that it failed nor that it is over, however often that happens."""
    for _ in range(3):
        fail(watched, warehouse, simulator)
        look(watched, warehouse)
        sync(watched, warehouse)
        look(watched, warehouse)

    assert mailbox.letters == [] and hook.calls == []
    with warehouse.transaction() as connection:
        assert connection.execute("select from alerts").fetchall() == []


def test_a_moment_begins_anew_with_each_failure(
    watched: Settings, warehouse: Warehouse, simulator: Simulator, mailbox: Mailbox
) -> None:
    """One that was over is not counted to the next."""
    fail(watched, warehouse, simulator)
    with warehouse.transaction() as connection:
        connection.execute("update alerts set ripe_at = now(), over_at = now(), claimed_until = now() + interval '1 h'")
    fail(watched, warehouse, simulator)

    look(watched, warehouse)

    assert mailbox.letters == []


@pytest.mark.parametrize("cause", ["key", "field", "audit", "newer"])
def test_what_only_a_person_can_mend_is_told_at_once(
    watched: Settings, warehouse: Warehouse, simulator: Simulator, mailbox: Mailbox, hook: Heard, cause: str
) -> None:
    """And once, though each run fails by it; its end too."""
    sync(watched, warehouse)
    simulator.clock.advance(60)
    causing = replace(watched, ploomes_api_key=Secret("0" * 128)) if cause == "key" else watched
    if cause == "field":
        simulator.data.edit_deal(simulator.data.ids()[0], Amount=1)
        simulator.restrict(forbidden=[("Deals", "Amount")])
    elif cause == "audit":
        for deal in simulator.data.ids()[:100]:
            simulator.data.delete_deal(deal)
    elif cause == "newer":
        _ledger(warehouse, NEWER)

    for _ in range(2):
        with pytest.raises(CarteiraError):
            sync(causing, warehouse, patience=ONCE)
        look(watched, warehouse)

    assert subjects(mailbox) == ["Carteira: a sincronização falhou"]
    told = {"key": "PLOOMES_API_KEY", "field": "Amount", "audit": "100 of 600 deals", "newer": "newer Carteira"}
    assert told[cause] in " ".join(mailbox.letters[0].get_content().split())

    simulator.restrict(forbidden=[])
    _ledger(warehouse, "delete from supabase_migrations.schema_migrations where version = '20991231000000'")
    sync(watched, warehouse, patience=ONCE, accept_deletions=True)
    assert subjects(mailbox)[1:] == ["Carteira: a sincronização voltou ao normal"]
    assert len(hook.calls) == 2


def test_a_failure_that_time_might_have_mended_and_that_needs_a_person_now_is_told_at_once(
    watched: Settings, warehouse: Warehouse, simulator: Simulator, mailbox: Mailbox
) -> None:
    fail(watched, warehouse, simulator)
    simulator.restrict(forbidden=[("Deals", "Amount")])

    with pytest.raises(PloomesRefused):
        sync(watched, warehouse, patience=ONCE)

    assert subjects(mailbox) == ["Carteira: a sincronização falhou"]


def _ledger(warehouse: Warehouse, change: str) -> None:
    with warehouse.transaction() as connection:
        connection.execute(change)


def test_its_end_is_told_once(
    watched: Settings, warehouse: Warehouse, simulator: Simulator, mailbox: Mailbox, hook: Heard
) -> None:
    sync(watched, warehouse)
    assert mailbox.letters == []
    fail_for_long(watched, warehouse, simulator)
    sync(watched, warehouse)
    sync(watched, warehouse)

    assert subjects(mailbox) == ["Carteira: a sincronização falhou", "Carteira: a sincronização voltou ao normal"]
    assert "O que fazer: Nada." in mailbox.letters[1].get_content()
    assert len(hook.calls) == 2
    fail_for_long(watched, warehouse, simulator)
    assert subjects(mailbox)[2:] == ["Carteira: a sincronização falhou"]


@pytest.mark.parametrize(
    ("locale", "words"),
    [("pt-BR", ["os números estão desatualizados", "Desde: 24/11/2026 21:30", "completos e intactos"]),
     ("en", ["the figures are old", "Since: 2026-11-24 21:30", "whole and untouched"])],
)  # fmt: skip
def test_it_is_told_in_the_language_and_the_hours_of_the_reader(locale: str, words: list[str]) -> None:
    at = datetime(2026, 11, 25, 0, 30, tzinfo=UTC)
    place = messages.Place(ZoneInfo("America/Sao_Paulo"), None, at, locale)

    told = messages.message(messages.Trouble(messages.STALENESS, at, "", None), place)

    assert [word for word in words if word not in told.subject + told.text] == []
    over = messages.all_clear([messages.Trouble(messages.STALENESS, at, "", at)], place)
    assert set(over.text.splitlines()[2:3]) == set(told.text.splitlines()[2:3])


def test_a_run_that_was_cut_short_is_no_failure_and_no_end_of_one(
    watched: Settings, warehouse: Warehouse, simulator: Simulator, mailbox: Mailbox
) -> None:
    fail_for_long(watched, warehouse, simulator)
    stopping = threading.Event()
    stopping.set()

    assert sync(watched, warehouse, stopping=stopping).state == "partial"

    assert subjects(mailbox) == ["Carteira: a sincronização falhou"]


def test_figures_that_grow_old_are_told_by_whoever_looks(
    watched: Settings, warehouse: Warehouse, mailbox: Mailbox, hook: Heard
) -> None:
    sync(watched, warehouse)
    look(watched, warehouse)
    assert mailbox.letters == []
    grow_old(warehouse)

    look(watched, warehouse)
    look(watched, warehouse)
    assert subjects(mailbox) == ["Carteira: os números estão desatualizados"]
    assert "agendamento" in mailbox.letters[0].get_content()
    sync(watched, warehouse)
    assert subjects(mailbox)[1:] == ["Carteira: a sincronização voltou ao normal"]
    assert len(hook.calls) == 2


def test_a_failure_that_goes_on_for_hours_ends_with_one_message(
    watched: Settings, warehouse: Warehouse, simulator: Simulator, mailbox: Mailbox
) -> None:
    sync(watched, warehouse)
    fail_for_long(watched, warehouse, simulator)
    grow_old(warehouse)
    look(watched, warehouse)
    sync(watched, warehouse)

    assert subjects(mailbox) == [
        "Carteira: a sincronização falhou",
        "Carteira: os números estão desatualizados",
        "Carteira: a sincronização voltou ao normal",
    ]


def test_many_who_look_at_once_tell_it_once(watched: Settings, warehouse: Warehouse, mailbox: Mailbox) -> None:
    sync(watched, warehouse)
    grow_old(warehouse)

    threads = [threading.Thread(target=look, args=(watched, warehouse)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(mailbox.letters) == 1


def test_a_server_looks_while_nothing_syncs(watched: Settings, warehouse: Warehouse, hook: Heard) -> None:
    sync(watched, warehouse)
    grow_old(warehouse)
    told = threading.Event()

    class Telling(list[tuple[str, str]]):
        def append(self, call: tuple[str, str]) -> None:
            super().append(call)
            told.set()

    hook.calls = Telling()
    with looking(watched, warehouse, every=0.01):
        assert told.wait(20)


def test_what_could_not_be_told_is_told_later_and_fails_no_run(
    watched: Settings, warehouse: Warehouse, simulator: Simulator, caplog: pytest.LogCaptureFixture, hook: Heard
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = Secret(f"smtp://user:canary-password@127.0.0.1:{closed.getsockname()[1]}")
        hook.status = 500
        deaf = replace(watched, smtp_url=dead)
        fail_for_long(deaf, warehouse, simulator)
        assert "SMTP_URL (ConnectionRefusedError)" in caplog.text
        assert "ALERT_WEBHOOK_URL (HTTPError)" in caplog.text
        assert "canary" not in caplog.text and hook.url not in caplog.text

        hook.status = 200
        look(deaf, warehouse)
        look(deaf, warehouse)

    assert len(hook.calls) == 2


def test_what_nobody_was_told_of_needs_no_end(
    watched: Settings, warehouse: Warehouse, simulator: Simulator, hook: Heard
) -> None:
    deaf = replace(watched, smtp_url=None)
    hook.status = 404
    fail_for_long(deaf, warehouse, simulator)
    hook.status = 200

    sync(deaf, warehouse)

    assert len(hook.calls) == 1
    with warehouse.transaction() as connection:
        assert connection.execute("select from alerts").fetchall() == []


def test_a_redirect_is_not_followed(watched: Settings, hook: Heard) -> None:
    """What an alert says is for the one who was named."""
    hook.status = 307

    assert not channels.deliver(replace(watched, smtp_url=None), Message("a", "b"))
    assert [path for path, _ in hook.calls] == ["/hook"]


def test_a_mail_server_gets_its_password_decoded() -> None:
    with mail_server(auth_require_tls=False) as mailbox:
        url = mailbox.url.replace("smtp://", "smtp://carteira:p%40ss%20word@")

        channels.mail(Secret(url), "c@example.com", ("a@example.com",), Message("Olá", "ção"))

        assert mailbox.logins == [(b"carteira", b"p@ss word")]
        assert mailbox.letters[0].get_content().strip() == "ção"


def test_a_password_goes_to_no_other_machine_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine under another name is as good as another machine."""
    monkeypatch.setattr(channels, "LOOPBACK", ())
    with mail_server(auth_require_tls=False) as mailbox:
        url = mailbox.url.replace("smtp://", "smtp://carteira:p%40ss%20word@")
        with pytest.raises(channels.Unsafe):
            channels.mail(Secret(url), "c@example.com", ("a@example.com",), Message("a", "b"))

        assert mailbox.logins == [] and mailbox.letters == []


@pytest.fixture
def check(hook: Heard, settings: Settings) -> Settings:
    """An installation with nothing but a health check."""
    return replace(settings, healthcheck_url=Secret(hook.url))


def pings(heard: Heard) -> list[str]:
    return [urlsplit(path).path for path, _ in heard.calls]


def test_a_run_is_told_from_start_to_success(check: Settings, warehouse: Warehouse, hook: Heard) -> None:
    sync(check, warehouse)

    assert pings(hook) == ["/hook/start", "/hook"]
    rids = {parse_qs(urlsplit(path).query)["rid"][0] for path, _ in hook.calls}
    assert len(rids) == 1
    sync(check, warehouse)
    assert len({parse_qs(urlsplit(path).query)["rid"][0] for path, _ in hook.calls}) == 2


def test_a_run_that_fails_is_told_with_its_reason(
    check: Settings, warehouse: Warehouse, simulator: Simulator, hook: Heard
) -> None:
    simulator.restrict(forbidden=[("Deals", "Amount")])

    with pytest.raises(PloomesRefused):
        sync(check, warehouse, patience=ONCE)

    assert pings(hook) == ["/hook/start", "/hook/fail"]
    assert "Amount" in hook.calls[1][1]


def test_a_run_that_leaves_the_work_to_another_is_not_told(check: Settings, warehouse: Warehouse, hook: Heard) -> None:
    with lease.held(warehouse, 30, threading.Event()), pytest.raises(LeaseHeld):
        sync(check, warehouse)

    assert hook.calls == []


def test_a_database_that_is_away_is_told_to_the_health_check(
    check: Settings, hook: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    """Alerts are kept in that database, so they have to wait for it."""
    away = Warehouse("postgresql://ana:canary@127.0.0.1:1/x")
    with pytest.raises(Exception, match="cannot be reached"):
        sync(replace(check, alert_webhook_url=Secret(hook.url + "/alert")), away)

    assert pings(hook) == ["/hook/fail"]
    assert "canary" not in hook.calls[0][1] + caplog.text


@pytest.mark.parametrize("status", [307, 500, None])
def test_a_ping_that_fails_never_fails_the_run(
    check: Settings, warehouse: Warehouse, hook: Heard, caplog: pytest.LogCaptureFixture, status: int | None
) -> None:
    if status is None:
        check = replace(check, healthcheck_url=Secret("http://127.0.0.1:1/hook"))
    hook.status = status or 200

    assert sync(check, warehouse).state == "succeeded"

    assert "HEALTHCHECK_URL" in caplog.text
    assert "127.0.0.1" not in caplog.text
    assert "/elsewhere" not in pings(hook)


def test_the_command_and_the_cron_route_tell_it_too(
    check: Settings, warehouse: Warehouse, hook: Heard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with TestClient(dashboard.create_app(check, warehouse)) as client:
        client.get("/api/cron/sync-customer-sales", headers={"authorization": "Bearer a-secret-of-the-tests"})
    assert pings(hook) == ["/hook/start", "/hook"]

    assert check.ploomes_api_key and check.database_url
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLOOMES_API_KEY", check.ploomes_api_key.reveal())
    monkeypatch.setenv("PLOOMES_BASE_URL", check.ploomes_base_url)
    monkeypatch.setenv("DATABASE_URL", check.database_url.reveal())
    monkeypatch.setenv("HEALTHCHECK_URL", hook.url)
    assert main(["sync"]) == 0
    assert pings(hook)[2:] == ["/hook/start", "/hook"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALERT_EMAIL_TO", "nobody"), ("ALERT_EMAIL_TO", "Ana <ana@example.com>"), ("ALERT_EMAIL_FROM", "a@b, c@d"),
     ("SMTP_URL", "mail.example.com:587"), ("SMTP_URL", "smtp://u:p@ss@host"), ("SMTP_URL", "http://host"),
     ("SMTP_URL", "smtp://u:100%@host"), ("ALERT_WEBHOOK_URL", "hooks.example.com/x")],
)  # fmt: skip
def test_settings_of_alerts_are_checked(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(Exception, match=name) as told:
        load({"HOME": str(tmp_path), name: value}, tmp_path)
    assert value not in str(told.value)


@pytest.fixture(autouse=True)
def _loggers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
