"""What each customer bought in every local quarter and year of an account with many deals, added up once.

A period is read from the spans that it is nearly made of, and from the deals at its edges. The process that serves
adds spans up (`refresh`); whoever writes deals adds up anew those customers whose deals he changed, in the same
transaction (`follow`), and where that may be anybody's, the spans are stale and the deals are read again. So an answer
is the same whether spans are kept, and never waits for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from carteira.customer_sales import days
from carteira.customer_sales.period import LATEST, Period, add_months
from carteira.customer_sales.sight import Sight
from carteira.warehouse import publish
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection, Warehouse

queries: Any = Blocks(Path(__file__).with_name("spans.sql"))

QUARTER, YEAR = 3, 12
ONE_DAY = timedelta(days=1)
# Of so many days the deals are read as soon as the customers of a span.
SPAN_IN_DAYS = 30

Bounds = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Cover:
    """A period as whole quarters and years, and the days by which they miss it: 1 to be added, -1 to be taken away."""

    spans: list[Period]
    edges: list[tuple[Period, int]]


@dataclass(frozen=True, slots=True)
class Bought:
    """A statement that gives customer_id, revenue and sales of whoever bought in a period, and its parameters."""

    statement: str
    parameters: dict[str, Any]

    def over(self, statement: str) -> str:
        """`statement` with this in the place of customer_spans."""
        beside = f", {statement.removeprefix('with ')}" if statement.startswith("with ") else f" {statement}"
        return f"with customer_spans as ({self.statement.rstrip().removesuffix(';')}){beside}"


def refresh(
    warehouse: Warehouse,
    zone: ZoneInfo,
    today: date,
    *,
    least_deals: int = days.MANY_DEALS,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Add up the spans that are wanting, the newest first; how many, until asked to stop.

    Each in a transaction of its own, which waits for writers of deals and keeps them out.
    """
    with warehouse.transaction() as connection:
        first = days.first_day(connection, zone, today, least_deals)
        kept = [span.instants(zone) for span in _every_span(first, today)] if first else []
        wanting = list(queries.wanting(connection, **_arrays(kept)))
    done = 0
    for since, until in wanting:
        if stopping():
            break
        with warehouse.transaction() as connection:
            publish.alone(connection)
            queries.drop_others(connection, **_arrays(kept))
            (span_id,) = queries.keep(connection, since=since, until=until)
            queries.derive(connection, span_id=span_id, since=since, until=until)
        done += 1
    return done


def follow(connection: Connection, customer_ids: list[int] | None) -> None:
    """The deals of these customers (None: of anybody) have changed, within the caller's transaction."""
    if customer_ids is None:
        queries.all_change(connection)
    elif customer_ids:
        queries.follow(connection, customer_ids=customer_ids)


def bought(connection: Connection, period: Period, zone: ZoneInfo, sight: Sight) -> Bought:
    """How to find what each customer bought in a period, of the deals in sight."""
    covered = cover(period) if sight.sees_all else None
    found = _good(connection, covered.spans, zone) if covered else {}
    if not covered or not found:
        since, until = period.instants(zone)
        return Bought(queries.bought.sql, {"since": since, "until": until} | sight.parameters)
    # A span that is not kept is as good as an edge.
    wide = [(*span.instants(zone), 1) for span in covered.spans if span not in found]
    edges = [(*edge.instants(zone), sign) for edge, sign in covered.edges] + wide
    if len(found) == 1 and not edges:
        return Bought(queries.bought_in_span.sql, {"span_id": found[covered.spans[0]]})
    starts, ends, signs = (list(column) for column in zip(*edges, strict=True)) if edges else ([], [], [])
    return Bought(
        queries.bought_in_spans.sql,
        {"span_ids": list(found.values()), "edge_starts": starts, "edge_ends": ends, "edge_signs": signs},
    )


def cover(period: Period) -> Cover | None:
    """The quarters and years whose ends are next to those of a period; None where it is sooner read deal by deal."""
    after = period.last + ONE_DAY
    begin, end = _nearest_quarter(period.first), _nearest_quarter(after)
    if begin >= end or end > LATEST:
        return None
    edges = [edge for edge in (_edge(period.first, begin, 1), _edge(after, end, -1)) if edge]
    covered = Cover(list(_spans(begin, end)), edges)
    return covered if _days_read(covered) < period.days else None


def _days_read(covered: Cover) -> int:
    return SPAN_IN_DAYS * len(covered.spans) + sum(edge.days for edge, _ in covered.edges)


def _nearest_quarter(day: date) -> date:
    begin = _quarter(day)
    following = add_months(begin, QUARTER)
    return begin if day - begin <= following - day else following


def _quarter(day: date) -> date:
    return day.replace(month=(day.month - 1) // QUARTER * QUARTER + 1, day=1)


def _edge(wanted: date, reached: date, sign: int) -> tuple[Period, int] | None:
    if wanted == reached:
        return None
    if wanted < reached:
        return Period(wanted, reached - ONE_DAY), sign
    return Period(reached, wanted - ONE_DAY), -sign


def _spans(begin: date, end: date) -> Iterator[Period]:
    """From one first day of a quarter to another: years where they fit, else quarters."""
    while begin < end:
        whole = begin.month == 1 and add_months(begin, YEAR) <= end
        until = add_months(begin, YEAR if whole else QUARTER)
        yield Period(begin, until - ONE_DAY)
        begin = until


def _every_span(first: date, last: date) -> Iterator[Period]:
    """All quarters and all years with a day between two."""
    for months, begin in ((YEAR, first.replace(month=1, day=1)), (QUARTER, _quarter(first))):
        while begin <= last:
            until = add_months(begin, months)
            yield Period(begin, until - ONE_DAY)
            begin = until


def _good(connection: Connection, spans: list[Period], zone: ZoneInfo) -> dict[Period, int]:
    bounds = {span.instants(zone): span for span in spans}
    return {
        bounds[since, until]: span_id for since, until, span_id in queries.good(connection, **_arrays(list(bounds)))
    }


def _arrays(spans: list[Bounds]) -> dict[str, list[datetime]]:
    return {"starts": [since for since, _ in spans], "ends": [until for _, until in spans]}
