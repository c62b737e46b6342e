"""`/clientes`: the list, searched, filtered, sorted and paged; the address holds all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from carteira.customer_sales import customers as customer_list
from carteira.customer_sales import reports
from carteira.customer_sales.customers import Company, Customer, Filters, Listing
from carteira.customer_sales.period import Period, add_months
from carteira.customer_sales.segments import AT_RISK, QUIET_DAYS, STATUSES, Group
from carteira.web import columns
from carteira.web.formats import Formats
from carteira.web.languages import marked
from carteira.web.pages import periods
from carteira.web.pages.addresses import with_query
from carteira.web.pages.customer_query import COLUMNS, VIEWED, Query, query_of, short, text_of
from carteira.web.pages.customer_rows import Line, Marks, rows
from carteira.web.pages.frame import SignedIn, View, looking
from carteira.web.pages.saved import written
from carteira.web.pages.sparks import spark
from carteira.web.spreadsheets import document, members
from carteira.web.words import STATUS, cells

router = APIRouter()

PATH = "/clientes"
PAGE_SIZE = 50
LAST_PAGE = 10**9
TREND_MONTHS = 12
ZERO = Decimal(0)
# Which of them have customers would cost a scan of all customers.
# fmt: off
STATES = (
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA",
    "PB", "PE", "PI", "PR", "RJ", "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Heading:
    """A column head: its link sorts by it, and turns the order around where it is already sorted by."""

    address: str
    sorted: str


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter in force: `field` is where it is edited, `without` the page without it."""

    field: str
    name: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Tab:
    """A ready-made view, and how many customers it holds."""

    name: str
    address: str
    current: bool
    customers: int


@dataclass(frozen=True, slots=True)
class Preset:
    """A period that the filter offers by name."""

    value: str
    name: str
    current: bool


@dataclass(frozen=True, slots=True)
class Pages:
    first: int
    last: int
    total: int
    before: str
    after: str


@router.get(PATH)
def customers(
    request: Request,
    viewer: SignedIn,
    pagina: int = 1,
    de: date | None = None,
    ate: date | None = None,
) -> Response:
    text = text_of(request.query_params)
    if de and ate:
        return RedirectResponse(with_query(PATH, short(text), periodo=f"{min(de, ate)}..{max(de, ate)}"), 303)
    with looking(request, viewer) as view:
        query = query_of(text, min(max(1, pagina), LAST_PAGE), view.today)
        listing = customer_list.listing(
            view.connection,
            view.sight,
            view.f.zone,
            query.filters,
            sort=query.column,
            order="asc" if query.order == "asc" else "desc",
            limit=PAGE_SIZE,
            page=query.page,
            portfolio=view.portfolio(),
            grouped=query.grouped,
            once=partial(view.portfolios.report, view.stamp, view.sight),
        )
        context = _context(view, query, listing) | _menus(view, query)
        return view.render("clientes.html", "clientes", context)


def _context(view: View, query: Query, listing: Listing) -> dict[str, Any]:
    return {
        "rows": partial(_rows, view, query, listing),
        "listing": listing,
        "headings": {name: _heading(name, query) for name in COLUMNS},
        "filters": _filters(view, query),
        "status_names": {key: view.f.say(name) for key, name in STATUS.items()},
        "pages": _pages(listing, query),
        "query": query,
        "revenue_title": view.f.say("Faturamento no período")
        if query.filters.period
        else view.f.say("Faturamento total"),
        "clear": with_query(PATH, short(_arranged(query))),
        "view_query": written(query.text),
        "columns": {name: view.f.say(title) for name, title in columns.COLUMNS.items()},
        "columns_reset": with_query(PATH, short(query.text | {"colunas": None})),
        "group_address": with_query(PATH, short(query.text | {"agrupar": None if query.grouped else "grupo"})),
    }


def _rows(view: View, query: Query, listing: Listing, chip: Callable[..., str], letter: Callable[..., str]) -> Markup:
    return rows(_lines(view, query, listing), query.shown, query.grouped, view.f, Marks(chip, letter))


def _lines(view: View, query: Query, listing: Listing) -> list[Line]:
    trends = _trends(view, listing) if "tendencia" in query.shown else {}
    return [
        Line(
            customer,
            document(customer),
            spark(trends.get(customer.customer_id, []), width=72, height=20, pad=3),
            _opened(query, customer),
            members(customer),
        )
        for customer in listing.rows
    ]


def _trends(view: View, listing: Listing) -> dict[int, list[Decimal]]:
    months = reports.month_periods(add_months(view.today, 1 - TREND_MONTHS), view.today)
    pairs = [Period(first.first, last.last) for first, last in zip(months[::2], months[1::2], strict=True)]
    members = {row.customer_id: _members(row) for row in listing.rows if row.total_deals}
    ids = [member for row in members.values() for member in row]
    found = reports.trends(view.connection, ids, pairs, view.f.zone, view.sight) if ids else {}
    return {row: _together([found[member] for member in row_members]) for row, row_members in members.items()}


def _together(trends: list[list[Decimal]]) -> list[Decimal]:
    """What several customers bought, month by month."""
    return trends[0] if len(trends) == 1 else [sum(parts, ZERO) for parts in zip(*trends, strict=True)]


