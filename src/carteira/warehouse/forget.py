"""Who asked to be forgotten: what names them is emptied, and stays empty whatever Ploomes goes on sending.

The deals stay, with their amounts and under the contact's number, so every total is what it was. The number itself is
kept, since nothing else could tell the next full read whom not to bring back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiosql
from psycopg import sql

from carteira.errors import Unacceptable
from carteira.warehouse.connection import Connection

queries: Any = aiosql.from_path(Path(__file__).with_name("forget.sql"), "psycopg")


@dataclass(frozen=True)
class Erased:
    """How many rows named a contact: contacts, deals, rejected rows, and rows that an older system left."""

    contacts: int
    deals: int
    rejected: int
    older: int


@dataclass(frozen=True)
class Forgotten:
    """A contact by its number, and since when it is forgotten."""

    customer_id: int
    forgotten_at: datetime


def forget(connection: Connection, customer_id: int) -> Erased:
    """Empty what names this contact, and remember not to keep it again; the caller derives and publishes."""
    queries.remember(connection, customer_id=customer_id)
    queries.empty_staged(connection)
    contacts, deals, rejected = queries.empty_published(connection, customer_id=customer_id)
    older = sum(_delete_aside(connection, table, customer_id) for (table,) in queries.set_aside(connection))
    erased = Erased(contacts, deals, rejected, older)
    if not any(vars(erased).values()):
        raise Unacceptable(
            f"Nothing here is about a contact {customer_id}, so nothing was done: take the number from the address "
            "of the customer's page, /clientes/<number>."
        )
    return erased


def _delete_aside(connection: Connection, table: str, customer_id: int) -> int:
    # As text, since the older table may have any type there.
    deletion = sql.SQL("delete from {} where customer_id::text = %s").format(sql.Identifier(table))
    return connection.execute(deletion, [str(customer_id)]).rowcount


def let_go(connection: Connection, customer_id: int) -> None:
    """Take a contact off the list: the next full read brings back what Ploomes still has."""
    if queries.let_go(connection, customer_id=customer_id) is None:
        raise Unacceptable(f"Contact {customer_id} is not forgotten: `carteira forget` lists those that are.")


def listed(connection: Connection) -> list[Forgotten]:
    """Everyone on the list."""
    return [Forgotten(*row) for row in queries.list(connection)]
