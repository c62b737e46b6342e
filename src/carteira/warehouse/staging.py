"""What a run has read and not yet published: rows as they came, and the mark of how far each part got.

Rows go in by COPY, as text that is built while other pages are still on their way. A page and its mark are one
transaction, so a killed run goes on behind the last page that is there.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from sys import byteorder
from typing import Any

import aiosql

from carteira import brazil
from carteira.records import Contact, Deal, LookUp, Rejection, Row
from carteira.warehouse.connection import Connection

queries: Any = aiosql.from_path(Path(__file__).with_name("staging.sql"), "psycopg")

COPY = {
    "deals": (
        "copy staged_sales (deal_id, customer_id, contact_name, title, total, currency_id, status, owner_id, "
        "pipeline_id, stage_id, loss_reason_id, created_at, closed_at, updated_at) from stdin"
    ),
    "contacts": (
        "copy staged_customers (customer_id, name, name_key, legal_name, kind, cnpj, cnpj_root, cpf, document_raw, "
        "document_valid, city, state, owner_id, created_at, updated_at) from stdin"
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


@dataclass(frozen=True)
class StagedPage:
    """A page ready to be staged, and its part as it stands behind it."""

    read: Read
    lines: str
    rejections: Sequence[Rejection]
    size: int

    def mark(self) -> dict[str, Any]:
        """The part's progress as parameters."""
        read = self.read
        return {
            "entity": read.entity,
            "phase": read.phase,
            "part": read.part,
            "after_id": read.after_id,
            "done": read.done,
            "rows_read": self.size,
        }


def add_reads(connection: Connection, run_id: int, reads: Iterable[Read]) -> None:
    """Put down what is to be read, before it is."""
    for read in reads:
        queries.add_read(connection, run_id=run_id, **vars(replace(read, rows_read=0)))


def stage(connection: Connection, pages: Sequence[StagedPage]) -> None:
    """Rows, rejections and marks of some pages, within the caller's transaction."""
    connection.execute("set local synchronous_commit = off")
    for entity, copy in COPY.items():
        lines = [page.lines for page in pages if page.read.entity == entity and page.lines]
        if lines:
            with connection.cursor() as cursor, cursor.copy(copy) as into:
                into.write("".join(lines))
    rejected = [rejection for page in pages for rejection in page.rejections]
    if rejected:
        queries.reject(connection, [_without_nul(one) for one in rejected])
    for page in pages:
        queries.advance_read(connection, **page.mark())


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
    (queries.clear_few if staged <= FEW else queries.clear_many)(connection)


def lines(rows: Sequence[Row]) -> str:
    """Rows of one entity as lines for COPY."""
    if not rows:
        return ""
    if isinstance(rows[0], Deal):
        return "".join([_deal(row) for row in rows if isinstance(row, Deal)])
    return "".join([_contact(row) for row in rows if isinstance(row, Contact)])


def _deal(deal: Deal) -> str:
    return (
        f"{deal.deal_id}\t{_plain(deal.customer_id)}\t{_text(deal.contact_name)}\t{_text(deal.title)}\t"
        f"{_plain(deal.total)}\t{_plain(deal.currency_id)}\t{deal.status}\t{_plain(deal.owner_id)}\t"
        f"{_plain(deal.pipeline_id)}\t{_plain(deal.stage_id)}\t{_plain(deal.loss_reason_id)}\t"
        f"{_plain(deal.created_at)}\t{_plain(deal.closed_at)}\t{deal.updated_at}\n"
    )


def _contact(contact: Contact) -> str:
    name = contact.name or ""
    document = brazil.document(contact.cnpj, contact.cpf, contact.register, contact.kind)
    city = contact.city.name if contact.city else None
    state = (contact.state.short or contact.state.name) if contact.state else None
    return (
        f"{contact.customer_id}\t{_text(name)}\t{_text(brazil.name_key(name))}\t{_text(contact.legal_name)}\t"
        f"{contact.kind}\t{_null(document.cnpj)}\t{_null(document.cnpj_root)}\t{_null(document.cpf)}\t"
        f"{_null(document.raw)}\t{_plain(document.valid)}\t{_null(city)}\t{_null(state)}\t{_plain(contact.owner_id)}\t"
        f"{_plain(contact.created_at)}\t{contact.updated_at}\n"
    )


def _plain(value: object) -> object:
    return r"\N" if value is None else value


_SPECIAL = re.compile(r"[\\\t\n\r\0]")
_ESCAPED = {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r", 0: None}


def _text(value: str | None) -> str:
    if not value:
        return ""
    return value.translate(_ESCAPED) if _SPECIAL.search(value) else value


def _null(value: str | None) -> str:
    return r"\N" if value is None else _text(value)
