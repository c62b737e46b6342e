"""`/clientes`: the list, searched, filtered, sorted and paged; the address holds all of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from carteira.brazil import masked_cnpj, masked_cpf
from carteira.customer_sales import customers as customer_list
from carteira.customer_sales import reports
from carteira.customer_sales.customers import Customer, Filters, Listing
from carteira.customer_sales.period import Period, PeriodError, add_months, read
from carteira.customer_sales.sight import Sight
from carteira.warehouse.connection import Connection
from carteira.web.formats import Formats
from carteira.web.pages import periods
from carteira.web.pages.addresses import with_query
from carteira.web.pages.frame import SignedIn, formats_of, render
from carteira.web.pages.sparks import Spark, spark
from carteira.web.session import sight_of

router = APIRouter()

PATH = "/clientes"
PAGE_SIZE = 50
TREND_MONTHS = 12

# What a column is called in the address, in the list's own words, and where it begins.
COLUMNS = {
    "cliente": ("customer_name", "asc"),
    "documento": ("customer_cnpj", "asc"),
    "vendedor": ("owner_name", "asc"),
    "uf": ("state", "asc"),
    "faturamento": ("total_revenue", "desc"),
    "vendas": ("total_deals", "desc"),
    "ticket": ("average_deal_value", "desc"),
    "ultima": ("last_purchase_date", "desc"),
}
DEFAULT_SORT = "faturamento"


@dataclass(frozen=True, slots=True)
class Heading:
    """A column head: its link sorts by it, and turns the order around where it is already sorted by."""

    address: str
    sorted: str


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter in force: `without` is the page without it."""

    name: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Preset:
    """A period that the filter offers by name."""

    value: str
    name: str
    current: bool


@dataclass(frozen=True, slots=True)
class Line:
    customer: Customer
    document: str
    trend: Spark | None


@dataclass(frozen=True, slots=True)
class Pages:
    first: int
    last: int
    total: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Query:
    """What the address says, already read; `text` is the same as it will stand in addresses again."""

    filters: Filters
    sort: str
    order: str
    page: int
    text: dict[str, Any]


@router.get(PATH)
def customers(
    request: Request,
    viewer: SignedIn,
    busca: str = "",
    vendas: str = "",
    vendedor: str = "",
    uf: str = "",
    cidade: str = "",
    minimo: str = "",
    periodo: str = "",
    ordem: str = DEFAULT_SORT,
    sentido: str = "",
    pagina: int = 1,
    de: date | None = None,
    ate: date | None = None,
) -> Response:
    f = formats_of(request)
    text: dict[str, Any] = {
        "busca": busca.replace("\0", ""), "vendas": vendas, "vendedor": int(vendedor) if vendedor.isdecimal() and len(vendedor) < 19 else None, "uf": uf, "cidade": cidade,
        "minimo": minimo, "periodo": periodo, "ordem": ordem if ordem in COLUMNS else DEFAULT_SORT, "sentido": sentido,
    }  # fmt: skip
    if de and ate:
        return RedirectResponse(with_query(PATH, _short(text), periodo=f"{min(de, ate)}..{max(de, ate)}"), 303)
    query = _read(text, max(1, pagina), f.today())
    sight = sight_of(viewer)
    with request.app.state.warehouse.transaction(snapshot=True) as connection:
        listing = customer_list.listing(
            connection, sight, f.zone, query.filters, sort=COLUMNS[query.sort][0],
            order="asc" if query.order == "asc" else "desc", limit=PAGE_SIZE, page=query.page,
        )  # fmt: skip
        context = _context(connection, query, listing, sight, f) | _menus(connection, query, sight, f)
        return render(request, "clientes.html", connection, viewer, "clientes", context)


def _read(text: dict[str, Any], page: int, today: date) -> Query:
    order = text["sentido"] if text["sentido"] in ("asc", "desc") else COLUMNS[text["ordem"]][1]
    filters = Filters(
        search=text["busca"],
        with_sales={"com": True, "sem": False}.get(text["vendas"]),
        owner=text["vendedor"],
        states=tuple(state for state in text["uf"].upper().split(",") if state),
        city=text["cidade"] or None,
        minimum=_amount(text["minimo"]),
        period=_period(text["periodo"], today),
    )
    return Query(filters, text["ordem"], order, page, text)


def _amount(text: str) -> Decimal | None:
    """An amount as it is typed here: 10000, 10.000 or 10.000,50; None where it is no amount."""
    bare = text.strip().removeprefix("R$").strip()
    bare = (
        bare.replace(".", "").replace(",", ".")
        if "," in bare or bare.count(".") != 1 or len(bare.rpartition(".")[2]) == 3
        else bare
    )
    try:
        amount = Decimal(bare)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount.adjusted() < 15 else None


def _period(text: str, today: date) -> Period | None:
    try:
        return read(text, today) if text else None
    except PeriodError:
        return None


