"""The figures of the syncs for whoever watches them: from the database, so that every process tells the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("measures.sql"))

STATES = ("succeeded", "failed", "refused", "partial", "running")


@dataclass(frozen=True)
class Measures:
    """Ages and durations in seconds; requests and throttled over all runs; `runs` by state."""

    last_sync_at: datetime | None
    age: float | None
    last_seconds: float | None
    requests: int
    throttled: int
    publication: int
    contacts: int
    deals: int
    rejected: int
    at_work: bool
    runs: dict[str, int]


def measures(connection: Connection) -> Measures:
    """All of them, in one query."""
    found = queries.measures(connection)
    figures: list[Any] = [*found[: -len(STATES)], dict(zip(STATES, found[-len(STATES) :], strict=True))]
    return Measures(*figures)
