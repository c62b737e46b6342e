"""The customer list, asked of a real PostgreSQL: who is found, in which order, and whose figures they are."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from zoneinfo import ZoneInfo

import dashboard
import pytest
from dashboard import ANA, BRUNO

from carteira.customer_sales import customers
from carteira.customer_sales.customers import SORTS, Company, Filters, Listing
from carteira.customer_sales.period import Period, parse
from carteira.customer_sales.rebuild import rebuild
from carteira.customer_sales.sight import EVERYTHING, Sight, of
from carteira.warehouse.connection import Warehouse

ZONE = ZoneInfo("America/Sao_Paulo")
NOTHING = Filters()
HERS = Sight(sees_all=False, owner_id=ANA)


@pytest.fixture
def published(warehouse: Warehouse) -> Warehouse:
    dashboard.publish(warehouse)
    return warehouse


def listed(warehouse: Warehouse, filters: Filters = NOTHING, sight: Sight = EVERYTHING, **page: object) -> Listing:
    with warehouse.transaction(snapshot=True) as connection:
        return customers.listing(connection, sight, ZONE, filters, **page)  # type: ignore[arg-type]


def ids(listing: Listing) -> list[int]:
    return [row.customer_id for row in listing.rows]


@pytest.mark.every_postgres
def test_the_list_holds_everyone_by_revenue_with_exact_totals(published: Warehouse) -> None:
    """Ties are in the order of customer_id; what a double cannot hold is summed to the cent."""
    found = listed(published)

    assert ids(found) == [1, 2, 3, 4, 5, 6]
    assert found.rows[0].total_revenue == Decimal("90071992547909.93")
    assert (found.total, found.revenue, found.deals) == (6, Decimal("90071992548979.93"), 6)


SEARCHES = {
    "padaria": [1],
    "  SÃO JOAO ": [1],
    "conceicao": [3],
    "açougue": [2],
    "11.222.333/0001-81": [1],
    "222333": [1],
    "12.abc.345": [2],
    "529.982.247-25": [3],
    "%": [5],
    "_": [5],
    "100%_C": [5],
    "\\": [],
    "' or 1=1 --": [],
    "\0": [1, 2, 3, 4, 5, 6],
    "81": [],
    "ninguém": [],
}


def test_search_finds_names_without_accents_and_documents_without_mask(published: Warehouse) -> None:
    assert {search: ids(listed(published, Filters(search=search))) for search in SEARCHES} == SEARCHES


def test_filters_narrow(published: Warehouse) -> None:
    expected = {
        Filters(with_sales=True): [1, 2, 3, 5],
        Filters(with_sales=False): [4, 6],
        Filters(owner=BRUNO): [2, 5, 6],
        Filters(states=("PE", "RJ")): [3, 6],
        Filters(city="Campinas"): [2],
        Filters(minimum=Decimal("1000.00")): [1, 2],
        Filters(minimum=Decimal("1000.01")): [1],
        Filters(search="a", states=("SP",), owner=ANA): [1],
    }

    assert {filters: ids(listed(published, filters)) for filters in expected} == expected


@pytest.mark.every_postgres
def test_a_period_counts_the_sales_of_its_local_days(published: Warehouse) -> None:
    """02:30 UTC is still the evening before in São Paulo; what is not of the period stays as it always was."""
    expected = {
        "2026-09-30..2026-09-30": ("90071992547409.91", 1, "90071992547409.91"),
        "2026-10-01..2026-10-01": ("0.02", 1, "0.02"),
        "2026-09-30..2026-11-10": ("90071992547909.93", 3, "30023997515969.98"),
        "2026-11-11..2026-11-30": ("0.00", 0, "0.00"),
    }

    for text, figures in expected.items():
        row = next(row for row in listed(published, Filters(period=parse(text))).rows if row.customer_id == 1)
        assert (str(row.total_revenue), row.total_deals, str(row.average_deal_value)) == figures
        assert row.first_purchase_date == datetime(2026, 10, 1, 2, 30, tzinfo=UTC)


def test_with_sales_means_in_the_period(published: Warehouse) -> None:
    november = Period(date(2026, 11, 1), date(2026, 11, 30))

    assert ids(listed(published, Filters(period=november, with_sales=True))) == [2, 1]


def test_a_vendedor_sees_his_customers_by_his_own_deals(published: Warehouse) -> None:
    """Bruno's sale to Ana's customer counts for nobody but those who see all."""
    found = listed(published, sight=HERS)

    assert ids(found) == [1, 3]
    assert found.rows[0].total_revenue == Decimal("90071992547409.93")
    assert (found.rows[0].total_deals, found.rows[1].open_deals) == (2, 1)
    assert found.revenue == Decimal("90071992547479.93")


def test_a_vendedor_has_periods_and_filters_too(published: Warehouse) -> None:
    october = Filters(period=Period(date(2026, 10, 1), date(2026, 10, 31)), with_sales=True)

    found = listed(published, october, sight=HERS)

    assert [(row.customer_id, row.total_revenue) for row in found.rows] == [(1, Decimal("0.02"))]
    assert ids(listed(published, Filters(owner=BRUNO), sight=HERS)) == []


def test_a_vendedor_who_is_no_owner_sees_nothing(published: Warehouse) -> None:
    """Customer 4 has no owner either: that does not make it his."""
    assert listed(published, sight=of("vendedor", None)).total == 0


def test_one_customer_is_seen_as_in_the_list(published: Warehouse) -> None:
    with published.transaction(snapshot=True) as connection:
        for sight in (EVERYTHING, HERS):
            in_list = customers.listing(connection, sight, ZONE, Filters())
            assert [customers.customer(connection, sight, row.customer_id) for row in in_list.rows] == in_list.rows
        assert customers.customer(connection, HERS, 2) is None
        assert customers.customer(connection, EVERYTHING, 99) is None


def test_deals_are_shown_with_the_customer_or_not_at_all(published: Warehouse) -> None:
    with published.transaction(snapshot=True) as connection:
        assert [deal.deal_id for deal in customers.deals(connection, EVERYTHING, 1)] == [12, 11, 10]
        assert [deal.deal_id for deal in customers.deals(connection, HERS, 1)] == [11, 10]
        assert customers.deals(connection, Sight(sees_all=False, owner_id=BRUNO), 1) == []


@pytest.mark.every_postgres
def test_pages_in_any_order_hold_everyone_once(published: Warehouse) -> None:
    for sort, order in product(SORTS, ("asc", "desc")):
        pages = [listed(published, sort=sort, order=order, limit=2, page=page) for page in (1, 2, 3, 4)]
        paged = [customer_id for page in pages for customer_id in ids(page)]

        assert sorted(paged) == [1, 2, 3, 4, 5, 6], (sort, order)
        assert paged == ids(listed(published, sort=sort, order=order)), (sort, order)
        assert [page.total for page in pages] == [6] * 4, "beyond the end too"


def test_what_is_not_known_comes_last_in_both_directions(published: Warehouse) -> None:
    assert ids(listed(published, sort="last_purchase_date", order="desc")) == [1, 2, 3, 4, 5, 6]
    assert ids(listed(published, sort="last_purchase_date", order="asc")) == [3, 2, 1, 4, 5, 6]


def test_names_are_sorted_without_accents_and_case(published: Warehouse) -> None:
    assert ids(listed(published, sort="customer_name", order="asc")) == [4, 5, 6, 2, 3, 1]


def test_rows_of_an_older_system_are_listed_before_the_first_full_read(warehouse: Warehouse) -> None:
    """They have no contact yet: they are found by name and document, and sorted by name."""
    with warehouse.transaction() as connection:
        connection.execute(
            "insert into customer_sales (customer_id, customer_name, customer_cnpj, total_revenue, total_deals)"
            " values (1, 'Zebra', '11222333000181', 10, 1), (2, 'Abelha', null, 20, 1)"
        )

    assert ids(listed(warehouse)) == [2, 1]
    assert ids(listed(warehouse, sort="customer_name", order="asc")) == [2, 1]
    assert ids(listed(warehouse, Filters(search="ZEB"))) == [1]
    assert ids(listed(warehouse, Filters(search="11.222.333"))) == [1]
    assert ids(listed(warehouse, sight=HERS)) == []


def test_everyone_is_the_list_without_its_pages(published: Warehouse) -> None:
    filters = Filters(states=("SP",))
    with published.transaction(snapshot=True) as connection:
        everyone = list(customers.everyone(connection, EVERYTHING, ZONE, filters, sort="customer_name", order="asc"))
        nobody = list(customers.everyone(connection, EVERYTHING, ZONE, Filters(search="ninguém")))

    assert everyone == listed(published, filters, sort="customer_name", order="asc").rows
    assert nobody == []


def test_the_first_page_is_read_from_an_index(published: Warehouse) -> None:
    """At 200,000 customers the page must not be sorted out of all of them."""
    with published.transaction() as connection:
        connection.execute(
            "insert into customer_sales (customer_id, total_revenue) select n, n from generate_series(1000, 6000) n"
        )
        connection.execute(
            "insert into customers (customer_id, name_key, kind) select n, 'k' || n, 'company'"
            " from generate_series(1000, 6000) n"
        )
        connection.execute("analyze customer_sales, customers")
        for sort, index in (("total_revenue", "customer_sales_by_revenue"), ("customer_name", "customers_by_name")):
            asked = customers.question(
                connection, EVERYTHING, ZONE, Filters(), sort=sort, order="desc", limit=50, offset=0
            )
            plan = connection.execute(f"explain {asked.page}", asked.parameters).fetchall()
            assert any(index in line for (line,) in plan), plan
        asked = customers.question(
            connection,
            EVERYTHING,
            ZONE,
            NOTHING,
            sort="total_revenue",
            order="desc",
            limit=50,
            offset=0,
            grouped=True,
            shared=["11222333", "11222444"],
        )
        plan = connection.execute(f"explain {asked.page}", asked.parameters).fetchall()
        assert any("customer_sales_by_revenue" in line for (line,) in plan), plan


@pytest.fixture
def branches(published: Warehouse) -> Warehouse:
    """A branch of customer 1, which is somebody else's, and one that never bought."""
    with published.transaction() as connection:
        connection.execute("update customers set cnpj_root = left(cnpj, 8)")
        for customer_id, name, cnpj, owner_id, state in (
            (7, "Padaria Filial", "11222333000262", BRUNO, "SP"),
            (8, "Açougue Filial", "11222333000343", ANA, "RJ"),
        ):
            connection.execute(
                "insert into customers (customer_id, name, name_key, kind, cnpj, cnpj_root, owner_id, state)"
                " values (%s, %s, lower(%s), 'company', %s, left(%s, 8), %s, %s)",
                (customer_id, name, name, cnpj, cnpj, owner_id, state),
            )
        connection.execute(
            "insert into sales (deal_id, customer_id, status, total, owner_id, closed_at)"
            " values (700, 7, 'won', 0.03, %s, '2026-11-12T12:00Z'), (701, 7, 'lost', 5, %s, '2026-11-12T12:00Z')",
            (BRUNO, BRUNO),
        )
        rebuild(connection, datetime(2026, 11, 24, 11, tzinfo=UTC))
    return published


