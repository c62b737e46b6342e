"""The portfolio on one local day: who buys as usual, who is late or lost, what each is worth (docs/segments.md).

A status is arithmetic on a row of customer_rhythm, a class is a place in the order of revenue, a cell is how lately and
how often somebody bought. Each is one SQL function; here they are asked for and given names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from carteira.customer_sales.period import add_months, day_begins
from carteira.customer_sales.sight import Sight
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("segments.sql"))

Status = Literal["novo", "ativo", "recuperado", "quase", "inativo", "sem"]
STATUSES: tuple[Status, ...] = ("novo", "ativo", "recuperado", "quase", "inativo", "sem")
CLASSES = ("A", "B", "C")
AT_RISK: tuple[Status, ...] = ("quase", "inativo")
# Without a purchase for so long: a question of its own, whatever the rhythm.
QUIET_DAYS = 90
# A purchase that was due longer ago is no news.
DUE_LATELY = 7
CURVE_POINTS = 120
ZERO = Decimal(0)
# The parameters of the SQL functions where nobody is to be judged.
UNJUDGED: dict[str, Any] = dict.fromkeys(
    ("today", "new_days", "recency_days", "frequencies", "a_revenue", "a_customer", "b_revenue", "b_customer")
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The company's row of portfolio_rules, and `day`, the last one of the 12 months that are added up."""

    new_days: int
    late_days: int
    inactive_days: int
    late_factor: Decimal
    inactive_factor: Decimal
    least_late_days: int
    least_inactive_days: int
    a_share: Decimal
    b_share: Decimal
    recency_days: list[int]
    frequencies: list[int]
    day: date | None


@dataclass(frozen=True, slots=True)
class Point:
    """A customer on the ABC curve: his place from 1, and what he and all before him bought."""

    place: int
    customer_id: int
    revenue: Decimal
    cumulated: Decimal


@dataclass(frozen=True, slots=True)
class AbcClass:
    letter: str
    customers: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class Curve:
    """Some customers by falling revenue, and the last one of A and of B; None where nobody bought."""

    points: list[Point]
    last_a: Point | None
    last_b: Point | None

    @property
    def classes(self) -> list[AbcClass]:
        """A, B and C; one in which nobody is has zeros."""
        ends = [self.last_a, self.last_b, self.points[-1]] if self.points and self.last_a and self.last_b else []
        found, place, revenue = [], 0, ZERO
        for letter, end in zip(CLASSES, ends, strict=False):
            assert end is not None
            found.append(AbcClass(letter, end.place - place, end.cumulated - revenue))
            place, revenue = end.place, end.cumulated
        return found


@dataclass(frozen=True, slots=True)
class Group:
    """Customers of one status, class (None: nothing bought in 12 months) and cell; money of 12 months."""

    status: Status
    letter: str | None
    cell: int | None
    customers: int
    revenue: Decimal
    lately: int = 0
    quiet: int = 0
    expected: int = 0
    expected_revenue: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Everybody in sight on one day. `until` is the Sunday up to which purchases are counted as expected."""

    today: date
    until: date
    rules: Rules
    curve: Curve = field(repr=False)
    groups: list[Group] = field(repr=False)

    @property
    def parameters(self) -> dict[str, Any]:
        """What the SQL functions need to judge a row."""
        return judging(self.today, self.rules, self.curve)

    @property
    def classes(self) -> list[AbcClass]:
        """A, B and C with their customers and money."""
        found = {letter: self.of(classes=(letter,)) for letter in CLASSES}
        return [
            AbcClass(letter, sum(group.customers for group in groups), sum((group.revenue for group in groups), ZERO))
            for letter, groups in found.items()
        ]

    def of(
        self, statuses: tuple[str, ...] = (), classes: tuple[str, ...] = (), cells: tuple[int, ...] = ()
    ) -> list[Group]:
        """The groups that are of one of these each; nothing named narrows nothing."""
        return [
            group
            for group in self.groups
            if (not statuses or group.status in statuses)
            and (not classes or group.letter in classes)
            and (not cells or group.cell in cells)
        ]


@dataclass(frozen=True, slots=True)
class Cohort:
    """Who bought for the first time in a quarter; `bought[n]` of them bought n quarters later too."""

    quarter: date
    bought: list[int]

    @property
    def customers(self) -> int:
        return self.bought[0]


@dataclass(frozen=True, slots=True)
class Month:
    """How the portfolio moved in a month: first purchases, returns, losses."""

    first: date
    new: int
    back: int
    lost: int

    @property
    def net(self) -> int:
        return self.new + self.back - self.lost


@dataclass(frozen=True, slots=True)
class Due:
    """A customer whose next purchase is due, and what one of his is usually worth."""

    customer_id: int
    name: str
    due_on: date
    usual: Decimal | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One customer's rhythm in local days, and what it makes of him on the day that was asked for."""

    purchase_days: int
    sales: int
    first_day: date
    last_day: date
    usual_gap: int | None
    due_on: date | None
    late_on: date
    inactive_on: date
    back_on: date | None
    status: Status
    letter: str | None
    cell: int


