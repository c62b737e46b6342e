"""Revenue by month, one year against the one before: what the chart draws, what its legend and its table say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from carteira.customer_sales.period import Period
from carteira.customer_sales.reports import Figures, projection
from carteira.web.formats import NO_DELTA, NOTHING, Delta, Formats, capitalized

Months = list[tuple[Period, Figures]]


@dataclass(frozen=True, slots=True)
class Line:
    """A month of the table: this year, the year before, and the change over the days that both have."""

    name: str
    now: str
    before: str
    change: Delta


@dataclass(frozen=True, slots=True)
class Revenue:
    """`chart` is drawn by the browser; the sentence, the legend and the table say the same without it."""

    year: int
    total: Decimal
    total_before: Decimal
    change: Delta
    until: date | None
    projection: Decimal | None
    projected_month: str
    sentence: str
    lines: list[Line]
    chart: dict[str, Any]


def revenue_by_month(months: Months, year: int, today: date, f: Formats) -> Revenue:
    """`months` are the whole months of two years, up to today's; the last may still be running."""
    now = {month.first.month: figures for month, figures in months if month.first.year == year}
    before = {month.first.month: figures for month, figures in months if month.first.year == year - 1}
    running = today.month if year == today.year else None
    projected = projection(now[running].revenue, today, _year_up_to(months, today)) if running else None
    total = sum((figures.revenue for figures in now.values()), Decimal(0))
    total_before = sum((_comparable(before, number, running) for number in now), Decimal(0))
    name = f.month(running) if running else ""
    return Revenue(
        year,
        total,
        total_before,
        f.change(total, total_before),
        today if running else None,
        projected,
        name,
        _sentence(year, now, running, projected, today, f),
        [_line(number, now, before, running, f) for number in range(1, 13)],
        _chart(now, before, year, running, projected, today, f),
    )


def _year_up_to(months: Months, today: date) -> list[Figures]:
    whole = [figures for month, figures in months if month.last < today.replace(day=1)]
    return whole[-12:]


def _comparable(before: dict[int, Figures], number: int, running: int | None) -> Decimal:
    """Last year's month, only as far as this year's has come."""
    return before[number].to_day if number == running else before[number].revenue


def _sentence(
    year: int, now: dict[int, Figures], running: int | None, projected: Decimal | None, today: date, f: Formats
) -> str:
    said = [f.say("Faturamento por mês, %(year)s contra %(before)s.", year=year, before=year - 1)]
    if running:
        month = {"month": capitalized(f.month(running, "wide")), "day": today.day}
        said.append(f.say("%(month)s até o dia %(day)s: %(total)s.", **month, total=f.compact(now[running].revenue)))
    if running and projected is not None:
        said.append(f.say("Projeção do mês: %(total)s.", total=f.compact(projected)))
    return " ".join(said)


def _line(number: int, now: dict[int, Figures], before: dict[int, Figures], running: int | None, f: Formats) -> Line:
    shown = now.get(number)
    change = f.change(shown.revenue, _comparable(before, number, running)) if shown else NO_DELTA
    return Line(
        f.month(number, "wide"),
        f.money(shown.revenue) if shown else NOTHING,
        f.money(before[number].revenue) if number in before else NOTHING,
        change,
    )


def _chart(
    now: dict[int, Figures],
    before: dict[int, Figures],
    year: int,
    running: int | None,
    projected: Decimal | None,
    today: date,
    f: Formats,
) -> dict[str, Any]:
    numbers = range(1, 13)
    return {
        "labels": [f.month(number) for number in numbers],
        "short": [f.month(number, "narrow") for number in numbers],
        "current": running - 1 if running else None,
        "now": [float(now[number].revenue) if number in now else None for number in numbers],
        "before": [float(before[number].revenue) if number in before else None for number in numbers],
        "projection": float(projected) if projected is not None else None,
        "projected": f.compact(projected, unit=False) if projected is not None else "",
        "tips": [_tip(number, now, before, year, running, projected, today, f) for number in numbers],
    }


def _tip(
    number: int,
    now: dict[int, Figures],
    before: dict[int, Figures],
    year: int,
    running: int | None,
    projected: Decimal | None,
    today: date,
    f: Formats,
) -> dict[str, Any]:
    rows = []
    until = ", " + f.say("até %(day)s", day=f.day(today)) if number == running else ""
    if number in now:
        rows.append(["now", f"{year}{until}", f.money(now[number].revenue)])
    if number == running and projected is not None:
        rows.append(["proj", f.say("Projeção do mês"), f.money(projected, 0)])
    if number in before:
        rows.append(["before", f"{year - 1}{until}", f.money(_comparable(before, number, running))])
    if number == running:
        rows.append(["before", f.say("%(year)s, mês inteiro", year=year - 1), f.money(before[number].revenue)])
    change = f.change(now[number].revenue, _comparable(before, number, running)) if number in now else NO_DELTA
    title = capitalized(f.month(number, "wide"))
    return {"title": title, "rows": rows, "change": [change.direction, change.text]}
