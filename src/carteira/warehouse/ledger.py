"""Which migrations a database has had, and what else decides whether this version of Carteira can work with it.

For schema `public` the record is the Supabase CLI's own ledger; another schema keeps its ledger beside its tables. A
ledger may hold rows of others, which are left alone. Ours are told by how they begin: every file, and so the first
statement in its record, starts with `-- Carteira`. By that a database is known to be newer than this version.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from carteira.errors import DatabaseError
from carteira.warehouse.connection import Connection, Warehouse
from carteira.warehouse.migrations import migrations, tables

HEADER = "-- Carteira"
TABLE = "schema_migrations"


def schema_of(schema: str) -> str:
    """The schema that the ledger lies in."""
    return "supabase_migrations" if schema == "public" else schema


def name(schema: str) -> sql.Identifier:
    """The ledger's qualified name."""
    return sql.Identifier(schema_of(schema), TABLE)


def columns(connection: Connection, schema: str) -> set[str]:
    """The ledger's columns; none where there is no ledger."""
    found = connection.execute(
        "select a.attname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped "
        "where n.nspname = %s and c.relname = %s",
        (schema_of(schema), TABLE),
    )
    return {column for (column,) in found}


@dataclass(frozen=True)
class State:
    """What this version of Carteira meets in a database."""

    applied: list[str]  # versions that it knows
    newer: list[str]  # versions that only a newer one can have applied
    present: list[str]  # tables with names of ours
    readable: bool  # this role sees their rows and may change them
    role: str
    hidden: list[str]  # tables of ours that their bare name does not lead to


def read(warehouse: Warehouse) -> State:
    """Two cheap queries; DatabaseError where the role may not read the ledger."""
    schema = warehouse.schema
    try:
        with warehouse.transaction() as connection:
            # Before the ledger: whoever sets a database up commits both at once, so tables without one are not his.
            found = tables_found(connection, schema)
            ours, newer = rows(connection, schema)
            return State(ours, newer, *found)
    except psycopg.errors.UndefinedTable:
        return State([], [], *found)
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"The record of the migrations cannot be read: {' '.join(str(error).split())}. Use the role that ran "
            "`carteira db upgrade` in DATABASE_URL."
        ) from error


def rows(connection: Connection, schema: str) -> tuple[list[str], list[str]]:
    """The versions of ours that are applied, and those that only a newer Carteira can have applied."""
    known = [step.version for step in migrations()]
    # A schema of our own has no rows of others in its ledger.
    query = sql.SQL(
        "select version, version = any(%(known)s) from {} as ledger "
        "where version = any(%(known)s) or version > %(last)s "
        "and (%(alone)s or starts_with(to_jsonb(ledger) -> 'statements' ->> 0, %(header)s)) order by version"
    ).format(name(schema))
    found = connection.execute(
        query, {"known": known, "last": known[-1], "alone": schema != "public", "header": HEADER}
    ).fetchall()
    return [version for version, ours in found if ours], [version for version, ours in found if not ours]


def tables_found(connection: Connection, schema: str) -> tuple[list[str], bool, str, list[str]]:
    """Which of our tables' names are taken, whether this role sees their rows, its name, and what its path hides."""
    row = connection.execute(
        """
        select coalesce(array_agg(c.relname::text order by c.relname) filter (where c.oid is not null), '{}'),
            coalesce(bool_and(pg_has_role(c.relowner, 'usage') and not c.relforcerowsecurity
                              or (me.rolsuper or me.rolbypassrls) and has_table_privilege(c.oid, 'select')
                                  and has_table_privilege(c.oid, 'insert') and has_table_privilege(c.oid, 'update')
                                  and has_table_privilege(c.oid, 'delete')), true),
            me.rolname::text,
            coalesce(array_agg(c.relname::text order by c.relname)
                     filter (where c.oid <> coalesce(named.oid, 0)
                                   and named.relpersistence is distinct from 't'), '{}')
        from pg_roles me
        left join pg_class c on c.relname = any(%(tables)s) and c.relkind <> 'i'
            and c.relnamespace = (select oid from pg_namespace where nspname = %(schema)s)
        left join pg_class named on named.oid = to_regclass(quote_ident(c.relname))
        where me.rolname = current_user
        group by me.rolname
        """,
        {"tables": tables(), "schema": schema},
    ).fetchone()
    assert row is not None
    taken, readable, role, hidden = row
    return taken, readable, role, hidden
