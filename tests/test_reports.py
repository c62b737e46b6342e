"""Every report equals a sum in plain Python over the same rows, to the cent, for all and for one seller."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from carteira.customer_sales import reports
from carteira.customer_sales.period import PRESETS, Period
from carteira.customer_sales.reports import Figures
from carteira.customer_sales.sight import EVERYTHING, Sight
from carteira.warehouse.connection import Connection, Warehouse

ZONE = ZoneInfo("America/Sao_Paulo")
TODAY = date(2026, 11, 24)
NOVEMBER = Period(date(2026, 11, 1), TODAY, "month")
SELLER = Sight(sees_all=False, owner_id=701)
USUAL = 1


@dataclass(frozen=True)
class Deal:
    """A row of sales, as the test counts it."""

    deal_id: int
    customer_id: int | None
    total: Decimal | None
    closed_at: datetime | None
    status: str = "won"
    owner_id: int | None = 700
    pipeline_id: int | None = 30
    currency_id: int | None = USUAL
    deleted_at: datetime | None = None
    rejected_at: datetime | None = None

    @property
    def counts(self) -> bool:
        usual = self.currency_id in (None, USUAL)
        return usual and self.deleted_at is None and self.rejected_at is None and self.closed_at is not None


def local(day: date, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)


def deals() -> list[Deal]:
    """Two years of deals with cents that do not fit a double, and every odd kind among them."""
    rows = []
    for number in range(900):
        day = TODAY - timedelta(days=(number * 37) % 740)
        amount = Decimal(number * 7919 % 1_000_003) / 100 + Decimal("90071992547409.93") * (number % 300 == 0)
        rows.append(
            Deal(
                deal_id=number + 1,
                customer_id=None if number % 41 == 0 else 1 + number % 60,
                total=None if number % 97 == 5 else amount,
                closed_at=local(day, number % 24, number % 60),
                status=("won", "won", "won", "lost")[number % 4],
                owner_id=None if number % 53 == 0 else 700 + number % 3,
                pipeline_id=None if number % 59 == 0 else 30 + number % 4,
                currency_id=2 if number % 61 == 7 else None if number % 67 == 8 else USUAL,
                deleted_at=local(TODAY) if number % 71 == 9 else None,
                rejected_at=local(TODAY) if number % 73 == 10 else None,
            )
        )
    edges = [
        Deal(9001, 1, Decimal("0.01"), local(date(2026, 11, 1), 0, 0)),
        Deal(9002, 2, Decimal("0.02"), local(date(2026, 10, 31), 23, 59)),
        Deal(9003, 3, Decimal("0.04"), local(TODAY, 23, 59)),
        Deal(9004, 4, Decimal("0.08"), local(TODAY + timedelta(days=1), 0, 0)),
        Deal(9005, 5, Decimal("-12.34"), local(TODAY)),
        Deal(9006, 6, Decimal("5.55"), None),
        Deal(9007, None, Decimal("6.66"), None, owner_id=701),
        Deal(9008, 7, Decimal(777), local(TODAY), status="other"),
    ]
    return rows + edges


ROWS = deals()
STATES = ("SP", "MG", None)
CUSTOMERS = range(1, 61)
OWNERS = [(700, "Ana"), (701, "Beto"), (702, "Caio")]


@pytest.fixture
def connection(warehouse: Warehouse) -> Iterator[Connection]:
    with warehouse.transaction() as connection:
        fill(connection)
        yield connection


def fill(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into sales (deal_id, customer_id, total, closed_at, status, owner_id, pipeline_id, currency_id,"
            " deleted_at, rejected_at, contact_name) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'contato')",
            [tuple(vars(deal).values()) for deal in ROWS],
        )
        cursor.executemany(
            "insert into customers (customer_id, name, kind, cnpj, cnpj_root, document_valid, state, owner_id)"
            " values (%s, %s, 'company', %s, '10041113', %s, %s, %s)",
            [
                (
                    number,
                    f"Cliente {number}",
                    f"10041113{number:06d}",
                    number % 9 != 0,
                    STATES[number % 3],
                    700 + number % 3,
                )
                for number in range(1, 61)
            ],
        )
        cursor.executemany(
            "insert into owners (owner_id, name) values (%s, %s)", [(700, "Ana"), (701, "Beto"), (702, "Caio")]
        )
    connection.execute("update sync_state set usual_currency_id = %s", (USUAL,))


def is_seen(deal: Deal, sight: Sight) -> bool:
    return sight.sees_all or (sight.owner_id is not None and deal.owner_id == sight.owner_id)


def chosen(sight: Sight, period: Period | None = None, status: str = "won") -> list[Deal]:
    """The deals that count, in sight and in the period."""
    return [
        deal
        for deal in ROWS
        if deal.counts
        and deal.status == status
        and is_seen(deal, sight)
        and (period is None or period.first <= day_of(deal) <= period.last)
    ]


def day_of(deal: Deal) -> date:
    assert deal.closed_at is not None
    return deal.closed_at.astimezone(ZONE).date()


def revenue(found: list[Deal]) -> Decimal:
    return sum((deal.total or Decimal(0) for deal in found), Decimal(0))


def by(found: list[Deal], key: Callable[[Deal], object]) -> dict[object, Decimal]:
    sums: dict[object, Decimal] = defaultdict(Decimal)
    for deal in found:
        sums[key(deal)] += deal.total or Decimal(0)
    return dict(sums)


SIGHTS = pytest.mark.parametrize("sight", [EVERYTHING, SELLER, Sight(sees_all=False)], ids=["all", "seller", "nobody"])
PERIODS = pytest.mark.parametrize(
    "period",
    [NOVEMBER, PRESETS["12-meses"](TODAY), Period(TODAY, TODAY), Period(date(2024, 2, 29), date(2025, 3, 1))],
    ids=str,
)


@SIGHTS
@PERIODS
def test_figures_are_the_sum_of_the_deals(connection: Connection, period: Period, sight: Sight) -> None:
    """Revenue, sales, customers and lost deals of local days, whatever UTC says of their edges."""
    (found,) = reports.figures(connection, [period], TODAY, ZONE, sight)

    won, lost = chosen(sight, period), chosen(sight, period, "lost")
    cut = date(period.last.year, period.last.month, min(TODAY.day, period.last.day))
    to_day = revenue([deal for deal in won if day_of(deal) <= cut])
    customers = {deal.customer_id for deal in won} - {None}
    assert found == Figures(revenue(won), len(won), len(customers), len(lost), to_day)


def test_figures_come_in_the_order_of_the_periods(connection: Connection) -> None:
    """A month's figures are its own, however many are asked for at once."""
    months = reports.month_periods(date(2025, 1, 15), TODAY)

    found = reports.figures(connection, months, TODAY, ZONE, EVERYTHING)

    assert [month.first for month in months][:2] == [date(2025, 1, 1), date(2025, 2, 1)]
    assert [figures.revenue for figures in found] == [revenue(chosen(EVERYTHING, month)) for month in months]


