"""`/carteira`: who buys as usual, who is late, who is lost; how lately and how often; who stayed, and who is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from math import ceil, sqrt
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from carteira.customer_sales import segments
from carteira.customer_sales.segments import STATUSES, Cohort, Curve, Due, Group, Portfolio, Rules, Status
from carteira.web.formats import DASH, Formats
from carteira.web.pages.addresses import with_query
from carteira.web.pages.frame import BIGGEST_ID, SignedIn, View, looking
from carteira.web.pages.periods import Choice
from carteira.web.words import SEGMENTS, STATUS, Segment, reasons

router = APIRouter()

PATH = "/carteira"
QUARTERS, NARROW_QUARTERS = 11, 6
DUE_ROWS, DUE_DAYS = 8, 14
BARS = {"novo": "s1", "ativo": "s2", "recuperado": "s5", "quase": "s3", "inativo": "s4", "sem": "s0"}
CELLS = [recency * 10 + times for recency in range(1, 6) for times in range(1, 6)]
HOTTEST = 8


@dataclass(frozen=True, slots=True)
class StatusLine:
    """Everybody of one status; `lately` came to it in the last 30 days, None where that says nothing."""

    status: Status
    name: str
    why: str
    customers: int
    part: Decimal | None
    lately: int | None
    revenue: Decimal
    bar: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a heat table: `heat` is 0 to 8."""

    customers: int
    revenue: Decimal
    heat: int


@dataclass(frozen=True, slots=True)
class Band:
    """A row or a column of the RFV table: its name and what it holds."""

    name: str
    bounds: str


@dataclass(frozen=True, slots=True)
class SegmentLine:
    """A segment, who is in it, and the cells that it is as an address names them."""

    segment: Segment
    listed: str
    customers: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class Kept:
    """How many of a cohort bought n quarters later; `running`: the quarter is not over."""

    ratio: Decimal
    heat: int
    running: bool


@dataclass(frozen=True, slots=True)
class CohortLine:
    name: str
    customers: int
    kept: list[Kept]


@router.get(PATH)
def portfolio(
    request: Request, viewer: SignedIn, vendedor: Annotated[int | None, Query(ge=0, le=BIGGEST_ID)] = None
) -> Response:
    with looking(request, viewer) as view:
        owner = vendedor if view.sight.sees_all else None
        found = view.portfolio(owner)
        context = _statuses(found, view.f) | _rfv(found, view.f) | _cohorts(view, owner) | _expected(view, found, owner)
        context |= {"found": found, "curve": found.curve, "plots": _plots(found.curve)}
        context |= {"with_query": with_query, "seller": owner, "sellers": _seller_menu(view, owner)}
        return view.render("carteira.html", "carteira", context | {"cuts": cuts(found.rules, view.f)})


def _seller_menu(view: View, chosen: int | None) -> list[Choice]:
    if not view.sight.sees_all:
        return []
    everybody = Choice(view.f.say("Todos os vendedores"), PATH, chosen is None)
    sellers = view.sellers()
    return [
        everybody,
        *(Choice(one.name, with_query(PATH, {}, vendedor=one.owner_id), one.owner_id == chosen) for one in sellers),
    ]


def _statuses(found: Portfolio, f: Formats) -> dict[str, Any]:
    total = sum(group.customers for group in found.groups)
    why = reasons(found.rules, f)
    lines = [_status(status, found.of((status,)), why[status], total, f) for status in STATUSES]
    said = ", ".join(f"{line.name} {f.number(line.customers)}" for line in lines)
    return {"statuses": lines, "total": total, "status_sentence": said}


def _status(status: Status, groups: list[Group], why: str, total: int, f: Formats) -> StatusLine:
    customers = sum(group.customers for group in groups)
    lately = None if status in ("ativo", "sem") else sum(group.lately for group in groups)
    part = Decimal(customers) / total if total else None
    revenue = sum((group.revenue for group in groups), Decimal(0))
    return StatusLine(status, f.say(STATUS[status]), why, customers, part, lately, revenue, BARS[status])


def _rfv(found: Portfolio, f: Formats) -> dict[str, Any]:
    cells = {cell: found.of(cells=(cell,)) for cell in CELLS}
    counts = {cell: sum(group.customers for group in groups) for cell, groups in cells.items()}
    money = {cell: sum((group.revenue for group in groups), Decimal(0)) for cell, groups in cells.items()}
    most = max(counts.values(), default=0)
    return {
        "recencies": _recencies(found.rules.recency_days, f),
        "frequencies": _frequencies(found.rules.frequencies),
        "cells": {cell: Cell(count, money[cell], _heat(count, most)) for cell, count in counts.items()},
        "segments": [_segment(one, counts, money) for one in SEGMENTS],
        "bought": sum(counts.values()),
        "bought_revenue": sum(money.values(), Decimal(0)),
    }


