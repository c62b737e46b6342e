"""The schema, step by step, forwards and back.

Each migration is one transaction with its record. For schema `public` the record is the Supabase CLI's own ledger, so
either tool may apply a file and the other knows of it; another schema keeps its ledger beside its tables.

A ledger may hold rows of others, which are left alone. Ours are told by how they begin: every file, and so the first
statement in its record, starts with `-- Carteira`. By that a database is known to be newer than this version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from carteira.errors import DatabaseError, SchemaMismatch
from carteira.warehouse.connection import Connection, Warehouse
from carteira.warehouse.drift import Drift, differences
from carteira.warehouse.migrations import ADOPTED, ADOPTING, Migration, migrations, tables

HEADER = "-- Carteira"
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
    state = _state(warehouse)
    if not state.applied and not state.newer and not state.present:
        upgrade(warehouse, notice)
        state = _state(warehouse)
    _refuse(state, warehouse.schema)


def drift(warehouse: Warehouse) -> list[Drift]:
    """Every difference between our tables and what the migrations give; a user's own tables and indexes are none.

    Raises as `ensure` does where the schema is of another version, since then all of it would differ.
    """
    _refuse(_state(warehouse), warehouse.schema)
    return differences(warehouse)


def _refuse(state: _State, schema: str) -> None:
    if state.newer:
        raise _newer(state.newer)
    if not state.applied and state.present:
        raise SchemaMismatch(
            f"Schema {schema} has tables that are not Carteira's yet: {', '.join(state.present)}. Run "
            "`carteira db upgrade` to adopt those of an older system, or set DATABASE_SCHEMA to a schema of its own."
        )
    if len(state.applied) < len(migrations()):
        raise SchemaMismatch("The database is older than this version of Carteira: run `carteira db upgrade`.")
    if not state.readable:
        raise DatabaseError(
            f"The role {state.role} neither owns the tables in schema {schema} nor bypasses row-level security, so "
            "it would see them empty: use the role that ran `carteira db upgrade` in DATABASE_URL."
        )


@dataclass(frozen=True)
class _State:
    applied: list[str]
    newer: list[str]
    present: list[str]
    readable: bool
    role: str


def _state(warehouse: Warehouse) -> _State:
    schema = warehouse.schema
    try:
        with warehouse.transaction() as connection:
            ours, newer = _ledger_rows(connection, schema)
            return _State(ours, newer, *_tables_found(connection, schema))
    except psycopg.errors.UndefinedTable:
        with warehouse.transaction() as connection:
            return _State([], [], *_tables_found(connection, schema))
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"The record of the migrations cannot be read: {' '.join(str(error).split())}. Use the role that ran "
            "`carteira db upgrade` in DATABASE_URL."
        ) from error


def _ledger_rows(connection: Connection, schema: str) -> tuple[list[str], list[str]]:
    """The versions of ours that are applied, and those that only a newer Carteira can have applied."""
    known = [step.version for step in migrations()]
    # A schema of our own has no rows of others in its ledger.
    query = sql.SQL(
        "select version, version = any(%(known)s) from {} as ledger "
        "where version = any(%(known)s) or version > %(last)s "
        "and (%(alone)s or starts_with(to_jsonb(ledger) -> 'statements' ->> 0, %(header)s)) order by version"
    ).format(_ledger(schema))
    found = connection.execute(
        query, {"known": known, "last": known[-1], "alone": schema != "public", "header": HEADER}
    ).fetchall()
    return [version for version, ours in found if ours], [version for version, ours in found if not ours]


def _tables_found(connection: Connection, schema: str) -> tuple[list[str], bool, str]:
    """Which of our tables' names are taken, whether this role sees their rows, and its name."""
    row = connection.execute(
        """
        select coalesce(array_agg(c.relname::text order by c.relname) filter (where c.oid is not null), '{}'),
            coalesce(bool_and(pg_has_role(c.relowner, 'usage') and not c.relforcerowsecurity
                              or (me.rolsuper or me.rolbypassrls) and has_table_privilege(c.oid, 'select')
                                  and has_table_privilege(c.oid, 'insert') and has_table_privilege(c.oid, 'update')
                                  and has_table_privilege(c.oid, 'delete')), true),
            me.rolname::text
        from pg_roles me
        left join pg_class c on c.relname = any(%(tables)s) and c.relkind <> 'i'
            and c.relnamespace = (select oid from pg_namespace where nspname = %(schema)s)
        where me.rolname = current_user
        group by me.rolname
        """,
        {"tables": tables(), "schema": schema},
    ).fetchone()
    assert row is not None
    taken, readable, role = row
    return taken, readable, role


