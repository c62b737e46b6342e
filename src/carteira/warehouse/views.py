"""Views of the customer list that people save: a name for an address, for oneself or for the team."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carteira.errors import CarteiraError
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("views.sql"))

LONGEST_NAME = 60
MOST = 30


class TooManyViews(CarteiraError):
    """Somebody has saved as many views as a side bar can hold."""


@dataclass(frozen=True, slots=True)
class SavedView:
    """`query` stands behind the question mark of the list's address; `by_whom` saved it, `own`: whoever looks did."""

    view_id: int
    name: str
    query: str
    shared: bool
    own: bool
    by_whom: str


def seen_by(connection: Connection, user_id: int | None) -> list[SavedView]:
    """The views of a user and those that are shared; the first visitor has none."""
    return [] if user_id is None else [SavedView(*row) for row in queries.seen_by(connection, user_id=user_id)]


def save(connection: Connection, user_id: int, name: str, query: str, *, shared: bool) -> int:
    """A new view; its id. TooManyViews where the user has MOST of them."""
    saved = queries.save(connection, user_id=user_id, name=name[:LONGEST_NAME], query=query, shared=shared, most=MOST)
    if saved is None:
        raise TooManyViews(f"User {user_id} has {MOST} saved views: delete one before saving another.")
    queries.changed(connection)
    return int(saved[0])


def change(connection: Connection, view_id: int, user_id: int, name: str, *, shared: bool) -> str | None:
    """Another name, shared or not; the query of the view, None where the user has no such view."""
    return _done(
        connection,
        queries.change(connection, view_id=view_id, user_id=user_id, name=name[:LONGEST_NAME], shared=shared),
    )


def forget(connection: Connection, view_id: int, user_id: int, *, is_admin: bool) -> str | None:
    """Delete a view, of another one only a shared one and as an admin; its query, None where there was none."""
    return _done(connection, queries.forget(connection, view_id=view_id, user_id=user_id, is_admin=is_admin))


def _done(connection: Connection, row: tuple[str] | None) -> str | None:
    if row is None:
        return None
    queries.changed(connection)
    return row[0]
