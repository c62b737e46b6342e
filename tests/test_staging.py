"""Rows go into the staging as they are: every text, every amount to its last digit, every date to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from carteira.ploomes import decode
from carteira.ploomes.entities import DEALS
from carteira.records import Deal, Row
from carteira.warehouse import staging
from carteira.warehouse.connection import Warehouse
from carteira.warehouse.staging import Read, StagedPage

NOW = datetime(2026, 11, 24, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=-3)))
READ = Read("deals", "main", 0)
TEXTS = [
    'a "name"', "back\\slash", "tab\tand\nline\r\nbreaks", "\\.", "\n\\.\n", "\\n", '\\"', "],[", "]\n[", "null",
    "NULL", "", ",", " spaces ", "é ção 😀 \u2028 \x7f \x01\b\f",
]  # fmt: skip


def kept(warehouse: Warehouse, rows: list[Row]) -> list[tuple[object, ...]]:
    with warehouse.transaction() as connection:
        connection.execute("delete from staged_sales")
        staging.stage(connection, [StagedPage(READ, staging.lines(rows), [], len(rows))])
        return connection.execute(
            "select title, contact_name, total, closed_at, updated_at from staged_sales order by reading"
        ).fetchall()


def deal(title: str | None = "", total: Decimal | None = None, closed_at: datetime | None = None) -> Deal:
    return Deal(1, None, total, 2, closed_at, NOW, contact_name=title, title=title)


@pytest.mark.every_postgres
def test_odd_texts_arrive_as_they_are(warehouse: Warehouse) -> None:
    """Quotes, backslashes, line breaks and what COPY takes for NULL or for its end."""
    found = kept(warehouse, [deal(text) for text in TEXTS])

    assert [row[0] for row in found] == [row[1] for row in found] == TEXTS


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(texts=st.lists(st.text(), min_size=1, max_size=20))
def test_any_text_arrives_but_for_nul(warehouse: Warehouse, texts: list[str]) -> None:
    """PostgreSQL cannot keep a NUL; everything else it gets back."""
    assert [row[0] for row in kept(warehouse, [deal(text) for text in texts])] == [t.replace("\0", "") for t in texts]


def test_an_absent_text_is_empty_and_other_absences_stay(warehouse: Warehouse) -> None:
    """A name that is null is '', an amount or a date that is null is null."""
    assert kept(warehouse, [deal(None)]) == [("", "", None, None, NOW)]


@pytest.mark.parametrize("amount", ["0", "-0.01", "1E+3", "1E-9", "999999999999.9999", "90071992547409.93"])
def test_amounts_keep_every_digit(warehouse: Warehouse, amount: str) -> None:
    """No float on the way."""
    assert kept(warehouse, [deal(total=Decimal(amount))])[0][2] == Decimal(amount)


def test_dates_keep_their_instant(warehouse: Warehouse) -> None:
    """Whatever the offset: São Paulo of 1905, which is given without one, was 3:06:28 behind."""
    body = (
        b'{"@odata.count":1,"value":[{"Id":1,"ContactId":null,"Amount":1,"StatusId":2,'
        b'"FinishDate":"1905-01-01T00:00:00","LastUpdateDate":"2026-11-24T12:30:15.123456+05:45"}]}'
    )
    rows = decode.rows(body, DEALS).rows

    assert kept(warehouse, rows)[0][3:] == (
        datetime(1905, 1, 1, 3, 6, 28, tzinfo=UTC),
        datetime(2026, 11, 24, 6, 45, 15, 123456, tzinfo=UTC),
    )
