"""The stamp of what is published: as long as it is the same, whatever was rendered from the tables is good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("stamp.sql"))

# The default schedule is every six hours: one run may fail before anybody is alarmed.
STALE_AFTER = timedelta(hours=13)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the database holds and what the clock says of it.

    `last_sync_at` is the opening of the last succeeded run, `last_run` names the newest run and its state, `today` is
    the local day, `stale_hours` counts the hours since the last success once they are too many, `views` the
    changes of saved views.
    """

    publication: int
    last_sync_at: datetime | None
    last_run: str
    today: date
    stale_hours: int | None
    views: int

    @property
    def stale(self) -> bool:
        """Whether the data is older than it should be; so is data that never was read."""
        return self.stale_hours is not None

    @property
    def running(self) -> bool:
        """Whether a run is under way: how far it is, no stamp tells."""
        return " running " in self.last_run


def read(connection: Connection, zone: ZoneInfo, now: datetime | None = None) -> Stamp:
    """The stamp; in the snapshot that the rows are read in, it is theirs."""
    return of(queries.stamp(connection), zone, now)


def statement() -> str:
    """What `of` makes a stamp of, for whoever asks for rows with it at once."""
    text: str = queries.stamp.sql
    return text


def of(row: tuple[Any, ...], zone: ZoneInfo, now: datetime | None = None) -> Stamp:
    """The stamp that a row of `statement` holds."""
    publication, last_sync_at, last_run, views, *_ = row
    now = now or datetime.now(UTC)
    return Stamp(
        publication, last_sync_at, last_run or "", now.astimezone(zone).date(), _stale_hours(last_sync_at, now), views
    )


def _stale_hours(last_sync_at: datetime | None, now: datetime) -> int | None:
    if last_sync_at is None:
        return 0
    age = now - last_sync_at
    return int(age.total_seconds() // 3600) if age > STALE_AFTER else None
