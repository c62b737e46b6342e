"""The rows of the customer list as HTML, cell by cell: what each of its columns shows of a customer or a company.

Fifty rows of a dozen cells are most of the page. Functions write them in a fifth of the time that a template takes,
which looks every name and every formatter up again for each cell. Whatever Ploomes says is escaped; what our own
formatters write (amounts, days, counts) has nothing in it to escape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from markupsafe import Markup, escape

from carteira.customer_sales.customers import Customer
from carteira.web.formats import NOTHING, Formats
from carteira.web.pages.sparks import Spark
from carteira.web.words import STATUS


@dataclass(frozen=True, slots=True)
class Line:
    """A row: where its name leads, and how many customers it stands for."""

    customer: Customer
    document: str
    trend: Spark | None
    address: str
    members: int


@dataclass(frozen=True, slots=True)
class Marks:
    """The macros that every page marks a status and a class with."""

    chip: Callable[..., str]
    letter: Callable[..., str]


Cell = Callable[[Line], str]
# A few sellers, cities and states stand in many rows.
_again = lru_cache(4096)(lambda text: str(escape(text)))


def rows(lines: Iterable[Line], shown: tuple[str, ...], grouped: bool, f: Formats, marks: Marks) -> Markup:
    """The body of the table: the name, of companies the number of their customers, and the columns that are shown."""
    cells = [_name(f)]
    if grouped:
        cells.append(lambda line: f'<td class="n hide-s">{f.number(line.members)}</td>')
    cells += [CELLS[column](f, marks) for column in shown]
    return Markup("".join([f"<tr>{''.join([cell(line) for cell in cells])}</tr>\n" for line in lines]))


def _name(f: Formats) -> Cell:
    nameless, stateless, never = escape(f.say("(sem nome)")), escape(f.say("Sem UF")), escape(f.say("nunca comprou"))

    def cell(line: Line) -> str:
        customer = line.customer
        name = escape(customer.customer_name)
        state = _again(customer.state) if customer.state else stateless
        if line.members > 1:
            state = f.count("%(n)s cliente", "%(n)s clientes", line.members)
        last = f.date(customer.last_purchase_date) if customer.last_purchase_date else never
        return (
            f'<td class="main clip"><a href="{escape(line.address)}" title="{name}">{name or nameless}</a>'
            f'<span class="sub only-narrow">{state} · {last}</span></td>'
        )

    return cell


def _id(f: Formats, marks: Marks) -> Cell:
    return lambda line: (
        f'<td class="n num hide-s muted">{line.customer.customer_id if line.members == 1 else NOTHING}</td>'
    )


def _document(f: Formats, marks: Marks) -> Cell:
    title, doubtful = escape(f.say("Documento inválido no Ploomes")), escape(f.say("inválido"))
    doubt = f' <abbr class="doubt" title="{title}">{doubtful}</abbr>'
    return lambda line: (
        f'<td class="num hide-s hide-m muted">{escape(line.document) or NOTHING}'
        f"{doubt if line.customer.document_valid is False else ''}</td>"
    )


def _status(f: Formats, marks: Marks) -> Cell:
    chips = {status: str(marks.chip(status, status, f.say(name))) for status, name in STATUS.items()}
    return lambda line: f"<td>{chips[line.customer.status]}</td>"


def _letter(f: Formats, marks: Marks) -> Cell:
    @lru_cache
    def letter(of: str | None) -> str:
        return f'<td class="hide-s">{marks.letter(of) if of else ""}</td>'

    return lambda line: letter(line.customer.letter)


def _seller(f: Formats, marks: Marks) -> Cell:
    return lambda line: f'<td class="hide-s">{_again(line.customer.owner_name or NOTHING)}</td>'


def _place(f: Formats, marks: Marks) -> Cell:
    @lru_cache
    def place(city: str | None, state: str | None) -> str:
        wide = f'<span class="xwide">{escape(city)}{", " if state else ""}</span>' if city else ""
        return f'<td class="hide-s">{wide}{escape(state or ("" if city else NOTHING))}</td>'

    return lambda line: place(line.customer.city, line.customer.state)


def _revenue(f: Formats, marks: Marks) -> Cell:
    def cell(line: Line) -> str:
        amount = f.money(line.customer.total_revenue)
        shown = amount if line.customer.total_deals else f'<span class="zero">{amount}</span>'
        return f'<td class="n">{shown}</td>'

    return cell


def _trend(f: Formats, marks: Marks) -> Cell:
    return lambda line: f'<td class="hide-s hide-m">{line.trend.__html__() if line.trend else ""}</td>'


def _average(f: Formats, marks: Marks) -> Cell:
    return lambda line: (
        '<td class="n xwide">'
        f"{f.money(line.customer.average_deal_value) if line.customer.total_deals else NOTHING}</td>"
    )


def _last(f: Formats, marks: Marks) -> Cell:
    def cell(line: Line) -> str:
        moment = line.customer.last_purchase_date
        if moment is None:
            return f'<td class="n hide-s">{NOTHING}</td>'
        return f'<td class="n hide-s"><time datetime="{moment.isoformat()}" data-ago-title>{f.date(moment)}</time></td>'

    return cell


def _day(of: Callable[[Customer], datetime | None]) -> Callable[[Formats, Marks], Cell]:
    return lambda f, marks: lambda line: f'<td class="n hide-s">{f.date(of(line.customer))}</td>'


def _count(of: Callable[[Customer], int]) -> Callable[[Formats, Marks], Cell]:
    return lambda f, marks: lambda line: f'<td class="n hide-s">{f.number(of(line.customer))}</td>'


CELLS: dict[str, Callable[[Formats, Marks], Cell]] = {
    "codigo": _id,
    "documento": _document,
    "status": _status,
    "classe": _letter,
    "vendedor": _seller,
    "uf": _place,
    "faturamento": _revenue,
    "tendencia": _trend,
    "vendas": _count(lambda customer: customer.total_deals),
    "ticket": _average,
    "primeira": _day(lambda customer: customer.first_purchase_date),
    "ultima": _last,
    "abertos": _count(lambda customer: customer.open_deals),
    "perdidos": _count(lambda customer: customer.lost_deals),
}
