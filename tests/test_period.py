"""Periods: what they are compared with, and that days and instants agree with PostgreSQL's zone rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carteira.customer_sales import period
from carteira.customer_sales.period import Period, PeriodError

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
days = st.dates(date(1950, 1, 1), date(2100, 12, 31))


@st.composite
def periods(draw: st.DrawFn) -> Period:
    first = draw(days)
    return period.parse(f"{first}..{first + timedelta(days=draw(st.integers(0, 800)))}")


@pytest.mark.parametrize(
    ("name", "first", "previous", "year_before"),
    [
        ("hoje", "2026-11-24", "2026-11-23..2026-11-23", "2025-11-24..2025-11-24"),
        ("semana", "2026-11-23", "2026-11-16..2026-11-17", "2025-11-23..2025-11-24"),
        ("mes", "2026-11-01", "2026-10-01..2026-10-24", "2025-11-01..2025-11-24"),
        ("trimestre", "2026-10-01", "2026-07-01..2026-08-24", "2025-10-01..2025-11-24"),
        ("ano", "2026-01-01", "2025-01-01..2025-11-24", "2025-01-01..2025-11-24"),
        ("12-meses", "2025-11-25", "2024-11-25..2025-11-24", "2024-11-25..2025-11-24"),
    ],
)
def test_presets_end_today_and_are_compared_with_the_same_days_before(
    name: str, first: str, previous: str, year_before: str
) -> None:
    picked = period.read(name, date(2026, 11, 24))
    assert str(picked) == f"{first}..2026-11-24"
    assert str(picked.previous()) == previous
    assert str(picked.year_before()) == year_before


@pytest.mark.parametrize(
    ("text", "previous"),
    [
        ("2026-02-01..2026-02-28", "2026-01-01..2026-01-31"),
        ("2026-03-01..2026-03-30", "2026-02-01..2026-02-28"),
        ("2026-03-01..2026-03-31", "2026-02-01..2026-02-28"),
        ("2024-02-29..2024-02-29", "2024-02-28..2024-02-28"),
        ("2026-11-03..2026-11-12", "2026-10-24..2026-11-02"),
        ("2026-01-01..2026-06-30", "2025-01-01..2025-06-30"),
        ("2026-04-01..2026-06-30", "2026-01-01..2026-03-31"),
        ("2026-02-01..2026-04-30", "2025-11-04..2026-01-31"),
    ],
)
def test_a_written_period_is_compared_with_the_unit_before_it(text: str, previous: str) -> None:
    assert str(period.parse(text).previous()) == previous


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hoje..hoje",
        "2026-11-24",
        "2026-11-24..2026-11-23",
        "2026-02-30..2026-03-01",
        "0001-01-01..2026-01-01",
        "2026-01-01..9999-12-31",
        "2026-01-01..2026-01-02'",
        "٢٠٢٦-01-01..2026-01-02",
        "2026-01-01..2026-01-02\n",
    ],
)
def test_what_is_no_period_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(PeriodError):
        period.read(text, date(2026, 11, 24))


def test_a_day_whose_midnight_does_not_exist_begins_when_the_clocks_jump() -> None:
    start, end = Period(date(2018, 11, 4), date(2018, 11, 4)).instants(SAO_PAULO)
    assert start == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert end - start == timedelta(hours=23)


@given(days, st.sampled_from(["America/Sao_Paulo", "America/Havana", "America/Noronha", "Europe/Lisbon"]))
def test_neighbouring_days_share_their_border(day: date, name: str) -> None:
    zone = ZoneInfo(name)
    start, end = Period(day, day).instants(zone)
    next_start, _ = Period(day + timedelta(days=1), day + timedelta(days=1)).instants(zone)
    assert end == next_start
    assert start.astimezone(zone).date() == day
    assert (start - timedelta(microseconds=1)).astimezone(zone).date() < day
    assert timedelta(hours=22) < end - start < timedelta(hours=26)


@given(periods())
def test_the_period_before_ends_before_it_and_is_no_longer(chosen: Period) -> None:
    before = chosen.previous()
    assert before.last < chosen.first
    assert before.days <= chosen.days + 3
    if chosen.unit == "days":
        assert before.days == chosen.days and before.last == chosen.first - timedelta(days=1)


@given(periods())
def test_written_and_read_back_it_is_the_same(chosen: Period) -> None:
    assert period.parse(str(chosen)) == chosen


@given(periods())
def test_every_day_lies_in_one_of_its_months(chosen: Period) -> None:
    starts = chosen.month_starts()
    assert starts == sorted(set(starts))
    assert starts[0] <= chosen.first and starts[-1] <= chosen.last < period.add_months(starts[-1], 1)
