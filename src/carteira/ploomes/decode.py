"""From the bytes of an answer to rows: typed in one go where all is well, row by row and field by field where not.

A number that comes as a string is read as a number. What cannot be read is a `Rejection` that says which field and
why; what is not a page at all is `Unproven`, which is asked again and never taken for data.
"""

from __future__ import annotations

import re
import typing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from threading import Lock
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Raw, field

from carteira.ploomes.entities import Entity
from carteira.records import BigInt, Contact, Deal, Rejection, Row

T = TypeVar("T")

MISSING = "is missing"
NOT_A_NUMBER = "is not a number"
TOO_LARGE = "is 10^13 or more"
NOT_A_DATE = "is not a possible date"
NOT_READABLE = "cannot be read"

AMOUNT_DIGITS = 13
# What can be written in any time zone: the year 10000 of another zone would be read by nobody.
FIRST_YEAR, LAST_YEAR = 1900, 9999
ZONE = "America/Sao_Paulo"


class Unproven(Exception):
    """An answer that is not what was asked for, whatever its status said; `throttled`: it was the limit speaking."""

    def __init__(self, reason: str, *, throttled: bool = False) -> None:
        super().__init__(reason)
        self.throttled = throttled


class Envelope(msgspec.Struct, Generic[T], gc=False):
    """`{"@odata.count": n, "value": [...]}`; a missing `value` does not decode."""

    value: list[T]
    count: int | None = field(name="@odata.count", default=None)


@dataclass(frozen=True)
class Decoded:
    """The rows of one answer, those that could not be read, and the server's count of what the filter matches."""

    rows: list[Row]
    rejections: list[Rejection]
    count: int


# msgspec puts what it knows of a type where other threads find it before it is complete: two that build a decoder at
# once crash the process.
_building = Lock()


def _decoder(record: Any) -> msgspec.json.Decoder[Any]:
    with _building:
        return _built(record)


