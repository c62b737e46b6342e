"""The portfolio equals what plain Python makes of the same sales, and touched customers what a whole rebuild makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from psycopg.errors import CheckViolation

from carteira.customer_sales import company, rhythm, segments
from carteira.customer_sales.customers import Company, Filters, listing
from carteira.customer_sales.period import add_months
from carteira.customer_sales.rebuild import rebuild
from carteira.customer_sales.segments import Portfolio, Standing
from carteira.customer_sales.sight import EVERYTHING, Sight
from carteira.settings import Settings
from carteira.simulator.server import Simulator
from carteira.sync.run import sync
from carteira.warehouse.connection import Connection, Warehouse

ZONE = ZoneInfo("America/Sao_Paulo")
TODAY = date(2026, 11, 24)
OPENED = datetime.combine(TODAY, time(14), ZONE)
ANA, BRUNO = 7, 8
CUSTOMERS = {1: ANA, 2: ANA, 3: BRUNO, 4: None}
SIGHTS = (EVERYTHING, Sight(sees_all=False, owner_id=ANA), Sight(sees_all=False, owner_id=BRUNO), Sight(sees_all=False))
# The rules as they are to begin with.
NEW, LATE, INACTIVE, LEAST_LATE, LEAST_INACTIVE = 90, 90, 180, 15, 45


@dataclass(frozen=True)
class Deal:
    """A row of sales as the test counts it; `ago` days before today, None: without a date."""

    customer_id: int | None
    ago: int | None
    total: Decimal | None = Decimal(100)
    status: str = "won"
    owner_id: int | None = ANA
    currency_id: int | None = 1
    deleted: bool = False
    hour: int = 12

    @property
    def day(self) -> date:
        assert self.ago is not None
        return TODAY - timedelta(days=self.ago)

    @property
    def closed_at(self) -> datetime | None:
        return None if self.ago is None else datetime.combine(self.day, time(self.hour), ZONE)

    @property
    def counts(self) -> bool:
        usual = self.currency_id in (None, 1)
        return usual and self.status == "won" and not self.deleted and None not in (self.ago, self.customer_id)


DEALS = st.lists(
    st.builds(
        Deal,
        customer_id=st.sampled_from([1, 1, 1, 2, 2, 3, 4, None]),
        ago=st.one_of(st.integers(-3, 500), st.integers(0, 2000), st.sampled_from([0, 90, 91, 364, 365, 366, None])),
        total=st.one_of(st.none(), st.decimals(-50, 10**6, places=2)),
        status=st.sampled_from(["won"] * 6 + ["lost", "open"]),
        owner_id=st.sampled_from([ANA, ANA, BRUNO, None]),
        currency_id=st.sampled_from([1, 1, 1, None, 2]),
        deleted=st.sampled_from([False] * 9 + [True]),
        hour=st.sampled_from([0, 12, 22, 23]),
    ),
    max_size=40,
)


def fill(connection: Connection, deals: list[Deal], first_id: int = 1) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into sales (deal_id, customer_id, closed_at, total, status, owner_id, currency_id, deleted_at)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (first_id + number, one.customer_id, one.closed_at, one.total, one.status, one.owner_id,
                 one.currency_id, OPENED if one.deleted else None)
                for number, one in enumerate(deals)
            ],
        )  # fmt: skip


@pytest.fixture
def empty(warehouse: Warehouse) -> Warehouse:
    with warehouse.transaction() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into customers (customer_id, name, kind, owner_id) values (%s, %s, 'company', %s)",
            [(number, f"Cliente {number}", owner) for number, owner in CUSTOMERS.items()],
        )
        cursor.execute("update sync_state set usual_currency_id = 1")
    return warehouse


@pytest.fixture
def connection(empty: Warehouse) -> Iterator[Connection]:
    with empty.transaction() as connection:
        yield connection


# ---- The same in plain Python.


def seen(deals: Iterable[Deal], customer_id: int, sight: Sight) -> list[Deal]:
    """The sales of one customer that a viewer may see, oldest first."""
    if not sight.sees_all and (sight.owner_id is None or CUSTOMERS[customer_id] != sight.owner_id):
        return []
    return sorted(
        (
            one
            for one in deals
            if one.counts and one.customer_id == customer_id and (sight.sees_all or one.owner_id == sight.owner_id)
        ),
        key=lambda one: one.day,
    )


def rounded(number: float | Decimal) -> int:
    return int(Decimal(number).quantize(Decimal(1), ROUND_HALF_UP))


def limits(days: list[date]) -> tuple[int | None, int, int]:
    """Usual gap, and the days without a purchase that make one late and inactive."""
    gaps = [(after - before).days for before, after in pairwise(days)]
    if len(gaps) < 2:
        return None, LATE, INACTIVE
    usual = max(1, rounded(median(gaps[-12:])))
    late = max(LEAST_LATE, rounded(Decimal("1.5") * usual))
    return usual, late, max(LEAST_INACTIVE, 3 * usual)


def lapses(days: list[date], inactive: int) -> list[tuple[date, date]]:
    """When he was lost and when he came back."""
    gone = timedelta(days=inactive + 1)
    return [(before + gone, after) for before, after in pairwise(days) if before + gone < after]


def expected_status(deals: list[Deal], today: date) -> str:
    days = sorted({one.day for one in deals})
    if not days:
        return "sem"
    _, late, inactive = limits(days)
    back = [after for _, after in lapses(days, inactive)]
    silent = (today - days[-1]).days
    if silent > inactive:
        return "inativo"
    if silent > late:
        return "quase"
    if (today - days[0]).days <= NEW:
        return "novo"
    return "recuperado" if back and (today - back[-1]).days <= NEW else "ativo"


def revenue_of_year(deals: Iterable[Deal], day: date = TODAY) -> Decimal:
    first = add_months(day, -12) + timedelta(days=1)
    return sum((one.total or Decimal(0) for one in deals if first <= one.day <= day), Decimal(0))


def expected_classes(revenues: dict[int, Decimal]) -> dict[int, str]:
    """A are those who begin below 80 % of all revenue, B those who begin below 95 %."""
    bought = sorted(((amount, -number) for number, amount in revenues.items() if amount > 0), reverse=True)
    whole, above, found = sum(amount for amount, _ in bought), Decimal(0), {}
    for amount, number in bought:
        found[-number] = "A" if above < Decimal("0.80") * whole else "B" if above < Decimal("0.95") * whole else "C"
        above += amount
    return found


def expected_cell(
    deals: list[Deal], today: date, last_days: Sequence[int] = (30, 90, 180, 365), most: Sequence[int] = (2, 6, 10, 18)
) -> int:
    age, sales = (today - deals[-1].day).days, len(deals)
    recency = 5 - sum(age > days for days in last_days)
    return recency * 10 + 1 + sum(sales > count for count in most)


def found(connection: Connection, sight: Sight, today: date = TODAY) -> tuple[Portfolio, dict[int, Standing]]:
    portfolio = segments.portfolio(connection, today, sight)
    standings = {number: segments.standing(connection, number, portfolio, sight) for number in CUSTOMERS}
    return portfolio, {number: one for number, one in standings.items() if one}


@examples(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deals=DEALS, later=st.integers(0, 400))
def test_every_customer_is_judged_as_plain_python_judges_him(
    connection: Connection, deals: list[Deal], later: int
) -> None:
    """Rhythm, status on the day and on a later one, class and cell: for those who see all and for each seller."""
    with connection.transaction(force_rollback=True):
        fill(connection, deals)
        rebuild(connection, OPENED)
        for sight in SIGHTS:
            mine = {number: sales for number in CUSTOMERS if (sales := seen(deals, number, sight))}
            classes = expected_classes({number: revenue_of_year(sales) for number, sales in mine.items()})
            for today in (TODAY, TODAY + timedelta(days=later)):
                portfolio, standings = found(connection, sight, today)
                assert standings.keys() == mine.keys()
                for number, one in standings.items():
                    assert_stands(one, mine[number], today)
                    assert one.letter == classes.get(number)
                assert_counts(portfolio, standings, sight)


def assert_stands(one: Standing, sales: list[Deal], today: date) -> None:
    days = sorted({sale.day for sale in sales})
    usual, late, inactive = limits(days)
    assert (one.first_day, one.last_day, one.purchase_days, one.sales) == (days[0], days[-1], len(days), len(sales))
    assert one.usual_gap == usual
    assert one.due_on == (days[-1] + timedelta(days=usual) if usual else None)
    assert one.late_on == days[-1] + timedelta(days=late + 1)
    assert one.inactive_on == days[-1] + timedelta(days=inactive + 1)
    assert one.status == expected_status(sales, today)
    assert one.cell == expected_cell(sales, today)


def assert_counts(portfolio: Portfolio, standings: dict[int, Standing], sight: Sight) -> None:
    counted: Counter[str] = Counter()
    for group in portfolio.groups:
        counted[group.status] += group.customers
    listed = [number for number, owner in CUSTOMERS.items() if sight.sees_all or owner == sight.owner_id is not None]
    statuses = Counter(one.status for one in standings.values())
    assert counted == statuses | Counter({"sem": len(listed) - len(standings)})


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deals=DEALS)
def test_the_balance_and_the_cohorts_count_the_turns_of_each_customer(
    connection: Connection, deals: list[Deal]
) -> None:
    with connection.transaction(force_rollback=True):
        fill(connection, deals)
        rebuild(connection, OPENED)
        for sight in SIGHTS:
            mine = [sorted({one.day for one in seen(deals, number, sight)}) for number in CUSTOMERS]
            mine = [days for days in mine if days]
            balance = segments.balance(connection, TODAY, 12, sight)
            assert {month.first: (month.new, month.back, month.lost) for month in balance} == expected_balance(mine)
            for cohort in segments.cohorts(connection, TODAY, 11, sight):
                assert cohort.bought == expected_retention(mine, cohort.quarter)


def expected_balance(mine: list[list[date]]) -> dict[date, tuple[int, int, int]]:
    turns: dict[date, list[int]] = {add_months(date(2025, 12, 1), step): [0, 0, 0] for step in range(12)}
    for days in mine:
        _, _, inactive = limits(days)
        gone = lapses(days, inactive)
        lost = [left for left, _ in gone] + [days[-1] + timedelta(days=inactive + 1)]
        for kind, moments in enumerate(([days[0]], [back for _, back in gone], lost)):
            for day in moments:
                if day <= TODAY and day.replace(day=1) in turns:
                    turns[day.replace(day=1)][kind] += 1
    return {month: (new, back, lost) for month, (new, back, lost) in turns.items()}


def expected_retention(mine: list[list[date]], quarter: date) -> list[int]:
    def number(day: date) -> int:
        return day.year * 4 + (day.month - 1) // 3

    steps = number(TODAY) - number(quarter) + 1
    members = [days for days in mine if number(days[0]) == number(quarter)]
    return [
        sum(any(number(day) == number(quarter) + step for day in days) for days in members) for step in range(steps)
    ]


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=DEALS, after=DEALS, days=st.integers(-40, 400))
def test_touched_customers_come_out_as_in_a_whole_rebuild(
    connection: Connection, before: list[Deal], after: list[Deal], days: int
) -> None:
    """Also on another day: those whose 12 months moved on are derived again, though nothing of theirs was touched."""
    with connection.transaction(force_rollback=True):
        fill(connection, before)
        rebuild(connection, OPENED)
        fill(connection, after, 1000)
        touched = sorted({one.customer_id for one in after if one.customer_id is not None})
        rebuild(connection, OPENED + timedelta(days=days), touched)
        incremental = table(connection)

        assert not rebuild(connection, OPENED + timedelta(days=days))
        assert table(connection) == incremental


@examples(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deals=DEALS)
def test_a_company_is_judged_as_plain_python_judges_it(connection: Connection, deals: list[Deal]) -> None:
    """Those of its customers that are in sight; one who is there alone is judged as ever."""
    with connection.transaction(force_rollback=True):
        fill(connection, deals)
        connection.execute("update customers set cnpj_root = '11222333' where customer_id <> 4")
        rebuild(connection, OPENED)
        for sight in SIGHTS:
            portfolio, standings = found(connection, sight)
            for row in listing(connection, sight, ZONE, Filters(), portfolio=portfolio, grouped=True).rows:
                assert isinstance(row, Company)
                members = [sales for number in row.members if (sales := seen(deals, number, sight))]
                assert row.status == expected_status_of_company(members)
                revenue = sum((revenue_of_year(sales) for sales in members), Decimal(0))
                assert row.letter == expected_letter(revenue, row.customer_id, portfolio)
                if len(row.members) == 1 and row.customer_id in standings:
                    one = standings[row.customer_id]
                    assert (row.status, row.letter) == (one.status, one.letter)


def expected_status_of_company(members: list[list[Deal]]) -> str:
    """By what they do on each day: late or lost when all of them are, back when one buys and none was active."""
    purchases = [sorted({one.day for one in sales}) for sales in members]
    if not purchases:
        return "sem"
    silences = [(TODAY - days[-1]).days for days in purchases]
    bounds = [limits(days)[1:] for days in purchases]

    def active(before: date) -> bool:
        return any(
            0 < (before - day).days <= inactive + 1
            for days, (_, inactive) in zip(purchases, bounds, strict=True)
            for day in days
        )

    first, *later = sorted({day for days in purchases for day in days})
    back = [day for day in later if not active(day)]
    if all(silent > inactive for silent, (_, inactive) in zip(silences, bounds, strict=True)):
        return "inativo"
    if all(silent > late for silent, (late, _) in zip(silences, bounds, strict=True)):
        return "quase"
    if (TODAY - first).days <= NEW:
        return "novo"
    return "recuperado" if back and (TODAY - back[-1]).days <= NEW else "ativo"


def expected_letter(revenue: Decimal, number: int, portfolio: Portfolio) -> str | None:
    """The class that a customer of this revenue has."""
    a, b = portfolio.curve.last_a, portfolio.curve.last_b
    if a is None or b is None or revenue <= 0:
        return None
    place = (revenue, -number)
    return "A" if place >= (a.revenue, -a.customer_id) else "B" if place >= (b.revenue, -b.customer_id) else "C"


STEPS = st.sets(st.integers(1, 600), min_size=4, max_size=4).map(sorted)


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deals=DEALS, last_days=STEPS, most=STEPS)
def test_the_grid_has_the_steps_that_the_company_sets(
    connection: Connection, deals: list[Deal], last_days: list[int], most: list[int]
) -> None:
    """A customer's page, the grid and the list that a cell opens agree on them."""
    with connection.transaction(force_rollback=True):
        fill(connection, deals)
        limits = replace(company.DEFAULTS, recency_days=last_days, frequencies=most)
        connection.execute("update sync_state set last_full_at = now()")
        company.set_limits(connection, limits, "America/Sao_Paulo")
        portfolio, standings = found(connection, EVERYTHING)
        for number, one in standings.items():
            assert one.cell == expected_cell(seen(deals, number, EVERYTHING), TODAY, last_days, most)
        for cell, customers in Counter(one.cell for one in standings.values()).items():
            listed = listing(connection, EVERYTHING, ZONE, Filters(cells=(cell,)), portfolio=portfolio)
            assert customers == listed.total == sum(group.customers for group in portfolio.of(cells=(cell,)))