def test_averages_and_rates_of_nothing_are_nothing() -> None:
    """No division by zero where nothing was sold."""
    nothing = Figures(Decimal(0), 0, 0, 0, Decimal(0))

    assert nothing.average == 0
    assert nothing.win_rate is None
    assert Figures(Decimal(10), 3, 1, 1, Decimal(0)).win_rate == Decimal("0.75")


@SIGHTS
def test_shares_add_up_to_the_period_three_times(connection: Connection, sight: Sight) -> None:
    """By seller, pipeline and state: each list is the whole revenue, deals that name none included."""
    windows = {"now": NOVEMBER, "before": NOVEMBER.previous(), "last_year": NOVEMBER.year_before()}
    shares = reports.shares(connection, windows, ZONE, sight)

    won = chosen(sight, NOVEMBER)
    states = {number: STATES[number % 3] for number in range(1, 61)}
    for kind, key in (
        (shares.sellers, lambda deal: _text(deal.owner_id)),
        (shares.pipelines, lambda deal: _text(deal.pipeline_id)),
        (shares.states, lambda deal: states.get(deal.customer_id)),
    ):
        sold = {share.key: share.revenue for share in kind if share.sales}
        assert sold == by(won, key)
        assert sum(share.sales for share in kind) == len(won)
        assert sum(share.before for share in kind) == revenue(chosen(sight, NOVEMBER.previous()))
        assert sum(share.last_year for share in kind) == revenue(chosen(sight, NOVEMBER.year_before()))
        assert [share.revenue for share in kind] == sorted((share.revenue for share in kind), reverse=True)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


@SIGHTS
@PERIODS
def test_the_ledger_reconciles(connection: Connection, period: Period, sight: Sight) -> None:
    """Total = customers + without customer; what is kept out is counted, and counted once."""
    found = reports.ledger(connection, period, ZONE, sight)

    won = chosen(sight, period)
    assert found.revenue == found.with_customer + found.without_customer == revenue(won)
    assert found.without_customer == revenue([deal for deal in won if deal.customer_id is None])
    assert found.sales_without_customer == len([deal for deal in won if deal.customer_id is None])
    assert found.sales_without_amount == len([deal for deal in won if deal.total is None])
    assert found.sales_in_other_currency == len(
        [
            deal
            for deal in ROWS
            if deal.currency_id == 2 and deal.status == "won" and not deal.deleted_at and not deal.rejected_at
            and is_seen(deal, sight) and period.first <= day_of(deal) <= period.last
        ]
    )  # fmt: skip
    undated = [deal for deal in ROWS if deal.closed_at is None and is_seen(deal, sight)]
    lacks = reports.lacks(connection, ZONE, sight)
    assert (lacks.undated_sales, lacks.undated_revenue) == (len(undated), revenue(undated))