@cache
def _built(record: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(Envelope[record])


def envelope(body: bytes, record: Any) -> Envelope[Any]:
    """The answer as an envelope of `record`; Unproven where it is anything else, with Ploomes' own words if any."""
    try:
        return typing.cast("Envelope[Any]", _decoder(record).decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        text = message(body)
        raise Unproven(text or f"not a page: {error}", throttled=speaks_of_limit(text)) from error


def rows(body: bytes, entity: Entity) -> Decoded:
    """The page of an entity; Unproven when it is no page or has no count."""
    try:
        page = envelope(body, entity.record)
        good: list[Row] = page.value
        if _SOUND[entity.name](good):
            return Decoded(good, [], counted(page))
    except Unproven:
        pass
    page = envelope(_mended(body), Raw)
    read = [row(bytes(raw), entity) for raw in page.value]
    return Decoded(
        [r for r in read if not isinstance(r, Rejection)],
        [r for r in read if isinstance(r, Rejection)],
        counted(page),
    )


_ESCAPES = re.compile(rb"\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD][89a-fA-F]..")


def _mended(body: bytes) -> bytes:
    """Half a character, where a text was cut at 200 UTF-16 units, becomes U+FFFD and does not cost the page."""
    whole = body.decode(errors="replace").encode()
    return _ESCAPES.sub(lambda found: rb"\ufffd" if len(found[0]) == 6 else found[0], whole)


def counted(page: Envelope[Any]) -> int:
    """The envelope's count; Unproven without one."""
    if page.count is None or page.count < len(page.value):
        # Nothing at all, with 200 and without a count, is how an overloaded Ploomes may say "too many requests".
        overload = page.count is None and not page.value
        raise Unproven(f"an answer of {len(page.value)} rows with @odata.count {page.count}", throttled=overload)
    return page.count


def _sound_deals(deals: list[Deal]) -> bool:
    # In one loop: a call for each date would take a quarter of what decoding the page takes.
    for deal in deals:
        total = deal.total
        if total is not None and not (total.is_finite() and -AMOUNT_DIGITS * 2 < total.adjusted() < AMOUNT_DIGITS):
            return False
        for at in (deal.updated_at, deal.closed_at, deal.created_at):
            if at is not None and (at.tzinfo is None or not FIRST_YEAR <= at.year < LAST_YEAR):
                return False
    return True


def _sound_contacts(contacts: list[Contact]) -> bool:
    return all(_sound_date(at) for one in contacts for at in (one.updated_at, one.created_at) if at is not None)


def _sound_date(moment: datetime) -> bool:
    return moment.tzinfo is not None and FIRST_YEAR <= moment.year < LAST_YEAR


_SOUND: dict[str, Any] = {"deals": _sound_deals, "contacts": _sound_contacts}


def row(raw: bytes, entity: Entity) -> Row | Rejection:
    """One row read field by field; Unproven when not even its Id can be told."""
    try:
        given = msgspec.json.decode(raw, type=dict[str, Raw])
        key = msgspec.json.decode(given["Id"], type=BigInt, strict=False)
    except (msgspec.DecodeError, KeyError) as error:
        raise Unproven(f"a row of {entity.path} without a readable Id") from error
    values: dict[str, Any] = {}
    for name, wire, required, kind in _fields(entity.record):
        try:
            values[name] = _value(given.get(wire), required, kind)
        except _BadField as bad:
            return Rejection(entity.name, key, wire, str(bad), raw.decode(errors="replace"))
    return entity.record(**values)


class _BadField(Exception):
    pass


@cache
def _fields(record: type[Any]) -> list[tuple[str, str, bool, Any]]:
    return [(f.name, f.encode_name, f.required, f.type) for f in msgspec.structs.fields(record)]


def _value(raw: Raw | None, required: bool, kind: Any) -> Any:
    if raw is None:
        if required:
            raise _BadField(MISSING)
        return None
    wanted = typing.get_args(kind)
    if datetime in (kind, *wanted):
        return _date(raw, nullable=kind is not datetime)
    if Decimal in wanted:
        return _amount(raw)
    if str in wanted and _NUMBER.fullmatch(raw):
        return bytes(raw).decode()
    try:
        return msgspec.json.decode(raw, type=kind, strict=False)
    except msgspec.DecodeError as error:
        raise _BadField(NOT_READABLE) from error


_NUMBER = re.compile(rb"-?\d+(\.\d+)?")


def _amount(raw: Raw) -> Decimal | None:
    try:
        amount = msgspec.json.decode(raw, type=Decimal | None, strict=False)
    except msgspec.DecodeError as error:
        raise _BadField(NOT_A_NUMBER) from error
    if amount is None or amount == 0:
        return None if amount is None else Decimal(0)
    if not amount.is_finite():
        raise _BadField(NOT_A_NUMBER)
    if amount.adjusted() >= AMOUNT_DIGITS:
        raise _BadField(TOO_LARGE)
    if amount.adjusted() <= -AMOUNT_DIGITS * 2:
        raise _BadField(NOT_A_NUMBER)
    return amount


def _date(raw: Raw, *, nullable: bool) -> datetime | None:
    try:
        text = msgspec.json.decode(raw, type=str | None)
    except msgspec.DecodeError as error:
        raise _BadField(NOT_A_DATE) from error
    if text is None and nullable:
        return None
    found = moment(text)
    if found is None:
        raise _BadField(NOT_A_DATE)
    return found


def moment(text: object) -> datetime | None:
    """A date as Ploomes writes it, aware: Brasília's where it has no offset; None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        given = _any_form(text)
    except ValueError:
        return None
    aware = given if given.tzinfo else given.replace(tzinfo=ZoneInfo(ZONE))
    # In UTC, since the offsets of a century ago have seconds, which do not travel well.
    return aware.astimezone(UTC) if _sound_date(aware) else None


def _any_form(text: str) -> datetime:
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return datetime.fromisoformat(text)


def message(body: bytes) -> str:
    """What an answer that is no page says for itself: the string in `value`, or that it is a web page, or ''."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The first half of a page is nothing that was said, and holds somebody's data.
        said = "" if body.lstrip()[:1] in (b"{", b"[") else body[:200].decode(errors="replace")
    if isinstance(said, dict):
        said = said.get("value", said.get("error"))
    if not isinstance(said, str):
        return ""
    if said.lstrip().startswith("<"):
        return "a web page instead of data"
    return " ".join(said.split())[:200]


def speaks_of_limit(text: str) -> bool:
    """Whether a message is Ploomes' way of saying: too many requests."""
    lowered = text.lower()
    return "per minute" in lowered or "concurrent" in lowered