def apply(warehouse: Warehouse, step: Migration, notice: Notice | None = None) -> bool:
    """Apply one step with its record in one transaction; False if it is there already."""
    with _alone(warehouse, step, notice) as connection:
        _prepare(connection, warehouse.schema)
        applied, newer = _ledger_rows(connection, warehouse.schema)
        if newer:
            raise _newer(newer)
        if step.version in applied:
            return False
        _refuse_to_collide(connection, warehouse.schema, applied)
        connection.execute(step.up.encode())
        connection.execute(
            sql.SQL("insert into {} (version, name, statements) values (%s, %s, %s)").format(_ledger(warehouse.schema)),
            (step.version, step.name, step.statements),
        )
        return True


def _take_back(warehouse: Warehouse, step: Migration, notice: Notice | None) -> bool:
    with _alone(warehouse, step, notice) as connection:
        _prepare(connection, warehouse.schema)
        applied, newer = _ledger_rows(connection, warehouse.schema)
        if newer:
            raise _newer(newer)
        if step.version not in applied:
            return False
        connection.execute(step.down.encode())
        connection.execute(
            sql.SQL("delete from {} where version = %s").format(_ledger(warehouse.schema)), (step.version,)
        )
        return True


@contextmanager
def _alone(warehouse: Warehouse, step: Migration, notice: Notice | None) -> Iterator[Connection]:
    """A transaction for one step, in which no other process migrates; a failure as a sentence."""
    try:
        with warehouse.transaction() as connection:
            connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
            with _heard(connection, notice):
                yield connection
    except psycopg.Error as error:
        raise DatabaseError(
            f"Migration {step.version}_{step.name} failed and changed nothing: {' '.join(str(error).split())}. Use a "
            "role that owns the tables and may create in the database, or remove what stands in its way."
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
    """Our search path and the ledger, made where it is missing exactly as the Supabase CLI makes it."""
    ledger = _ledger(schema)
    # `if not exists` asks for the right to create even where nothing has to be created.
    for name in dict.fromkeys((schema, "supabase_migrations" if schema == "public" else schema)):
        if connection.execute("select from pg_namespace where nspname = %s", (name,)).fetchone() is None:
            connection.execute(sql.SQL("create schema {}").format(sql.Identifier(name)))
    connection.execute(sql.SQL("set local search_path to {}").format(sql.Identifier(schema)))
    connection.execute(sql.SQL("create table if not exists {} (version text not null primary key)").format(ledger))
    connection.execute(sql.SQL("alter table {} add column if not exists statements text[]").format(ledger))
    connection.execute(sql.SQL("alter table {} add column if not exists name text").format(ledger))
    if schema != "public":
        connection.execute(sql.SQL("alter table {} enable row level security").format(ledger))


def _refuse_to_collide(connection: Connection, schema: str, applied: list[str]) -> None:
    coming = {name for each in migrations() if each.version not in applied for name in each.tables}
    if ADOPTING not in applied:
        coming -= ADOPTED
    taken, _, _ = _tables_found(connection, schema)
    if strangers := sorted(coming.intersection(taken)):
        raise SchemaMismatch(
            f"Schema {schema} already has tables with names that Carteira needs: {', '.join(strangers)}. Set "
            "DATABASE_SCHEMA to a schema of its own, carteira for instance; nothing was changed."
        )


def _ledger(schema: str) -> sql.Identifier:
    return sql.Identifier("supabase_migrations" if schema == "public" else schema, "schema_migrations")


def _newer(versions: list[str]) -> SchemaMismatch:
    return SchemaMismatch(
        f"The database was migrated to {versions[-1]} by a newer Carteira: install that version, or take its changes "
        "back with it by `carteira db downgrade`."
    )
