"""The cron route against a real run over a simulated Ploomes: every status that a scheduler may meet."""

from __future__ import annotations

from dataclasses import replace

import dashboard
import pytest
from starlette.testclient import TestClient

from carteira.ploomes.client import Patience
from carteira.settings import Secret, Settings
from carteira.simulator.server import Simulator
from carteira.sync import counting
from carteira.warehouse import lease, migrate
from carteira.warehouse.connection import Warehouse
from carteira.web.app import create_app
from carteira.web.cron import Runs

PATH = "/api/cron/sync-customer-sales"
RIGHT = {"authorization": "Bearer a-secret-of-the-tests"}


def test_it_fails_closed_without_a_secret(settings: Settings, warehouse: Warehouse) -> None:
    with dashboard.served(replace(settings, cron_secret=None), warehouse) as client:
        for headers in ({}, RIGHT, {"authorization": "Bearer "}, {"authorization": "Bearer None"}):
            answer = client.get(PATH, headers=headers)
            assert answer.status_code == 503
            assert "CRON_SECRET" in answer.json()["message"]


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Bearer a-secret-of-the-test", "Bearer a-secret-of-the-tests ",
     "a-secret-of-the-tests", "Basic a-secret-of-the-tests"],
)  # fmt: skip
def test_a_wrong_secret_is_401(settings: Settings, warehouse: Warehouse, simulator: Simulator, header: str) -> None:
    client = TestClient(create_app(settings, warehouse))

    answer = client.get(PATH, headers={"authorization": header.rstrip("\n")} if header else {})

    assert answer.status_code == 401
    assert "a-secret-of-the-tests" not in answer.text
    assert not simulator.requests


def test_a_run_that_ends_is_200_and_told(settings: Settings, warehouse: Warehouse) -> None:
    with dashboard.served(settings, warehouse) as client:
        body = client.get(PATH, headers=RIGHT).json()
        again = client.get(PATH, headers=RIGHT)

    assert set(body) == {"state", "mode", "customers", "deals", "requests", "seconds", "run_id", "message"}
    with warehouse.transaction() as connection:
        customers, deals = (
            len(connection.execute(f"select from {table}").fetchall()) for table in ("customer_sales", "sales")
        )
    assert (body["state"], body["mode"]) == ("succeeded", "full")
    assert (body["customers"], body["deals"]) == (customers, deals)
    assert again.status_code == 200
    assert again.json()["mode"] == "incremental"
    assert again.json()["requests"] <= 4


def test_a_run_that_is_cut_short_is_202(settings: Settings, warehouse: Warehouse) -> None:
    with dashboard.served(replace(settings, sync_deadline_seconds=0.000001), warehouse) as client:
        answer = client.get(PATH, headers=RIGHT)

    assert answer.status_code == 202
    assert answer.json()["state"] == "partial"


def test_a_run_beside_another_is_409(settings: Settings, warehouse: Warehouse) -> None:
    with lease.held(warehouse, 30), dashboard.served(settings, warehouse) as client:
        answer = client.get(PATH, headers=RIGHT)

    assert answer.status_code == 409
    assert answer.json()["state"] == "running"


def test_missing_settings_are_503_and_named(settings: Settings, warehouse: Warehouse) -> None:
    with dashboard.served(replace(settings, ploomes_api_key=None), warehouse) as client:
        answer = client.get(PATH, headers=RIGHT)

    assert answer.status_code == 503
    assert "PLOOMES_API_KEY" in answer.json()["message"]


def test_a_refused_key_is_502_and_not_shown(settings: Settings, warehouse: Warehouse) -> None:
    with dashboard.served(replace(settings, ploomes_api_key=Secret("wrong-key-of-the-tests")), warehouse) as client:
        answer = client.get(PATH, headers=RIGHT)

    assert answer.status_code == 502
    assert answer.json()["state"] == "failed"
    assert "wrong-key-of-the-tests" not in answer.text


def test_a_database_that_is_away_is_503(settings: Settings) -> None:
    client = TestClient(create_app(settings, Warehouse("host=/nowhere dbname=x")))

    answer = client.get(PATH, headers=RIGHT)

    assert answer.status_code == 503
    assert answer.json()["state"] == "failed"


def test_it_is_for_get_only(settings: Settings, warehouse: Warehouse) -> None:
    client = TestClient(create_app(settings, warehouse))

    assert client.post(PATH, headers=RIGHT).status_code == 405


