"""`/`: how the period went, beside the one before and the same one of last year."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from carteira.customer_sales import reports
from carteira.customer_sales.period import Period
from carteira.customer_sales.reports import Figures, Ledger, Share
from carteira.customer_sales.sight import Sight
from carteira.web.formats import Delta, Formats, Money
from carteira.web.pages import periods
from carteira.web.pages.addresses import with_query
from carteira.web.pages.balance import balance, todo
from carteira.web.pages.frame import BIGGEST_ID, SignedIn, View, looking
from carteira.web.pages.periods import Comparison
from carteira.web.pages.portfolio import cuts
from carteira.web.pages.revenue import revenue_by_month
from carteira.web.pages.sparks import Spark, spark

router = APIRouter()

SELLERS, STATES, CUSTOMERS, SALES = 8, 6, 7, 7
SPARK_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Compared:
    """One line under a figure: the change, what it was, and when."""

    change: Delta
    was: str
    name: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline figure: `money` or `text`, its comparisons and its trend over whole months."""

    name: str
    money: Money | None
    text: str
    compared: list[Compared]
    line: Spark | None


@dataclass(frozen=True, slots=True)
class Row:
    """A share as the table shows it; `address` leads to what it is made of; `key` is None where the deals name none."""

    key: str | None
    name: str
    revenue: Decimal
    sales: int
    part: Decimal | None
    width: str
    changes: list[Delta]
    address: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that are shown, and the others added up."""

    shown: list[Row]
    others: Row | None
    hidden: int
    total: Row


@router.get("/")
def dashboard(
    request: Request,
    viewer: SignedIn,
    periodo: str = "",
    vendedor: Annotated[int | None, Query(ge=0, le=BIGGEST_ID)] = None,
    todos: str = "",
    de: date | None = None,
    ate: date | None = None,
) -> Response:
    query = {"periodo": periodo, "vendedor": vendedor}
    if de and ate:
        return RedirectResponse(with_query("/", query, periodo=f"{min(de, ate)}..{max(de, ate)}"), 303)
    with looking(request, viewer) as view:
        period = periods.chosen(periodo, view.today)
        context: dict[str, Any] = {
            "picker": periods.picker("/", query, period, view.today, view.f),
            "sellers": _seller_menu(view, query),
            "query": query,
            "of_one_seller": vendedor is not None or not view.sight.sees_all,
            "period": period,
            "with_query": with_query,
        }
        owner = vendedor if view.sight.sees_all else None
        context |= {"balance": balance(view, owner)} | _portfolio(view, owner)
        # Only for what is counted: whoever looks stays who he is, and so does what stands around the page.
        counted = view if owner is None else replace(view, sight=Sight(sees_all=False, owner_id=owner))
        context |= _content(counted, period)
        now: Figures = context["now"]
        if now.sales:
            context |= _breakdown(counted, period, now, query, show_all=todos == "vendedores")
        return view.render("painel.html", "painel", context)


def _portfolio(view: View, owner: int | None) -> dict[str, Any]:
    """Whom to look at, and the classes, as the lists that they lead to have them."""
    found = view.portfolio(owner)
    return todo(found) | {"abc": found.classes, "cuts": cuts(found.rules, view.f)}


def _seller_menu(view: View, query: dict[str, Any]) -> list[periods.Choice]:
    if not view.sight.sees_all:
        return []
    return [
        periods.Choice(
            seller.name, with_query("/", query, vendedor=seller.owner_id), seller.owner_id == query["vendedor"]
        )
        for seller in view.sellers()
    ]


def _content(view: View, period: Period) -> dict[str, Any]:
    """Tiles, chart and ledger, which every period has."""
    f = view.f
    held = periods.comparisons(period, f)
    shown = min(period.last.year, view.today.year)
    year = reports.month_periods(date(shown - 1, 1, 1), min(date(shown, 12, 1), view.today))
    # Apart, since the months are the same whatever period is looked at.
    now, *before = view.report(reports.figures, [period, *(comparison.period for comparison in held)], view.today)
    months = list(zip(year, view.report(reports.figures, year, view.today), strict=True))
    ledger = view.report(reports.ledger, period)
    return {
        "now": now,
        "held": held,
        "has_sales": now.sales > 0,
        "tiles": _tiles(now, before, held, _whole_months(months, period, view.today), f),
        "revenue": revenue_by_month(months, shown, view.today, f),
        "ledger": ledger,
        "lacks": view.report(reports.lacks),
        "reconciles": _reconciles(ledger, now),
        "last_sale": None if now.sales else reports.last_sale(view.connection, period.instants(f.zone)[1], view.sight),
    }


def _breakdown(view: View, period: Period, now: Figures, query: dict[str, Any], *, show_all: bool) -> dict[str, Any]:
    """Who sold, what, where and to whom."""
    f = view.f
    windows = {"now": period, "before": period.previous(), "last_year": period.year_before()}
    shares = view.report(reports.shares, windows)
    table = partial(_rows, now=now, f=f)

    def of_seller(share: Share) -> str:
        return with_query("/", query, vendedor=share.key) if share.key and view.sight.sees_all else ""

    def of_state(share: Share) -> str:
        return with_query("/clientes", {}, uf=share.key, periodo=str(period)) if share.key else ""

    return {
        "by_seller": table(shares.sellers, limit=len(shares.sellers) if show_all else SELLERS, address=of_seller),
        "by_pipeline": table(shares.pipelines, limit=STATES, address=_nowhere),
        "by_state": table(shares.states, limit=STATES, address=of_state),
        "top_customers": view.report(reports.top_customers, period, CUSTOMERS),
        "biggest_sales": view.report(reports.biggest_sales, period, SALES),
    }


def _nowhere(share: Share) -> str:
    return ""


def _reconciles(ledger: Ledger, now: Figures) -> bool:
    """Three roads to the same total: customers and the rest, the tiles, and the ledger itself."""
    return ledger.with_customer + ledger.without_customer == ledger.revenue == now.revenue


def _whole_months(months: list[tuple[Period, Figures]], period: Period, today: date) -> list[Figures]:
    whole = [figures for month, figures in months if month.last <= period.last and month.last < today]
    return whole[-SPARK_MONTHS:]


def _tiles(now: Figures, before: list[Figures], held: list[Comparison], trend: list[Figures], f: Formats) -> list[Tile]:
    def compared(value: str, shown: str) -> list[Compared]:
        lines = []
        for comparison, figures in zip(held, before, strict=True):
            was = getattr(figures, value)
            points = value == "win_rate"
            change = f.points(now.win_rate, was) if points else f.change(getattr(now, value), was)
            lines.append(Compared(change, _written(was, shown, f), comparison.name))
        return lines

    def tile(name: str, value: str, shown: str) -> Tile:
        amount = getattr(now, value)
        line = [getattr(figures, value) or 0 for figures in trend]
        money = f.money_parts(amount) if shown == "money" else None
        return Tile(name, money, _written(amount, shown, f), compared(value, shown), spark(line))

    return [
        tile(f.say("Faturamento"), "revenue", "money"),
        tile(f.say("Vendas"), "sales", "count"),
        tile(f.say("Ticket médio"), "average", "money"),
        tile(f.say("Clientes com compra"), "customers", "count"),
        tile(f.say("Taxa de ganho"), "win_rate", "percent"),
    ]


def _written(value: Any, shown: str, f: Formats) -> str:
    if shown == "money":
        return f.compact(value)
    return f.percent(value) if shown == "percent" else f.number(value)


def _rows(shares: list[Share], limit: int, now: Figures, f: Formats, address: Callable[[Share], str]) -> Rows:
    """The first `limit` shares as rows; a single one more is shown rather than called others."""
    sold = [share for share in shares if share.sales]
    cut = limit if len(sold) > limit + 1 else len(sold)
    top = sold[0].revenue if sold else Decimal(0)
    hidden = sold[cut:] + [share for share in shares if not share.sales]
    return Rows(
        shown=[_row(share, now, top, f, address(share)) for share in sold[:cut]],
        others=_row(_sum(hidden), now, top, f) if hidden else None,
        hidden=len(sold[cut:]),
        total=_row(_sum(shares), now, top, f),
    )


def _sum(shares: list[Share]) -> Share:
    zero = Decimal(0)
    return Share(
        None,
        "",
        sum((share.revenue for share in shares), zero),
        sum((share.before for share in shares), zero),
        sum((share.last_year for share in shares), zero),
        sum(share.sales for share in shares),
    )


def _row(share: Share, now: Figures, top: Decimal, f: Formats, address: str = "") -> Row:
    part = share.revenue / now.revenue if now.revenue else None
    width = f"{max(share.revenue / top * 100, Decimal(0)):.1f}" if top > 0 else "0"
    changes = [f.change(share.revenue, share.before), f.change(share.revenue, share.last_year)]
    return Row(share.key, share.name, share.revenue, share.sales, part, width, changes, address)
