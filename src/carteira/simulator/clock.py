"""The simulated account's clock: the machine's, until a test sets or moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

BRASILIA = timezone(timedelta(hours=-3))
_TICK = 300  # SQL Server's datetime counts in 1/300 s


def stored(moment: datetime) -> str:
    """The moment as it is kept: Brasília's wall clock, always three digits of the nearest 1/300 s tick of its second.

    Fixed width, so that text sorts by time.
    """
    local = moment.astimezone(BRASILIA)
    tick = min(round(local.microsecond * _TICK / 1_000_000), _TICK - 1)
    milliseconds = round(tick * 1000 / _TICK)
    return f"{local:%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}"


def moment(text: str) -> datetime:
    """What `stored` wrote, as an aware datetime."""
    return datetime.fromisoformat(text).replace(tzinfo=BRASILIA)


class Clock:
    """Gives aware UTC datetimes; `set` stops it, `advance` moves it whether it runs or stands."""

    def __init__(self, at: datetime | None = None) -> None:
        self._standing_at = at
        self._offset = timedelta()

    def now(self) -> datetime:
        return (self._standing_at or datetime.now(UTC)) + self._offset

    def stamp(self) -> str:
        return stored(self.now())

    def set(self, at: datetime) -> None:
        """Stop the clock at an aware moment."""
        self._standing_at, self._offset = at.astimezone(UTC), timedelta()

    def advance(self, seconds: float) -> None:
        self._offset += timedelta(seconds=seconds)
