"""The log of runs: one row each, whatever its slices; what they saw, what they did, and what the audit said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("runs.sql"))


@dataclass(frozen=True)
class Unfinished:
    """A run that was cut short, or is running."""

    id: int
    mode: str
    fingerprint: str
    opened_at: datetime
    last_page_at: datetime | None
    requests: int
    accept_deletions: bool


@dataclass(frozen=True)
class State:
    """What the last publications left for the next run."""

    last_full_at: datetime | None
    last_full_seconds: Decimal | None
    ploomes_user_id: int | None
    ploomes_profile_id: int | None
    refused_fields: frozenset[str]
    usual_currency_id: int | None
    publication: int


@dataclass(frozen=True)
class EntityState:
    """What the last run saw of an entity, and how many rows of it hints have published since."""

    entity: str
    watermark: datetime | None
    newest: datetime | None
    newest_id: int | None
    remote_count: int | None
    settled: bool
    live_rows: int
    unexplained: int
    hinted: int = 0


@dataclass(frozen=True)
class Run:
    """A run as it stands in the log; `seconds` worked over all slices, `audit` a list of verdicts."""

    id: int
    mode: str
    state: str
    opened_at: datetime
    finished_at: datetime | None
    slices: int
    seconds: Decimal
    requests: int
    throttled: int
    pages: int
    customers_expected: int | None
    deals_expected: int | None
    customers_read: int
    deals_read: int
    customers_changed: int
    deals_changed: int
    customers_deleted: int
    deals_deleted: int
    customer_sales_changed: int
    rejected: int
    error: str | None
    audit: list[dict[str, Any]]
    sums: dict[str, Any]


@dataclass(frozen=True)
class Freshness:
    """As of when the published rows are: the opening of the last succeeded run, also when nothing had changed."""

    last_sync_at: datetime | None
    publication: int
    last_full_at: datetime | None
    usual_currency_id: int | None


@dataclass(frozen=True)
class OpenRejection:
    """A row that cannot be read: out of the totals until it can."""

    run_id: int
    entity: str
    id: int
    field: str
    reason: str
    raw: str
    seen_at: datetime


@dataclass(frozen=True)
class Counts:
    """Live rows and the sum of the won deals, here or in Ploomes."""

    contacts: int
    deals: int
    won: int
    lost: int
    open: int
    won_total: Decimal


def unfinished(connection: Connection) -> Unfinished | None:
    """The run that a next one goes on with."""
    row = queries.unfinished(connection)
    return Unfinished(*row) if row else None


def state(connection: Connection) -> State:
    """What the last publications left."""
    row = list(queries.state(connection))
    row[4] = frozenset(row[4])
    return State(*row)


def entities(connection: Connection) -> dict[str, EntityState]:
    """What the last run saw of contacts and deals."""
    return {row[0]: EntityState(*row) for row in queries.entities(connection)}


def recent(connection: Connection, limit: int = 15, before: int | None = None) -> list[Run]:
    """The last runs, newest first."""
    return [Run(*row) for row in queries.recent(connection, limit=limit, before=before)]


def freshness(connection: Connection) -> Freshness:
    """How old what is published is."""
    return Freshness(*queries.freshness(connection))


def open_rejections(connection: Connection, limit: int = 100) -> list[OpenRejection]:
    """Rows that cannot be read, the newest first."""
    return [OpenRejection(*row) for row in queries.open_rejections(connection, limit=limit)]


def published_counts(connection: Connection) -> Counts:
    """What is published, to hold beside what Ploomes counts."""
    return Counts(*queries.published_counts(connection))
