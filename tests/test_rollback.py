"""The two ways back of docs/operations.md, as an operator walks them: command by command."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from oracle import assert_agrees
from world import settings_for

from carteira.cli import main
from carteira.simulator.server import Simulator
from carteira.warehouse.connection import Warehouse

pytestmark = pytest.mark.every_postgres

OLDER = """
    create table customer_sales (customer_id integer primary key, customer_name text not null, cnpj text,
        total_revenue decimal(15, 2) default 0, deal_count integer default 0, avg_deal_size decimal(15, 2) default 0,
        last_purchase_date timestamptz, last_sync_at timestamptz default now());
    insert into customer_sales values (7, 'José da Silva', '12345678909', 0.10, 1, 0.10, null, '2025-10-02');
    create table sales (id serial primary key, customer_id integer, total numeric, status text);
    insert into sales (customer_id, total, status) values (7, 0.10, 'won');
"""


@dataclass
class Upgraded:
    """An installation that took over what the older system had, and synced."""

    warehouse: Warehouse
    ploomes: Simulator
    before: dict[str, list[Any]]

    def older(self) -> dict[str, list[Any]]:
        with self.warehouse.transaction() as connection:
            return {
                table: connection.execute(f"select row_to_json(t)::text from {table} t order by 1").fetchall()
                for table in ("customer_sales", "sales")
            }

    def spoil(self, statement: str) -> None:
        with self.warehouse.transaction() as connection:
            connection.execute(statement)


@pytest.fixture
def upgraded(
    database: str, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Upgraded]:
    warehouse = Warehouse(database)
    found = Upgraded(warehouse, simulator, {})
    found.spoil(OLDER)
    found.before = found.older()
    settings = settings_for(simulator, warehouse, tmp_path)
    assert settings.database_url
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", settings.database_url.reveal())
    monkeypatch.setenv("PLOOMES_API_KEY", simulator.key)
    monkeypatch.setenv("PLOOMES_BASE_URL", simulator.url)
    monkeypatch.setenv("PLOOMES_REQUESTS_PER_MINUTE", "100000")
    assert main(["sync"]) == 8, "it took over tables that it was not told to"
    assert main(["db", "upgrade"]) == 0
    assert main(["sync"]) == 0
    assert_agrees(simulator, warehouse)
    yield found


def test_option_a_the_figures_from_what_is_here(upgraded: Upgraded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ploomes is away, and nobody has its key."""
    upgraded.spoil("update customer_sales set total_revenue = 0, total_deals = 99 where customer_id % 2 = 0")
    upgraded.spoil("delete from customer_sales where customer_id % 3 = 0")
    with monkeypatch.context() as away:
        away.delenv("PLOOMES_API_KEY")
        away.setenv("PLOOMES_BASE_URL", "http://127.0.0.1:1")
        assert main(["rebuild"]) == 0

    assert_agrees(upgraded.ploomes, upgraded.warehouse)


def test_option_a_where_the_sales_are_doubted_too(upgraded: Upgraded) -> None:
    upgraded.spoil("update sales set total = total + 1 where deal_id % 2 = 0")
    upgraded.spoil("update customers set name = 'Ninguém' where customer_id % 2 = 0")

    assert main(["sync", "--full"]) == 0

    assert_agrees(upgraded.ploomes, upgraded.warehouse)


def test_option_b_back_to_the_system_before_and_forth_again(upgraded: Upgraded) -> None:
    """All is as it was, to the row; and whoever comes back later finds all of it again in Ploomes."""
    assert main(["db", "downgrade", "20251002000000"]) == 0
    with upgraded.warehouse.transaction() as connection:
        assert connection.execute("select cnpj, deal_count, avg_deal_size from customer_sales").fetchone()
    assert main(["db", "downgrade", "0"]) == 0
    assert upgraded.older() == upgraded.before
    assert main(["sync"]) == 8

    assert main(["db", "upgrade"]) == 0
    assert main(["sync"]) == 0
    assert_agrees(upgraded.ploomes, upgraded.warehouse)
    assert main(["db", "check"]) == 0


@pytest.mark.parametrize("version", ["20261124000800", "20261124000500"])
def test_option_b_one_version_back_and_forth(upgraded: Upgraded, version: str) -> None:
    """The figures stay where they are meanwhile, and an outdated schema is refused rather than used."""
    assert main(["db", "downgrade", version]) == 0
    assert_agrees(upgraded.ploomes, upgraded.warehouse)
    assert main(["sync"]) == 8

    assert main(["db", "upgrade"]) == 0
    assert main(["sync"]) == 0
    assert main(["db", "check"]) == 0
    assert_agrees(upgraded.ploomes, upgraded.warehouse)
