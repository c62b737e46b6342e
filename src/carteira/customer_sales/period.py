"""Periods: local days, both ends included, as people pick them; half-open instants, as SQL compares them."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Unit = Literal["days", "week", "month", "quarter", "year"]

MONTHS: dict[Unit, int] = {"month": 1, "quarter": 3, "year": 12}
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
RANGE = re.compile(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)", re.ASCII)


class PeriodError(ValueError):
    """What was written is no period; the message says why."""


@dataclass(frozen=True, slots=True)
class Period:
    """Local days from `first` to `last`, both included.

    `unit` is what the period is a part of: its predecessor is the same part of the unit before.
    """

    first: date
    last: date
    unit: Unit = field(default="days", compare=False)

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise PeriodError(f"the period ends on {self.last}, before it begins on {self.first}")
        if self.first < EARLIEST or self.last > LATEST:
            raise PeriodError(f"a period lies between {EARLIEST} and {LATEST}")

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def instants(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The half-open range of UTC instants that these days cover in `zone`."""
        return day_begins(self.first, zone), day_begins(self.last + timedelta(days=1), zone)

    def previous(self) -> Period:
        """What it is compared with: the same days of the unit before, or as many days just before it."""
        if months := MONTHS.get(self.unit):
            return self._months_back(months)
        step = timedelta(days=7 if self.unit == "week" else self.days)
        return Period(self.first - step, self.last - step, self.unit)

    def year_before(self) -> Period:
        """The same days of the year before."""
        return self._months_back(12)

    def month_starts(self) -> list[date]:
        """The first day of every month that it touches, in order."""
        count = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
        return [add_months(self.first.replace(day=1), step) for step in range(count)]

    def _months_back(self, months: int) -> Period:
        last = add_months(self.last, -months)
        if _ends_month(self.last) and self.first.day == 1:
            # A whole February is compared with a whole January, not with its first 28 days.
            last = last.replace(day=monthrange(last.year, last.month)[1])
        return Period(add_months(self.first, -months), last, self.unit)


def day_begins(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC; where clocks skip midnight, the instant at which they do."""
    # With fold=0 a skipped wall time is read with the offset before the skip, a repeated one is its first.
    return datetime.combine(day, time(), zone).astimezone(UTC)


def add_months(day: date, months: int) -> date:
    """The same day of another month, or that month's last one."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def parse(text: str) -> Period:
    """A period written as YYYY-MM-DD..YYYY-MM-DD; PeriodError says what is wrong with it."""
    found = RANGE.fullmatch(text)
    if found is None:
        raise PeriodError("a period is written as YYYY-MM-DD..YYYY-MM-DD")
    try:
        first, last = (date.fromisoformat(day) for day in found.groups())
    except ValueError as error:
        raise PeriodError(f"the period names a day that is not in the calendar: {error}") from error
    return Period(first, last, _unit(first, last))


def read(text: str, today: date) -> Period:
    """A period as an address holds it: the name of a preset, or what `parse` reads."""
    preset = PRESETS.get(text)
    return preset(today) if preset else parse(text)


def _unit(first: date, last: date) -> Unit:
    """The calendar unit that a written period plainly is a part of: one that begins with it and holds it all."""
    if first.day != 1:
        return "days"
    ends: tuple[tuple[Unit, int], ...] = (("month", 1), ("quarter", 3), ("year", 12))
    for unit, months in ends:
        if (first.month - 1) % months == 0 and last < add_months(first, months):
            return unit
    return "days"


def _ends_month(day: date) -> bool:
    return day.day == monthrange(day.year, day.month)[1]


def _twelve_months(today: date) -> Period:
    return Period(add_months(today, -12) + timedelta(days=1), today, "year")


PRESETS: dict[str, Callable[[date], Period]] = {
    "hoje": lambda today: Period(today, today),
    "semana": lambda today: Period(today - timedelta(days=today.weekday()), today, "week"),
    "mes": lambda today: Period(today.replace(day=1), today, "month"),
    "trimestre": lambda today: Period(today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1), today, "quarter"),
    "ano": lambda today: Period(today.replace(month=1, day=1), today, "year"),
    "12-meses": _twelve_months,
}
