"""The rhythm of buying, drawn: one tick per day with a sale, the ring where the next was due, the tint until today."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache

from carteira.customer_sales.period import add_months
from carteira.customer_sales.reports import Purchase
from carteira.customer_sales.segments import Standing
from carteira.web.formats import Formats


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A label under the line."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Median days between purchases, days since the last one, and when the next was or is due."""

    every: int
    since: int
    due: date

    @property
    def late(self) -> bool:
        return self.since > self.every


@dataclass(frozen=True, slots=True)
class Strip:
    """The drawing: x of each thing in a box `width` wide; `due` and `late` are None without a rhythm."""

    width: int
    ticks: list[Tick]
    months: list[Mark]
    today: float
    due: float | None
    late: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One customer of the wallpaper; `late` is where the tint begins."""

    y: float
    ticks: list[Tick]
    late: float | None


def rhythm(standing: Standing | None, today: date) -> Rhythm | None:
    """The rhythm of a customer as it stands today; None while there are too few purchases to speak of one."""
    if standing is None or standing.usual_gap is None or standing.due_on is None:
        return None
    return Rhythm(standing.usual_gap, (today - standing.last_day).days, standing.due_on)


def strip(
    purchases: Sequence[Purchase], found: Rhythm | None, today: date, months: int, width: int, f: Formats
) -> Strip:
    """The last `months` months up to today, with some room behind it for what is still to come."""
    first = add_months(today, -months)
    ahead = max(14, (found.due - today).days + 7 if found else 0)
    scale = (width - 12) / ((today - first).days + min(ahead, 120))

    def x(day: date) -> float:
        return round(6 + (day - first).days * scale, 1)

    shown = [purchase for purchase in purchases if purchase.day >= first]
    top = max((purchase.total for purchase in shown), default=Decimal(1)) or Decimal(1)
    ticks = [Tick(x(one.day), round(32 - 14 * float(max(one.total, Decimal(0)) / top) ** 0.5, 1)) for one in shown]
    due = x(found.due) if found and found.due >= first and x(found.due) <= width - 4 else None
    late = round(x(today) - due, 1) if found and found.late and due is not None else None
    return Strip(width, ticks, _marks(first, today, x(today) - 70, x, f), x(today), due, late)


def _marks(first: date, today: date, until: float, x: Callable[[date], float], f: Formats) -> list[Mark]:
    starts = [add_months(first.replace(day=1), step) for step in range(1, (today - first).days // 28 + 1)]
    return [
        Mark(x(day), f"{f.month(day.month)} {day:%y}" if day.month == 1 else f.month(day.month))
        for day in starts
        if day.month % 3 == 1 and x(day) < until
    ]


@cache
def wallpaper(lines: int = 17, width: int = 720, seed: int = 4) -> list[Line]:
    """Invented customers for the sign-in page; the same ones every time."""
    chance = random.Random(seed)
    return [_invented(chance, 23.5 + number * 30.5, width) for number in range(lines)]


def _invented(chance: random.Random, y: float, width: int) -> Line:
    gap = chance.uniform(17, 58)
    end = width * (1 if chance.random() < 0.66 else chance.uniform(0.45, 0.85))
    x, ticks = chance.uniform(0, gap), []
    while x < end - 4:
        ticks.append(Tick(round(x, 1), round(y - 4 - chance.uniform(3, 15), 1)))
        x += gap * chance.uniform(0.72, 1.28)
    return Line(y, ticks, round(ticks[-1].x + gap, 1) if end < width else None)