def _short(text: dict[str, Any]) -> dict[str, Any]:
    """What has to stand in an address: the default order is not said."""
    default = text["ordem"] == DEFAULT_SORT
    return text | {"ordem": None if default else text["ordem"]}


def _context(connection: Connection, query: Query, listing: Listing, sight: Sight, f: Formats) -> dict[str, Any]:
    return {
        "lines": _lines(connection, listing, query, sight, f),
        "listing": listing,
        "headings": {name: _heading(name, query) for name in COLUMNS},
        "filters": _filters(connection, query, sight, f) if _is_filtered(query) else [],
        "pages": _pages(listing, query),
        "query": query,
        "revenue_title": "Faturamento no período" if query.filters.period else "Faturamento total",
        "clear": PATH,
    }


def _lines(connection: Connection, listing: Listing, query: Query, sight: Sight, f: Formats) -> list[Line]:
    months = reports.month_periods(add_months(f.today(), 1 - TREND_MONTHS), f.today())
    pairs = [Period(first.first, last.last) for first, last in zip(months[::2], months[1::2], strict=True)]
    ids = [customer.customer_id for customer in listing.rows if customer.total_deals]
    trends = reports.trends(connection, ids, pairs, f.zone, sight) if ids else {}
    return [
        Line(
            customer,
            document(customer),
            spark(trends.get(customer.customer_id, []), width=72, height=20, pad=3),
        )
        for customer in listing.rows
    ]


def document(customer: Customer) -> str:
    """CNPJ or CPF with its mask; one that is not valid as it was typed."""
    if customer.customer_cnpj:
        return masked_cnpj(customer.customer_cnpj)
    return masked_cpf(customer.cpf) if customer.cpf else customer.document_raw or ""


def _heading(name: str, query: Query) -> Heading:
    if name != query.sort:
        return Heading(with_query(PATH, _short(query.text | {"ordem": name, "sentido": None})), "")
    turned = "asc" if query.order == "desc" else "desc"
    sentido = None if turned == COLUMNS[name][1] else turned
    return Heading(with_query(PATH, _short(query.text | {"sentido": sentido})), f"{query.order}ending")


def _is_filtered(query: Query) -> bool:
    return query.filters != Filters(search=query.filters.search)


def _filters(connection: Connection, query: Query, sight: Sight, f: Formats) -> list[Filter]:
    asked, text = query.filters, query.text
    names = {seller.owner_id: seller.name for seller in reports.sellers(connection, sight)} if asked.owner else {}
    found = {
        "vendas": {True: "com venda", False: "nenhuma"}.get(asked.with_sales) if asked.with_sales is not None else None,
        "vendedor": names.get(asked.owner, str(asked.owner)) if asked.owner is not None else None,
        "uf": ", ".join(asked.states),
        "cidade": asked.city,
        "minimo": f"≥ {f.compact(asked.minimum)}" if asked.minimum is not None else None,
        "periodo": f.range(asked.period.first, asked.period.last) if asked.period else None,
    }
    titles = {
        "vendas": "Vendas",
        "vendedor": "Vendedor",
        "uf": "UF",
        "cidade": "Cidade",
        "minimo": "Faturamento",
        "periodo": "Período",
    }
    return [
        Filter(titles[name], value, with_query(PATH, _short(text | {name: None})))
        for name, value in found.items()
        if value
    ]


def _pages(listing: Listing, query: Query) -> Pages:
    first = (query.page - 1) * PAGE_SIZE + 1
    last = min(first + PAGE_SIZE - 1, listing.total)

    def address(page: int) -> str:
        return with_query(PATH, _short(query.text), pagina=page if page > 1 else None)

    before = address(query.page - 1) if query.page > 1 else ""
    after = address(query.page + 1) if last < listing.total else ""
    return Pages(first, last, listing.total, before, after)


def _menus(connection: Connection, query: Query, sight: Sight, f: Formats) -> dict[str, Any]:
    text = _short(query.text)
    period = query.filters.period
    tabs = [
        periods.Choice("Todos", with_query(PATH, text, vendas=None), query.filters.with_sales is None),
        periods.Choice("Com compra", with_query(PATH, text, vendas="com"), query.filters.with_sales is True),
        periods.Choice(
            "Nunca compraram" if not period else "Sem compra no período",
            with_query(PATH, text, vendas="sem"),
            query.filters.with_sales is False,
        ),
    ]
    return {
        "tabs": tabs,
        "sellers": reports.sellers(connection, sight) if sight.sees_all else [],
        "states": reports.states_of_customers(connection, sight),
        "presets": [Preset(value, name, query.text["periodo"] == value) for value, name in periods.TABS],
        "custom_period": f.range(period.first, period.last) if period else "",
        "text": text,
        "with_query": with_query,
    }