def grouped(
    warehouse: Warehouse, filters: Filters = NOTHING, sight: Sight = EVERYTHING, **page: object
) -> list[Company]:
    rows = listed(warehouse, filters, sight, grouped=True, **page).rows
    return [row for row in rows if isinstance(row, Company)]


@pytest.mark.every_postgres
def test_a_group_adds_up_who_shares_a_cnpj_root(branches: Warehouse) -> None:
    first, *others = grouped(branches)

    assert (first.customer_id, first.customer_cnpj, list(first.members)) == (1, "11222333", [1, 7, 8])
    assert (first.total_revenue, first.total_deals, first.lost_deals) == (Decimal("90071992547909.96"), 4, 1)
    assert first.average_deal_value == Decimal("22517998136977.49")
    assert first.last_purchase_date == datetime(2026, 11, 12, 12, tzinfo=UTC)
    assert (first.owner_name, first.state, first.city) == (None, None, "São Paulo")
    assert [row.customer_id for row in others] == [2, 3, 4, 5, 6]
    alone = [row for row in listed(branches).rows if row.customer_id in (2, 3, 4, 5, 6)]
    assert [row.total_revenue for row in others] == [row.total_revenue for row in alone]
    assert [(row.customer_cnpj, row.document_raw) for row in others] == [
        (row.customer_cnpj, row.document_raw) for row in alone
    ]


