"""The schema goes up and down in steps, and is refused where this version cannot work with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from carteira.errors import DatabaseError, SchemaMismatch
from carteira.warehouse import ledger, migrate
from carteira.warehouse.connection import Connection, Warehouse
from carteira.warehouse.migrations import Migration, migrations, tables

pytestmark = pytest.mark.every_postgres

VERSIONS = [step.version for step in migrations()]
NEWEST = VERSIONS[-1]


@pytest.fixture(params=["public", "carteira"])
def empty(request: pytest.FixtureRequest, database: str) -> Warehouse:
    return Warehouse(database, request.param)


def _rows(warehouse: Warehouse, query: str) -> list[Any]:
    with warehouse.transaction() as connection:
        return list(connection.execute(query.encode()).fetchall())


def _ledger(warehouse: Warehouse) -> str:
    return ("supabase_migrations" if warehouse.schema == "public" else warehouse.schema) + ".schema_migrations"


def _tables(warehouse: Warehouse) -> set[str]:
    found = _rows(warehouse, f"select tablename from pg_tables where schemaname = '{warehouse.schema}'")
    return {name for (name,) in found} - {"schema_migrations"}


def test_files_are_as_both_tools_want_them() -> None:
    """A header tells ours from others' in the ledger, and every step has its way back."""
    assert sorted(set(VERSIONS)) == VERSIONS
    for step in migrations():
        assert step.up.startswith("-- Carteira: ")
        assert step.down.startswith("-- Carteira: ")
        assert step.statements[0].startswith(ledger.HEADER)


def test_a_fresh_database_is_set_up(empty: Warehouse) -> None:
    migrate.ensure(empty)

    assert _tables(empty) == set(tables())
    assert [version for (version,) in _rows(empty, f"select version from {_ledger(empty)} order by 1")] == VERSIONS
    migrate.ensure(empty)
    assert migrate.upgrade(empty) == []


def test_a_fresh_database_is_only_looked_at_by_a_check(empty: Warehouse) -> None:
    with pytest.raises(SchemaMismatch, match="no tables of Carteira yet"):
        migrate.check(empty)
    assert _tables(empty) == set()


def test_every_step_goes_down_and_up_again(empty: Warehouse) -> None:
    migrate.upgrade(empty)
    for step, before in zip(reversed(migrations()), [*reversed(VERSIONS[:-1]), "0"], strict=True):
        assert migrate.downgrade(empty, before) == [step.version]
        assert migrate.apply(empty, step)
        assert migrate.downgrade(empty, before) == [step.version]

    assert _tables(empty) == set()
    assert _rows(empty, f"select version from {_ledger(empty)}") == []
    assert migrate.upgrade(empty) == VERSIONS
    assert migrate.drift(empty) == []


def test_downgrading_to_the_newest_does_nothing(warehouse: Warehouse) -> None:
    assert migrate.downgrade(warehouse, NEWEST) == []


def test_an_unknown_version_is_no_way_down(warehouse: Warehouse) -> None:
    with pytest.raises(SchemaMismatch, match="There is no migration 20260101000000"):
        migrate.downgrade(warehouse, "20260101000000")


def test_a_failing_step_leaves_nothing(warehouse: Warehouse) -> None:
    step = Migration("20991231000000", "broken", "-- Carteira: x\ncreate table leftover (a int); select 1 / 0;", "")
    with pytest.raises(DatabaseError, match="20991231000000_broken failed and changed nothing: division by zero"):
        migrate.apply(warehouse, step)

    assert _tables(warehouse) == set(tables())
    assert migrate.upgrade(warehouse) == []


def test_the_ledger_is_the_one_of_the_supabase_cli(database: str) -> None:
    migrate.upgrade(Warehouse(database))
    with psycopg.connect(database) as connection:
        columns = connection.execute(
            "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute "
            "where attrelid = 'supabase_migrations.schema_migrations'::regclass and attnum > 0 order by attnum"
        ).fetchall()
        row = connection.execute(
            "select name, statements from supabase_migrations.schema_migrations where version = '20261124000200'"
        ).fetchone()

    assert columns == [("version", "text", True), ("statements", "text[]", False), ("name", "text", False)]
    assert row is not None and row[0] == "customers_and_sales"
    assert row[1][0].startswith("-- Carteira: ") and "create table customers (" in row[1][0]
    assert row[1][1].startswith("comment on column") and not row[1][1].endswith(";")


