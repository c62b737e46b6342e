"""Where a database has parted from what the migrations give.

What they give is asked of the server itself: the migrations are applied once more, to a schema of a transaction that is
rolled back. So nothing has to be kept in step with them, and every PostgreSQL version is compared with its own way of
writing a default or an index.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from carteira.errors import DatabaseError
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection, Warehouse
from carteira.warehouse.migrations import ADOPTED, functions, migrations, tables

queries: Any = Blocks(Path(__file__).with_name("drift.sql"))

ASIDE = [f"{name}_before_carteira" for name in sorted(ADOPTED)]

# (table, kind, name) -> definition
Facts = dict[tuple[str, str, str], str]


@dataclass(frozen=True)
class Drift:
    """One difference: `expected` None is something foreign, `found` None something missing."""

    table: str
    kind: str
    name: str
    expected: str | None
    found: str | None

    def __str__(self) -> str:
        what = f"{self.kind} {self.name}".strip()
        if self.kind == "right":
            return f"{self.table}: {self.name} has {self.found} and must have none"
        if self.kind == "table" and self.found is None:
            return f"{self.table}: the table is missing"
        if self.found is None:
            return f"{self.table}: {what} is missing ({self.expected})"
        if self.expected is None:
            return f"{self.table}: {what} is foreign ({self.found})"
        return f"{self.table}: {what} is {self.found} and must be {self.expected}"


def differences(warehouse: Warehouse) -> list[Drift]:
    """Every difference in our tables, by table and name, of a schema that has all migrations."""
    with warehouse.transaction() as connection:
        _look_at(connection, warehouse.schema)
        found = _facts(connection)
        rights = list(queries.rights(connection, tables=tables(), aside=ASIDE, functions=functions()))
        uncovered = [name for (name,) in queries.open_aside(connection, aside=ASIDE)]
    faults = _compare(_expected(warehouse), found)
    faults += [Drift(table, "right", grantee, None, right) for table, grantee, right in rights]
    faults += [Drift(name, "row-level security", "", "on", "off") for name in uncovered]
    return sorted(faults, key=lambda each: (each.table, each.kind, each.name))


def _compare(expected: Facts, found: Facts) -> list[Drift]:
    here = {table for table, _, _ in found}
    faults = [
        Drift(*key, definition, found.get(key))
        for key, definition in expected.items()
        if found.get(key) != definition and (key[0] in here or key[1] in ("table", "function"))
    ]
    return faults + [
        Drift(*key, None, definition) for key, definition in found.items() if key not in expected and key[1] != "index"
    ]


def _expected(warehouse: Warehouse) -> Facts:
    """The facts of a schema that was migrated this moment."""
    beside = sql.Identifier(f"carteira_check_{uuid4().hex}")
    try:
        with warehouse.transaction() as connection, connection.transaction(force_rollback=True):
            connection.execute(sql.SQL("create schema {}").format(beside))
            connection.execute(sql.SQL("set local search_path to {}, pg_temp").format(beside))
            for step in migrations():
                connection.execute(step.up.encode())
            return _facts(connection)
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"The migrations cannot be tried beside the tables: {' '.join(str(error).split())}. Grant the role CREATE "
            "on this database, or check with the role that owns it; nothing of the trial stays."
        ) from error


def _look_at(connection: Connection, schema: str) -> None:
    # Named last, or the temporary schema of a session would be looked into first.
    connection.execute(sql.SQL("set local search_path to {}, pg_temp").format(sql.Identifier(schema)))


def _facts(connection: Connection) -> Facts:
    return {
        (table, kind, name): definition
        for table, kind, name, definition in queries.facts(connection, tables=tables(), functions=functions())
    }
