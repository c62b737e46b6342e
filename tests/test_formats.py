"""Money, percentages and dates as a Brazilian reader, and an English one, expects them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from carteira.web.formats import MINUS, NO_DELTA, Delta, Money, formats

PT = formats("pt-BR", "America/Sao_Paulo")
EN = formats("en", "America/Sao_Paulo")


@pytest.mark.parametrize(
    ("amount", "portuguese", "english"),
    [
        ("1234.56", "R$\xa01.234,56", "R$1,234.56"),
        ("0", "R$\xa00,00", "R$0.00"),
        ("-1234.5", "-R$\xa01.234,50", "-R$1,234.50"),
        ("90071992547409.93", "R$\xa090.071.992.547.409,93", "R$90,071,992,547,409.93"),
        ("0.005", "R$\xa00,01", "R$0.01"),
    ],
)
def test_money_is_exact_and_has_a_no_break_space(amount: str, portuguese: str, english: str) -> None:
    assert PT.money(Decimal(amount)) == portuguese
    assert EN.money(Decimal(amount)) == english


def test_money_comes_apart_for_the_tiles() -> None:
    assert PT.money_parts(Decimal("4531964.57")) == Money("R$", "4.531.964", ",57")
    assert PT.money_parts(Decimal("-12.3")) == Money("-R$", "12", ",30")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("15240.6", "R$\xa015.241"),
        ("99999.4", "R$\xa099.999"),
        ("99999.5", "R$\xa0100\xa0mil"),
        ("632400", "R$\xa0632\xa0mil"),
        ("999600", "R$\xa01,00\xa0mi"),
        ("4568000", "R$\xa04,57\xa0mi"),
        ("9996000", "R$\xa010,0\xa0mi"),
        ("51300000", "R$\xa051,3\xa0mi"),
        ("237194407.08", "R$\xa0237\xa0mi"),
        ("1200000000", "R$\xa01,20\xa0bi"),
        ("-850000", "-R$\xa0850\xa0mil"),
    ],
)
def test_compact_keeps_three_digits_that_count(amount: str, shown: str) -> None:
    assert PT.compact(Decimal(amount)) == shown


def test_compact_in_english_and_without_unit() -> None:
    assert EN.compact(Decimal(4568000)) == "R$4.57M"
    assert PT.compact(Decimal(6000000), unit=False) == "6,00\xa0mi"


def test_a_change_carries_its_sign_and_not_only_a_colour() -> None:
    assert PT.change(Decimal("99.1"), Decimal(100)) == Delta("down", f"{MINUS}0,9%")
    assert PT.change(305, 300) == Delta("up", "+1,7%")
    assert PT.change(300, 300) == Delta("flat", "0,0%")
    assert PT.change(300, 0) == NO_DELTA
    assert PT.change(Decimal(5), Decimal(-10)) == Delta("up", "+150,0%")


def test_points_are_points_and_not_percent() -> None:
    assert PT.points(Decimal("0.798"), Decimal("0.787")) == Delta("up", "+1,1\xa0p.p.")
    assert PT.points(None, Decimal("0.787")) == NO_DELTA


def test_a_moment_is_shown_by_the_local_day() -> None:
    late = datetime(2026, 11, 25, 2, 30, tzinfo=UTC)

    assert PT.date(late) == "24/11/2026"
    assert PT.moment(late) == "24/11/2026 23:30"
    assert EN.date(late) == "Nov 24, 2026"


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (date(2026, 11, 1), date(2026, 11, 24), "1–24 nov 2026"),
        (date(2026, 10, 28), date(2026, 11, 3), "28 out – 3 nov 2026"),
        (date(2025, 12, 28), date(2026, 1, 3), "28 dez 2025 – 3 jan 2026"),
        (date(2026, 11, 24), date(2026, 11, 24), "24 nov 2026"),
    ],
)
def test_a_range_repeats_nothing(first: date, last: date, shown: str) -> None:
    assert PT.range(first, last) == shown


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (date(2026, 11, 1), date(2026, 11, 24), "Nov 1–24, 2026"),
        (date(2026, 10, 28), date(2026, 11, 3), "Oct 28 – Nov 3, 2026"),
        (date(2025, 12, 28), date(2026, 1, 3), "Dec 28, 2025 – Jan 3, 2026"),
        (date(2026, 11, 24), date(2026, 11, 24), "Nov 24, 2026"),
    ],
)
def test_a_range_in_english_begins_with_the_month(first: date, last: date, shown: str) -> None:
    assert EN.range(first, last) == shown


def test_texts_and_numbers_of_things() -> None:
    assert PT.count("%(n)s venda", "%(n)s vendas", 1) == "1 venda"
    assert PT.count("%(n)s venda", "%(n)s vendas", 2100) == "2.100 vendas"
    assert EN.count("%(n)s venda", "%(n)s vendas", 1) == "1 sale"
    assert EN.count("%(n)s venda", "%(n)s vendas", 0) == "0 sales"
    assert PT.long_month(date(2026, 11, 1)) == "novembro de 2026"
    assert EN.long_month(date(2026, 11, 1)) == "November 2026"
    assert (PT.quarter(date(2026, 11, 1)), EN.quarter(date(2026, 11, 1))) == ("4º tri", "Q4")


def test_names_and_lengths() -> None:
    assert PT.month(11) == "nov"
    assert PT.month(3, "wide") == "março"
    assert PT.month_year(date(2025, 11, 1)) == "nov/25"
    assert PT.seconds(Decimal("1.84")) == "1,8\xa0s"
    assert PT.seconds(125) == "2\xa0min\xa005\xa0s"
    assert PT.seconds(4320) == "1\xa0h\xa012\xa0min"
    assert PT.percent(Decimal("0.1244")) == "12,4%"
    assert PT.number(2100) == "2.100"
    assert PT.money(None) == PT.date(None) == PT.percent(None) == "—"
