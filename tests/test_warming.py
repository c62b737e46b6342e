"""After a publication nobody waits for what can be found before he comes, and nobody is shown what is over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboard import publish, served, settings_of, viewer
from fastapi import FastAPI
from fastapi.testclient import TestClient
from test_days import ALWAYS, assert_same

from carteira.customer_sales import days
from carteira.customer_sales.sight import EVERYTHING
from carteira.warehouse.connection import Warehouse
from carteira.web import warming

PAGES = ("/", "/clientes", "/carteira", "/sincronizacoes", "/clientes?agrupar=grupo")


@pytest.fixture
def client(warehouse: Warehouse, tmp_path: Path) -> Iterator[TestClient]:
    publish(warehouse)
    with served(settings_of(tmp_path), warehouse, headers=viewer(warehouse, "gestor")) as client:
        yield client


@pytest.fixture
def app(client: TestClient) -> FastAPI:
    found = client.app
    assert isinstance(found, FastAPI)
    return found


def look(app: FastAPI) -> None:
    warming.look(app, None, threading.Event())


def looked_up(app: FastAPI) -> set[object]:
    """What is found already, but for the views that somebody has saved, which are his own."""
    held = app.state.portfolios
    with held.turn:
        return {key for key, place in held.kept.items() if place.found and "'views'" not in repr(key)}


def test_the_first_visitor_finds_everything_found(app: FastAPI, client: TestClient) -> None:
    look(app)
    found = looked_up(app)
    for address in PAGES:
        assert client.get(address).status_code == 200
    assert looked_up(app) == found != set()


def test_a_publication_is_found_anew_and_never_the_one_before(
    app: FastAPI, client: TestClient, warehouse: Warehouse
) -> None:
    """Whoever comes before it is found finds it himself."""
    look(app)
    with warehouse.transaction() as connection:
        connection.execute("update sales set total = total + 1000000 where status = 'won'")
        connection.execute("update sync_state set publication = publication + 1")
    before = looked_up(app)
    months = [client.get("/").text, client.get("/").text]
    assert months[0] == months[1]
    assert not looked_up(app) & before
    look(app)
    assert client.get("/").text == months[0]


def test_what_is_published_still_is_not_looked_for_again(app: FastAPI) -> None:
    seen = warming.look(app, None, threading.Event())
    app.state.portfolios.kept.clear()
    assert warming.look(app, seen, threading.Event()) == seen
    assert not seen.many
    assert not looked_up(app)


def test_of_many_deals_more_is_found_once_nobody_publishes(
    app: FastAPI, client: TestClient, warehouse: Warehouse
) -> None:
    """A year takes seconds there, and where hints publish all the time it would never be of any use."""
    with warehouse.transaction() as connection:
        connection.execute("update sync_entities set live_rows = %s where entity = 'deals'", [days.MANY_DEALS])
    seen = warming.look(app, None, threading.Event())
    seen = warming.look(app, seen, threading.Event())
    found = looked_up(app)
    for period in ("trimestre", "ano", "12-meses"):
        client.get(f"/?periodo={period}")
    assert looked_up(app) == found
    assert warming.look(app, seen, threading.Event()) == seen


def test_days_and_spans_are_kept_of_many_deals_alone(app: FastAPI, warehouse: Warehouse) -> None:
    kept = "select count(*) from sales_spans"
    look(app)
    with warehouse.transaction() as connection:
        assert not days.are_kept(connection)
        assert connection.execute(kept).fetchone() == (0,)
        connection.execute("update sync_entities set live_rows = %s where entity = 'deals'", [days.MANY_DEALS])
    look(app)
    with warehouse.transaction() as connection:
        assert days.are_kept(connection)
        assert connection.execute(kept).fetchone() >= (2,)
        assert_same(connection, [ALWAYS], EVERYTHING)


def test_it_works_beside_the_server_and_ends_with_it(app: FastAPI) -> None:
    with warming.kept_warm(app):
        (thread,) = (one for one in threading.enumerate() if one.name == "warming")
        while not looked_up(app):
            assert thread.is_alive()
    assert not thread.is_alive()


def test_a_database_that_is_away_is_waited_for(
    app: FastAPI, warehouse: Warehouse, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread says so and goes on."""
    monkeypatch.setattr(warming, "EVERY_SECONDS", 0.01)
    with warehouse.transaction() as connection:
        connection.execute("alter table sync_state rename to sync_state_away")
    with caplog.at_level("INFO"), warming.kept_warm(app):
        while "the pages are not made ready" not in caplog.text:
            assert not looked_up(app)
        with warehouse.transaction() as connection:
            connection.execute("alter table sync_state_away rename to sync_state")
        while not looked_up(app):
            pass