@pytest.mark.every_postgres
@pytest.mark.parametrize("steps", ["{1,2,3,3}", "{0,1,2,3}", "{4,3,2,1}", "{1,2,3,NULL}", "{1,2,3}"])
@pytest.mark.parametrize("column", ["recency_days", "frequencies"])
def test_the_table_takes_no_steps_that_do_not_rise(connection: Connection, column: str, steps: str) -> None:
    with pytest.raises(CheckViolation):
        connection.execute(f"update portfolio_rules set {column} = '{steps}'")


def table(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute("select * from customer_rhythm order by customer_id, scope").fetchall()


@pytest.mark.every_postgres
def test_the_class_of_everybody_adds_up_to_the_year(connection: Connection) -> None:
    """Ties are in the order of customer_id, and the curve ends at the whole."""
    deals = [Deal(number, 10, Decimal(total)) for number, total in ((1, 40), (2, 40), (3, 15), (4, 5))]
    fill(connection, deals)
    rebuild(connection, OPENED)

    curve = segments.curve(connection, EVERYTHING)

    assert [(one.letter, one.customers, int(one.revenue)) for one in curve.classes] == [
        ("A", 2, 80),
        ("B", 1, 15),
        ("C", 1, 5),
    ]
    assert [point.customer_id for point in curve.points] == [1, 2, 3, 4]


@pytest.mark.every_postgres
def test_another_time_zone_or_other_rules_derive_everything_anew(connection: Connection) -> None:
    fill(connection, [Deal(1, ago, hour=23) for ago in (100, 70, 40)])
    rebuild(connection, OPENED)
    local = found(connection, EVERYTHING)[1][1]

    rhythm.refresh(connection, OPENED, [], "UTC")
    elsewhere = found(connection, EVERYTHING)[1][1]
    connection.execute("update portfolio_rules set late_factor = 2, new_days = 10")
    rhythm.refresh(connection, OPENED, [])
    patient = found(connection, EVERYTHING)[1][1]

    assert elsewhere.last_day == local.last_day + timedelta(days=1)
    assert patient.late_on == elsewhere.last_day + timedelta(days=61)
    assert rhythm.refresh(connection, OPENED, None) == 0
    connection.execute("update portfolio_rules set new_days = 20")
    assert rhythm.refresh(connection, OPENED, []) == 1


@pytest.mark.every_postgres
def test_a_purchase_that_is_due_is_told_until_it_is_late(connection: Connection) -> None:
    """Every 30 days, the last one 35 days ago: due five days ago, late from day 46 on."""
    fill(connection, [Deal(1, ago, Decimal(1000)) for ago in (95, 65, 35)])
    rebuild(connection, OPENED)

    portfolio, _ = found(connection, EVERYTHING)
    told = segments.due(connection, portfolio, TODAY, 5, EVERYTHING)
    later, _ = found(connection, EVERYTHING, TODAY + timedelta(days=11))

    assert [(one.customer_id, one.due_on, one.usual) for one in told] == [(1, TODAY - timedelta(days=5), Decimal(1000))]
    assert segments.due(connection, later, later.today, 5, EVERYTHING) == []
    assert segments.buyers(connection, TODAY - timedelta(days=40), TODAY, ZONE, EVERYTHING) == 1


LISTS: dict[str, dict[str, Any]] = {
    "status": {"statuses": ("ativo", "quase")},
    "class": {"classes": ("A", "B")},
    "cell": {"cells": (11, 31, 51, 52)},
    "quiet": {"quiet_days": 90},
    "due": {"due_until": TODAY + timedelta(days=30)},
    "all of it": {"statuses": ("inativo",), "classes": ("C",), "with_sales": True, "search": "cliente"},
}


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deals=DEALS, asked=st.sampled_from(sorted(LISTS)))
def test_the_list_holds_those_who_are_judged_so(connection: Connection, deals: list[Deal], asked: str) -> None:
    """Each filter means what the customer's own page says, and the list tells status and class."""
    with connection.transaction(force_rollback=True):
        fill(connection, deals)
        rebuild(connection, OPENED)
        for sight in SIGHTS:
            portfolio, standings = found(connection, sight)
            filters = Filters(**LISTS[asked])
            listed = listing(connection, sight, ZONE, filters, portfolio=portfolio).rows
            matching = {number for number, one in standings.items() if meets(one, filters)}
            assert {row.customer_id for row in listed} == matching
            for row in listed:
                one = standings[row.customer_id]
                assert (row.status, row.letter) == (one.status, one.letter)


