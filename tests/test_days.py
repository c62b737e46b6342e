"""Figures that are read from the days kept are those that the deals give, whichever days are kept, stale or missing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from test_publish import NOW, Publisher, contact, deal
from test_reports import SELLER, TODAY, ZONE, fill

from carteira.customer_sales import company, days, reports
from carteira.customer_sales.period import Period
from carteira.customer_sales.reports import Figures
from carteira.customer_sales.sight import EVERYTHING, Sight
from carteira.records import Named, Rejection
from carteira.warehouse import forget, publish
from carteira.warehouse.connection import Connection, Warehouse

pytestmark = pytest.mark.every_postgres

NOBODY = Sight(sees_all=False)
FIRST = TODAY - timedelta(days=760)
ALWAYS = Period(FIRST, TODAY + timedelta(days=40))
# Days that begin at another hour, and one that is no whole hour away.
KOLKATA = ZoneInfo("Asia/Kolkata")

every_day = st.integers(0, ALWAYS.days - 1).map(lambda step: FIRST + timedelta(days=step))
periods = st.tuples(every_day, every_day).map(lambda ends: Period(min(ends), max(ends)))
sights = st.sampled_from([EVERYTHING, SELLER, NOBODY])


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    """Two years of deals, and every day of them kept."""
    with warehouse.transaction() as connection:
        fill(connection)
    assert days.refresh(warehouse, ZONE, TODAY, least_deals=0) > 700
    return warehouse


@pytest.fixture
def connection(filled: Warehouse) -> Iterator[Connection]:
    with filled.transaction() as connection:
        yield connection


def figures(connection: Connection, windows: Any, asked: list[Period], sight: Sight, zone: ZoneInfo) -> list[Figures]:
    bounds = [period.instants(zone) for period in asked]
    # A third moment that is now within a day and now at its edge.
    cuts = [until - timedelta(hours=30 * (number % 3)) for number, (_, until) in enumerate(bounds)]
    starts, ends = [since for since, _ in bounds], [until for _, until in bounds]
    return [Figures(*row) for row in windows(connection, starts=starts, ends=ends, cuts=cuts, **sight.parameters)]


def assert_same(connection: Connection, asked: list[Period], sight: Sight, zone: ZoneInfo = ZONE) -> list[Figures]:
    """The deals and the days say the same."""
    found = figures(connection, reports.queries.windows_of_days, asked, sight, zone)
    assert found == figures(connection, reports.queries.windows, asked, sight, zone)
    return found


def assert_same_shares(connection: Connection, asked: list[Period], sight: Sight, zone: ZoneInfo = ZONE) -> None:
    """Of one to three periods, and the ledger and the biggest sales of the first."""
    slots = dict(zip(("now", "before", "last_year"), asked, strict=False))
    bounds = [period.instants(zone) for period in slots.values()]
    starts, ends = [since for since, _ in bounds], [until for _, until in bounds]
    by_days, by_deals = (
        list(shares(connection, slots=list(slots), starts=starts, ends=ends, **sight.parameters))
        for shares in (reports.queries.shares_of_days, reports.queries.shares)
    )
    assert by_days == by_deals
    by_days, by_deals = (
        ledger(connection, since=starts[0], until=ends[0], **sight.parameters)
        for ledger in (reports.queries.ledger_of_days, reports.queries.ledger)
    )
    assert by_days == by_deals
    for limit in (1, 7, 100):
        of_days, of_deals = (
            list(biggest(connection, since=starts[0], until=ends[0], limit=limit, **sight.parameters))
            for biggest in (reports.queries.biggest_sales_of_days, reports.queries.biggest_sales)
        )
        assert of_days == of_deals


@profile(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    asked=st.lists(periods, min_size=1, max_size=5),
    sight=sights,
    stale=st.lists(every_day, max_size=60),
    missing=st.lists(every_day, max_size=60),
    unplaced=st.booleans(),
    zone=st.sampled_from([ZONE, KOLKATA]),
)
def test_days_and_deals_say_the_same(
    connection: Connection,
    asked: list[Period],
    sight: Sight,
    stale: list[date],
    missing: list[date],
    unplaced: bool,
    zone: ZoneInfo,
) -> None:
    """Whatever is asked, by whomever, in whatever zone; and a day that is stale is not believed."""
    with connection.transaction(force_rollback=True):
        of_day = "(since at time zone 'America/Sao_Paulo')::date = any(%s)"
        connection.execute(f"delete from sales_days where {of_day}", [missing])
        connection.execute(f"update sales_days set stale = true where {of_day}", [stale])
        for spoilt in (
            "sums set revenue = revenue + 1, biggest = null",
            "shares set revenue = revenue + 1",
            "ledgers set revenue = 1",
        ):
            connection.execute(f"update sales_day_{spoilt} where since in (select since from sales_days where stale)")
        if unplaced:
            connection.execute(
                "delete from customer_places where customer_id not in"
                " (select unnest(buyers) from sales_day_sums join sales_days using (since) where not stale)"
            )
        assert_same(connection, asked, sight, zone)
        assert_same_shares(connection, asked, sight, zone)


def test_reports_read_the_days(connection: Connection) -> None:
    """Where they are good and most of them are there; else the deals, which take no longer then."""
    connection.execute("update sales_day_sums set lost = lost + 1000")
    asked = [Period(TODAY - timedelta(days=90), TODAY)]
    assert days.are_kept(connection)
    assert reports.figures(connection, asked, TODAY, ZONE, EVERYTHING)[0].lost > 1000
    connection.execute("update sales_days set stale = true where until < %s", [NOW - timedelta(days=365)])
    assert not days.are_kept(connection)
    assert reports.figures(connection, asked, TODAY, ZONE, EVERYTHING)[0].lost < 1000


def test_an_account_of_few_deals_keeps_no_day(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        fill(connection)
    assert days.refresh(warehouse, ZONE, TODAY) == 0
    with warehouse.transaction() as connection:
        assert not days.are_kept(connection)


def test_only_what_is_wanting_is_added_up(filled: Warehouse) -> None:
    assert days.refresh(filled, ZONE, TODAY, least_deals=0) == 0
    with filled.transaction() as connection:
        connection.execute("update sales_days set stale = true where since in (select min(since) from sales_days)")
    assert days.refresh(filled, ZONE, TODAY + timedelta(days=2), least_deals=0) == 3
    assert days.refresh(filled, ZONE, TODAY + timedelta(days=2), least_deals=0) == 0


def test_days_of_another_time_zone_take_the_place_of_all(filled: Warehouse) -> None:
    """Two that overlap would count a deal twice."""
    assert days.refresh(filled, KOLKATA, TODAY, least_deals=0) > 700
    with filled.transaction() as connection:
        overlapping = "select from sales_days a join sales_days b on a.since < b.since and a.until > b.since"
        assert connection.execute(overlapping).fetchone() is None
        assert_same(connection, [ALWAYS], EVERYTHING)
        assert_same(connection, [ALWAYS], EVERYTHING, KOLKATA)


def test_days_are_not_good_under_another_rule(filled: Warehouse) -> None:
    """What counts as a sale has changed, and with it every day; until they are added up again the deals are read."""
    with filled.transaction() as connection:
        before = assert_same(connection, [ALWAYS], EVERYTHING)
        company.leave_out(connection, [31], ZONE.key)
        after = assert_same(connection, [ALWAYS], EVERYTHING)
        assert after[0].revenue < before[0].revenue
    assert days.refresh(filled, ZONE, TODAY, least_deals=0) > 700
    with filled.transaction() as connection:
        assert assert_same(connection, [ALWAYS], EVERYTHING) == after
        assert_same_shares(connection, [ALWAYS], EVERYTHING)
        assert_same_shares(connection, [ALWAYS], SELLER)
        connection.execute("update sync_state set usual_currency_id = 2")
        assert assert_same(connection, [ALWAYS], EVERYTHING) != after


def test_nobody_adds_up_beside_a_writer(filled: Warehouse) -> None:
    """He would not see what the writer is about to commit, and call the day good after it."""
    with filled.transaction() as connection:
        connection.execute("update sales_days set stale = true")
    with ThreadPoolExecutor(1) as pool:
        with filled.transaction() as writer:
            publish.alone(writer)
            adding = pool.submit(days.refresh, filled, ZONE, TODAY, least_deals=0)
            while not writer.execute("select 1 from pg_locks where locktype = 'advisory' and not granted").fetchone():
                assert not adding.done()
            writer.execute("update sales set total = total + 1 where closed_at is not null")
        assert adding.result() > 700
    with filled.transaction() as connection:
        assert_same(connection, [ALWAYS], EVERYTHING)


def test_it_stops_when_asked(filled: Warehouse) -> None:
    with filled.transaction() as connection:
        connection.execute("update sales_days set stale = true")
    asked = iter([False, False, True])
    assert days.refresh(filled, ZONE, TODAY, least_deals=0, stopping=asked.__next__) == 2 * days.AT_ONCE


def test_whoever_writes_deals_marks_their_days(warehouse: Warehouse) -> None:
    """The day that a deal leaves, the one that it comes to, and no other."""
    day = timedelta(days=1)
    publisher = Publisher(warehouse)
    publisher.stage(*(deal(number, closed_at=NOW - number * day) for number in range(1, 7)))
    publisher.publish(full=True)
    days.refresh(warehouse, ZONE, NOW.date(), least_deals=0)
    publisher.stage(
        deal(1, closed_at=NOW - 6 * day, updated_at=NOW + day),
        deal(2, total=Decimal(11), closed_at=NOW - 2 * day, updated_at=NOW + day),
        Rejection("deals", 3, "Amount", "no number", "{}"),
        gone=[("deals", 4)],
    )
    publisher.publish()
    with warehouse.transaction() as connection:
        stale = connection.execute("select until - interval '1 day' from sales_days where stale").fetchall()
        assert_same(connection, [Period((NOW - 9 * day).date(), NOW.date())], EVERYTHING)
    found = {since.astimezone(ZONE).date() for (since,) in stale}
    assert found == {(NOW - number * day).date() for number in (1, 2, 3, 4, 6)}


def test_a_contact_who_moves_takes_what_he_bought_with_him(warehouse: Warehouse) -> None:
    """To another state, and to none when he is forgotten."""
    day, fortnight = timedelta(days=1), Period((NOW - timedelta(days=9)).date(), NOW.date())
    publisher = Publisher(warehouse)
    publisher.stage(contact(1, state=Named(short="SP")), contact(2, state=Named(short="SP")))
    publisher.stage(*(deal(number, customer_id=number, closed_at=NOW - number * day) for number in (1, 2, 3)))
    publisher.publish(full=True)
    for act in ("moves", "comes", "goes"):
        days.refresh(warehouse, ZONE, NOW.date(), least_deals=0)
        with warehouse.transaction() as connection:
            assert connection.execute("select count(*) from sales_days where stale").fetchone() == (0,)
            assert_same_shares(connection, [fortnight], EVERYTHING)
        if act == "moves":
            publisher.stage(
                contact(1, state=Named(short="MG"), updated_at=NOW + day),
                contact(2, state=Named(short="SP"), updated_at=NOW + day),
            )
            publisher.publish()
        elif act == "comes":
            publisher.stage(contact(3, state=Named(short="RJ")))
            publisher.publish()
        else:
            with warehouse.transaction() as connection:
                forget.forget(connection, 1)
        with warehouse.transaction() as connection:
            assert connection.execute("select count(*) from sales_days where stale").fetchone() == (1,)
            assert_same_shares(connection, [fortnight], EVERYTHING)


def test_a_full_read_marks_all_days(warehouse: Warehouse) -> None:
    publisher = Publisher(warehouse)
    publisher.stage(deal(1), deal(2, closed_at=NOW - timedelta(days=3)))
    publisher.publish(full=True)
    days.refresh(warehouse, ZONE, NOW.date(), least_deals=0)
    publisher.stage(deal(1))
    publisher.publish(full=True)
    with warehouse.transaction() as connection:
        assert connection.execute("select bool_and(stale) from sales_days").fetchone() == (True,)
