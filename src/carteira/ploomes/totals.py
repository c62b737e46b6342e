"""What Ploomes counts and adds up to now, to hold beside what is published."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from carteira.ploomes import decode
from carteira.ploomes.client import Answer, Client
from carteira.ploomes.decode import Unproven
from carteira.ploomes.entities import CONTACTS, DEALS
from carteira.ploomes.odata import query

STATUS_IDS = {"open": 1, "won": 2, "lost": 3}


@dataclass(frozen=True)
class Counts:
    """Rows there are at this moment; each was counted by a request of its own."""

    contacts: int
    deals: int
    open: int
    won: int
    lost: int


class _Id(msgspec.Struct, frozen=True, gc=False):
    Id: int


class _Won(msgspec.Struct, frozen=True, gc=False):
    Id: int
    Amount: Decimal | None = None


def counts(client: Client) -> Counts:
    """Contacts, deals, and deals by status, in five requests."""
    by_status = {name: _count(client, DEALS.path, f"StatusId eq {number}") for name, number in STATUS_IDS.items()}
    return Counts(_count(client, CONTACTS.path), _count(client, DEALS.path), **by_status)


def _count(client: Client, path: str, condition: str | None = None) -> int:
    def read(answer: Answer) -> int:
        return decode.counted(decode.envelope(answer.body, _Id))

    return client.ask(query(path, filter=condition, top=1, select="Id", count="true"), read)


def won_total(client: Client) -> Decimal:
    """The amounts of all won deals, whatever their currency: a request for every 300 of them."""
    total, after_id, left = Decimal(0), 0, 1
    while left > 0:
        rows, left = _won_page(client, after_id)
        total += sum((row.Amount for row in rows if row.Amount is not None), Decimal(0))
        after_id = rows[-1].Id if rows else after_id
    return total


def _won_page(client: Client, after_id: int) -> tuple[list[_Won], int]:
    def read(answer: Answer) -> tuple[list[_Won], int]:
        page = decode.envelope(answer.body, _Won)
        matching = decode.counted(page)
        if len(page.value) != min(client.page, matching):
            raise Unproven(f"{len(page.value)} rows where {min(client.page, matching)} were left to read")
        return page.value, matching - len(page.value)

    condition = f"StatusId eq {STATUS_IDS['won']} and Id gt {after_id}"
    asked = query(DEALS.path, filter=condition, orderby="Id", top=client.page, select="Id,Amount", count="true")
    return client.ask(asked, read)
