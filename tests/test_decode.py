"""From bytes to rows: what is readable is read exactly, what is not is told apart, and nothing else ever happens."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carteira.ploomes import decode
from carteira.ploomes.decode import Decoded, Unproven
from carteira.ploomes.entities import CONTACTS, DEALS
from carteira.records import Contact, Deal

WHOLE = {
    "Id": "1",
    "ContactId": "2",
    "Amount": "10.5",
    "StatusId": "2",
    "FinishDate": '"2026-01-02T03:04:05-03:00"',
    "LastUpdateDate": '"2026-01-02T03:04:05.123-03:00"',
}


def page(**fields: str | None) -> bytes:
    """A page of one deal whose fields are JSON as given; None leaves one out."""
    row = {name: value for name, value in (WHOLE | fields).items() if value is not None}
    text = ",".join(f'"{name}":{value}' for name, value in row.items())
    return f'{{"@odata.count":1,"value":[{{{text}}}]}}'.encode()


def deal(**fields: str | None) -> Deal:
    read = decode.rows(page(**fields), DEALS)
    assert read.rejections == []
    assert isinstance(read.rows[0], Deal)
    return read.rows[0]


def rejection(**fields: str | None) -> tuple[str, str]:
    read = decode.rows(page(**fields), DEALS)
    assert read.rows == []
    assert read.rejections[0].id == 1
    return read.rejections[0].field, read.rejections[0].reason


@pytest.mark.parametrize(
    "amount", ["0", "-12.34", "0.0001", "999999999999.99", "9999999999999.9999", "90071992547409.93e-1", "1e3"]
)
def test_amounts_are_exact(amount: str) -> None:
    """As a number or as a string, to the last digit."""
    assert deal(Amount=amount).total == Decimal(amount)
    assert deal(Amount=f'"{amount}"').total == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("10000000000000", decode.TOO_LARGE),
        ("-1e13", decode.TOO_LARGE),
        ("1e400", decode.TOO_LARGE),
        ('"twelve"', decode.NOT_A_NUMBER),
        ('"1.234,56"', decode.NOT_A_NUMBER),
        ('""', decode.NOT_A_NUMBER),
        ('"NaN"', decode.NOT_A_NUMBER),
        ('"Infinity"', decode.NOT_A_NUMBER),
        ("true", decode.NOT_A_NUMBER),
        ("[1]", decode.NOT_A_NUMBER),
        (None, decode.MISSING),
    ],
)
def test_amounts_that_are_none(amount: str | None, reason: str) -> None:
    """Said which and why."""
    assert rejection(Amount=amount) == ("Amount", reason)


@pytest.mark.parametrize("digits", range(8))
@pytest.mark.parametrize("offset", ["-03:00", "-02:00", "+05:30", "Z"])
def test_dates_have_any_fraction_and_offset(digits: int, offset: str) -> None:
    """Trailing zeros trimmed or seven digits of .NET: the same instant to the microsecond."""
    fraction = f".{'1234567'[:digits]}" if digits else ""
    text = f"2026-01-02T03:04:05{fraction}{offset}"
    micro = int("1234567"[:digits].ljust(6, "0")[:6])
    zone = {"-03:00": -180, "-02:00": -120, "+05:30": 330, "Z": 0}[offset]
    expected = datetime(2026, 1, 2, 3, 4, 5, micro, tzinfo=UTC) - timedelta(minutes=zone)

    assert abs(deal(LastUpdateDate=f'"{text}"').updated_at - expected) <= timedelta(microseconds=1)
    assert decode.moment(text) == deal(LastUpdateDate=f'"{text}"').updated_at


def test_dates_without_an_offset_are_brasilias() -> None:
    """By the rules of the zone: summer time until 2019, a plain day as its midnight."""
    assert deal(FinishDate='"2026-01-02T03:04:05"').closed_at == datetime(2026, 1, 2, 6, 4, 5, tzinfo=UTC)
    assert deal(FinishDate='"2018-12-02T00:00:00"').closed_at == datetime(2018, 12, 2, 2, tzinfo=UTC)
    assert deal(FinishDate='"2026-01-02"').closed_at == datetime(2026, 1, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "date", ['"0001-01-01T00:00:00"', '"9999-12-31T23:59:59-03:00"', '"2026-02-30T00:00:00Z"', '"ontem"', '""', "5"]
)
@pytest.mark.parametrize("field", ["FinishDate", "LastUpdateDate", "CreateDate"])
def test_dates_that_are_none(field: str, date: str) -> None:
    """The null dates of other systems are no dates."""
    assert rejection(**{field: date}) == (field, decode.NOT_A_DATE)


def test_what_is_needed_and_what_may_be_null() -> None:
    """LastUpdateDate may not be null; an open deal has no FinishDate."""
    assert rejection(LastUpdateDate="null")[0] == "LastUpdateDate"
    assert rejection(StatusId=None) == ("StatusId", decode.MISSING)
    assert deal(FinishDate="null", ContactId="null", StatusId="null", Amount="null").status == "other"
    assert deal(StatusId="9").status == "other"
    assert deal(Unknown='{"a":[1]}').deal_id == 1


def test_numbers_and_texts_in_each_others_clothes() -> None:
    """A number that comes as a string is read as a number, and a text that comes as a number as the text."""
    assert deal(ContactId='"2"', StatusId='"2"', Id='"1"').customer_id == 2
    assert deal(Title="12.50").title == "12.50"
    body = page(ContactId=None, TypeId="1", Name='"A"', CNPJ="11222333000181", Register="7")
    contact = decode.rows(body, CONTACTS).rows[0]
    assert isinstance(contact, Contact)
    assert (contact.cnpj, contact.register) == ("11222333000181", "7")


@pytest.mark.parametrize(
    ("escaped", "read"),
    [(r"\ud83d", "\ufffd"), (r"\ud83d\ude00", "😀"), (r"\ude00\ud83d", "\ufffd\ufffd"), (r"\\ud83d", r"\ud83d")],
)
def test_half_a_character_costs_nothing(escaped: str, read: str) -> None:
    """Titles are cut at 200 UTF-16 units, in the middle of a pair if need be."""
    assert deal(Title=f'"{"x" * 199}{escaped}"').title == "x" * 199 + read


def test_bytes_that_are_no_text_cost_one_character() -> None:
    """Half a character in UTF-8."""
    assert decode.rows(page(Title='"ção"').replace("ç".encode(), b"\xc3"), DEALS).rows[0].title == "\ufffdão"


@pytest.mark.parametrize("key", ["null", '"x"', "1.5", "99999999999999999999", None])
def test_a_row_without_an_id_spoils_the_page(key: str | None) -> None:
    """There is nothing to remember it by: the page is asked for again."""
    with pytest.raises(Unproven):
        decode.rows(page(Id=key), DEALS)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b"5", b'"x"', b"<html>", b'"<!DOCTYPE html PUBLIC>"', b'{"value":null}',
        b'{"value":"Your request has been forbidden"}', b'{"value":{}}', b'{"@odata.count":1}', b'{"value":[{}]}',
        b'{"@odata.count":"many","value":[]}', b'{"@odata.count":0,"value":[{"Id":1}]}',
        b'{"value":[5],"@odata.count":1}', b"\xff\xfe", b'{"value":[',
    ],
)  # fmt: skip
def test_what_is_no_page(body: bytes) -> None:
    """Never data, and never the end of it."""
    with pytest.raises(Unproven) as fault:
        decode.rows(body, DEALS)
    assert not fault.value.throttled


@pytest.mark.parametrize(
    "body",
    [
        b'{"value":"120 requests per minute exceeded"}',
        b'{"value":"Too many request concurrently, max is 6"}',
        b'"120 requests per minute exceeded"',
        b'{"value":[]}',
    ],
)
def test_the_limit_speaks_in_many_ways(body: bytes) -> None:
    """A message, or nothing at all without a count, is waited out and not taken for a failure."""
    with pytest.raises(Unproven) as fault:
        decode.rows(body, DEALS)
    assert fault.value.throttled


def test_one_bad_row_costs_only_itself() -> None:
    """Of three rows the other two are read, in their order, and the third is kept as it came."""
    rows = [dict(WHOLE, Id=str(n)) for n in (1, 2, 3)]
    rows[1]["Amount"] = '"a\\u0000b"'
    texts = ["{" + ",".join(f'"{k}":{v}' for k, v in row.items()) + "}" for row in rows]
    read = decode.rows(f'{{"@odata.count":3,"value":[{",".join(texts)}]}}'.encode(), DEALS)

    assert [row.deal_id for row in read.rows if isinstance(row, Deal)] == [1, 3]
    assert (read.rejections[0].id, read.rejections[0].raw, read.count) == (2, texts[1], 3)


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*DEALS.needed, *DEALS.wanted]), ANYTHING))
def test_any_row_is_read_or_rejected_or_unproven(fields: dict[str, Any]) -> None:
    """Whatever a field holds: one row in, one row or rejection out, or no page at all."""
    body = page(**{name: json.dumps(value) for name, value in fields.items()})
    try:
        read: Decoded = decode.rows(body, DEALS)
    except Unproven:
        assert "Id" in fields
        return
    assert len(read.rows) + len(read.rejections) == 1


AT_ONCE = """
import sys
from threading import Barrier, Thread
from carteira.ploomes import decode
from carteira.ploomes.entities import CONTACTS, DEALS

sys.setswitchinterval(1e-6)
together = Barrier(8)

def read(entity):
    together.wait()
    decode.rows(b'{"@odata.count":0,"value":[]}', entity)

threads = [Thread(target=read, args=(entity,)) for entity in (CONTACTS, DEALS) * 4]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_the_first_pages_may_come_at_once() -> None:
    """Several threads that decode a type for the first time do not crash the process."""
    ended = [subprocess.run([sys.executable, "-c", AT_ONCE], timeout=60).returncode for _ in range(10)]

    assert ended == [0] * 10
