"""Who asked to be forgotten: what names them is emptied, and stays empty whatever Ploomes goes on sending.

The deals stay, with their amounts and under the contact's number, so every total is what it was. The number itself is
kept, since nothing else could tell the next full read whom not to bring back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from psycopg import sql

from carteira.brazil import CPF_LENGTH, name_key
from carteira.errors import Unacceptable
from carteira.warehouse import views
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("forget.sql"))


# A shorter word of a search or of a name tells nobody apart.
TELLING = 3


@dataclass(frozen=True)
class DoubtfulView:
    """A saved view that may mean the contact and others too: a person has to look at it."""

    view_id: int
    name: str
    by_whom: str


@dataclass(frozen=True)
class Erased:
    """How many rows named a contact: contacts, deals, rejected rows, rows that an older system left, saved views."""

    contacts: int
    deals: int
    rejected: int
    older: int
    views: int
    doubtful_views: tuple[DoubtfulView, ...]


@dataclass(frozen=True)
class _Named:
    """What a contact goes by, as searches see it: folded names, bare documents, the first eight of a CNPJ."""

    names: frozenset[str]
    documents: frozenset[str]
    root: str | None


@dataclass(frozen=True)
class Forgotten:
    """A contact by its number, and since when it is forgotten."""

    customer_id: int
    forgotten_at: datetime


def forget(connection: Connection, customer_id: int) -> Erased:
    """Empty what names this contact, and remember not to keep it again; the caller derives and publishes."""
    named = _named(connection, customer_id)
    queries.remember(connection, customer_id=customer_id)
    queries.empty_staged(connection)
    contacts, deals, rejected = queries.empty_published(connection, customer_id=customer_id)
    older = sum(_delete_aside(connection, table, customer_id) for (table,) in queries.set_aside(connection))
    if not any((contacts, deals, rejected, older)):
        raise Unacceptable(
            f"Nothing here is about a contact {customer_id}, so nothing was done: take the number from the address "
            "of the customer's page, /clientes/<number>."
        )
    return Erased(contacts, deals, rejected, older, *_forget_views(connection, named))


def _named(connection: Connection, customer_id: int) -> _Named:
    names, documents, root = queries.named(connection, customer_id=customer_id)
    return _Named(
        frozenset(name_key(name) for name in names if name.strip()),
        frozenset(bare for document in documents if len(bare := _bare(document)) >= CPF_LENGTH),
        root,
    )


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", name_key(text)))


def _bare(text: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", text.upper())


def _forget_views(connection: Connection, named: _Named) -> tuple[int, tuple[DoubtfulView, ...]]:
    """Delete the saved views that tell who it is; those that may mean others too are only told."""
    gone, doubtful = [], []
    for view_id, name, query, by_whom in queries.saved_views(connection):
        asked = parse_qs(query)
        texts = [name, *asked.get("busca", [])]
        if any(_tells(text, named) for text in texts):
            gone.append(view_id)
        elif any(_may_tell(text, named) for text in texts) or named.root in asked.get("raiz", []):
            doubtful.append(DoubtfulView(view_id, name, by_whom))
    if gone:
        queries.delete_views(connection, view_ids=gone)
        views.queries.changed(connection)
    return len(gone), tuple(doubtful)


def _tells(text: str, named: _Named) -> bool:
    """Whether a text has the whole name, of two words or more, or a document."""
    words, bare = _words(text), _bare(text)
    return any(len(_words(name)) > 1 and _words(name) <= words for name in named.names) or any(
        document in bare for document in named.documents
    )


def _may_tell(text: str, named: _Named) -> bool:
    """Whether it has a word of the name or a piece of a document; or an e-mail address, which is not kept here."""
    words = [word for word in _words(text) if len(word) >= TELLING]
    pieces = [piece for word in text.split() if len(piece := _bare(word)) > TELLING and any(map(str.isdigit, piece))]
    return (
        "@" in text
        or any(word in name for word in words for name in named.names)
        or any(piece in document for piece in pieces for document in named.documents)
    )


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
