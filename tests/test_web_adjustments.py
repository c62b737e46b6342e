"""What an admin decides for the company, through the forms of /ajustes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from dashboard import ANA, publish, served, settings_of
from starlette.testclient import TestClient

from carteira.customer_sales import company
from carteira.warehouse import people
from carteira.warehouse.connection import Warehouse

FORM = {
    "a": "70", "b": "20,5", "new_days": "60", "late_days": "80", "inactive_days": "200", "least_late_days": "10",
    "least_inactive_days": "40", "late_factor": "1,5", "inactive_factor": "4",
}  # fmt: skip
GRID = {
    "recency_1": "7", "recency_2": "15", "recency_3": "40", "recency_4": "100",
    "frequency_1": "1", "frequency_2": "3", "frequency_3": "5", "frequency_4": "9",
}  # fmt: skip


@pytest.fixture
def client(warehouse: Warehouse, tmp_path: Path) -> Iterator[TestClient]:
    publish(warehouse)
    with warehouse.transaction() as connection:
        connection.execute("insert into pipelines (pipeline_id, name) values (1, 'Novos'), (2, 'Renovações')")
        connection.execute("update sales set pipeline_id = 2 where deal_id = 13")
    with served(settings_of(tmp_path), warehouse) as client:
        yield client


def cookies(warehouse: Warehouse, role: str) -> dict[str, str]:
    with warehouse.transaction() as connection:
        user_id = people.add_user(connection, f"{role}@empresa.example", role, role, ANA)
        return {"cookie": f"carteira={people.open_session(connection, user_id)}"}


def test_a_pipeline_leaves_the_totals_and_is_told_of(client: TestClient, warehouse: Warehouse) -> None:
    boss = cookies(warehouse, "admin")
    period = "/?periodo=2026-11-01..2026-11-30"
    assert "fora dos totais" not in client.get(period, headers=boss).text

    answer = client.post("/ajustes/funis", data={"pipeline": ["2"]}, headers=boss, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/ajustes?salvo=funis#funis")
    assert "1 venda fora dos totais (Renovações:" in client.get(period, headers=boss).text
    assert 'value="2" checked' in client.get("/ajustes", headers=boss).text
    with warehouse.transaction() as connection:
        assert connection.execute("select total_revenue from customer_sales where customer_id = 2").fetchall() == [(0,)]
        (entry, *_) = people.audit_log(connection)
        assert (entry.event, entry.detail) == ("pipelines left out", "2")
    client.post("/ajustes/funis", headers=boss)
    assert "fora dos totais" not in client.get(period, headers=boss).text


def test_limits_are_read_as_they_are_written_here(client: TestClient, warehouse: Warehouse) -> None:
    boss = cookies(warehouse, "admin")

    assert client.post("/ajustes/limites", data=FORM, headers=boss, follow_redirects=False).status_code == 303

    with warehouse.transaction() as connection:
        limits = company.limits(connection)
    assert (limits.a_share, limits.b_share, limits.inactive_factor) == (Decimal("0.7"), Decimal("0.905"), Decimal(4))
    assert (limits.new_days, limits.late_days, limits.inactive_days) == (60, 80, 200)
    page = client.get("/ajustes", headers=boss).text
    assert 'name="b" value="20,5"' in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"a": "90", "b": "20"},
        {"a": "abc"},
        {"a": "NaN"},
        {"late_days": "300"},
        {"new_days": ""},
        {"new_days": "9" * 19},
    ],
)
def test_what_contradicts_itself_changes_nothing(
    client: TestClient, warehouse: Warehouse, wrong: dict[str, str]
) -> None:
    boss = cookies(warehouse, "admin")
    with warehouse.transaction() as connection:
        before = company.limits(connection)

    answer = client.post("/ajustes/limites", data=FORM | wrong, headers=boss)

    assert answer.status_code == 422
    assert "Nada mudou" in answer.text
    with warehouse.transaction() as connection:
        assert company.limits(connection) == before


def test_the_grid_has_the_steps_that_the_company_sets(client: TestClient, warehouse: Warehouse) -> None:
    """And only those: the limits of the other form stay what they were. No kept page has the old ones."""
    boss = cookies(warehouse, "admin")
    client.post("/ajustes/limites", data=FORM, headers=boss)
    before = client.get("/carteira", headers=boss)
    assert client.get("/carteira", headers=boss | {"if-none-match": before.headers["etag"]}).status_code == 304

    answer = client.post("/ajustes/rfv", data=GRID, headers=boss, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/ajustes?salvo=rfv#rfv")
    with warehouse.transaction() as connection:
        limits = company.limits(connection)
        (entry, *_) = people.audit_log(connection)
    assert (limits.recency_days, limits.frequencies) == ([7, 15, 40, 100], [1, 3, 5, 9])
    assert (limits.new_days, limits.inactive_factor) == (60, Decimal(4))
    assert (entry.event, entry.detail[:26]) == ("limits set", "recency_1 7, recency_2 15,")
    after = client.get("/carteira", headers=boss | {"if-none-match": before.headers["etag"]})
    assert after.status_code == 200
    assert "R5<span" in after.text
    assert "até 7 d" in after.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"recency_2": "7"},
        {"recency_4": "30"},
        {"recency_1": "0"},
        {"frequency_1": "-1"},
        {"frequency_3": "4,5"},
        {"frequency_4": ""},
        {"frequency_4": "9" * 19},
    ],
    ids=str,
)
def test_steps_that_do_not_rise_change_nothing(client: TestClient, warehouse: Warehouse, wrong: dict[str, str]) -> None:
    boss = cookies(warehouse, "admin")

    answer = client.post("/ajustes/rfv", data=GRID | wrong, headers=boss)

    assert answer.status_code == 422
    assert "Nada mudou. Confira: são números inteiros" in answer.text
    assert 'name="recency_3" value="' in answer.text
    with warehouse.transaction() as connection:
        assert company.limits(connection) == company.DEFAULTS


def test_a_click_brings_the_defaults_back(client: TestClient, warehouse: Warehouse) -> None:
    """Those of a fresh database, and of one form alone; what differs from them has them beside it."""
    boss = cookies(warehouse, "admin")
    with warehouse.transaction() as connection:
        assert company.limits(connection) == company.DEFAULTS
    assert "Padrão:" not in client.get("/ajustes", headers=boss).text
    client.post("/ajustes/limites", data=FORM, headers=boss)
    client.post("/ajustes/rfv", data=GRID, headers=boss)
    page = client.get("/ajustes", headers=boss).text
    assert all(f"Padrão: {value}<" in page for value in ("80", "15", "180", "3", "365", "18"))

    client.post("/ajustes/rfv", data=GRID | {"padrao": "1"}, headers=boss)

    with warehouse.transaction() as connection:
        limits = company.limits(connection)
    assert (limits.recency_days, limits.frequencies) == ([30, 90, 180, 365], [2, 6, 10, 18])
    assert limits.new_days == 60


@pytest.mark.parametrize("role", ["gestor", "vendedor"])
def test_only_an_admin_decides(client: TestClient, warehouse: Warehouse, role: str) -> None:
    who = cookies(warehouse, role)

    assert client.get("/ajustes", headers=who).status_code == 403
    assert client.post("/ajustes/funis", data={"pipeline": ["2"]}, headers=who).status_code == 403
    assert client.post("/ajustes/limites", data=FORM, headers=who).status_code == 403
    assert client.post("/ajustes/rfv", data=GRID, headers=who).status_code == 403
