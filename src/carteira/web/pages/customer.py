"""`/clientes/{id}`: one customer, what he buys, how often, and what is open or lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request
from starlette.responses import Response

from carteira.customer_sales import customers as customer_list
from carteira.customer_sales import reports, segments
from carteira.customer_sales.customers import Customer, Deal
from carteira.customer_sales.period import PRESETS, Period, add_months
from carteira.customer_sales.reports import Profile
from carteira.customer_sales.segments import Standing, Status
from carteira.warehouse import runs
from carteira.web.formats import Formats, capitalized
from carteira.web.languages import marked
from carteira.web.pages.frame import BIGGEST_ID, SignedIn, View, initials, looking
from carteira.web.pages.rhythm import rhythm, strip
from carteira.web.spreadsheets import document
from carteira.web.words import OF_CELL, STATUS, cells

router = APIRouter()

MONTHS, RHYTHM_MONTHS, NARROW_MONTHS = 24, 24, 11
DEALS, MORE_DEALS = 10, 50
SITUATIONS = (
    ("", marked("Todos")),
    ("won", marked("Ganhos")),
    ("open", marked("Abertos")),
    ("lost", marked("Perdidos")),
)
NODES = {
    "won": ("won", "check", marked("Ganho")),
    "lost": ("lost", "x", marked("Perdido")),
    "open": ("open", "clock", marked("Aberto")),
}
OTHER = ("other", "info", marked("Outra situação"))


@dataclass(frozen=True, slots=True)
class Event:
    """A deal on the timeline."""

    kind: str
    mark: str
    title: str
    note: str
    total: Decimal | None
    at: datetime | None
    address: str


@dataclass(frozen=True, slots=True)
class Year:
    """The deals of one year, newest first, and what was sold in it, shown or not."""

    year: str
    sales: int
    revenue: Decimal
    events: list[Event]


@router.get("/clientes/{customer_id}")
def customer(
    request: Request,
    viewer: SignedIn,
    customer_id: Annotated[int, Path(ge=-BIGGEST_ID, le=BIGGEST_ID)],
    situacao: str = "",
    mostrar: int = DEALS,
) -> Response:
    with looking(request, viewer) as view:
        found = customer_list.customer(view.connection, view.sight, customer_id)
        if found is None:
            raise HTTPException(404)
        year = PRESETS["12-meses"](view.today)
        profile = reports.profile(view.connection, customer_id, year, view.f.zone, view.sight)
        standing = segments.standing(view.connection, customer_id, view.portfolio(), view.sight)
        context = (
            _who(view, found, profile)
            | _standing(view, standing)
            | _buying(view, customer_id, standing)
            | _deals(view, found, situacao, mostrar)
        )
        context |= _branches(view, profile, year)
        return view.render("cliente.html", "clientes", context)


def _who(view: View, found: Customer, profile: Profile | None) -> dict[str, Any]:
    return {
        "customer": found,
        "profile": profile,
        "document": document(found),
        "document_name": "CPF" if found.cpf else "CNPJ",
        "mark": initials(found.customer_name or "?"),
        "ploomes": _link(view.request.app.state.settings.contact_url, found.customer_id),
    }


def _link(pattern: str | None, number: int) -> str:
    """The record in Ploomes, by the pattern of the settings; empty where none is set."""
    return pattern.replace("{id}", str(number)) if pattern else ""


def _standing(view: View, standing: Standing | None) -> dict[str, Any]:
    segment = OF_CELL.get(standing.cell) if standing else None
    status: Status = standing.status if standing else "sem"
    return {
        "standing": standing,
        "status": status,
        "status_name": view.f.say(STATUS[status]),
        "segment": f"{cells([standing.cell], view.f)} · {view.f.say(segment.one)}" if standing and segment else "",
        "rules": view.portfolio().rules,
    }


def _buying(view: View, customer_id: int, standing: Standing | None) -> dict[str, Any]:
    f, since = view.f, add_months(view.today, -RHYTHM_MONTHS)
    purchases = reports.purchases(view.connection, customer_id, since, f.zone, view.sight)
    found = rhythm(standing, view.today)
    months = reports.month_periods(add_months(view.today, 1 - MONTHS), view.today)
    revenue: dict[tuple[int, int], Decimal] = {}
    for purchase in purchases:
        month = (purchase.day.year, purchase.day.month)
        revenue[month] = revenue.get(month, Decimal(0)) + purchase.total
    totals = [(month, revenue.get((month.first.year, month.first.month), Decimal(0))) for month in months]
    return {
        "rhythm": found,
        "days_with_purchase": len(purchases),
        "strip": strip(purchases, found, view.today, RHYTHM_MONTHS, 1126, f),
        "narrow_strip": strip(purchases, found, view.today, NARROW_MONTHS, 324, f),
        "months": [(f.long_month(month.first), total) for month, total in totals],
        "chart": _chart(totals, f),
    }


def _chart(totals: list[tuple[Period, Decimal]], f: Formats) -> dict[str, Any]:
    return {
        "labels": [_label(month, f) for month, _ in totals],
        "now": [float(total) for _, total in totals],
        "tips": [
            {
                "title": capitalized(f.long_month(month.first)),
                "rows": [["now", f.say("Faturamento"), f.money(total)]],
            }
            for month, total in totals
        ],
    }


def _label(month: Period, f: Formats) -> str:
    """Every third month is named, January with its year."""
    if month.first.month % 3 != 1:
        return ""
    name = f.month(month.first.month)
    return f"{name} {month.first:%y}" if month.first.month == 1 else name


def _deals(view: View, found: Customer, situation: str, shown: int) -> dict[str, Any]:
    deals = customer_list.deals(view.connection, view.sight, found.customer_id)
    chosen = situation if situation in NODES else ""
    asked = [deal for deal in deals if not chosen or deal.status == chosen]
    asked.sort(key=_when, reverse=True)
    shown = max(DEALS, min(shown, len(asked)))
    usual = runs.freshness(view.connection).usual_currency_id
    sales = [deal for deal in deals if _is_sale(deal, usual)]
    years = [
        Year(year, *_sold(sales, year, view.f), [_event(deal, view) for deal in group])
        for year, group in groupby(asked[:shown], key=lambda deal: _year(deal, view.f))
    ]
    return {
        "years": years,
        "situation": chosen,
        "situations": [(key, view.f.say(name)) for key, name in SITUATIONS],
        "deals_shown": min(shown, len(asked)),
        "deals_total": len(asked),
        "more": shown + MORE_DEALS,
    }


def _when(deal: Deal) -> tuple[float, int]:
    at = _at(deal)
    return (at.timestamp() if at else 0.0, deal.deal_id)


def _at(deal: Deal) -> datetime | None:
    return deal.closed_at or deal.updated_at or deal.created_at


def _year(deal: Deal, f: Formats) -> str:
    at = _at(deal)
    return str(f.local(at).year) if at else f.say("Sem data")


def _is_sale(deal: Deal, usual_currency_id: int | None) -> bool:
    return deal.status == "won" and (
        None in (usual_currency_id, deal.currency_id) or deal.currency_id == usual_currency_id
    )


def _sold(sales: list[Deal], year: str, f: Formats) -> tuple[int, Decimal]:
    sold = [deal for deal in sales if _year(deal, f) == year]
    return len(sold), sum((deal.total or Decimal(0) for deal in sold), Decimal(0))


def _event(deal: Deal, view: View) -> Event:
    say = view.f.say
    kind, mark, status = NODES.get(deal.status, OTHER)
    more = deal.loss_reason if deal.status == "lost" else deal.pipeline_name
    if deal.status == "open" and deal.stage_name:
        more = f"{deal.pipeline_name}, {deal.stage_name.lower()}" if deal.pipeline_name else deal.stage_name
    note = " · ".join(
        word for word in (say(status), more, "" if deal.closed_at or deal.status != "won" else say("sem data")) if word
    )
    address = _link(view.request.app.state.settings.deal_url, deal.deal_id)
    return Event(kind, mark, deal.title or say("(sem título)"), note, deal.total, _at(deal), address)


def _branches(view: View, profile: Profile | None, year: Period) -> dict[str, Any]:
    if profile is None or not profile.cnpj_root:
        return {"branches": [], "group_revenue": Decimal(0)}
    found = reports.branches(view.connection, profile.cnpj_root, year.first, view.f.zone, view.sight)
    return {
        "branches": found if len(found) > 1 else [],
        "group_revenue": sum((branch.revenue for branch in found), Decimal(0)),
    }
