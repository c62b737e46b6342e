"""The period picker: what stands in the address, what is offered, and how comparisons are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from carteira.customer_sales.period import Period, PeriodError, add_months, read
from carteira.web.formats import Formats
from carteira.web.languages import marked
from carteira.web.pages.addresses import with_query

DEFAULT = "mes"
TABS = (
    ("hoje", marked("Hoje")),
    ("semana", marked("Semana")),
    ("mes", marked("Mês")),
    ("trimestre", marked("Trimestre")),
    ("ano", marked("Ano")),
    ("12-meses", marked("12 meses")),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A link of the picker."""

    name: str
    address: str
    current: bool
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Picker:
    label: str
    tabs: list[Choice]
    menu: list[Choice]
    first: date
    last: date
    today: date


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the period is held against: `name` is short (out, nov/25), `of` goes on after a figure (em out)."""

    period: Period
    name: str


def chosen(text: str, today: date) -> Period:
    """The period that an address names; one that it names wrongly, or that has no year before, is the default."""
    try:
        period = read(text or DEFAULT, today)
        period.previous(), period.year_before()
    except PeriodError:
        return read(DEFAULT, today)
    return period


def picker(path: str, query: Mapping[str, object], period: Period, today: date, f: Formats) -> Picker:
    """The presets as links that keep the rest of the query, and the free range."""

    def choice(name: str, value: str, hint: bool = False) -> Choice:
        offered = read(value, today)
        address = with_query(path, query, periodo=None if value == DEFAULT else value)
        return Choice(name, address, offered == period, f.range(offered.first, offered.last) if hint else "")

    tabs = [choice(f.say(name), value) for value, name in TABS]
    menu = [
        choice(f.say("Ontem"), _text(today - timedelta(days=1), today - timedelta(days=1)), hint=True),
        choice(f.say("Este mês"), "mes", hint=True),
        choice(f.say("Mês passado"), _whole_month(add_months(today.replace(day=1), -1)), hint=True),
        choice(f.say("Este ano"), "ano", hint=True),
        choice(f.say("Ano passado"), f"{today.year - 1}-01-01..{today.year - 1}-12-31", hint=True),
        choice(f.say("Últimos 12 meses"), "12-meses", hint=True),
    ]
    return Picker(f.range(period.first, period.last), tabs, menu, period.first, period.last, today)


def comparisons(period: Period, f: Formats) -> list[Comparison]:
    """The period before and the same one of last year; once where both are the same."""
    before, year_before = period.previous(), period.year_before()
    found = [Comparison(before, _before_name(period, before, f))]
    if year_before != before:
        found.append(Comparison(year_before, _year_before_name(period, year_before, f)))
    return found


def _before_name(period: Period, before: Period, f: Formats) -> str:
    names = {"week": f.say("sem. anterior"), "quarter": f.quarter(before.first), "year": str(before.last.year)}
    if period.unit == "month":
        same_year = before.first.year == period.first.year
        return f.month(before.first.month) if same_year else f.month_year(before.first)
    if period.unit == "year" and before.first.day != 1:
        return f.say("12 m antes")
    if period.unit == "days":
        return f.day(before.first) if period.days == 1 else f.count("%(n)s dia antes", "%(n)s dias antes", before.days)
    return names[period.unit]


def _year_before_name(period: Period, before: Period, f: Formats) -> str:
    if period.unit == "month":
        return f.month_year(before.first)
    if period.unit == "quarter":
        return f.say("%(quarter)s/%(year)s", quarter=f.quarter(before.first), year=f"{before.first:%y}")
    return str(before.last.year)


def _whole_month(first: date) -> str:
    return _text(first, add_months(first, 1) - timedelta(days=1))


def _text(first: date, last: date) -> str:
    return f"{first}..{last}"
