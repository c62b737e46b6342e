"""What the address of `/clientes` asks of the list, for the page and for the files that hold the same list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.datastructures import QueryParams

from carteira.customer_sales.customers import Filters
from carteira.customer_sales.period import Period, PeriodError, read
from carteira.customer_sales.segments import CLASSES, STATUSES
from carteira.web import columns

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
    "primeira": ("first_purchase_date", "desc"),
    "abertos": ("open_deals", "desc"),
    "perdidos": ("lost_deals", "desc"),
    "codigo": ("customer_id", "asc"),
}
DEFAULT_SORT = "faturamento"
# What a view consists of, each a filter of its own.
VIEWED = ("vendas", "status", "classe", "rfv", "parado", "esperada")
# What narrows the list besides.
NARROWED = ("busca", "vendedor", "uf", "cidade", "minimo", "periodo", "raiz")
CELL = re.compile(r"[1-5][1-5]", re.ASCII)
ROOT = re.compile(r"[0-9A-Z]{8}", re.ASCII)
DAYS = re.compile(r"\d{1,4}", re.ASCII)
THOUSANDS = re.compile(r"\d{1,3}(\.\d{3})+")
# 10,000 and 10,000.50: no amount of money has three decimals, so an address means the same in every language.
ENGLISH = re.compile(r"\d{1,3}(,\d{3})+(\.\d{1,2})?")


@dataclass(frozen=True, slots=True)
class Query:
    """What the address says, already read; `text` is the same as it will stand in addresses again.

    `shown` are the columns; `grouped`: one row per company, and not per customer.
    """

    filters: Filters
    sort: str
    order: str
    page: int
    text: dict[str, Any]
    shown: tuple[str, ...] = columns.DEFAULT
    grouped: bool = False

    @property
    def column(self) -> str:
        """What the list calls the column that it is sorted by."""
        return COLUMNS[self.sort][0]


def asked(parameters: Mapping[str, str], today: date) -> Query:
    """What an address asks of the list; the exports read it too, so that a file holds what the page shows."""
    return query_of(text_of(parameters), 1, today)


def text_of(parameters: Mapping[str, str]) -> dict[str, Any]:
    """What stands in an address, cleaned; what means nothing is dropped."""
    text: dict[str, Any] = {
        name: parameters.get(name, "").replace("\0", "") for name in (*VIEWED, *NARROWED, "ordem", "sentido", "agrupar")
    }
    owner = text["vendedor"]
    text["vendedor"] = int(owner) if owner.isdecimal() and len(owner) < 19 else None
    text["ordem"] = text["ordem"] if text["ordem"] in COLUMNS else DEFAULT_SORT
    text["agrupar"] = "grupo" if text["agrupar"] == "grupo" else ""
    # A form with a box for each column names the parameter once for each that is ticked.
    named = parameters.getlist("colunas") if isinstance(parameters, QueryParams) else [parameters.get("colunas", "")]
    text["colunas"] = columns.written(columns.chosen(",".join(named)))
    return text


def query_of(text: dict[str, Any], page: int, today: date) -> Query:
    order = text["sentido"] if text["sentido"] in ("asc", "desc") else COLUMNS[text["ordem"]][1]
    filters = Filters(
        search=text["busca"],
        with_sales={"com": True, "sem": False}.get(text["vendas"]),
        owner=text["vendedor"],
        states=tuple(state for state in text["uf"].upper().split(",") if state),
        city=text["cidade"] or None,
        minimum=_amount(text["minimo"]),
        root=text["raiz"] if ROOT.fullmatch(text["raiz"]) else None,
        period=_period(text["periodo"], today),
        statuses=tuple(status for status in text["status"].split(",") if status in STATUSES),
        classes=tuple(letter for letter in text["classe"].upper().split(",") if letter in CLASSES),
        cells=tuple(int(cell) for cell in text["rfv"].split(",") if CELL.fullmatch(cell)),
        quiet_days=int(text["parado"]) if DAYS.fullmatch(text["parado"]) else None,
        due_until=today + timedelta(days=6 - today.weekday()) if text["esperada"] == "semana" else None,
    )
    shown = columns.chosen(text["colunas"])
    return Query(filters, text["ordem"], order, page, text, shown, text["agrupar"] == "grupo")


def _amount(text: str) -> Decimal | None:
    """An amount as it is typed: 10000, 10.000 or 10.000,50, in English 10,000.50; None where it is no amount."""
    bare = text.strip().removeprefix("R$").strip()
    if ENGLISH.fullmatch(bare):
        bare = bare.replace(",", "")
    elif THOUSANDS.fullmatch(bare) or "," in bare:
        bare = bare.replace(".", "").replace(",", ".")
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


def short(text: dict[str, Any]) -> dict[str, Any]:
    """What has to stand in an address: the default order is not said."""
    default = text["ordem"] == DEFAULT_SORT
    return text | {"ordem": None if default else text["ordem"]}
