"""What the company decides of its own totals: which pipelines are in none, where classes, statuses and cells begin.

A change derives everything anew in the same transaction, so that no page ever shows sums of both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from carteira.customer_sales.rebuild import all_is_adopted, rebuild
from carteira.errors import Refused
from carteira.warehouse import publish, runs
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("company.sql"))


@dataclass(frozen=True, slots=True)
class Pipeline:
    pipeline_id: int
    name: str
    archived: bool
    left_out: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What forms may change of portfolio_rules: days, multiples of a customer's own gap, and shares of the revenue.

    `recency_days` and `frequencies` are the last days of R5 to R2 and the most sales of F1 to F4.
    """

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


# What a fresh database holds.
DEFAULTS = Limits(
    new_days=90,
    late_days=90,
    inactive_days=180,
    late_factor=Decimal("1.5"),
    inactive_factor=Decimal(3),
    least_late_days=15,
    least_inactive_days=45,
    a_share=Decimal("0.80"),
    b_share=Decimal("0.95"),
    recency_days=[30, 90, 180, 365],
    frequencies=[2, 6, 10, 18],
)


def pipelines(connection: Connection) -> list[Pipeline]:
    """All pipelines, archived ones last."""
    return [Pipeline(*row) for row in queries.pipelines(connection)]


def limits(connection: Connection) -> Limits:
    return Limits(*queries.rules(connection))


def leave_out(connection: Connection, pipeline_ids: Sequence[int], timezone: str) -> bool:
    """These pipelines, and no others, are in no total from now on; whether that is a change."""
    publish.alone(connection)
    return _derived(connection, queries.leave_out(connection, pipeline_ids=sorted({*pipeline_ids})), timezone)


def set_limits(connection: Connection, limits: Limits, timezone: str) -> bool:
    """Other limits; whether that is a change. psycopg.errors.CheckViolation where they contradict one another."""
    publish.alone(connection)
    return _derived(connection, queries.set_rules(connection, **asdict(limits)), timezone)


def _derived(connection: Connection, changed: tuple[bool] | None, timezone: str) -> bool:
    if changed is None:
        return False
    if all_is_adopted(connection):
        raise Refused("There are no sales here yet to add up in another way: run `carteira sync --full` first.")
    rebuild(connection, runs.freshness(connection).last_sync_at or datetime.now(UTC), None, timezone)
    publish.queries.republished(connection)
    return True
