"""customer_sales from `customers` and `sales`: of the customers that a run touched, or of all.

The same SELECT either way, so there are no counters to drift; rows that do not differ are not written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from carteira.customer_sales import rhythm, spans
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("definition.sql"))


@dataclass(frozen=True)
class Totals:
    """What customer_sales adds up to: rows, reais, won deals."""

    customers: int
    revenue: Decimal
    deals: int


@dataclass(frozen=True)
class Rebuilt:
    """How many rows a rebuild changed in each table; true where one of them has to be published."""

    customer_sales: int
    customer_rhythm: int

    @property
    def rows(self) -> int:
        return self.customer_sales + self.customer_rhythm

    def __bool__(self) -> bool:
        return self.rows > 0


def rebuild(
    connection: Connection, opened_at: datetime, customer_ids: list[int] | None = None, timezone: str | None = None
) -> Rebuilt:
    """Apply the definitions of customer_sales and of customer_rhythm to these customers (None: all); rows that changed.

    Within the caller's transaction. `opened_at` becomes last_sync_at of the rows that change, and the rhythm counts the
    local days of `timezone` (None: the one it counts in already).
    """
    (changed,) = queries.refresh(connection, opened_at=opened_at, customer_ids=customer_ids)
    spans.follow(connection, customer_ids)
    return Rebuilt(int(changed), rhythm.refresh(connection, opened_at, customer_ids, timezone))


def all_is_adopted(connection: Connection) -> bool:
    """Whether every row comes from an older system, so that a rebuild, which knows no sales yet, would wipe them."""
    return queries.all_is_adopted(connection) is not None


def totals(connection: Connection, customer_ids: list[int] | None = None) -> Totals:
    """What is published of these customers (None: all)."""
    return Totals(*queries.totals(connection, customer_ids=customer_ids))