@pytest.mark.every_postgres
def test_groups_have_the_totals_of_their_customers(branches: Warehouse) -> None:
    """Whatever is asked for: the same money, and as many groups as there are roots and customers without one."""
    asked = [
        (NOTHING, EVERYTHING, 6),
        (NOTHING, HERS, 3 - 1),
        (Filters(states=("RJ",)), EVERYTHING, 2),
        (Filters(search="filial"), EVERYTHING, 1),
        (Filters(root="11222333"), EVERYTHING, 1),
        (Filters(period=Period(date(2026, 11, 1), date(2026, 11, 30)), with_sales=True), EVERYTHING, 2),
    ]
    for filters, sight, groups in asked:
        flat, found = listed(branches, filters, sight), listed(branches, filters, sight, grouped=True)
        assert (found.total, found.revenue, found.deals) == (groups, flat.revenue, flat.deals), filters
        rows = grouped(branches, filters, sight)
        assert len(rows) == groups
        assert sum(row.total_revenue for row in rows) == flat.revenue
        assert sorted(member for row in rows for member in row.members) == sorted(ids(flat))


def test_a_group_is_opened_by_its_root(branches: Warehouse) -> None:
    assert ids(listed(branches, Filters(root="11222333"))) == [1, 7, 8]
    assert ids(listed(branches, Filters(root="11222333"), HERS)) == [1, 8]


def test_groups_come_in_pages_in_any_order(branches: Warehouse) -> None:
    for sort, order in product(SORTS, ("asc", "desc")):
        pages = [grouped(branches, sort=sort, order=order, limit=4, page=page) for page in (1, 2, 3)]
        paged = [row.customer_id for page in pages for row in page]

        assert sorted(paged) == [1, 2, 3, 4, 5, 6], (sort, order)
        assert paged == [row.customer_id for row in grouped(branches, sort=sort, order=order)], (sort, order)
    with branches.transaction(snapshot=True) as connection:
        everyone = list(customers.everyone(connection, EVERYTHING, ZONE, NOTHING, grouped=True))
    assert everyone == grouped(branches)
