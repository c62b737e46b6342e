"""Several statements in one round trip: one snapshot, values in their places, and a connection that stays good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from carteira.warehouse.connection import Warehouse
from carteira.web.app import open_pool

pytestmark = pytest.mark.every_postgres

HOSTILE = "a'b\\c%s%%;drop table sales;--\"ü"


@pytest.fixture
def pooled(warehouse: Warehouse) -> Iterator[Warehouse]:
    with open_pool(warehouse.dsn) as pool:
        yield replace(warehouse, pool=pool)


def test_each_statement_has_its_rows(pooled: Warehouse) -> None:
    numbers = "select n from generate_series(1, %(last)s) n;\n"

    assert pooled.at_once((numbers, {"last": 3}), (numbers, {"last": 0}), ("select %(text)s", {"text": HOSTILE})) == [
        [(1,), (2,), (3,)],
        [],
        [(HOSTILE,)],
    ]


def test_they_see_the_same_rows(pooled: Warehouse) -> None:
    """Whoever writes between two of them is seen by neither: one snapshot, and nothing can be written in it."""
    look = "select txid_current_if_assigned(), pg_current_snapshot()::text, current_setting('transaction_isolation')"
    first, second = pooled.at_once((look, {}), ("select pg_sleep(0.01)", {}), (look, {}))[::2]
    assert first == second and first[0][2] == "repeatable read"
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        pooled.at_once(("delete from sales", {}))


def test_names_lead_to_the_schema(pooled: Warehouse) -> None:
    with pooled.transaction() as connection:
        connection.execute('create schema "Other ""one"; create table "Other ""one".sales as select 7 as n')
    other = replace(pooled, schema='Other "one')

    assert other.at_once(("select n from sales", {})) == [[(7,)]]
    assert pooled.at_once(("select count(*) from sales", {})) == [[(0,)]]


def test_a_fault_leaves_the_connection_good(pooled: Warehouse) -> None:
    for _ in range(20):
        with pytest.raises(psycopg.errors.DivisionByZero):
            pooled.at_once(("select 1", {}), ("select 1 / %(n)s", {"n": 0}), ("select 2", {}))

    assert pooled.at_once(("select 1", {})) == [[(1,)]]
    with pooled.transaction() as connection:
        connection.execute("create table written (n int)")