def _heat(count: int, most: int) -> int:
    return 1 + round((HOTTEST - 1) * sqrt(count / most)) if count else 0


def _recencies(days: list[int], f: Formats) -> list[Band]:
    bounds = [f.say("até %(days)s d", days=days[0])]
    bounds += [f"{before + 1}{DASH}{end} d" for before, end in pairwise(days)]
    bounds += [f"+{days[-1]} d"]
    return [Band(f"R{5 - place}", text) for place, text in enumerate(bounds)]


def _frequencies(most: list[int]) -> list[Band]:
    starts = [1, *(end + 1 for end in most)]
    texts = [f"{start}{DASH}{end}" if start < end else str(end) for start, end in zip(starts, most, strict=False)]
    return [Band(f"F{place}", text) for place, text in enumerate([*texts, f"{starts[-1]}+"], 1)]


def _segment(segment: Segment, counts: dict[int, int], money: dict[int, Decimal]) -> SegmentLine:
    customers = sum(counts[cell] for cell in segment.cells)
    revenue = sum((money[cell] for cell in segment.cells), Decimal(0))
    return SegmentLine(segment, ",".join(map(str, segment.cells)), customers, revenue)


def _cohorts(view: View, owner: int | None) -> dict[str, Any]:
    found = view.portfolios.report(
        view.stamp,
        view.sight,
        lambda: segments.cohorts(view.connection, view.today, QUARTERS, view.sight, owner),
        "cohorts",
        owner,
    )
    return {
        "cohorts": [_cohort(one, view.f) for one in found if one.customers and len(one.bought) > 1],
        "quarters": QUARTERS,
    }


def _cohort(cohort: Cohort, f: Formats) -> CohortLine:
    quarter = cohort.quarter
    last = len(cohort.bought) - 1
    ratios = [Decimal(count) / cohort.customers for count in cohort.bought]
    kept = [Kept(ratio, ceil(ratio * HOTTEST), step == last) for step, ratio in enumerate(ratios) if step]
    return CohortLine(f"{f.quarter(quarter)} {quarter:%y}", cohort.customers, kept)


def _expected(view: View, found: Portfolio, owner: int | None) -> dict[str, Any]:
    until = date.fromordinal(view.today.toordinal() + DUE_DAYS)
    due: list[Due] = view.portfolios.report(
        view.stamp,
        view.sight,
        lambda: segments.due(view.connection, found, until, DUE_ROWS, view.sight, owner),
        "due",
        owner,
    )
    return {
        "due": [(one, (one.due_on - view.today).days) for one in due],
        "expected": sum(group.expected for group in found.groups),
        "expected_revenue": sum((group.expected_revenue for group in found.groups), Decimal(0)),
    }


def cuts(rules: Rules, f: Formats) -> str:
    """80 / 15 / 5: the parts of the revenue that A, B and C make up."""
    parts = (rules.a_share, rules.b_share - rules.a_share, 1 - rules.b_share)
    return " / ".join(f.number(part * 100) for part in parts)


@dataclass(frozen=True, slots=True)
class Plot:
    """The ABC curve in a box: its line, and where A and B end as (x, y)."""

    width: int
    height: int
    line: str
    a: tuple[float, float]
    b: tuple[float, float]


def _plots(curve: Curve) -> list[tuple[str, Plot]]:
    if not curve.points or not curve.last_a or not curve.last_b:
        return []
    return [("only-wide", _plot(curve, 640, 352)), ("only-narrow", _plot(curve, 324, 240))]


def _plot(curve: Curve, width: int, height: int) -> Plot:
    end = curve.points[-1]
    left, right, top, bottom = 40, width - 10, 12, height - 26

    def at(place: int, cumulated: Decimal) -> tuple[float, float]:
        x = left + (right - left) * place / end.place
        return round(x, 1), round(bottom - (bottom - top) * float(cumulated / end.cumulated), 1)

    line = " ".join(f"{x},{y}" for x, y in [(left, bottom), *(at(one.place, one.cumulated) for one in curve.points)])
    assert curve.last_a and curve.last_b
    a, b = (at(one.place, one.cumulated) for one in (curve.last_a, curve.last_b))
    return Plot(width, height, line, a, b)
