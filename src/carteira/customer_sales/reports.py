"""The questions a sales manager asks of the published tables, one function each, with frozen answers.

Every function takes a connection inside a transaction, the zone whose days count, and the right of sight of whoever
asks. Money is Decimal in the usual currency, exact; a sale is a won deal that is neither deleted nor rejected.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from carteira.customer_sales import days, spans
from carteira.customer_sales.period import Period, add_months, day_begins
from carteira.customer_sales.sight import Sight
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("reports.sql"))

ZERO = Decimal(0)
# A projection from less than this many days of a month says more about the weekday than about the month.
PROJECT_FROM_DAY = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """The headline figures of one period; `to_day` is the revenue up to a day of its last month."""

    revenue: Decimal
    sales: int
    customers: int
    lost: int
    to_day: Decimal

    @property
    def average(self) -> Decimal:
        """Revenue per sale; 0 without sales."""
        return self.revenue / self.sales if self.sales else ZERO

    @property
    def win_rate(self) -> Decimal | None:
        """Won deals among those that were won or lost; None when nothing was closed."""
        closed = self.sales + self.lost
        return Decimal(self.sales) / closed if closed else None


@dataclass(frozen=True, slots=True)
class Profile:
    """What a customer's page says beside the figures of the list; `revenue` and `sales` are of the last 12 months."""

    legal_name: str
    cnpj_root: str | None
    created_at: datetime | None
    updated_at: datetime | None
    placeholder: bool
    revenue: Decimal
    sales: int
    earlier_revenue: Decimal
    earlier_sales: int
    open_total: Decimal
    first_day: date | None


@dataclass(frozen=True, slots=True)
class Purchase:
    """A local day on which a customer bought, and for how much."""

    day: date
    total: Decimal


@dataclass(frozen=True, slots=True)
class Branch:
    """An establishment of a company; `revenue` is of the last 12 months."""

    customer_id: int
    name: str
    cnpj: str
    city: str
    state: str
    last_purchase: datetime | None
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """The age of the data and how the last run stands; everything is None or 0 before the first one."""

    last_sync_at: datetime | None
    publication: int
    has_customers: bool
    rejected_rows: int
    state: str | None
    opened_at: datetime | None
    error: str | None
    audit: list[dict[str, Any]]
    customers_read: int | None
    customers_expected: int | None
    deals_read: int | None
    deals_expected: int | None


@dataclass(frozen=True, slots=True)
class Share:
    """What one seller, pipeline or state sold; `key` is its id or abbreviation, None where the deal names none."""

    key: str | None
    name: str
    revenue: Decimal
    before: Decimal
    last_year: Decimal
    sales: int


@dataclass(frozen=True, slots=True)
class Shares:
    """The same revenue three times over, each list by falling revenue."""

    sellers: list[Share]
    pipelines: list[Share]
    states: list[Share]


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale; `customer_id` is None where it names no customer, or one who is out of sight."""

    deal_id: int
    customer_id: int | None
    customer_name: str
    title: str
    seller: str
    pipeline: str
    closed_at: datetime
    total: Decimal


@dataclass(frozen=True, slots=True)
class TopCustomer:
    """What a customer bought; `in_sight` is whether he is himself to be seen, and not only a sale to him."""

    customer_id: int
    name: str
    state: str
    revenue: Decimal
    sales: int
    before: Decimal
    in_sight: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """A period's total and all that is kept out of it: revenue = with_customer + without_customer, always."""

    revenue: Decimal
    with_customer: Decimal
    without_customer: Decimal
    sales_without_customer: int
    sales_without_amount: int
    sales_in_other_currency: int
    sales_left_out: int
    left_out_revenue: Decimal


@dataclass(frozen=True, slots=True)
class Lacks:
    """What the data lacks, whatever period is looked at, and the names of the pipelines that are in no total."""

    undated_sales: int
    undated_revenue: Decimal
    invalid_documents: int
    pipelines_left_out: list[str]


@dataclass(frozen=True, slots=True)
class LastSale:
    closed_at: datetime
    total: Decimal


@dataclass(frozen=True, slots=True)
class Seller:
    owner_id: int
    name: str
    suspended: bool


def standing(connection: Connection) -> Standing:
    """What every page says of the data."""
    return Standing(*queries.standing(connection))


def figures(connection: Connection, periods: list[Period], today: date, zone: ZoneInfo, sight: Sight) -> list[Figures]:
    """The headline figures of many periods, in order; `to_day` of each is cut at today's day of its last month."""
    bounds = [period.instants(zone) for period in periods]
    windows = queries.windows_of_days if days.are_kept(connection) else queries.windows
    rows = windows(
        connection,
        starts=[since for since, _ in bounds],
        ends=[until for _, until in bounds],
        cuts=[_cut(period, today, zone) for period in periods],
        **sight.parameters,
    )
    return [Figures(*row) for row in rows]


def month_periods(first: date, last: date) -> list[Period]:
    """Whole local months from the one of `first` to the one of `last`."""
    starts = Period(first, last).month_starts()
    return [Period(start, add_months(start, 1) - timedelta(days=1), "month") for start in starts]


def _cut(period: Period, today: date, zone: ZoneInfo) -> datetime:
    day = min(today.day, monthrange(period.last.year, period.last.month)[1])
    return day_begins(period.last.replace(day=day) + timedelta(days=1), zone)