def rules(connection: Connection) -> Rules:
    """What the company calls new, late, lost, A and B."""
    return Rules(*queries.rules(connection))


def curve(connection: Connection, sight: Sight) -> Curve:
    """The ABC curve of the 12 months that customer_rhythm counts."""
    rows = list(queries.curve(connection, points=CURVE_POINTS, **sight.parameters))
    points = [Point(*row[:4]) for row in rows]
    return Curve(
        points,
        next((point for point, row in zip(points, rows, strict=True) if row[4]), None),
        next((point for point, row in zip(points, rows, strict=True) if row[5]), None),
    )


def judging(today: date, these: Rules, curve: Curve) -> dict[str, Any]:
    """The parameters by which a row of customer_rhythm gets its status, class and cell."""
    a, b = curve.last_a, curve.last_b
    return {
        "today": today,
        "new_days": these.new_days,
        "recency_days": these.recency_days,
        "frequencies": these.frequencies,
        "a_revenue": a.revenue if a else None,
        "a_customer": a.customer_id if a else None,
        "b_revenue": b.revenue if b else None,
        "b_customer": b.customer_id if b else None,
    }


def portfolio(connection: Connection, today: date, sight: Sight, owner: int | None = None) -> Portfolio:
    """Everybody in sight, judged on a local day; of one seller's customers only, where an owner is named.

    The curve, and with it where A ends, is that of all in sight: what a customer is does not change with who looks for
    whom.
    """
    queries.in_memory(connection)
    these, found = rules(connection), curve(connection, sight)
    until = today + timedelta(days=6 - today.weekday())
    rows = queries.groups(
        connection,
        until=until,
        quiet_days=QUIET_DAYS,
        owner=owner,
        **judging(today, these, found),
        **sight.parameters,
    )
    groups = [Group(*row) for row in rows]
    (listed,) = queries.listed(connection, owner=owner, **sight.parameters)
    never = listed - sum(group.customers for group in groups)
    return Portfolio(today, until, these, found, [*groups, Group("sem", None, None, never, ZERO)])


def cohorts(connection: Connection, today: date, quarters: int, sight: Sight, owner: int | None = None) -> list[Cohort]:
    """The last `quarters` whole quarters and the running one, oldest first, with all that can be known of each."""
    running = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    first = add_months(running, -3 * quarters)
    counts = {add_months(first, 3 * step): [0] * (quarters - step + 1) for step in range(quarters + 1)}
    rows = queries.cohorts(connection, since=first, quarters=quarters + 1, owner=owner, **sight.parameters)
    for quarter, bought, customers in rows:
        for step in range(len(counts.get(quarter, ()))):
            counts[quarter][step] += customers * (bought >> step & 1)
    return [Cohort(quarter, bought) for quarter, bought in counts.items()]


def balance(connection: Connection, today: date, months: int, sight: Sight, owner: int | None = None) -> list[Month]:
    """The last `months` months, the running one up to today."""
    queries.in_memory(connection)
    since = add_months(today.replace(day=1), 1 - months)
    rows = queries.balance(connection, since=since, today=today, owner=owner, **sight.parameters)
    found = {month: (new, back, lost) for month, new, back, lost in rows}
    starts = [add_months(since, step) for step in range(months)]
    return [Month(start, *found.get(start, (0, 0, 0))) for start in starts]


def buyers(
    connection: Connection, first: date, last: date, zone: ZoneInfo, sight: Sight, owner: int | None = None
) -> int:
    """How many customers bought on these local days."""
    since, until = day_begins(first, zone), day_begins(last + timedelta(days=1), zone)
    return int(queries.buyers(connection, since=since, until=until, owner=owner, **sight.parameters)[0])


def due(
    connection: Connection, found: Portfolio, until: date, limit: int, sight: Sight, owner: int | None = None
) -> list[Due]:
    """Customers of class A of whom a purchase is due by a day or was lately, in that order; who is late is left out."""
    a = found.curve.last_a
    if a is None:
        return []
    rows = queries.due(
        connection,
        today=found.today,
        since=found.today - timedelta(days=DUE_LATELY),
        until=until,
        a_revenue=a.revenue,
        a_customer=a.customer_id,
        limit=limit,
        owner=owner,
        **sight.parameters,
    )
    return [Due(*row) for row in rows]


def standing(connection: Connection, customer_id: int, found: Portfolio, sight: Sight) -> Standing | None:
    """One customer's rhythm; None where no dated sale of his is in sight."""
    row = queries.standing(connection, customer_id=customer_id, **found.parameters, **sight.parameters)
    return Standing(*row) if row else None