def _members(row: Customer) -> list[int]:
    return list(row.members) if isinstance(row, Company) else [row.customer_id]


def _opened(query: Query, customer: Customer) -> str:
    """A customer's page; of several, the list of them under the same filters."""
    if members(customer) == 1:
        return f"{PATH}/{customer.customer_id}"
    return with_query(PATH, short(query.text | {"agrupar": None, "raiz": customer.customer_cnpj}))


def _heading(name: str, query: Query) -> Heading:
    if name != query.sort:
        return Heading(with_query(PATH, short(query.text | {"ordem": name, "sentido": None})), "")
    turned = "asc" if query.order == "desc" else "desc"
    sentido = None if turned == COLUMNS[name][1] else turned
    return Heading(with_query(PATH, short(query.text | {"sentido": sentido})), f"{query.order}ending")


def _filters(view: View, query: Query) -> list[Filter]:
    asked, text, f = query.filters, query.text, view.f
    names = (
        {seller.owner_id: seller.name for seller in reports.sellers(view.connection, view.sight)} if asked.owner else {}
    )
    found = {
        "vendedor": names.get(asked.owner, str(asked.owner)) if asked.owner is not None else None,
        "uf": ", ".join(asked.states),
        "cidade": asked.city,
        "minimo": f"≥ {f.compact(asked.minimum)}" if asked.minimum is not None else None,
        "periodo": f.range(asked.period.first, asked.period.last) if asked.period else None,
        "raiz": f"{asked.root[:2]}.{asked.root[2:5]}.{asked.root[5:]}" if asked.root else None,
    } | _judged(asked, f)
    titles = {
        "vendedor": marked("Vendedor"),
        "uf": marked("UF"),
        "cidade": marked("Cidade"),
        "minimo": marked("Faturamento"),
        "periodo": marked("Período"),
        "raiz": marked("Grupo"),
        "vendas": marked("Com vendas"),
        "status": marked("Status"),
        "classe": marked("Classe"),
        "rfv": marked("RFV"),
        "parado": marked("Sem compra há"),
        "esperada": marked("Compra esperada"),
    }
    return [
        Filter(name, f.say(titles[name]), value, with_query(PATH, short(text | {name: None})))
        for name, value in found.items()
        if value
    ]


def _judged(asked: Filters, f: Formats) -> dict[str, str | None]:
    """The filters that views are made of, as they are written."""
    return {
        "vendas": None if asked.with_sales is None else f.say("sim") if asked.with_sales else f.say("não"),
        "status": ", ".join(f.say(STATUS[status]) for status in STATUSES if status in asked.statuses),
        "classe": ", ".join(sorted(asked.classes)),
        "rfv": cells(asked.cells, f),
        "parado": f.count("%(n)s dia", "%(n)s dias", asked.quiet_days) if asked.quiet_days is not None else None,
        "esperada": f.say("até domingo") if asked.due_until else None,
    }


def _pages(listing: Listing, query: Query) -> Pages:
    first = (query.page - 1) * PAGE_SIZE + 1
    last = min(first + PAGE_SIZE - 1, listing.total)

    def address(page: int) -> str:
        return with_query(PATH, short(query.text), pagina=page if page > 1 else None)

    before = address(query.page - 1) if query.page > 1 else ""
    after = address(query.page + 1) if last < listing.total else ""
    return Pages(first, last, listing.total, before, after)


def _tabs(view: View, query: Query) -> list[Tab]:
    """Ready-made views; each is a set of filters, counted without the others that may be in force."""
    everybody = view.portfolio()
    at_risk = ",".join(AT_RISK)
    views: list[tuple[str, dict[str, str], list[Group]]] = [
        (marked("Todos"), {}, everybody.groups),
        (marked("Pedem atenção"), {"status": at_risk, "classe": "A,B"}, everybody.of(AT_RISK, ("A", "B"))),
        (marked("Curva A em risco"), {"status": at_risk, "classe": "A"}, everybody.of(AT_RISK, ("A",))),
        (view.f.say("Sem compra há %(days)s dias", days=QUIET_DAYS), {"parado": str(QUIET_DAYS)}, []),
        (marked("Nunca compraram"), {"status": "sem"}, everybody.of(("sem",))),
    ]
    now = {name: query.text[name] for name in VIEWED if query.text[name]}
    quiet = sum(group.quiet for group in everybody.groups)
    return [
        Tab(
            view.f.say(name),
            with_query(PATH, short(_arranged(query) | asked)),
            now == asked,
            sum(group.customers for group in groups) if groups or "parado" not in asked else quiet,
        )
        for name, asked, groups in views
    ]


def _arranged(query: Query) -> dict[str, Any]:
    """How the list is shown, whatever it is narrowed to."""
    return {name: query.text[name] for name in ("ordem", "sentido", "colunas", "agrupar")}


def _menus(view: View, query: Query) -> dict[str, Any]:
    text = short(query.text)
    period = query.filters.period
    return {
        "tabs": _tabs(view, query),
        "sellers": view.sellers() if view.sight.sees_all else [],
        "states": STATES,
        "presets": [Preset(value, view.f.say(name), query.text["periodo"] == value) for value, name in periods.TABS],
        "custom_period": view.f.range(period.first, period.last) if period else "",
        "text": text,
        "with_query": with_query,
    }