def test_an_admins_run_goes_on_in_the_background(settings: Settings, warehouse: Warehouse) -> None:
    runs = Runs()
    app = create_app(settings, warehouse)

    assert runs.start(app) is True
    assert runs.start(app) is False, "one at a time"
    assert runs.thread is not None
    runs.thread.join()

    with warehouse.transaction() as connection:
        states = connection.execute("select state from sync_runs").fetchall()
    assert states == [("succeeded",)]


def test_an_admin_asks_for_a_full_read(settings: Settings, warehouse: Warehouse) -> None:
    """Without it, what follows a run reads only what changed."""
    runs = Runs()
    with dashboard.served(settings, warehouse) as client:
        client.app.state.runs = runs  # type: ignore[attr-defined]
        admin = dashboard.viewer(warehouse, "admin")
        for asked in ({}, {}, {"completa": "true"}):
            assert client.post("/sincronizacoes", data=asked, headers=admin, follow_redirects=False).status_code == 303
            assert runs.thread is not None
            runs.thread.join()
        assert "Leitura completa" in client.get("/sincronizacoes", headers=admin).text

    with warehouse.transaction() as connection:
        modes = connection.execute("select mode from sync_runs order by id").fetchall()
    assert modes == [("full",), ("incremental",), ("full",)]


def test_leaving_lets_the_run_end_where_it_is(settings: Settings, warehouse: Warehouse) -> None:
    runs = Runs()
    runs.stopping.set()
    runs.start(create_app(settings, warehouse))
    runs.stop()

    with warehouse.transaction() as connection:
        states = connection.execute("select state from sync_runs").fetchall()
    assert states == [("partial",)]


def test_ready_says_what_is_the_matter(settings: Settings, warehouse: Warehouse) -> None:
    with dashboard.served(settings, warehouse) as client:
        never = client.get("/readyz")
        assert (never.status_code, never.json()["freshness"], never.json()["last_sync_at"]) == (200, "stale", None)
        client.get(PATH, headers=RIGHT)
        assert client.get("/readyz").json()["freshness"] == "ok"
        assert client.head("/readyz").status_code == 200
        migrate.downgrade(warehouse, "20261124000500")
        outdated = client.get("/readyz")
        assert (outdated.status_code, outdated.json()["schema"]) == (503, "mismatch")


def test_an_admin_counts_in_ploomes_what_is_here(
    settings: Settings, warehouse: Warehouse, simulator: Simulator
) -> None:
    """Five requests, only when asked: won, lost and open ones too, and what has changed since the run stands out."""
    with dashboard.served(settings, warehouse) as client:
        admin = dashboard.viewer(warehouse, "admin")
        client.get(PATH, headers=RIGHT)
        before = len(simulator.requests)
        same = client.post("/sincronizacoes/contar", headers=admin).text
        asked = len(simulator.requests) - before
        simulator.data.delete_deal(simulator.data.ids()[0])
        apart = client.post("/sincronizacoes/contar", headers=admin).text
        shown = client.get("/sincronizacoes", headers=admin).text

    assert asked == 5
    assert same.count("igual</span>") == 5
    assert "contado agora" in same
    assert apart.count("igual</span>") == 3
    assert apart.count("+1</span>") == 2
    assert "contado na última execução" in shown


def test_who_counts_is_told_what_is_in_the_way(
    settings: Settings, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Ploomes that is away, and a minute that a run has taken up; the page is there all the same."""
    away = replace(settings, ploomes_base_url="http://127.0.0.1:9")
    monkeypatch.setattr(counting, "HASTY", Patience(tries=1, first_pause=0.0))
    with dashboard.served(away, warehouse) as client:
        admin = dashboard.viewer(warehouse, "admin")
        with warehouse.transaction() as connection:
            connection.execute("insert into sync_runs (mode, state, opened_at) values ('full', 'succeeded', now())")
        page = client.post("/sincronizacoes/contar", headers=admin)
        assert page.status_code == 200
        assert "O Ploomes não respondeu a /Deals em http://127.0.0.1:9" in page.text
        assert client.post("/sincronizacoes/contar", headers=dashboard.viewer(warehouse, "gestor")).status_code == 403

    assert counting.counts_now(replace(settings, ploomes_requests_per_minute=1), warehouse, wait=0.0) is None