def meets(one: Standing, filters: Filters) -> bool:
    quiet = filters.quiet_days is None or (TODAY - one.last_day).days >= filters.quiet_days
    due = filters.due_until is None or (one.due_on is not None and TODAY <= one.due_on <= filters.due_until)
    named = (
        (filters.statuses, one.status),
        (filters.classes, one.letter),
        (filters.cells, one.cell),
    )
    return quiet and due and all(not asked or value in asked for asked, value in named)


@examples(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deals=DEALS)
def test_the_customers_of_one_seller_are_judged_as_everybody_is(connection: Connection, deals: list[Deal]) -> None:
    """What a manager sees of a seller is what the list holds when it is narrowed to that seller."""
    with connection.transaction(force_rollback=True):
        fill(connection, deals)
        rebuild(connection, OPENED)
        of_ana = segments.portfolio(connection, TODAY, EVERYTHING, ANA)
        standings = found(connection, EVERYTHING)[1]
        hers = Counter(one.letter for number, one in standings.items() if CUSTOMERS[number] == ANA)
        for one in of_ana.classes:
            filters = Filters(owner=ANA, classes=(one.letter,))
            listed = listing(connection, EVERYTHING, ZONE, filters, portfolio=of_ana)
            assert one.customers == hers[one.letter] == listed.total


