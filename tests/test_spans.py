"""What customers bought in a period is what their deals say, whichever spans are kept, stale or missing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as profile
from test_days import KOLKATA, NOBODY
from test_publish import NOW, Publisher, deal
from test_reports import SELLER, TODAY, ZONE, fill

from carteira.customer_sales import company, customers, rebuild, reports, spans
from carteira.customer_sales.customers import Filters
from carteira.customer_sales.period import LATEST, Period, add_months
from carteira.customer_sales.sight import EVERYTHING, Sight
from carteira.records import Rejection
from carteira.warehouse import publish
from carteira.warehouse.connection import Connection, Warehouse

pytestmark = pytest.mark.every_postgres

FIRST = TODAY - timedelta(days=760)
ALWAYS = Period(FIRST, TODAY + timedelta(days=40))
LAST_YEAR = Period(date(2025, 1, 1), date(2025, 12, 31))
QUARTERS = [add_months(date(2024, 7, 1), 3 * number) for number in range(12)]
# Some days, and many a first or last one of a quarter.
every_day = st.integers(0, ALWAYS.days - 1).map(lambda step: FIRST + timedelta(days=step))
ends = st.one_of(
    every_day, st.sampled_from(QUARTERS), st.sampled_from(QUARTERS).map(lambda day: day - timedelta(days=1))
)
periods = st.tuples(ends, ends).map(lambda both: Period(min(both), max(both)))
any_filters = st.builds(
    Filters,
    period=periods,
    search=st.sampled_from(["", "cliente 1"]),
    with_sales=st.sampled_from([None, True, False]),
    states=st.sampled_from([(), ("SP",)]),
    minimum=st.sampled_from([None, Decimal(5000)]),
)


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    """Two years of deals, and every quarter and year of them kept."""
    with warehouse.transaction() as connection:
        fill(connection)
        connection.execute("update customers set name_key = lower(name)")
        rebuild.rebuild(connection, datetime(2026, 11, 24, tzinfo=UTC))
    assert spans.refresh(warehouse, ZONE, TODAY, least_deals=0) > 10
    return warehouse


@pytest.fixture
def connection(filled: Warehouse) -> Iterator[Connection]:
    with filled.transaction() as connection:
        yield connection


def bought(connection: Connection, period: Period, sight: Sight = EVERYTHING, zone: Any = ZONE) -> list[Any]:
    found = spans.bought(connection, period, zone, sight)
    statement = found.over("select customer_id, revenue, sales from customer_spans order by customer_id")
    return connection.execute(statement, found.parameters).fetchall()


def by_deals(connection: Connection, period: Period, sight: Sight = EVERYTHING, zone: Any = ZONE) -> list[Any]:
    since, until = period.instants(zone)
    return sorted(spans.queries.bought(connection, since=since, until=until, **sight.parameters))


def assert_same(connection: Connection, period: Period, sight: Sight = EVERYTHING, zone: Any = ZONE) -> list[Any]:
    found = bought(connection, period, sight, zone)
    assert found == by_deals(connection, period, sight, zone)
    return found


def spoil(connection: Connection, of: str = "true") -> None:
    """Whoever reads these spans reads what no deal says."""
    connection.execute(
        "update customer_spans set sales = sales + 1000 from sales_spans k"
        f" where k.span_id = customer_spans.span_id and {of}"
    )


@given(period=periods)
@example(Period(date(2199, 11, 30), LATEST))
def test_spans_and_edges_are_the_period(period: Period) -> None:
    """Each day of the period once, and every other day as often as it is taken away."""
    covered = spans.cover(period)
    if covered is None:
        return
    counted: dict[date, int] = {}
    for part, sign in [(span, 1) for span in covered.spans] + covered.edges:
        for step in range(part.days):
            day = part.first + timedelta(days=step)
            counted[day] = counted.get(day, 0) + sign
    assert {day for day, times in counted.items() if times} == {
        period.first + timedelta(days=step) for step in range(period.days)
    }
    assert set(counted.values()) <= {0, 1}
    assert all(edge.days <= 46 for edge, _ in covered.edges)


def test_a_short_period_has_no_span_and_a_year_is_one() -> None:
    assert spans.cover(Period(TODAY - timedelta(days=30), TODAY)) is None
    assert spans.cover(LAST_YEAR) == spans.Cover([LAST_YEAR], [])


@profile(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    period=periods,
    sight=st.sampled_from([EVERYTHING, SELLER, NOBODY]),
    stale=st.sets(st.integers(0, 13)),
    missing=st.sets(st.integers(0, 13)),
    zone=st.sampled_from([ZONE, KOLKATA]),
)
def test_spans_and_deals_say_the_same(
    connection: Connection, period: Period, sight: Sight, stale: set[int], missing: set[int], zone: Any
) -> None:
    """Whatever is asked, by whomever, in whatever zone; and a span that is stale is not believed."""
    with connection.transaction(force_rollback=True):
        ids = [span_id for (span_id,) in connection.execute("select span_id from sales_spans order by span_id")]
        some = [[ids[number] for number in numbers if number < len(ids)] for numbers in (stale, missing)]
        connection.execute("update sales_spans set stale = true where span_id = any(%s)", [some[0]])
        connection.execute("delete from sales_spans where span_id = any(%s)", [some[1]])
        spoil(connection, "stale")
        assert_same(connection, period, sight, zone)


def test_the_spans_are_what_is_read(connection: Connection) -> None:
    """By the list and by the biggest customers of the Painel; not by a seller, whose sight is narrower."""
    spoil(connection)
    for period in (LAST_YEAR, ALWAYS):
        top = reports.top_customers(connection, period, 1, ZONE, EVERYTHING)
        listed = customers.listing(connection, EVERYTHING, ZONE, Filters(period=period))
        assert top[0].sales > 1000
        assert listed.deals > 1000 * 20
    assert reports.top_customers(connection, LAST_YEAR, 1, ZONE, SELLER)[0].sales < 1000


@profile(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    filters=any_filters,
    sort=st.sampled_from(["total_revenue", "total_deals", "average_deal_value", "customer_name", "last_purchase_date"]),
    order=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 70),
    kept=st.booleans(),
    grouped=st.booleans(),
)
def test_every_page_of_a_list_is_the_same(
    connection: Connection, filters: Filters, sort: str, order: Any, limit: int, kept: bool, grouped: bool
) -> None:
    """One page after the other, with the totals found beside the first or kept, are all who match, as by the deals."""
    known: dict[object, Any] = {}

    def once(look: Any, *asked: object) -> Any:
        known[asked] = known[asked] if kept and asked in known else look()
        return known[asked]

    def pages(size: int) -> tuple[list[Any], Any]:
        rows: list[Any] = []
        while True:
            page = len(rows) // size + 1
            found = customers.listing(
                connection, EVERYTHING, ZONE, filters, sort=sort, order=order, limit=size, page=page, grouped=grouped,
                once=once,
            )  # fmt: skip
            rows += found.rows
            if len(found.rows) < size:
                return rows, (found.total, found.revenue, found.deals)

    rows, totals = pages(limit)
    known.clear()
    with connection.transaction(force_rollback=True):
        connection.execute("update sales_spans set stale = true")
        spoil(connection)
        assert pages(500) == (rows, totals)
    assert totals == (
        len(rows),
        sum((row.total_revenue for row in rows), Decimal(0)),
        sum(row.total_deals for row in rows),
    )
    told = list(customers.everyone(connection, EVERYTHING, ZONE, filters, sort=sort, order=order, grouped=grouped))
    assert told == rows


def test_totals_beside_a_page_are_of_all(connection: Connection) -> None:
    """On a page that nobody reaches too."""
    asked = {"sort": "total_revenue", "order": "desc", "limit": 7}
    found, beyond = (
        customers.listing(connection, EVERYTHING, ZONE, Filters(period=LAST_YEAR), page=page, **asked)
        for page in (2, 400)
    )
    assert (found.total, len(found.rows), beyond.rows) == (60, 7, [])
    assert (beyond.total, beyond.revenue, beyond.deals) == (found.total, found.revenue, found.deals)
    assert found.revenue == sum(round(revenue, 2) for _, revenue, _ in by_deals(connection, LAST_YEAR))


def test_an_account_of_few_deals_keeps_no_span(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        fill(connection)
    assert spans.refresh(warehouse, ZONE, TODAY) == 0


def test_only_what_is_wanting_is_added_up(filled: Warehouse) -> None:
    """The newest first; a new quarter when it comes."""
    assert spans.refresh(filled, ZONE, TODAY, least_deals=0) == 0
    with filled.transaction() as connection:
        connection.execute("update sales_spans set stale = true where since in (select max(since) from sales_spans)")
    assert spans.refresh(filled, ZONE, date(2027, 1, 1), least_deals=0) == 3
    assert spans.refresh(filled, ZONE, date(2027, 1, 1), least_deals=0) == 0


def test_what_is_as_it_was_is_not_written_again(filled: Warehouse) -> None:
    """After a full read all is looked at, and little is another."""
    with filled.transaction() as connection:
        connection.execute("update sales_spans set stale = true")
        connection.execute("update sales set total = total + 1 where deal_id = 2")
        before = connection.execute("select pg_current_xact_id()::text::bigint").fetchone()
    assert spans.refresh(filled, ZONE, TODAY, least_deals=0) > 10
    with filled.transaction() as connection:
        written = connection.execute("select count(*) from customer_spans where xmin::text::bigint > %s", before)
        # In its quarter and in its year.
        assert written.fetchone() == (2,)


def test_spans_of_another_time_zone_take_the_place_of_all(filled: Warehouse) -> None:
    spans.refresh(filled, KOLKATA, TODAY, least_deals=0)
    with filled.transaction() as connection:
        assert_same(connection, LAST_YEAR)
        spoil(connection)
        assert bought(connection, LAST_YEAR) == by_deals(connection, LAST_YEAR)
        assert bought(connection, LAST_YEAR, zone=KOLKATA) != by_deals(connection, LAST_YEAR, zone=KOLKATA)


def test_spans_are_not_good_under_another_rule(filled: Warehouse) -> None:
    with filled.transaction() as connection:
        before = assert_same(connection, LAST_YEAR)
        company.leave_out(connection, [31], ZONE.key)
        after = assert_same(connection, LAST_YEAR)
        assert after != before
    assert spans.refresh(filled, ZONE, TODAY, least_deals=0) > 10
    with filled.transaction() as connection:
        assert assert_same(connection, LAST_YEAR) == after
        connection.execute("update sync_state set usual_currency_id = 2")
        assert assert_same(connection, LAST_YEAR) != after


def test_nobody_adds_up_beside_a_writer(filled: Warehouse) -> None:
    """He would not see what the writer is about to commit, and call the span good after it."""
    with filled.transaction() as connection:
        connection.execute("update sales_spans set stale = true")
    with ThreadPoolExecutor(1) as pool:
        with filled.transaction() as writer:
            publish.alone(writer)
            adding = pool.submit(spans.refresh, filled, ZONE, TODAY, least_deals=0)
            while not writer.execute("select 1 from pg_locks where locktype = 'advisory' and not granted").fetchone():
                assert not adding.done()
            writer.execute("update sales set total = total + 1 where closed_at is not null")
        assert adding.result() > 10
    with filled.transaction() as connection:
        assert_same(connection, ALWAYS)


def test_it_stops_when_asked(filled: Warehouse) -> None:
    with filled.transaction() as connection:
        connection.execute("update sales_spans set stale = true")
    asked = iter([False, False, True])
    assert spans.refresh(filled, ZONE, TODAY, least_deals=0, stopping=asked.__next__) == 2


def test_whoever_writes_deals_adds_up_their_customers_anew(warehouse: Warehouse) -> None:
    """Amount, date, customer, status; a deal that is gone, rejected or back; and every span stays good."""
    day, months = timedelta(days=1), timedelta(days=100)
    publisher = Publisher(warehouse)
    publisher.stage(
        *(deal(number, customer_id=number % 4, closed_at=NOW - number * months / 3) for number in range(1, 13))
    )
    publisher.publish(full=True)
    spans.refresh(warehouse, ZONE, NOW.date(), least_deals=0)
    publisher.stage(
        deal(1, customer_id=1, total=Decimal("10.01"), closed_at=NOW - months / 3, updated_at=NOW + day),
        deal(2, customer_id=2, closed_at=NOW - 4 * months, updated_at=NOW + day),
        deal(3, customer_id=9, closed_at=NOW - months, updated_at=NOW + day),
        deal(5, customer_id=1, status_id=3, closed_at=NOW - 5 * months / 3, updated_at=NOW + day),
        deal(6, customer_id=2, closed_at=None, updated_at=NOW + day),
        Rejection("deals", 7, "Amount", "no number", "{}"),
        gone=[("deals", 4), ("deals", 8)],
    )
    publisher.publish()
    assert_kept_up(warehouse)
    publisher.stage(deal(4, customer_id=4, updated_at=NOW + 2 * day), deal(7, customer_id=3, updated_at=NOW + 2 * day))
    publisher.publish()
    assert_kept_up(warehouse)


def assert_kept_up(warehouse: Warehouse) -> None:
    year, quarters = (
        Period(date(2026, 1, 1), date(2026, 12, 31)),
        [Period(a, b - timedelta(days=1)) for a, b in pairwise(QUARTERS)],
    )
    with warehouse.transaction() as connection:
        assert connection.execute("select count(*) from sales_spans where stale").fetchone() == (0,)
        for period in [year, LAST_YEAR, *quarters]:
            assert_same(connection, period)
        assert connection.execute("select count(*) from customer_spans where sales = 0").fetchone() == (0,)


def test_a_full_read_and_a_rebuild_of_all_mark_every_span(filled: Warehouse) -> None:
    with filled.transaction() as connection:
        rebuild.rebuild(connection, datetime(2026, 11, 24, tzinfo=UTC))
        assert connection.execute("select bool_and(stale) from sales_spans").fetchone() == (True,)
    spans.refresh(filled, ZONE, TODAY, least_deals=0)
    publisher = Publisher(filled)
    publisher.stage(deal(1))
    publisher.publish(full=True)
    with filled.transaction() as connection:
        assert connection.execute("select bool_and(stale) from sales_spans").fetchone() == (True,)
