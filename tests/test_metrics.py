"""/metrics: closed without its token, the same from every process, and no customer in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dashboard
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from carteira.settings import Secret, Settings
from carteira.simulator.server import Simulator
from carteira.sync.run import sync
from carteira.warehouse.connection import Warehouse

TOKEN = "a-token-of-the-tests"
RIGHT = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def watched(settings: Settings) -> Settings:
    return replace(settings, metrics_token=Secret(TOKEN))


@pytest.fixture
def client(watched: Settings, warehouse: Warehouse) -> Iterator[TestClient]:
    with dashboard.served(watched, warehouse) as client:
        yield client


def samples(client: TestClient) -> dict[tuple[str, ...], float]:
    """(name, label values in the order of their names) -> value."""
    answer = client.get("/metrics", headers=RIGHT)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_without_a_token_there_is_nothing(settings: Settings, warehouse: Warehouse) -> None:
    with dashboard.served(settings, warehouse) as client:
        for headers in ({}, RIGHT, {"authorization": "Bearer None"}, {"authorization": "Bearer "}):
            assert client.get("/metrics", headers=headers).status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer \xe9"])
def test_the_wrong_token_is_401(client: TestClient, header: str) -> None:
    answer = client.get("/metrics", headers={"authorization": header.encode("latin-1")})

    assert answer.status_code == 401
    assert "carteira_" not in answer.text and TOKEN not in answer.text


def test_a_session_or_an_api_token_opens_nothing_here(client: TestClient, warehouse: Warehouse) -> None:
    assert client.get("/metrics", headers=dashboard.viewer(warehouse, "admin")).status_code == 401


def test_it_tells_of_the_syncs(
    client: TestClient, watched: Settings, warehouse: Warehouse, simulator: Simulator
) -> None:
    before = samples(client)
    assert ("carteira_sync_age_seconds",) not in before
    assert before["carteira_sync_runs", "succeeded"] == 0
    simulator.data.edit_deal(simulator.data.ids()[0], Amount=10**14)
    sync(watched, warehouse)
    with warehouse.transaction() as connection:
        connection.execute("insert into sync_runs (mode, state, throttled) values ('full', 'failed', 3)")

    told = samples(client)

    assert told["carteira_rows", "deals"] == 599
    assert told["carteira_rows", "contacts"] == 80
    assert 0 <= told["carteira_sync_age_seconds",] < 60
    assert told["carteira_sync_last_duration_seconds",] > 0
    assert abs(told["carteira_sync_last_timestamp_seconds",] - datetime.now(UTC).timestamp()) < 60
    assert told["carteira_ploomes_requests_total",] == len(simulator.requests)
    assert told["carteira_ploomes_throttled_total",] == 3
    assert told["carteira_rejected_rows",] == 1
    assert told["carteira_publication",] == 1
    assert told["carteira_sync_at_work",] == 0
    assert (told["carteira_sync_runs", "succeeded"], told["carteira_sync_runs", "failed"]) == (1, 1)


def test_another_process_tells_the_same(client: TestClient, watched: Settings, warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        dashboard.succeed(connection, datetime.now(UTC) - timedelta(hours=2))
    with dashboard.served(watched, warehouse) as other:
        here, there = samples(client), samples(other)

    assert 7200 <= here["carteira_sync_age_seconds",] <= there["carteira_sync_age_seconds",] < 7260
    shared = [key for key in here if not key[0].startswith(("carteira_http", "carteira_sync_age"))]
    assert [here[key] for key in shared] == [there[key] for key in shared]


def test_requests_are_told_by_the_pattern_of_their_route(client: TestClient, warehouse: Warehouse) -> None:
    """Answers that are kept, that are errors and that nobody asked for too; never an address with a number in it."""
    dashboard.publish(warehouse)
    who = dashboard.viewer(warehouse, "admin")
    for path in ("/api/dashboard/customers/1", "/api/dashboard/customers/2", "/clientes/1", "/clientes/1", "/clientes",
                 "/clientes", "/none/1", "/entrar/a-secret-link", "/static/none.js"):  # fmt: skip
        client.get(path, headers=who)
    client.request("BREW", "/clientes")

    counts = {key[1:]: value for key, value in samples(client).items() if key[0].endswith("_duration_seconds_count")}

    assert counts["GET", "/api/dashboard/customers/{customer_id}", "2xx"] == 2
    assert counts["GET", "/clientes", "2xx"] == 2
    assert sum(value for (method, *_), value in counts.items() if method == "GET") == 9
    routes = {route for _, route, _ in counts}
    assert not any(sign.isdigit() for route in routes for sign in route)
    assert not any("secret" in route for route in routes)
    assert any(method == "other" for method, *_ in counts)


def test_every_metric_is_documented(client: TestClient, warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        dashboard.succeed(connection, datetime.now(UTC))
    client.get("/healthz")
    text = client.get("/metrics", headers=RIGHT).text

    told = (Path(__file__).parents[1] / "docs" / "operations.md").read_text("utf-8")
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert [name for name in names if f"`{name}" not in told and not name.endswith("_created")] == []


def test_it_is_one_cheap_query(watched: Settings, warehouse: Warehouse) -> None:
    """A year of runs every five minutes is told without anybody having to wait."""
    with warehouse.transaction() as connection:
        connection.execute(
            "insert into sync_runs (mode, state, requests)"
            " select 'full', 'succeeded', 2 from generate_series(1, 105000)"
        )
    with dashboard.served(watched, warehouse) as client:
        samples(client)
        began = datetime.now(UTC)
        assert samples(client)["carteira_ploomes_requests_total",] == 210_000
        assert datetime.now(UTC) - began < timedelta(seconds=2)