def test_what_the_supabase_cli_applied_is_known(database: str) -> None:
    """It sends each statement alone, all in one transaction with the record, and makes the ledger itself."""
    with psycopg.connect(database) as connection:
        connection.execute("create schema supabase_migrations")
        connection.execute("create table supabase_migrations.schema_migrations (version text not null primary key)")
        connection.execute("alter table supabase_migrations.schema_migrations add column statements text[]")
        connection.execute("alter table supabase_migrations.schema_migrations add column name text")
        for step in migrations():
            for statement in step.statements:
                connection.execute(statement.encode())
            connection.execute(
                "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
                (step.version, step.name, step.statements),
            )
    warehouse = Warehouse(database)

    migrate.ensure(warehouse)
    assert migrate.upgrade(warehouse) == []
    assert migrate.drift(warehouse) == []
    assert migrate.downgrade(warehouse, "0") == VERSIONS[::-1]


@pytest.mark.parametrize("version", ["20240101000000", "20251002", "20990101000000"])
def test_rows_of_others_in_the_ledger_are_left_alone(warehouse: Warehouse, version: str) -> None:
    theirs = (version, ["create table theirs (a int)"], "theirs")
    with warehouse.connect() as connection:
        connection.execute("insert into supabase_migrations.schema_migrations values (%s, %s, %s)", theirs)
    migrate.ensure(warehouse)
    migrate.downgrade(warehouse, "0")
    migrate.upgrade(warehouse)
    migrate.downgrade(warehouse, "0")

    assert _rows(warehouse, "select version, statements, name from supabase_migrations.schema_migrations") == [theirs]


def test_an_older_schema_is_refused_by_the_name_of_the_command(empty: Warehouse) -> None:
    migrate.upgrade(empty)
    migrate.downgrade(empty, VERSIONS[-2])

    for ask in (migrate.ensure, migrate.drift):
        with pytest.raises(SchemaMismatch, match=r"older than this version.*`carteira db upgrade`"):
            ask(empty)
    migrate.upgrade(empty)
    migrate.ensure(empty)


def test_a_newer_schema_is_refused(empty: Warehouse) -> None:
    migrate.upgrade(empty)
    migrate.apply(empty, Migration("20991231000000", "future", "-- Carteira: the future\nselect 1;", "select 1;"))
    with pytest.raises(SchemaMismatch, match=r"migrated to 20991231000000 by a newer Carteira"):
        migrate.ensure(empty)
    with pytest.raises(SchemaMismatch, match="newer Carteira"):
        migrate.downgrade(empty, "0")
    with pytest.raises(SchemaMismatch, match="newer Carteira"):
        migrate.upgrade(empty)


def test_tables_of_another_application_are_not_touched(database: str) -> None:
    warehouse = Warehouse(database)
    with warehouse.connect() as connection:
        connection.execute("create table users (id int)")
    with pytest.raises(SchemaMismatch, match=r"users.*DATABASE_SCHEMA"):
        migrate.ensure(warehouse)
    with pytest.raises(SchemaMismatch, match=r"users.*DATABASE_SCHEMA"):
        migrate.upgrade(warehouse)
    assert _tables(warehouse) == {"users"}

    beside = Warehouse(database, "carteira")
    migrate.ensure(beside)
    assert migrate.drift(beside) == []
    assert _tables(warehouse) == {"users"}


def test_many_processes_set_up_one_database(empty: Warehouse) -> None:
    faults: list[Exception] = []

    def race() -> None:
        try:
            migrate.ensure(empty)
        except DatabaseError as error:
            faults.append(error)

    racing = [threading.Thread(target=race) for _ in range(6)]
    for each in racing:
        each.start()
    for each in racing:
        each.join()

    assert faults == []
    assert migrate.drift(empty) == []


class Overtaken(Warehouse):
    """One whose schema another process sets up just when it has found no ledger."""

    @contextmanager
    def transaction(self, connection: Connection | None = None, *, snapshot: bool = False) -> Iterator[Connection]:
        try:
            with super().transaction(connection, snapshot=snapshot) as inside:
                yield inside
        except psycopg.errors.UndefinedTable:
            migrate.upgrade(Warehouse(self.dsn, self.schema))
            raise


