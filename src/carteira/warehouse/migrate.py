"""The schema, step by step, forwards and back.

Each migration is one transaction with its record in the ledger, so it is there or it is not; processes that migrate at
once wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from carteira.errors import DatabaseError, SchemaMismatch
from carteira.warehouse import ledger
from carteira.warehouse.connection import Connection, Warehouse
from carteira.warehouse.migrations import ADOPTED, ADOPTING, Migration, migrations

if TYPE_CHECKING:
    from carteira.warehouse.drift import Drift

LOCK = 4_207_849_484
NOTHING = "0"
Notice = Callable[[str], None]


def upgrade(warehouse: Warehouse, notice: Notice | None = None) -> list[str]:
    """Apply what is missing, each step in a transaction of its own; the versions that were applied now.

    `notice` gets what a step has to say, a sentence each: rows that could not be adopted, for instance.
    """
    return [step.version for step in migrations() if apply(warehouse, step, notice)]


def downgrade(warehouse: Warehouse, version: str, notice: Notice | None = None) -> list[str]:
    """Take back, newest first, what came after `version` ("0": everything); the versions that were taken back."""
    known = [step.version for step in migrations()]
    if version != NOTHING and version not in known:
        raise SchemaMismatch(
            f"There is no migration {version}: give the last one that stays, one of {', '.join(known)}, or 0 for none."
        )
    later = [step for step in reversed(migrations()) if version == NOTHING or step.version > version]
    return [step.version for step in later if _take_back(warehouse, step, notice)]


def ensure(warehouse: Warehouse, notice: Notice | None = None) -> None:
    """Set up a database that has none of our tables; refuse one that this version of Carteira cannot work with."""
    state = ledger.read(warehouse)
    if not state.applied and not state.newer and not state.present:
        _set_up(warehouse, notice)
        state = ledger.read(warehouse)
    _refuse(state, warehouse.schema)


def check(warehouse: Warehouse) -> None:
    """Refuse as `ensure` does, a fresh database too, and change nothing."""
    _refuse(ledger.read(warehouse), warehouse.schema)


def drift(warehouse: Warehouse) -> list[Drift]:
    """Every difference between our tables and what the migrations give; a user's own tables and indexes are none.

    Raises as `check` does, since in the schema of another version all would differ.
    """
    from carteira.warehouse.drift import differences

    check(warehouse)
    return differences(warehouse)


def _refuse(state: ledger.State, schema: str) -> None:
    if state.newer:
        raise _newer(state.newer)
    if not state.applied and state.present:
        raise SchemaMismatch(
            f"Schema {schema} has tables that are not Carteira's yet: {', '.join(state.present)}. Run "
            "`carteira db upgrade` to adopt those of an older system, or set DATABASE_SCHEMA to a schema of its own."
        )
    if not state.applied:
        raise SchemaMismatch(
            "The database has no tables of Carteira yet: run `carteira db upgrade`, or let `carteira sync` do it."
        )
    if len(state.applied) < len(migrations()):
        raise SchemaMismatch("The database is older than this version of Carteira: run `carteira db upgrade`.")
    if not state.readable:
        raise DatabaseError(
            f"The role {state.role} neither owns the tables in schema {schema} nor bypasses row-level security, so "
            "it would see them empty: use the role that ran `carteira db upgrade` in DATABASE_URL."
        )
    if state.hidden:
        raise SchemaMismatch(
            f"For the role {state.role} the names {', '.join(state.hidden)} do not lead to schema {schema}: its "
            f"search_path has no {schema}, or a table of the same name before it. Run `alter role {state.role} set "
            f"search_path = {schema}` in the database, or use another role in DATABASE_URL."
        )


def apply(warehouse: Warehouse, step: Migration, notice: Notice | None = None) -> bool:
    """Apply one step with its record in one transaction; False if it is there already."""
    with _alone(warehouse, notice) as connection:
        return _apply(connection, warehouse.schema, step)


def _set_up(warehouse: Warehouse, notice: Notice | None) -> None:
    """Everything in one transaction: nobody, be it after a crash, finds a new database with half of its schema."""
    with _alone(warehouse, notice) as connection:
        for step in migrations():
            _apply(connection, warehouse.schema, step)


def _apply(connection: Connection, schema: str, step: Migration) -> bool:
    applied = _applied(connection, schema)
    if step.version in applied:
        return False
    _refuse_to_collide(connection, schema, applied)
    with _told(f"Migration {step.version}_{step.name}"):
        connection.execute(step.up.encode())
    connection.execute(
        sql.SQL("insert into {} (version, name, statements) values (%s, %s, %s)").format(ledger.name(schema)),
        (step.version, step.name, step.statements),
    )
    return True


def _take_back(warehouse: Warehouse, step: Migration, notice: Notice | None) -> bool:
    with _alone(warehouse, notice) as connection:
        if step.version not in _applied(connection, warehouse.schema):
            return False
        with _told(f"Taking back migration {step.version}_{step.name}"):
            connection.execute(step.down.encode())
        forgotten = sql.SQL("delete from {} where version = %s").format(ledger.name(warehouse.schema))
        connection.execute(forgotten, (step.version,))
        return True


def _applied(connection: Connection, schema: str) -> list[str]:
    applied, newer = ledger.rows(connection, schema)
    if newer:
        raise _newer(newer)
    return applied


@contextmanager
def _alone(warehouse: Warehouse, notice: Notice | None) -> Iterator[Connection]:
    """A transaction in which no other process migrates, with the ledger at hand."""
    with warehouse.transaction() as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        with _told("Preparing the migrations"):
            _prepare(connection, warehouse.schema)
        with _heard(connection, notice):
            yield connection


@contextmanager
def _told(what: str) -> Iterator[None]:
    """What the server refuses within, as a sentence."""
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseError(
            f"{what} failed and changed nothing: {' '.join(str(error).split())}. Use a role that owns the tables and "
            "may create in the database, or remove what stands in its way."
        ) from error


@contextmanager
def _heard(connection: Connection, notice: Notice | None) -> Iterator[None]:
    def hear(diagnostic: psycopg.errors.Diagnostic) -> None:
        # Only what a migration raises on purpose; PostgreSQL's own "already exists, skipping" has a code of its own.
        if notice is not None and diagnostic.sqlstate == "00000" and (diagnostic.context or "").startswith("PL/pgSQL"):
            notice(diagnostic.message_primary or "")

    connection.add_notice_handler(hear)
    try:
        yield
    finally:
        connection.remove_notice_handler(hear)


def _prepare(connection: Connection, schema: str) -> None:
    """Our search path, and the ledger, which is made where it is missing as the Supabase CLI makes it."""
    record = ledger.name(schema)
    # `if not exists` would ask for the right to create, or for ownership, even where there is nothing to do.
    for name in dict.fromkeys((schema, ledger.schema_of(schema))):
        if connection.execute("select from pg_namespace where nspname = %s", (name,)).fetchone() is None:
            connection.execute(sql.SQL("create schema {}").format(sql.Identifier(name)))
    connection.execute(sql.SQL("set local search_path to {}").format(sql.Identifier(schema)))
    columns = ledger.columns(connection, schema)
    if not columns:
        connection.execute(sql.SQL("create table {} (version text not null primary key)").format(record))
        if schema != "public":
            connection.execute(sql.SQL("alter table {} enable row level security").format(record))
    for name, kind in (("statements", "text[]"), ("name", "text")):
        if name not in columns:
            column = sql.SQL(f"{{}} {kind}").format(sql.Identifier(name))
            connection.execute(sql.SQL("alter table {} add column {}").format(record, column))


def _refuse_to_collide(connection: Connection, schema: str, applied: list[str]) -> None:
    coming = {name for each in migrations() if each.version not in applied for name in each.tables}
    if ADOPTING not in applied:
        coming -= ADOPTED
    taken, *_ = ledger.tables_found(connection, schema)
    if strangers := sorted(coming.intersection(taken)):
        raise SchemaMismatch(
            f"Schema {schema} already has tables with names that Carteira needs: {', '.join(strangers)}. Set "
            "DATABASE_SCHEMA to a schema of its own, carteira for instance; nothing was changed."
        )


def _newer(versions: list[str]) -> SchemaMismatch:
    return SchemaMismatch(
        f"The database was migrated to {versions[-1]} by a newer Carteira: install that version, or take its changes "
        "back with it by `carteira db downgrade`."
    )
