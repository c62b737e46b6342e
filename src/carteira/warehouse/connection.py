"""The way to the database: one small class that opens transactions, whatever stands between.

Behind a transaction pooler nothing of a session survives, so every setting is made inside the transaction that needs
it, statements are never prepared, and no lock outlives its transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import ClientCursor, IsolationLevel, sql

from carteira.errors import DatabaseError

Connection = psycopg.Connection[Any]

CONNECT_SECONDS = 10
# Classes of SQLSTATE: no connection, not let in, too many connections, shut down.
UNREACHABLE = ("08", "28", "533", "57P")


@dataclass
class Warehouse:
    """A database and the schema in it that is ours.

    `connect` gives a connection of one's own (a run and its lease keep one each); `transaction` borrows one from the
    pool that `serve` opens, and without a pool opens one for the occasion.
    """

    dsn: str = field(repr=False)
    schema: str = "public"
    pool: Any = field(default=None, repr=False)

    def connect(self) -> Connection:
        """A new connection in autocommit mode; use `transaction(connection)` on it."""
        try:
            return psycopg.connect(self.dsn, autocommit=True, prepare_threshold=None, connect_timeout=CONNECT_SECONDS)
        except psycopg.OperationalError as error:
            raise away(error) from error

    @contextmanager
    def transaction(self, connection: Connection | None = None, *, snapshot: bool = False) -> Iterator[Connection]:
        """One transaction under our search path; `snapshot`: read-only, and every statement sees the same rows."""
        if connection is None:
            with self._borrowed() as borrowed, self.transaction(borrowed, snapshot=snapshot) as inside:
                yield inside
            return
        with _frozen(connection) if snapshot else nullcontext(), connection.transaction():
            if self.schema != "public":
                connection.execute(sql.SQL("set local search_path to {}").format(sql.Identifier(self.schema)))
            yield connection

    def at_once(self, *asked: tuple[str, Mapping[str, object]]) -> list[list[tuple[Any, ...]]]:
        """The rows of several statements, each with its values, in one snapshot and one round trip.

        psycopg writes the values into the statements, since only the simple protocol takes more than one.
        """
        with self._borrowed() as connection, ClientCursor(connection) as cursor:
            opening = ["begin isolation level repeatable read read only"]
            if self.schema != "public":
                path = sql.SQL("set local search_path to {}").format(sql.Identifier(self.schema))
                opening.append(path.as_string(connection))
            statements = [cursor.mogrify(statement.strip().removesuffix(";"), values) for statement, values in asked]
            cursor.execute(";\n".join([*opening, *statements, "commit"]).encode())
            return list(_results(cursor))

    @contextmanager
    def _borrowed(self) -> Iterator[Connection]:
        if self.pool is not None:
            with self.pool.connection() as connection:
                yield connection
            return
        connection = self.connect()
        try:
            yield connection
        finally:
            connection.close()


def _results(cursor: ClientCursor[Any]) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of each statement that gives some."""
    while cursor.nextset():
        if cursor.description is not None:
            yield cursor.fetchall()


@contextmanager
def _frozen(connection: Connection) -> Iterator[None]:
    """The next transaction begins as a read-only snapshot: part of its BEGIN, where a statement costs a round trip."""
    connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
    try:
        yield
    finally:
        if not connection.closed:
            connection.isolation_level = connection.read_only = None


def away(error: psycopg.Error) -> DatabaseError:
    """A connection or a statement that failed, as a sentence; libpq's text names host and port, never the password."""
    reason = " ".join(str(error).split())
    if error.sqlstate and not error.sqlstate.startswith(UNREACHABLE):
        return DatabaseError(
            f"The database refused: {reason}. Use a role in DATABASE_URL that owns the tables, and look at "
            "`carteira db check`; what was published before is untouched."
        )
    return DatabaseError(
        f"The database cannot be reached: {reason}. Check DATABASE_URL, that the server runs, and that this machine "
        "may connect; what was published before is untouched."
    )