def test_who_never_bought_is_told_so(connection: Connection) -> None:
    rebuild(connection, OPENED)
    portfolio, _ = found(connection, EVERYTHING)

    rows = listing(connection, EVERYTHING, ZONE, Filters(statuses=("sem",)), portfolio=portfolio).rows

    assert [(row.customer_id, row.status, row.letter) for row in rows] == [(n, "sem", None) for n in CUSTOMERS]


def test_a_quiet_run_moves_the_twelve_months_on(settings: Settings, warehouse: Warehouse, simulator: Simulator) -> None:
    """Nothing changed in Ploomes, and yet a day left the year: what it held is taken off, and published."""
    first = sync(settings, warehouse)
    with warehouse.transaction() as connection:
        day = segments.rules(connection).day
        assert day is not None
        year = revenue_of(connection)
        rhythm.refresh(connection, datetime.combine(day, time(12), ZONE) - timedelta(days=20), None)
        assert revenue_of(connection) != year

    quiet = sync(settings, warehouse)

    assert quiet.publication == (first.publication or 0) + 1
    with warehouse.transaction() as connection:
        assert revenue_of(connection) == year
        assert rhythm.refresh(connection, datetime.combine(day, time(12), ZONE), None) == 0
    assert sync(settings, warehouse).publication == quiet.publication


def revenue_of(connection: Connection) -> Decimal:
    (revenue,) = connection.execute("select sum(year_revenue) from customer_rhythm").fetchone() or (Decimal(0),)
    assert isinstance(revenue, Decimal)
    return revenue
