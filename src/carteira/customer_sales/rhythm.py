"""customer_rhythm from `customers` and `sales`: of the customers that a run touched, or of all (docs/segments.md)."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("rhythm.sql"))

# Over more days than this nearly everybody has bought something.
MOST_DAYS = 31


def refresh(
    connection: Connection, opened_at: datetime, customer_ids: list[int] | None, timezone: str | None = None
) -> int:
    """Apply the definition to these customers and to those whose 12 months moved on (None: to all); rows that changed.

    The 12 months end on the local day of `opened_at`. In another `timezone` (None: the one of before) than before, or
    by other rules, all is derived anew.
    """
    was, day, rules_changed, timezone, new_day = queries.bearing(connection, timezone=timezone, opened_at=opened_at)
    if was != timezone or rules_changed:
        customer_ids = None
    if customer_ids is not None:
        customer_ids = _moved(connection, timezone, day, new_day, customer_ids)
    (changed,) = queries.refresh(connection, customer_ids=customer_ids, timezone=timezone, day=new_day)
    queries.remember(connection, timezone=timezone, day=new_day)
    # Limits that are compared with the day, and not kept in a row, change what is shown all the same.
    return int(changed) + int(rules_changed)


def _moved(
    connection: Connection, timezone: str, day: date | None, new_day: date, touched: list[int]
) -> list[int] | None:
    if day == new_day:
        return touched
    if day is None or abs((new_day - day).days) > MOST_DAYS:
        return None
    (moved,) = queries.moved(connection, timezone=timezone, day=day, new_day=new_day)
    return [*{*touched, *moved}]
