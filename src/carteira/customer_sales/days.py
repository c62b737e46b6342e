"""Local days of an account with many deals, added up once: what `reports.figures` reads instead of the deals.

Whoever writes deals marks the days of them stale in the same transaction (`publish.merge`), and a day that is stale or
missing is read from the deals. So an answer never waits for a day to be kept, and is the same whether it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from carteira.customer_sales.period import day_begins
from carteira.warehouse import publish
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection, Warehouse

queries: Any = Blocks(Path(__file__).with_name("days.sql"))

# With fewer deals the figures of all years are read at once.
MANY_DEALS = 200_000
# Ten years; what is older is asked for so seldom that it may take longer.
MOST_DAYS = 3660
# So few that a run which wants to publish waits for no more than some tenths of a second.
AT_ONCE = 16

Bounds = tuple[datetime, datetime]


def refresh(
    warehouse: Warehouse,
    zone: ZoneInfo,
    today: date,
    *,
    least_deals: int = MANY_DEALS,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Add up the days that are wanting, up to `today` and the newest first; how many, until asked to stop.

    Each few in a transaction of their own, which waits for writers of deals and keeps them out.
    """
    with warehouse.transaction() as connection:
        days = _days(connection, zone, today, least_deals)
        wanting = list(queries.wanting(connection, **_arrays(days))) if days else []
    done = 0
    for some in _parts(wanting):
        if stopping():
            break
        with warehouse.transaction() as connection:
            publish.alone(connection)
            derive(connection, days, some)
        done += len(some)
    return done


def derive(connection: Connection, days: list[Bounds], wanting: list[Bounds]) -> None:
    """Add up the days `wanting`, and keep none besides `days`."""
    queries.drop_others(connection, **_arrays(days))
    these = _arrays(wanting)
    queries.drop(connection, starts=these["starts"])
    queries.place(connection, **these)
    queries.derive(connection, **these)


def are_kept(connection: Connection) -> bool:
    """Whether it is the days that are to be read: most of them are good."""
    return bool(queries.are_kept(connection)[0])


def are_worth_it(connection: Connection, least_deals: int = MANY_DEALS) -> bool:
    """Whether the account has so many deals."""
    deals, _ = queries.bearing(connection)
    return bool(deals >= least_deals)


def first_day(connection: Connection, zone: ZoneInfo, today: date, least_deals: int) -> date | None:
    """The first local day of which figures are kept; None where the account has not so many deals."""
    deals, first_closed_at = queries.bearing(connection)
    if first_closed_at is None or deals < least_deals:
        return None
    first: date = first_closed_at.astimezone(zone).date()
    return max(first, today - timedelta(days=MOST_DAYS))


def _days(connection: Connection, zone: ZoneInfo, today: date, least_deals: int) -> list[Bounds]:
    first = first_day(connection, zone, today, least_deals)
    if first is None:
        return []
    begin = [day_begins(first + timedelta(days=step), zone) for step in range((today - first).days + 2)]
    return list(pairwise(begin))


def _arrays(days: list[Bounds]) -> dict[str, list[datetime]]:
    return {"starts": [since for since, _ in days], "ends": [until for _, until in days]}


def _parts(days: list[Bounds]) -> Iterator[list[Bounds]]:
    for start in range(0, len(days), AT_ONCE):
        yield days[start : start + AT_ONCE]
