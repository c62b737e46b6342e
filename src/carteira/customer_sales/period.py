"""Periods of local days, and the periods they are compared with.

A period is asked for in whole days, both included, and read as the half-open pair of moments [since, until) at which those days
begin and end in the company's time zone; a midnight that a change to summer time skipped is the moment of the change.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_RANGE = re.compile(r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True, slots=True)
class Period:
    """Local days from `first` to `last`, both included."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        return _midnight(self.first, self.zone)

    @property
    def until(self) -> datetime:
        return _midnight(self.last + timedelta(days=1), self.zone)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"

    def earlier(self, *, months: int = 0, days: int = 0) -> Period:
        """The same days so many months and days before; the end of a month stays the end of a month."""
        step = timedelta(days=days)
        return Period(months_before(self.first, months) - step, _end_before(self.last, months) - step, self.zone)

    def before(self) -> Period:
        """What it is compared with: the same days of the months before if it starts with a month, else as many days."""
        if self.first.day == 1:
            return self.earlier(months=months_between(self.first, self.last) + 1)
        return self.earlier(days=self.days)


def parse(text: str, zone: ZoneInfo) -> Period | None:
    """'2026-11-01..2026-11-24' -> Period; None when it is not two real days in order."""
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    try:
        first, last = map(date.fromisoformat, found.groups())
    except ValueError:
        return None
    # The day after the last one, and every day compared with, must exist as well.
    return Period(first, last, zone) if 1900 <= first.year and first <= last and last.year < 9999 else None


def months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def months_before(day: date, months: int) -> date:
    """The same day so many months before, or the last one of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _end_before(day: date, months: int) -> date:
    moved = months_before(day, months)
    if months and day.day == calendar.monthrange(day.year, day.month)[1]:
        return moved.replace(day=calendar.monthrange(moved.year, moved.month)[1])
    return moved


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)
