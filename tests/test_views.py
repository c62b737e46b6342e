"""Saved views: for oneself or for the team, each with the customers that whoever looks may see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboard import ANA, publish, served, settings_of
from starlette.testclient import TestClient

from carteira.warehouse import people, views
from carteira.warehouse.connection import Warehouse
from carteira.warehouse.views import MOST, TooManyViews


@pytest.fixture
def client(warehouse: Warehouse, tmp_path: Path) -> Iterator[TestClient]:
    publish(warehouse)
    with served(settings_of(tmp_path), warehouse) as client:
        yield client


def user(warehouse: Warehouse, role: str, owner_id: int | None = None) -> int:
    with warehouse.transaction() as connection:
        return people.add_user(connection, f"{role}@empresa.example", role.title(), role, owner_id)


def cookies(warehouse: Warehouse, user_id: int) -> dict[str, str]:
    with warehouse.transaction() as connection:
        return {"cookie": f"carteira={people.open_session(connection, user_id)}"}


def test_a_view_is_ones_own_until_it_is_shared(warehouse: Warehouse) -> None:
    anna, bruno = user(warehouse, "gestor"), user(warehouse, "admin")
    with warehouse.transaction() as connection:
        mine = views.save(connection, anna, "Sul", "uf=RS%2CSC", shared=False)
        assert [one.name for one in views.seen_by(connection, anna)] == ["Sul"]
        assert views.seen_by(connection, bruno) == []
        assert views.change(connection, mine, bruno, "Norte", shared=True) is None
        assert views.change(connection, mine, anna, "Sul todo", shared=True) == "uf=RS%2CSC"
        (seen,) = views.seen_by(connection, bruno)
        assert (seen.name, seen.own, seen.by_whom) == ("Sul todo", False, "Gestor")
        assert views.forget(connection, mine, bruno, is_admin=False) is None
        assert views.forget(connection, mine, bruno, is_admin=True) == "uf=RS%2CSC"
        assert views.seen_by(connection, anna) == []
        assert views.seen_by(connection, None) == []


def test_an_admin_deletes_no_private_view(warehouse: Warehouse) -> None:
    anna, bruno = user(warehouse, "gestor"), user(warehouse, "admin")
    with warehouse.transaction() as connection:
        mine = views.save(connection, anna, "Sul", "", shared=False)
        assert views.forget(connection, mine, bruno, is_admin=True) is None


def test_there_is_an_end_to_views(warehouse: Warehouse) -> None:
    anna = user(warehouse, "gestor")
    with warehouse.transaction() as connection:
        for number in range(MOST):
            views.save(connection, anna, f"Visão {number}", "", shared=False)
        with pytest.raises(TooManyViews):
            views.save(connection, anna, "Uma a mais", "", shared=False)


def test_a_view_is_saved_from_the_address_and_counted_by_sight(client: TestClient, warehouse: Warehouse) -> None:
    """A page that was kept before shows it at once; a vendedor has his own customers in the count."""
    boss, seller = cookies(warehouse, user(warehouse, "gestor")), cookies(warehouse, user(warehouse, "vendedor", ANA))
    assert "Visões salvas" not in client.get("/clientes", headers=boss).text

    answer = client.post(
        "/clientes/visoes",
        data={"name": " São  Paulo ", "query": "uf=SP&pagina=3&nada=1", "shared": "true"},
        headers=boss,
        follow_redirects=False,
    )

    assert (answer.status_code, answer.headers["location"]) == (303, "/clientes?uf=SP")
    for who, count in ((boss, 3), (seller, 1)):
        page = client.get("/clientes?uf=SP", headers=who).text
        assert f'<span>São Paulo</span><span class="num">{count}</span>' in page
        assert f'aria-current="page">São Paulo <span class="num">{count}</span>' in page.replace(
            ' title="Salva por Gestor"', ""
        )


def test_what_is_not_ones_own_is_not_changed(client: TestClient, warehouse: Warehouse) -> None:
    boss, seller = user(warehouse, "gestor"), user(warehouse, "vendedor", ANA)
    with warehouse.transaction() as connection:
        view_id = views.save(connection, boss, "Sul", "uf=RS", shared=True)
    theirs = cookies(warehouse, seller)

    assert client.post(f"/clientes/visoes/{view_id}", data={"name": "x"}, headers=theirs).status_code == 404
    assert client.post(f"/clientes/visoes/{view_id}/apagar", headers=theirs).status_code == 404
    assert client.post("/clientes/visoes", data={"name": "x"}).status_code in (303, 401, 405)
    with warehouse.transaction() as connection:
        assert [one.name for one in views.seen_by(connection, boss)] == ["Sul"]
