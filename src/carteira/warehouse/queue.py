"""The schema that the workers' queue lies in: beside ours, so that what serves our schema to others never shows it.

It holds nothing that could not be made again, since what is to be done follows from the schedule and from the log of
runs. So where it was made for another version of the queue's program, it is made anew.
"""

from __future__ import annotations

from hashlib import sha256

import psycopg
from psycopg import sql

from carteira.errors import DatabaseError
from carteira.warehouse.connection import Connection, Warehouse

LONGEST = 57
MADE_BY = "made by carteira"


def schema_of(warehouse: Warehouse) -> str:
    """carteira_queue, or the name of our own schema with _queue at its end."""
    return "carteira_queue" if warehouse.schema == "public" else f"{warehouse.schema[:LONGEST]}_queue"


def prepare(warehouse: Warehouse, definition: str) -> bool:
    """Make the queue's schema as `definition` says, unless it is so already; whether it was made now."""
    name, mark = schema_of(warehouse), f"{MADE_BY}: {sha256(definition.encode()).hexdigest()[:16]}"
    try:
        with warehouse.transaction() as connection:
            if _mark(connection, name) == mark:
                return False
            connection.execute("select pg_advisory_xact_lock(hashtext('carteira.queue'), hashtext(%s))", (name,))
            found = _mark(connection, name)
            if found != mark:
                _make(connection, name, mark, definition, found)
            return found != mark
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"The schema {name} of the workers' queue cannot be made: {' '.join(str(error).split())}. Grant the role "
            "in DATABASE_URL the right CREATE on the database."
        ) from error


def _mark(connection: Connection, name: str) -> str | None:
    """What is written at the schema; None where there is no schema, '' where nothing is."""
    row = connection.execute(
        "select coalesce(obj_description(oid, 'pg_namespace'), '') from pg_namespace where nspname = %s", (name,)
    ).fetchone()
    return row[0] if row else None


def _make(connection: Connection, name: str, mark: str, definition: str, found: str | None) -> None:
    if found is not None and not found.startswith(MADE_BY):
        raise DatabaseError(
            f"There is a schema {name} that Carteira did not make, and its workers need one of that name: rename it, "
            "or set DATABASE_SCHEMA to another."
        )
    schema = sql.Identifier(name)
    connection.execute(sql.SQL("drop schema if exists {} cascade").format(schema))
    connection.execute(sql.SQL("create schema {}").format(schema))
    connection.execute(sql.SQL("set local search_path to {}").format(schema))
    connection.execute(definition.encode())
    connection.execute(sql.SQL("comment on schema {} is {}").format(schema, sql.Literal(mark)))
    strangers = connection.execute("select rolname from pg_roles where rolname in ('anon', 'authenticated')").fetchall()
    for stranger in (sql.SQL("public"), *(sql.Identifier(role) for (role,) in strangers)):
        connection.execute(sql.SQL("revoke all on schema {} from {}").format(schema, stranger))