def test_a_schema_that_is_set_up_meanwhile_is_no_stranger(empty: Warehouse) -> None:
    migrate.ensure(Overtaken(empty.dsn, empty.schema))

    assert migrate.drift(empty) == []


@pytest.fixture
def role(database: str) -> Iterator[str]:
    """A role without any right, that dies with the test."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("drop role if exists reader")
        connection.execute("create role reader login nosuperuser")
        yield "reader"
        connection.execute("drop owned by reader cascade")
        connection.execute("drop role reader")


def test_a_role_that_would_see_nothing_is_refused(database: str, role: str) -> None:
    """Row-level security hides every row from a role that neither owns the table nor bypasses it, without an error."""
    owner = Warehouse(database)
    migrate.upgrade(owner)
    reader = Warehouse(make_conninfo(database, user=role))
    with pytest.raises(DatabaseError, match="record of the migrations cannot be read"):
        migrate.ensure(reader)
    with owner.connect() as connection:
        connection.execute("grant usage on schema supabase_migrations to reader")
        connection.execute("grant select on all tables in schema supabase_migrations to reader")
        connection.execute("grant select, insert, update, delete on all tables in schema public to reader")
        with pytest.raises(DatabaseError, match="role reader neither owns"):
            migrate.ensure(reader)
        connection.execute("alter role reader bypassrls")
        migrate.ensure(reader)
        connection.execute("revoke delete on sales from reader")
        with pytest.raises(DatabaseError, match="role reader neither owns"):
            migrate.ensure(reader)


def test_a_table_that_hides_ours_is_named(database: str, role: str) -> None:
    """The usual search_path begins with a schema of the role's own name, where somebody may keep sales too."""
    owner = Warehouse(database)
    migrate.upgrade(owner)
    with owner.connect() as connection:
        connection.execute("alter role reader bypassrls")
        connection.execute("grant usage on schema supabase_migrations to reader")
        connection.execute("grant select on all tables in schema supabase_migrations to reader")
        connection.execute("grant select, insert, update, delete on all tables in schema public to reader")
        connection.execute("create schema reader authorization reader create table sales (id integer)")
    reader = Warehouse(make_conninfo(database, user=role))
    with pytest.raises(SchemaMismatch, match=r"reader the names sales do not lead to schema public.*alter role"):
        migrate.ensure(reader)
    with owner.connect() as connection:
        connection.execute("alter role reader set search_path = public")
        # A pooler's session has the path that it began with: without one of them, it is the next that is met.
        connection.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'reader'")
    _until_it_is_let_in(reader)
    migrate.ensure(reader)


def _until_it_is_let_in(warehouse: Warehouse) -> None:
    """A pooler may hand out a session once more that has just been ended."""
    for _ in range(20):
        try:
            with warehouse.transaction() as connection:
                connection.execute("select 1")
            return
        except (psycopg.OperationalError, DatabaseError):
            continue
    raise AssertionError("the pooler gives no session")


def test_a_role_without_rights_is_told_so(database: str, role: str) -> None:
    reader = Warehouse(make_conninfo(database, user=role), "carteira")
    with pytest.raises(DatabaseError, match=r"permission denied.*may create in the database"):
        migrate.ensure(reader)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create schema carteira authorization reader")

    migrate.ensure(reader)
    with pytest.raises(DatabaseError, match="Grant the role CREATE"):
        migrate.drift(reader)


def test_strangers_may_do_nothing_whatever_the_defaults(database: str) -> None:
    """A Supabase project gives anon every right on every new table of schema public."""
    with psycopg.connect(database, autocommit=True) as connection:
        for stranger in ("anon", "authenticated"):
            if connection.execute("select from pg_roles where rolname = %s", (stranger,)).fetchone() is None:
                connection.execute(f"create role {stranger} nologin".encode())
            for kind in ("tables", "sequences", "functions"):
                connection.execute(
                    f"alter default privileges in schema public grant all on {kind} to {stranger}".encode()
                )
        migrate.upgrade(Warehouse(database))
        connection.execute("grant usage on schema public to anon")
        connection.execute("set role anon")
        for name in tables():
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select from {name}".encode())
        connection.execute("reset role")
    assert migrate.drift(Warehouse(database)) == []