def projection(so_far: Decimal, today: date, earlier: list[Figures]) -> Decimal | None:
    """The running month's revenue at its end, if it goes on as the earlier months did after the same day.

    None in a month's first days, or when the earlier months had sold nothing by this day.
    """
    by_today = sum((month.to_day for month in earlier), ZERO)
    if today.day < PROJECT_FROM_DAY or by_today <= 0:
        return None
    return so_far * sum((month.revenue for month in earlier), ZERO) / by_today


def shares(connection: Connection, periods: Mapping[str, Period], zone: ZoneInfo, sight: Sight) -> Shares:
    """By seller, pipeline and state; `periods` names now, before and last_year."""
    bounds = [period.instants(zone) for period in periods.values()]
    kinds: dict[str, list[Share]] = {"seller": [], "pipeline": [], "state": []}
    found = queries.shares_of_days if days.are_kept(connection) else queries.shares
    rows = found(
        connection,
        slots=list(periods),
        starts=[since for since, _ in bounds],
        ends=[until for _, until in bounds],
        **sight.parameters,
    )
    for kind, *share in rows:
        kinds[kind].append(Share(*share))
    return Shares(kinds["seller"], kinds["pipeline"], kinds["state"])


def biggest_sales(connection: Connection, period: Period, limit: int, zone: ZoneInfo, sight: Sight) -> list[Sale]:
    """The sales with the highest amounts."""
    found = queries.biggest_sales_of_days if days.are_kept(connection) else queries.biggest_sales
    rows = found(connection, **_bounds(period, zone), limit=limit, **sight.parameters)
    return [Sale(*row) for row in rows]


def top_customers(
    connection: Connection, period: Period, limit: int, zone: ZoneInfo, sight: Sight
) -> list[TopCustomer]:
    """Who bought most, with what the same customers bought in the period before."""
    since, until = period.previous().instants(zone)
    bought = spans.bought(connection, period, zone, sight)
    parameters = bought.parameters | sight.parameters | {"before_since": since, "before_until": until, "limit": limit}
    rows = connection.execute(bought.over(queries.top_customers.sql), parameters)
    return [TopCustomer(*row) for row in rows]


def ledger(connection: Connection, period: Period, zone: ZoneInfo, sight: Sight) -> Ledger:
    """The line that reconciles a period's total with Ploomes."""
    found = queries.ledger_of_days if days.are_kept(connection) else queries.ledger
    return Ledger(*found(connection, **_bounds(period, zone), **sight.parameters))


def lacks(connection: Connection, zone: ZoneInfo, sight: Sight) -> Lacks:
    """What the data lacks; apart from the ledger, since to count it takes a look at every customer."""
    return Lacks(*queries.lacks(connection, **sight.parameters))


def last_sale(connection: Connection, until: datetime, sight: Sight) -> LastSale | None:
    """The newest sale before a moment."""
    row = queries.last_sale(connection, until=until, **sight.parameters)
    return LastSale(*row) if row else None


def sellers(connection: Connection, sight: Sight) -> list[Seller]:
    """Owners by name, those who left the company last."""
    return [Seller(*row) for row in queries.sellers(connection, **sight.parameters)]


def trends(
    connection: Connection, customer_ids: list[int], periods: list[Period], zone: ZoneInfo, sight: Sight
) -> dict[int, list[Decimal]]:
    """Revenue of each customer in each of several periods that follow one another, by customer_id."""
    bounds = [period.instants(zone) for period in periods]
    rows = queries.trends(
        connection,
        customer_ids=customer_ids,
        starts=[since for since, _ in bounds],
        until=bounds[-1][1],
        **sight.parameters,
    )
    found = {customer_id: [ZERO] * len(periods) for customer_id in customer_ids}
    for customer_id, number, revenue in rows:
        found[customer_id][number - 1] = revenue
    return found


def profile(connection: Connection, customer_id: int, year: Period, zone: ZoneInfo, sight: Sight) -> Profile | None:
    """One customer beside the list; `year` is the last 12 months, held against the 12 before. None: none in sight."""
    row = queries.profile(
        connection,
        customer_id=customer_id,
        since=year.instants(zone)[0],
        earlier=year.year_before().instants(zone)[0],
        zone=zone.key,
        **sight.parameters,
    )
    return Profile(*row) if row else None


def purchases(connection: Connection, customer_id: int, since: date, zone: ZoneInfo, sight: Sight) -> list[Purchase]:
    """The days on which a customer bought, from a local day on, in order."""
    rows = queries.purchases(
        connection, customer_id=customer_id, since=day_begins(since, zone), zone=zone.key, **sight.parameters
    )
    return [Purchase(*row) for row in rows]


def branches(connection: Connection, cnpj_root: str, since: date, zone: ZoneInfo, sight: Sight) -> list[Branch]:
    """The establishments that share the root of a CNPJ, with their revenue since a local day."""
    rows = queries.branches(connection, cnpj_root=cnpj_root, since=day_begins(since, zone), **sight.parameters)
    return [Branch(*row) for row in rows]


def _bounds(period: Period, zone: ZoneInfo) -> dict[str, datetime]:
    since, until = period.instants(zone)
    return {"since": since, "until": until}
