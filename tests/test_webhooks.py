"""What Ploomes calls: who may, what is made of it, and that it goes on calling."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import dashboard
import pytest
from listeners import Heard, web_server
from quick import QUICK, one
from starlette.testclient import TestClient
from world import settings_for

from carteira.cli import main
from carteira.ploomes import webhooks as kept
from carteira.ploomes.pacing import RESERVE
from carteira.settings import Secret, Settings
from carteira.simulator.faults import Fault
from carteira.simulator.server import Simulator
from carteira.simulator.webhooks import Delivery
from carteira.sync import hints as publishing
from carteira.sync.run import sync
from carteira.warehouse import hints, people
from carteira.warehouse.connection import Warehouse

PATH = "/api/webhooks/ploomes"
KEY = "a-key-of-the-webhooks"
RIGHT = {"x-ploomes-validation-key": KEY}
# As captured from a real account, but for the numbers: nulls left out, dates without an offset.
FULL = {
    "AccountId": 1,
    "Action": "Win",
    "ActionUserId": 2,
    "Entity": "Deals",
    "New": {
        "Id": 400868361,
        "Title": "Pedido",
        "StatusId": 2,
        "FinishDate": "2026-11-24T10:00:00",
        "OtherProperties": {},
    },
    "Old": {"Id": 400868361, "Title": "Pedido", "StatusId": 1},
    "WebhookCreatorId": 2,
    "WebhookId": 3,
}


@pytest.fixture
def client(settings: Settings, warehouse: Warehouse) -> Iterator[TestClient]:
    with dashboard.served(replace(settings, webhook_key=Secret(KEY)), warehouse) as found:
        yield found


def noted(warehouse: Warehouse) -> list[tuple[str, int, int]]:
    with warehouse.transaction() as connection:
        return list(connection.execute("select entity, id, calls from hints order by 1, 2"))


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (FULL, ("deals", 400868361)),
        (FULL | {"Entity": "Deal"}, ("deals", 400868361)),
        (FULL | {"Action": "Delete", "New": None}, ("deals", 400868361)),
        (FULL | {"Action": "Create", "Old": None}, ("deals", 400868361)),
        ({"Entity": "Contacts", "New": {"Id": 5}}, ("contacts", 5)),
        ({"ResourceId": 7, "Entity": "Contact", "Action": "Update", "UserId": 2}, ("contacts", 7)),
        ({"Id": "8", "Entity": "deal"}, ("deals", 8)),
    ],
)
def test_either_shape_becomes_a_hint_and_202(
    client: TestClient, warehouse: Warehouse, simulator: Simulator, call: Any, hint: tuple[str, int]
) -> None:
    answer = client.post(PATH, json=call, headers=RIGHT)

    assert (answer.status_code, answer.json()) == (202, {"state": "noted"})
    assert noted(warehouse) == [(*hint, 1)]
    assert len(simulator.requests) == 0


@pytest.mark.parametrize(
    "call",
    [{}, [], "ping", {"Entity": "Quotes", "New": {"Id": 1}}, {"Entity": "Deals"},
     {"Entity": "Deals", "New": {"Id": "x"}},
     {"Entity": 5}, {"Entity": "Deals", "Id": 2**64}, {"Entity": "Deals", "Id": -1}, {"Entity": None, "Id": True}],
)  # fmt: skip
def test_what_is_about_nothing_that_is_kept_is_202_too(client: TestClient, warehouse: Warehouse, call: Any) -> None:
    """Ploomes switches off whoever answers it otherwise."""
    answer = client.post(PATH, json=call, headers=RIGHT)

    assert (answer.status_code, answer.json()) == (202, {"state": "ignored"})
    assert noted(warehouse) == []


def test_calls_that_come_twice_are_one_hint(client: TestClient, warehouse: Warehouse) -> None:
    for _ in range(3):
        client.post(PATH, json=FULL, headers=RIGHT)

    assert noted(warehouse) == [("deals", 400868361, 3)]


@pytest.mark.parametrize("given", [{}, {"x-ploomes-validation-key": ""}, {"x-ploomes-validation-key": KEY[:-1]}])
def test_a_wrong_key_is_401(client: TestClient, warehouse: Warehouse, given: dict[str, str]) -> None:
    answer = client.post(PATH, json=FULL, headers=given)

    assert answer.status_code == 401
    assert KEY not in answer.text
    assert noted(warehouse) == []


def test_without_a_key_of_ours_it_is_closed(settings: Settings, warehouse: Warehouse) -> None:
    with dashboard.served(settings, warehouse) as client:
        answer = client.post(PATH, json=FULL, headers=RIGHT)

    assert answer.status_code == 503
    assert "PLOOMES_WEBHOOK_KEY" in answer.json()["detail"]


def test_what_is_no_json_and_what_is_too_large_is_refused(client: TestClient, warehouse: Warehouse) -> None:
    assert client.post(PATH, content=b"{", headers=RIGHT).status_code == 400
    assert client.post(PATH, content=b" " * 600_000, headers=RIGHT).status_code == 413
    assert client.post(PATH, content=b"x" * 600_000).status_code == 401
    assert client.get(PATH, headers=RIGHT).status_code == 405
    assert noted(warehouse) == []


def test_the_database_away_is_503_and_tells_nothing(settings: Settings) -> None:
    gone = Warehouse("postgresql://nobody:secret@127.0.0.1:1/none")
    with_key = replace(settings, webhook_key=Secret(KEY))
    from carteira.web.app import create_app

    answer = TestClient(create_app(with_key, gone)).post(PATH, json=FULL, headers=RIGHT)

    assert answer.status_code == 503
    assert "secret" not in answer.text


@pytest.fixture
def environment(
    simulator: Simulator, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """What a command finds: everything set, for the simulator and for the warehouse."""
    settings = settings_for(simulator, warehouse, tmp_path)
    assert settings.database_url is not None
    given = {
        "PLOOMES_API_KEY": simulator.key,
        "PLOOMES_BASE_URL": simulator.url,
        "PLOOMES_REQUESTS_PER_MINUTE": "100000",
        "DATABASE_URL": settings.database_url.reveal(),
        "PLOOMES_WEBHOOK_KEY": KEY,
        "CARTEIRA_PUBLIC_URL": "https://carteira.example",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return given


def test_install_adds_one_row_for_each_entity_and_action(environment: dict[str, str], simulator: Simulator) -> None:
    assert main(["webhooks", "check"]) == 1
    assert main(["webhooks", "install"]) == 0

    rows = list(simulator.webhooks.rows.values())
    assert sorted((row["EntityId"], row["ActionId"]) for row in rows) == [
        (1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (2, 4), (2, 5), (2, 6),
    ]  # fmt: skip
    assert {row["CallbackUrl"] for row in rows} == {"https://carteira.example/api/webhooks/ploomes"}
    assert {row["ValidationKey"] for row in rows} == {KEY}
    assert main(["webhooks", "check"]) == 0


def test_install_again_changes_nothing_and_leaves_others_alone(
    environment: dict[str, str], simulator: Simulator
) -> None:
    main(["webhooks", "install"])
    simulator.webhooks.rows[1] = {
        "Id": 1,
        "EntityId": 2,
        "ActionId": 2,
        "CallbackUrl": "https://other.example",
        "Active": False,
    }
    before = {number: dict(row) for number, row in simulator.webhooks.rows.items()}
    simulator.requests.clear()

    assert main(["webhooks", "install"]) == 0

    assert simulator.webhooks.rows == before
    assert [request.method for request in simulator.requests] == ["GET"]


def test_what_was_switched_off_or_has_an_old_key_is_noticed_and_renewed(
    environment: dict[str, str], simulator: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["webhooks", "install"])
    first, second = list(simulator.webhooks.rows.values())[:2]
    first["Active"], second["ValidationKey"] = False, "of-somebody-else's"

    assert main(["webhooks", "check"]) == 1
    assert capsys.readouterr().out.count("switched off") == 2
    assert main(["webhooks", "install"]) == 0
    assert main(["webhooks", "check"]) == 0

    assert len(simulator.webhooks.rows) == 9
    said = capsys.readouterr()
    assert KEY not in said.out + said.err


def test_check_as_data(
    environment: dict[str, str], simulator: Simulator, warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    with warehouse.transaction() as connection:
        hints.called(connection, [("deals", 5)])

    assert main(["webhooks", "check", "--json"]) == 1

    told = json.loads(capsys.readouterr().out)
    assert {each["state"] for each in told["webhooks"]} == {"missing"}
    assert (told["calls"]["calls"], told["calls"]["waiting"]) == (1, 1)


@pytest.mark.parametrize("url", ["http://carteira.example", "carteira.example"])
def test_an_address_that_would_give_the_key_away_is_refused(
    environment: dict[str, str], simulator: Simulator, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["webhooks", "install", "--url", url]) == 2
    assert "--url" in capsys.readouterr().err
    assert simulator.webhooks.rows == {}


def test_who_watches_renews_what_ploomes_switched_off(
    settings: Settings, warehouse: Warehouse, simulator: Simulator
) -> None:
    watching = replace(settings, public_url="https://carteira.example", webhook_key=Secret(KEY))
    stopping = Event()
    with publishing.reader(watching, warehouse, stopping, patience=QUICK) as reader:
        kept.install(reader.client, "https://carteira.example" + kept.ROUTE, KEY)
        rows = list(simulator.webhooks.rows.values())
        rows[0]["Active"] = False
        publishing.renew(watching, reader.client)

    assert all(row["Active"] for row in rows)
    assert len(simulator.webhooks.rows) == 9


@pytest.fixture
def failing(
    simulator: Simulator, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Heard, int]]:
    """A receiver whose calls failed until Ploomes stopped calling for edited deals, and the Id of that webhook."""
    simulator.webhooks.delivery = Delivery(patience=0.3, failures=2)
    with web_server() as receiver:
        monkeypatch.setenv("CARTEIRA_PUBLIC_URL", receiver.url.removesuffix("/hook"))
        assert main(["webhooks", "install"]) == 0
        number = next(n for n, row in simulator.webhooks.rows.items() if (row["EntityId"], row["ActionId"]) == (2, 2))
        receiver.status = 503
        for _ in range(2):
            simulator.data.edit_deal(simulator.data.ids()[0], Title="Outro")
        assert simulator.webhooks.wait_for(lambda: not simulator.webhooks.rows[number]["Active"])
        receiver.status = 202
        yield receiver, number


def _is_called(simulator: Simulator, receiver: Heard) -> bool:
    before = len(receiver.calls)
    simulator.data.edit_deal(simulator.data.ids()[0], Title="Mais um")
    return simulator.webhooks.wait_for(lambda: len(receiver.calls) > before, timeout=2)


def test_a_silent_switch_off_is_noticed_by_check_and_mended_by_install(
    failing: tuple[Heard, int], simulator: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["webhooks", "check"]) == 1
    (told,) = [line for line in capsys.readouterr().out.splitlines() if "switched off" in line]
    assert told.split()[:2] == ["deals", "update"]

    assert main(["webhooks", "install"]) == 0

    assert main(["webhooks", "check"]) == 0
    assert _is_called(simulator, failing[0])


def test_a_silent_switch_off_is_noticed_and_mended_by_a_worker(
    failing: tuple[Heard, int], settings: Settings, warehouse: Warehouse, simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """At its next look, whatever /Webhooks answered at the one before."""
    monkeypatch.setattr(publishing, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(publishing, "LOOK_SECONDS", 0.05)
    receiver, number = failing
    simulator.faults.add(Fault("status", path="/Webhooks", status=403, times=2))
    watching = replace(settings, public_url=receiver.url.removesuffix("/hook"), webhook_key=Secret(KEY))
    stopping = Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(publishing.watch, watching, warehouse, stopping)
        try:
            _until(lambda: simulator.webhooks.rows[number]["Active"])
        finally:
            stopping.set()

    assert "cannot be seen" in caplog.text
    assert "switched off its webhook for deals update" in caplog.text
    assert _is_called(simulator, receiver)


@pytest.mark.parametrize("minimal", [True, False])
def test_a_won_deal_is_on_the_dashboard_within_five_seconds(
    warehouse: Warehouse, tmp_path: Path, minimal: bool
) -> None:
    """`serve --with-worker` and Ploomes, that calls late, twice and in any order; nobody asks for a sync."""
    delivery = Delivery(delay=(0.0, 0.5), copies=2, minimal=minimal)
    with (
        Simulator(deals=600, customers=80, delivery=delivery) as ploomes,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        port = free.getsockname()[1]
        free.close()
        settings = settings_for(ploomes, warehouse, tmp_path)
        assert settings.database_url is not None
        environment = {
            **os.environ,
            "PLOOMES_API_KEY": ploomes.key,
            "PLOOMES_BASE_URL": ploomes.url,
            "PLOOMES_REQUESTS_PER_MINUTE": "1000",
            "PLOOMES_WEBHOOK_KEY": KEY,
            "DATABASE_URL": settings.database_url.reveal(),
            "CARTEIRA_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "SYNC_SCHEDULE": "0 0 1 1 *",
        }
        with warehouse.transaction() as connection:
            people.add_user(connection, "ana@example.com")
            token = people.add_token(connection, "test")
        serving = subprocess.Popen(
            [sys.executable, "-m", "carteira.cli", "serve", "--with-worker", "--port", str(port)],
            env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _until(lambda: one(warehouse, "select count(*) from sync_runs where state = 'succeeded'") == 1)
            subprocess.run(
                [sys.executable, "-m", "carteira.cli", "webhooks", "install"], env=environment, cwd=tmp_path, check=True
            )
            deal = next(deal for deal in ploomes.data.deals() if deal["StatusId"] == 1 and deal["ContactId"])
            before = _revenue(port, token, deal["ContactId"])
            ploomes.data.edit_deal(deal["Id"], Amount=5_000)
            ploomes.data.win_deal(deal["Id"])
            assert ploomes.webhooks.wait_for(lambda: any(made.status == 202 for made in ploomes.webhooks.made))

            called = time.monotonic()
            _until(lambda: _revenue(port, token, deal["ContactId"]) == before + 5_000)

            assert time.monotonic() - called < 5
            assert ploomes.webhooks.wait_for(lambda: len(ploomes.webhooks.made) == 4)
            assert {made.status for made in ploomes.webhooks.made} == {202}
            assert max(made.seconds for made in ploomes.webhooks.made) < 2
        finally:
            serving.send_signal(signal.SIGTERM)
            assert serving.wait(20) in (0, 130)


def _revenue(port: int, token: str, customer: int) -> float:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/dashboard/customers/{customer}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request) as answer:
        return float(json.load(answer)["data"]["total_revenue"])


def _until(there: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_full_read_that_has_used_up_the_minute_keeps_no_won_deal_waiting(
    settings: Settings, warehouse: Warehouse, simulator: Simulator
) -> None:
    """What a run leaves of the minute is enough, and Ploomes never sees more than the limit."""
    limit = 40
    paced = replace(settings, ploomes_requests_per_minute=limit, webhook_key=Secret(KEY))
    sync(replace(settings, webhook_key=Secret(KEY)), warehouse, patience=QUICK)
    with warehouse.transaction() as connection:
        connection.execute("delete from request_bookings")
    simulator.requests.clear()
    stopping, watching = Event(), Event()
    with ThreadPoolExecutor(2) as pool, dashboard.served(paced, warehouse) as client:
        try:
            run = pool.submit(sync, paced, warehouse, full=True, page=5, patience=QUICK, stopping=stopping)
            _until(lambda: len(simulator.requests) >= limit - limit // RESERVE and _waits(warehouse))
            pool.submit(publishing.watch, paced, warehouse, watching)
            deal = next(deal for deal in simulator.data.deals() if deal["StatusId"] == 1 and deal["ContactId"])
            simulator.data.win_deal(deal["Id"], Amount=5_000)
            called = time.monotonic()
            assert client.post(PATH, json={"Entity": "Deals", "Id": deal["Id"]}, headers=RIGHT).status_code == 202

            _until(lambda: one(warehouse, "select status from sales where deal_id = %s", deal["Id"]) == "won")

            assert time.monotonic() - called < 5
            assert not run.done()
        finally:
            watching.set()
            stopping.set()
        assert run.result().state == "partial"
    assert simulator.requests.busiest(60) == limit - limit // RESERVE + 1


def _waits(warehouse: Warehouse) -> bool:
    """Whether the run has found the minute full and let go of its places."""
    return bool(one(warehouse, "select count(*) = 0 from request_places"))
