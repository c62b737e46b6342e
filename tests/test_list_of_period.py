"""The list with a period's revenue: every page, in every order, equals a list that is made and sorted in Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from test_reports import ZONE, Deal, chosen, fill, local

from carteira.customer_sales import customers
from carteira.customer_sales.customers import COUNTED, Customer, Filters, Order
from carteira.customer_sales.period import Period
from carteira.customer_sales.rebuild import rebuild
from carteira.customer_sales.sight import EVERYTHING
from carteira.warehouse.connection import Connection, Warehouse

AUTUMN = Period(date(2026, 9, 10), date(2026, 11, 20))
PAGE = 7
# Who bought for nothing, for less, and for so little that his average is nothing.
ODD = [
    Deal(8001, 61, Decimal(0), local(AUTUMN.first)),
    Deal(8002, 62, Decimal(-5), local(AUTUMN.first)),
    *(Deal(8010 + step, 63, Decimal("0.01") if step else Decimal(0), local(AUTUMN.last)) for step in range(2)),
    *(Deal(8020 + step, 63, Decimal(0), local(AUTUMN.last)) for step in range(9)),
    # More than a page of those who gave money back.
    *(Deal(8030 + step, 70 + step, Decimal(-step), local(AUTUMN.last)) for step in range(2 * PAGE)),
    Deal(8090, 64, Decimal(9), local(date(2025, 1, 1))),
]

Counted = tuple[Decimal, int, Decimal]


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    with warehouse.transaction() as connection, connection.cursor() as cursor:
        fill(connection)
        cursor.executemany(
            "insert into customers (customer_id, name, name_key, kind, state) values (%s, %s, %s, 'company', 'SP')",
            [(number, f"Ímpar {number}", f"impar {number}") for number in range(61, 90)],
        )
        cursor.executemany(
            "insert into sales (deal_id, customer_id, total, closed_at, status) values (%s, %s, %s, %s, 'won')",
            [(deal.deal_id, deal.customer_id, deal.total, deal.closed_at) for deal in ODD],
        )
        rebuild(connection, datetime(2026, 11, 24, 12, tzinfo=UTC))
    return warehouse


def counted() -> dict[int, Counted]:
    """Revenue, sales and average of the period by customer; zeros for the others."""
    sold: dict[int, list[Decimal]] = {number: [] for number in range(1, 90)}
    for deal in [*chosen(EVERYTHING, AUTUMN), *(deal for deal in ODD if deal.deal_id < 8090)]:
        if deal.customer_id in sold:
            sold[deal.customer_id].append(deal.total or Decimal(0))
    return {number: _summed(amounts) for number, amounts in sold.items()}


def _summed(amounts: list[Decimal]) -> Counted:
    revenue = sum(amounts, Decimal(0))
    average = revenue / len(amounts) if amounts else Decimal(0)
    return revenue, len(amounts), average.quantize(Decimal("0.01"), ROUND_HALF_UP)


def pages(connection: Connection, filters: Filters, sort: str, order: Order) -> list[Customer]:
    found: list[Customer] = []
    for number in range(1, 14):
        listing = customers.listing(
            connection, EVERYTHING, ZONE, filters, sort=sort, order=order, limit=PAGE, page=number
        )
        found += listing.rows
    assert len(found) == listing.total
    assert listing.revenue == sum(row.total_revenue for row in found)
    return found


def keyed(sort: str) -> Callable[[Customer], Any]:
    sums = counted()
    return lambda row: sums[row.customer_id][COUNTED[sort] - 3]


FILTERS = {
    "all": Filters(period=AUTUMN),
    "of one state": Filters(period=AUTUMN, states=("SP",)),
    "searched": Filters(period=AUTUMN, search="cliente 1"),
    "with sales": Filters(period=AUTUMN, with_sales=True),
    "without": Filters(period=AUTUMN, with_sales=False),
    "of a minimum": Filters(period=AUTUMN, minimum=Decimal("0.01")),
}


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", list(COUNTED))
def test_pages_sorted_by_what_a_period_counts(filled: Warehouse, filters: Filters, sort: str, order: Order) -> None:
    """Who bought nothing stands between who bought and who gave money back."""
    with filled.transaction() as connection:
        found = pages(connection, filters, sort, order)
        key = keyed(sort)
        assert found == sorted(sorted(found, key=lambda row: row.customer_id), key=key, reverse=order == "desc")
        everybody = {
            row.customer_id
            for row in pages(connection, Filters(states=filters.states, search=filters.search), sort, order)
        }
    sums = counted()
    bought = {number for number in everybody if sums[number][1]}
    enough = {number for number in everybody if filters.minimum is None or sums[number][0] >= filters.minimum}
    meant = {None: everybody, True: bought, False: everybody - bought}[filters.with_sales] & enough
    assert {row.customer_id for row in found} == meant
    assert [(row.total_revenue, row.total_deals, row.average_deal_value) for row in found] == [
        sums[row.customer_id] for row in found
    ]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", sorted(set(customers.SORTS) - set(COUNTED)))
def test_an_order_that_no_period_changes_is_that_of_always(filled: Warehouse, sort: str, order: Order) -> None:
    """Only the sums are others."""
    with filled.transaction() as connection:
        always = pages(connection, Filters(states=("SP",)), sort, order)
        found = pages(connection, Filters(states=("SP",), period=AUTUMN), sort, order)
    sums = counted()
    assert [row.customer_id for row in found] == [row.customer_id for row in always]
    assert [(row.total_revenue, row.total_deals, row.average_deal_value) for row in found] == [
        sums[row.customer_id] for row in found
    ]


def test_json_has_the_same_rows(filled: Warehouse) -> None:
    asked = {"sort": "total_revenue", "order": "desc", "limit": PAGE, "page": 3}
    with filled.transaction() as connection:
        rows, total = customers.figures(connection, EVERYTHING, ZONE, Filters(period=AUTUMN), **asked)
        listing = customers.listing(connection, EVERYTHING, ZONE, Filters(period=AUTUMN), **asked)
    assert total == listing.total
    assert [row[:6] for row in rows] == [
        (
            one.customer_id,
            one.customer_name,
            one.customer_cnpj,
            one.total_revenue,
            one.total_deals,
            one.average_deal_value,
        )
        for one in listing.rows
    ]
