"""When business happens: office hours, weekdays, the months' ups and downs, and growth over the years."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, timedelta
from itertools import accumulate

TICKS = 300  # per second, as SQL Server's datetime counts
DAY = 86_400 * TICKS
# For ten minutes nobody has changed anything: an account where somebody just did is not a quiet one.
LATEST = 600 * TICKS
_EPOCH = date(1970, 1, 1)
_MONTHS = (0.78, 0.84, 1.0, 0.95, 1.02, 0.97, 1.0, 1.05, 1.02, 1.08, 1.15, 0.92)
_WEEKDAYS = (1.05, 1.1, 1.1, 1.05, 0.95, 0.08, 0.02)
_GROWTH = 0.14
_OPENS, _CLOSES = 7.5 / 24, 19 / 24

_day_texts: dict[int, str] = {}


def text(ticks: int) -> str:
    """Ticks since 1970 on Brasília's clock, as dates are kept."""
    day, rest = divmod(ticks, DAY)
    if day not in _day_texts:
        _day_texts[day] = (_EPOCH + timedelta(days=day)).isoformat()
    seconds, tick = divmod(rest, TICKS)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_day_texts[day]}T{hour:02d}:{minute:02d}:{second:02d}.{tick * 1000 // TICKS + (tick % 3 == 2):03d}"


def ticks(moment: datetime) -> int:
    """A naive moment on Brasília's clock, in ticks since 1970."""
    return int((moment - datetime(1970, 1, 1)).total_seconds() * TICKS)


class Seasons:
    """Turns shares of the business done between two moments into moments, so that even shares look like trade."""

    def __init__(self, start: int, end: int) -> None:
        self._first = start // DAY
        self.end = end
        self.latest = end - LATEST
        last = end // DAY
        weights = [_weight(day, self._first) for day in range(self._first, last + 1)]
        self._today = min(max((end % DAY / DAY - _OPENS) / (_CLOSES - _OPENS), 0.0), 1.0)
        weights[-1] *= self._today
        self._done = [0.0, *accumulate(weights)]

    def moment(self, share: float) -> int:
        """From 0, the start, to 1, the end; in ticks."""
        done = min(max(share, 0.0), 1.0) * self._done[-1]
        number = min(bisect_right(self._done, done), len(self._done) - 1) - 1
        weight = self._done[number + 1] - self._done[number]
        part = (done - self._done[number]) / weight if weight else 0.0
        if number == len(self._done) - 2:
            part *= self._today
        day_part = _OPENS + part * (_CLOSES - _OPENS)
        return min((self._first + number) * DAY + int(day_part * DAY), self.latest)

    def share(self, moment: int) -> float:
        """How much of the business was done before the day of a moment."""
        number = min(max(moment // DAY - self._first, 0), len(self._done) - 1)
        return self._done[number] / self._done[-1]


def _weight(day: int, first: int) -> float:
    when = _EPOCH + timedelta(days=day)
    return float(_MONTHS[when.month - 1] * _WEEKDAYS[when.weekday()] * (1 + _GROWTH) ** ((day - first) / 365))
