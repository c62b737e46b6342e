"""The schema, step by step, forwards and back.

A migration is a file `<14 digits>_<name>.sql` under `supabase/migrations`, its way back the file of the same name under
`supabase/rollbacks`. Each is one transaction with its record. For schema `public` the record is the Supabase CLI's own
ledger, so either tool may apply a file and the other knows; another schema keeps its ledger beside its tables.

The ledger may hold rows of others. Ours are told by the first line of what was applied: every file begins `-- Carteira`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql

from carteira.errors import DatabaseError, SchemaMismatch
from carteira.warehouse.connection import Connection, Warehouse

HEADER = "-- Carteira"
LOCK = 4_207_849_484
FILE_NAME = re.compile(r"(?P<version>\d{14})_(?P<name>\w+)\.sql")


@dataclass(frozen=True)
class Migration:
    """One step: its version (14 digits), its name, its text and the text that takes it back."""

    version: str
    name: str
    up: str
    down: str


@cache
def migrations() -> tuple[Migration, ...]:
    """All steps that this version of Carteira knows, oldest first."""
    here = Path(__file__).parents[1] / "supabase"
    folder = here if here.is_dir() else Path(__file__).parents[3] / "supabase"
    found = []
    for path in sorted((folder / "migrations").glob("*.sql")):
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            raise DatabaseError(f"{path} is not named <14 digits>_<name>.sql: rename it.")
        back = folder / "rollbacks" / path.name
        found.append(Migration(match["version"], match["name"], path.read_text("utf-8"), back.read_text("utf-8")))
    return tuple(found)


def upgrade(warehouse: Warehouse) -> list[str]:
    """Apply what is missing, each step in a transaction of its own; the versions that were applied now."""
    return [step.version for step in migrations() if _apply(warehouse, step)]


def _apply(warehouse: Warehouse, step: Migration) -> bool:
    with warehouse.transaction() as connection:
        _prepare(connection, warehouse.schema)
        if step.version in _applied(connection, warehouse.schema):
            return False
        connection.execute(step.up.encode())
        connection.execute(
            sql.SQL("insert into {} (version, name, statements) values (%s, %s, %s)").format(_ledger(warehouse.schema)),
            (step.version, step.name, [step.up]),
        )
        return True


def _prepare(connection: Connection, schema: str) -> None:
    connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
    connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
    connection.execute(sql.SQL("set local search_path to {}").format(sql.Identifier(schema)))
    ledger = _ledger(schema)
    if schema == "public":
        connection.execute("create schema if not exists supabase_migrations")
    connection.execute(sql.SQL("create table if not exists {} (version text not null primary key)").format(ledger))
    connection.execute(sql.SQL("alter table {} add column if not exists statements text[]").format(ledger))
    connection.execute(sql.SQL("alter table {} add column if not exists name text").format(ledger))


def _ledger(schema: str) -> sql.Identifier:
    return sql.Identifier("supabase_migrations" if schema == "public" else schema, "schema_migrations")


def _applied(connection: Connection, schema: str) -> set[str]:
    return {version for (version,) in connection.execute(sql.SQL("select version from {}").format(_ledger(schema)))}


def ensure(warehouse: Warehouse) -> None:
    """Set up a fresh database; refuse one whose schema this version of Carteira does not know."""
    try:
        with warehouse.transaction() as connection:
            applied = _applied(connection, warehouse.schema)
    except psycopg.errors.UndefinedTable:
        applied = set()
    ours = {step.version for step in migrations()}
    if not ours & applied:
        upgrade(warehouse)
    elif not ours <= applied:
        raise SchemaMismatch("The database is older than this version of Carteira: run `carteira db upgrade`.")
