"""The balance of the portfolio on the painel: customers won, won back and lost by month, and what to look at today."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from carteira.customer_sales import segments
from carteira.customer_sales.segments import AT_RISK, Group, Month, Portfolio
from carteira.web.formats import Delta, Formats, capitalized
from carteira.web.pages.frame import View

MONTHS = 12
WIDTH, HEIGHT, LABELS = 340, 128, 18
BAR = 0.6


@dataclass(frozen=True, slots=True)
class Bar:
    """A month: three boxes as (y, height), the middle of the column, the height of its balance."""

    x: float
    width: float
    middle: float
    new: tuple[float, float]
    back: tuple[float, float]
    lost: tuple[float, float]
    net: float
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Balance:
    """`now` is the running month; `kept` bought this month and had bought before, without a return."""

    now: Month
    month: str
    net: Delta
    kept: int
    buyers: int
    base: float
    bars: list[Bar]
    line: str


def balance(view: View, owner: int | None) -> Balance:
    """Twelve months, the running one up to today; of one seller's customers, where an owner is named."""
    f = view.f
    months = view.balance(MONTHS, owner)
    now = months[-1]
    buyers = view.portfolios.report(
        view.stamp,
        view.sight,
        lambda: segments.buyers(view.connection, now.first, view.today, f.zone, view.sight, owner),
        "buyers",
        owner,
    )
    bars, base = _bars(months, f)
    line = " ".join(f"{bar.middle},{bar.net}" for bar in bars)
    kept = max(0, buyers - now.new - now.back)
    return Balance(now, f.month(now.first.month, "wide"), _net(now.net, f), kept, buyers, base, bars, line)


def _net(net: int, f: Formats) -> Delta:
    return Delta("up" if net > 0 else "down" if net < 0 else "flat", f.signed(net))


def _bars(months: list[Month], f: Formats) -> tuple[list[Bar], float]:
    above = max(max(month.new + month.back for month in months), 1)
    below = max(max(month.lost for month in months), 1)
    scale = (HEIGHT - LABELS - 14) / (above + below)
    base = round(8 + above * scale, 1)
    step = WIDTH / len(months)
    return [_bar(month, place * step, step, base, scale, f) for place, month in enumerate(months)], base


def _bar(month: Month, left: float, step: float, base: float, scale: float, f: Formats) -> Bar:
    new, back, lost = (round(count * scale, 1) for count in (month.new, month.back, month.lost))
    title = f.say(
        "%(month)s: %(new)s novos, %(back)s recuperados, %(lost)s perdidos",
        month=capitalized(f.long_month(month.first)),
        new=f.signed(month.new),
        back=f.signed(month.back),
        lost=f.signed(-month.lost),
    )
    return Bar(
        x=round(left + step * (1 - BAR) / 2, 1),
        width=round(step * BAR, 1),
        middle=round(left + step / 2, 1),
        new=(round(base - new, 1), new),
        back=(round(base - new - back - (1 if new and back else 0), 1), back),
        lost=(round(base + 1.5, 1), lost),
        net=round(base - month.net * scale, 1),
        label=f.month(month.first.month, "narrow"),
        title=title,
    )


def todo(found: Portfolio) -> dict[str, Any]:
    """What the morning asks for: the best customers who are out of their rhythm, and who is due by Sunday."""
    at_risk = found.of(AT_RISK, ("A",))
    return {
        "risk": _sum(at_risk),
        "risk_status": ",".join(AT_RISK),
        "expected": sum(group.expected for group in found.groups),
        "expected_revenue": sum((group.expected_revenue for group in found.groups), Decimal(0)),
    }


def _sum(groups: list[Group]) -> tuple[int, Decimal]:
    return sum(group.customers for group in groups), sum((group.revenue for group in groups), Decimal(0))