def test_top_customers_and_biggest_sales_are_the_biggest(connection: Connection) -> None:
    """In order of money, ties by id, with what the same customers bought in the month before."""
    year = PRESETS["12-meses"](TODAY)
    sums = by([deal for deal in chosen(EVERYTHING, year) if deal.customer_id], lambda deal: deal.customer_id)
    before = by(chosen(EVERYTHING, year.previous()), lambda deal: deal.customer_id)

    top = reports.top_customers(connection, year, 7, ZONE, EVERYTHING)
    biggest = reports.biggest_sales(connection, year, 5, ZONE, EVERYTHING)

    expected = sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:7]
    assert [(customer.customer_id, customer.revenue) for customer in top] == expected
    assert [customer.before for customer in top] == [before.get(customer.customer_id, 0) for customer in top]
    by_amount = sorted(chosen(EVERYTHING, year), key=lambda deal: (-(deal.total or Decimal(0)), deal.deal_id))
    assert [sale.deal_id for sale in biggest] == [deal.deal_id for deal in by_amount[:5]]


def test_a_seller_is_led_to_his_own_customers_only(connection: Connection) -> None:
    """He has sold to customers of others too: he sees what, and is not led to a page that he may not open."""
    year = PRESETS["12-meses"](TODAY)
    his = Sight(sees_all=False, owner_id=701)
    connection.execute("update customers set owner_id = 701 where customer_id % 2 = 0")
    owners = dict(connection.execute("select customer_id, owner_id from customers").fetchall())

    top = reports.top_customers(connection, year, 60, ZONE, his)
    biggest = reports.biggest_sales(connection, year, 900, ZONE, his)

    assert {customer.in_sight for customer in top} == {True, False}
    assert all(customer.in_sight == (owners.get(customer.customer_id) == 701) for customer in top)
    assert {owners[sale.customer_id] for sale in biggest if sale.customer_id is not None} == {701}
    assert any(sale.customer_id is None and sale.customer_name for sale in biggest)
    assert all(customer.in_sight for customer in reports.top_customers(connection, year, 60, ZONE, EVERYTHING))


def test_one_customer_is_the_sum_of_its_deals(connection: Connection) -> None:
    """Two windows of twelve months, the days of purchase, and the branches under one root."""
    year = PRESETS["12-meses"](TODAY)
    mine = [deal for deal in chosen(EVERYTHING) if deal.customer_id == 9]

    profile = reports.profile(connection, 9, year, ZONE, EVERYTHING)
    purchases = reports.purchases(connection, 9, date(2024, 1, 1), ZONE, EVERYTHING)
    branches = reports.branches(connection, "10041113", year.first, ZONE, EVERYTHING)

    assert profile is not None
    now = [deal for deal in mine if year.first <= day_of(deal)]
    earlier = [deal for deal in mine if year.year_before().first <= day_of(deal) < year.first]
    assert (profile.revenue, profile.sales) == (revenue(now), len(now))
    assert (profile.earlier_revenue, profile.earlier_sales) == (revenue(earlier), len(earlier))
    assert {purchase.day: purchase.total for purchase in purchases} == by(mine, day_of)
    assert len(branches) == 60
    assert {branch.customer_id: branch.revenue for branch in branches}[9] == revenue(now)
    assert reports.profile(connection, 9, year, ZONE, Sight(sees_all=False, owner_id=702)) is None


def test_trends_of_several_customers(connection: Connection) -> None:
    """One list of sums per customer, in the order of the windows."""
    months = reports.month_periods(date(2026, 6, 1), TODAY)

    found = reports.trends(connection, [3, 4], months, ZONE, EVERYTHING)

    for customer_id in (3, 4):
        mine = [[d for d in chosen(EVERYTHING, month) if d.customer_id == customer_id] for month in months]
        assert found[customer_id] == [revenue(deals) for deals in mine]


def test_the_last_sale_before_a_moment(connection: Connection) -> None:
    """What an empty period points to; None before the first sale."""
    until = local(date(2026, 11, 1), 0, 0)

    found = reports.last_sale(connection, until, EVERYTHING)

    assert found is not None
    assert found.closed_at == max(d.closed_at for d in chosen(EVERYTHING) if d.closed_at and d.closed_at < until)
    assert reports.last_sale(connection, datetime(2000, 1, 1, tzinfo=UTC), EVERYTHING) is None


def test_a_projection_goes_on_as_earlier_months_did() -> None:
    """So far times what whole months made of what they had by the same day; silent in a month's first days."""
    earlier = [Figures(Decimal(300), 3, 1, 0, Decimal(200)), Figures(Decimal(500), 3, 1, 0, Decimal(300))]

    assert reports.projection(Decimal(100), TODAY, earlier) == Decimal(160)
    assert reports.projection(Decimal(100), date(2026, 11, 4), earlier) is None
    assert reports.projection(Decimal(100), TODAY, []) is None
