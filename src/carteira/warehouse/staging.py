"""What a run has read and not yet published: rows as they came, and the mark of how far each part got.

Rows go in by COPY, as CSV that is made while other pages are still on their way. A page and its mark are one
transaction, so a killed run goes on behind the last page that is there.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from sys import byteorder
from typing import Any

import msgspec

from carteira import brazil
from carteira.records import Contact, Deal, LookUp, Rejection, Row
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("staging.sql"))

COPY = {
    "deals": (
        "copy staged_sales (deal_id, customer_id, contact_name, title, total, currency_id, status, owner_id, "
        "pipeline_id, stage_id, loss_reason_id, created_at, closed_at, updated_at) from stdin "
        r"with (format csv, escape '\', null 'null')"
    ),
    "contacts": (
        "copy staged_customers (customer_id, name, name_key, legal_name, kind, cnpj, cnpj_root, cpf, document_raw, "
        "document_valid, city, state, owner_id, created_at, updated_at) from stdin "
        r"with (format csv, escape '\', null 'null')"
    ),
}
FEW = 10_000


@dataclass(frozen=True)
class Read:
    """A part of a read: Ids behind `after_id` up to and with `upto_id` (None: to the end), changed since `since`."""

    entity: str
    phase: str
    part: int
    since: datetime | None = None
    after_id: int = 0
    upto_id: int | None = None
    done: bool = False
    rows_read: int = 0

    @property
    def key(self) -> tuple[str, str, int]:
        """Which part it is."""
        return self.entity, self.phase, self.part


@dataclass(frozen=True)
class StagedPage:
    """A page ready to be staged, and its part as it stands behind it."""

    read: Read
    lines: bytes
    rejections: Sequence[Rejection]
    size: int


def add_reads(connection: Connection, run_id: int, reads: Iterable[Read]) -> None:
    """Put down what is to be read, before it is."""
    for read in reads:
        queries.add_read(connection, run_id=run_id, **vars(replace(read, rows_read=0)))


def stage(connection: Connection, pages: Sequence[StagedPage]) -> None:
    """Rows and rejections of some pages, within the caller's transaction."""
    for entity, copy in COPY.items():
        lines = [page.lines for page in pages if page.read.entity == entity and page.lines]
        if lines:
            with connection.cursor() as cursor, cursor.copy(copy) as into:
                into.write(b"".join(lines))
    rejected = [rejection for page in pages for rejection in page.rejections]
    if rejected:
        queries.reject(connection, [_without_nul(one) for one in rejected])


def advance(connection: Connection, run_id: int, pages: Sequence[StagedPage], requests: int, throttled: int) -> None:
    """The marks of pages that were staged within the same transaction, and their part in the log of the run."""
    sizes: Counter[str] = Counter()
    for page in pages:
        sizes[page.read.entity] += page.size
    queries.advance_reads(
        connection,
        marks=_marks(pages),
        pages=len(pages),
        requests=requests,
        throttled=throttled,
        customers=sizes["contacts"],
        deals=sizes["deals"],
        run_id=run_id,
    )


def _marks(pages: Sequence[StagedPage]) -> str:
    """How far each part got, as JSON; pages of one part come in their order."""
    last = {page.read.key: page.read for page in pages}
    sizes: Counter[tuple[str, str, int]] = Counter()
    for page in pages:
        sizes[page.read.key] += page.size
    return msgspec.json.encode([{**vars(read), "rows_read": sizes[key]} for key, read in last.items()]).decode()


def _without_nul(rejection: Rejection) -> dict[str, object]:
    return {
        "entity": rejection.entity,
        "id": rejection.id,
        "field": rejection.field,
        "reason": rejection.reason,
        "raw": rejection.raw.replace("\0", ""),
    }


def add_look_ups(connection: Connection, kind: str, rows: Iterable[LookUp]) -> None:
    """The names of one kind."""
    queries.add_look_up(
        connection,
        [
            {
                "kind": kind,
                "id": row.id,
                "name": (row.name or "").replace("\0", ""),
                "pipeline_id": row.pipeline_id,
                "position": row.position,
                "suspended": bool(row.suspended),
                "integration": bool(row.integration),
                "archived": bool(row.archived),
            }
            for row in rows
        ],
    )


def reads(connection: Connection) -> list[Read]:
    """The parts of the unfinished run's reads."""
    return [Read(*row) for row in queries.reads(connection)]


def ids(row: tuple[bytes | None]) -> array[int]:
    """Ids that came as one run of 8-byte integers: a set of three million in 24 MB."""
    numbers = array("q")
    numbers.frombytes(row[0] or b"")
    if byteorder == "little":
        numbers.byteswap()
    return numbers


def clear(connection: Connection) -> None:
    """Throw the staging away."""
    (staged,) = queries.staged_rows(connection)
    if staged > FEW:
        queries.clear_large(connection)
    queries.clear(connection)


def lines(rows: Sequence[Row]) -> bytes:
    """Rows of one entity as lines for COPY."""
    if not rows:
        return b""
    encoded = _encoder.encode_lines([_deal(row) if isinstance(row, Deal) else _contact(row) for row in rows])
    # JSON arrays of plain values are CSV once the brackets are gone: a line break in a text is still `\\n` here.
    bare = b"\n".join(encoded[1:-2].split(b"]\n[")) + b"\n"
    return _ESCAPE.sub(_unescaped, bare) if b"\\" in bare else bare


# A thousand rows in the time that it takes to put thirty together from strings.
_encoder = msgspec.json.Encoder(decimal_format="number")
_ESCAPE = re.compile(rb'\\(?:["\\bfnrt]|u[0-9a-f]{4})')
# COPY takes these two as they are; a NUL cannot be kept.
_ESCAPED_IN_CSV_TOO = (b'\\"', b"\\\\")
_NUL = b"\\u0000"


def _unescaped(escape: re.Match[bytes]) -> bytes:
    if escape[0] in _ESCAPED_IN_CSV_TOO:
        return escape[0]
    return b"" if escape[0] == _NUL else msgspec.json.decode(b'"%b"' % escape[0], type=str).encode()


def _deal(deal: Deal) -> tuple[object, ...]:
    return (
        deal.deal_id,
        deal.customer_id,
        deal.contact_name or "",
        deal.title or "",
        deal.total,
        deal.currency_id,
        deal.status,
        deal.owner_id,
        deal.pipeline_id,
        deal.stage_id,
        deal.loss_reason_id,
        deal.created_at,
        deal.closed_at,
        deal.updated_at,
    )


def _contact(contact: Contact) -> tuple[object, ...]:
    name = contact.name or ""
    document = brazil.document(contact.cnpj, contact.cpf, contact.register, contact.kind)
    return (
        contact.customer_id,
        name,
        brazil.name_key(name),
        contact.legal_name or "",
        contact.kind,
        document.cnpj,
        document.cnpj_root,
        document.cpf,
        document.raw,
        document.valid,
        contact.city.name if contact.city else None,
        (contact.state.short or contact.state.name) if contact.state else None,
        contact.owner_id,
        contact.created_at,
        contact.updated_at,
    )
