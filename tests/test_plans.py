"""How the hot paths are read: by an index that holds what they need, never by a look at every deal or customer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carteira.customer_sales import customers, days, rebuild, reports, rhythm
from carteira.customer_sales.customers import Filters
from carteira.customer_sales.period import Period, day_begins
from carteira.customer_sales.sight import EVERYTHING
from carteira.warehouse import publish
from carteira.warehouse.connection import Connection, Warehouse

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 24), "month")
TOUCHED = [7, 77, 777]
# Enough that to read everything is dearer than an index, for whatever planner.
CUSTOMERS, DEALS = 6_000, 60_000


@pytest.fixture
def connection(warehouse: Warehouse) -> Iterator[Connection]:
    with warehouse.transaction() as connection:
        connection.execute(
            "insert into customers (customer_id, name, name_key, kind, owner_id)"
            " select n, 'Cliente ' || n, 'cliente ' || n, 'company', n %% 9 from generate_series(1, %s) n",
            [CUSTOMERS],
        )
        connection.execute(
            "insert into sales (deal_id, customer_id, total, status, owner_id, closed_at)"
            " select n, 1 + n %% %s, n %% 997, case n %% 3 when 0 then 'lost' else 'won' end, n %% 9,"
            " %s::timestamptz - n %% 1500 * interval '1 day' from generate_series(1, %s) n",
            [CUSTOMERS, NOW, DEALS],
        )
        rebuild.rebuild(connection, NOW)
        connection.execute("update sync_state set last_full_at = %s", [NOW])
    with warehouse.connect() as straight:
        straight.execute("vacuum analyze customers, sales, customer_sales, customer_rhythm")
    with warehouse.transaction() as connection:
        yield connection


def plan(connection: Connection, statement: str, parameters: dict[str, Any], *, analyze: bool = False) -> str:
    how = "(analyze, costs off, timing off)" if analyze else ""
    return "\n".join(line for (line,) in connection.execute(f"explain {how} {statement}", parameters))


def assert_reads(found: str, index: str, *, whole: tuple[str, ...] = ("sales", "customers", "customer_sales")) -> None:
    """It uses the index and reads none of these tables as a whole."""
    assert index in found, found
    for table in whole:
        assert f"Seq Scan on {table} " not in found, found


def test_a_period_is_read_from_its_index_alone(connection: Connection) -> None:
    since, until = NOVEMBER.instants(ZONE)
    found = plan(
        connection,
        reports.queries.windows.sql,
        {"starts": [since], "ends": [until], "cuts": [until]} | EVERYTHING.parameters,
    )
    assert_reads(found, "Index Only Scan using sales_closed_by_date")


def test_a_period_of_days_reads_no_deal_where_none_is_wanting(connection: Connection) -> None:
    """The gaps are looked for in the index of dates, of which there are none."""
    kept = [day_begins(NOVEMBER.first + timedelta(days=step), ZONE) for step in range(NOVEMBER.days + 1)]
    days.derive(connection, list(pairwise(kept)), list(pairwise(kept)))
    asked = {"starts": [kept[0]], "ends": [kept[-1]], "cuts": [kept[-1]]} | EVERYTHING.parameters
    found = plan(connection, reports.queries.windows_of_days.sql, asked, analyze=True)
    assert "using sales_closed_by_date on sales s (never executed)" in found, found
    assert_reads(found, "sales_closed_by_date")


def test_the_trend_of_a_page_is_read_from_an_index_alone(connection: Connection) -> None:
    since, until = NOVEMBER.instants(ZONE)
    asked = {"customer_ids": TOUCHED, "starts": [since], "until": until} | EVERYTHING.parameters
    assert_reads(plan(connection, reports.queries.trends.sql, asked), "sales_by_customer")


def test_what_a_run_touched_is_derived_from_its_own_deals(connection: Connection) -> None:
    refresh = rebuild.queries.refresh.sql
    found = plan(connection, refresh, {"customer_ids": TOUCHED, "opened_at": NOW})
    assert_reads(found, "sales_by_customer")


def test_the_days_of_a_contact_who_moves_are_looked_up(connection: Connection) -> None:
    """Every new contact counts as one."""
    found = plan(connection, publish.queries.days_change.sql, {})
    assert_reads(found, "sales_by_customer", whole=("sales", "sales sales_3"))


def test_the_rhythm_of_what_a_run_touched_too(connection: Connection) -> None:
    asked = {"customer_ids": TOUCHED, "timezone": ZONE.key, "day": NOW.date()}
    assert_reads(plan(connection, rhythm.queries.refresh.sql, asked), "sales_by_customer")


@pytest.mark.parametrize(
    ("sort", "order", "index"),
    [("total_revenue", "desc", "revenue"), ("customer_name", "asc", "customers_by_name")],
)
def test_a_page_of_the_list_is_read_in_the_order_of_an_index(
    connection: Connection, sort: str, order: customers.Order, index: str
) -> None:
    asked = customers.question(
        connection, EVERYTHING, ZONE, Filters(), sort=sort, order=order, limit=50, offset=0, figures_only=True
    )
    assert_reads(plan(connection, asked.page, asked.parameters), index)


def test_a_page_of_the_list_of_a_period_looks_up_its_own_deals(connection: Connection) -> None:
    """By name the order is that of always, so that only those who are shown are added up."""
    asked = customers.question(
        connection, EVERYTHING, ZONE, Filters(period=NOVEMBER), sort="customer_name", order="asc", limit=50, offset=0
    )
    found = plan(connection, asked.page, asked.parameters)
    assert_reads(found, "customers_by_name")
    assert_reads(found, "Index Only Scan using sales_by_customer")


def test_companies_of_several_are_looked_up_by_their_roots(connection: Connection) -> None:
    """Hardly any customer shares one."""
    connection.execute("update customers set cnpj_root = lpad((customer_id / 2)::text, 8, '0') where customer_id < 400")
    asked = customers.question(
        connection, EVERYTHING, ZONE, Filters(), sort="total_revenue", order="desc", limit=50, offset=0, grouped=True
    )
    for statement in (asked.totals, asked.page):
        assert_reads(plan(connection, statement, asked.parameters), "customers_by_root", whole=("customers d",))


def test_the_deals_of_a_customer_are_looked_up(connection: Connection) -> None:
    asked = {"customer_id": 7} | EVERYTHING.parameters
    assert_reads(plan(connection, customers.queries.deals_of_customer.sql, asked), "sales_by_customer")
