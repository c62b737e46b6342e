"""What the roles whom PostgREST serves can do: by their rights, and by trying it as them and taking it back.

What was granted to them or to everybody by name is a difference of the schema, and told as that.
"""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from carteira.doctor.finding import Finding, failed
from carteira.warehouse.connection import Connection
from carteira.warehouse.migrations import tables

MOST = 5

# Each role, and of our tables those of which nothing is granted to it or to everybody by name.
ROLES = """
    select role.rolname, array_agg(kept.relname::text order by kept.relname)
    from pg_roles role
    join pg_class kept on kept.relnamespace = current_schema()::regnamespace and kept.relname = any(%(tables)s)
    where role.rolname in ('anon', 'authenticated')
    and not exists (select from aclexplode(kept.relacl) granted where granted.grantee in (0, role.oid))
    group by 1 order by 1
"""
BY_RIGHTS = """
    select kept.relname::text from pg_class kept
    where kept.relnamespace = current_schema()::regnamespace and kept.relname = any(%(tables)s)
    and (has_table_privilege(%(role)s, kept.oid, 'select, insert, update, delete, truncate')
         or has_any_column_privilege(%(role)s, kept.oid, 'select, insert, update'))
    order by 1
"""
# At one blow, since a server may be far away. Row-level security lets nothing be seen and nothing in; a row that only
# lacks what it must have got past it. Where a role cannot be played, its rights have to do.
TRY = """
do $$
declare
    kept text;
    seen integer;
    found text[] := '{{}}';
begin
    begin
        set local role {role};
    exception when insufficient_privilege then
        return;
    end;
    foreach kept in array {tables}::text[] loop
        begin
            execute format('select 1 from %I limit 1', kept) into seen;
            found := found || case when seen is not null then kept end;
        exception when insufficient_privilege or undefined_table then null;
        end;
        begin
            execute format('insert into %I default values', kept);
            found := found || kept;
        exception
            when insufficient_privilege or undefined_table then null;
            when integrity_constraint_violation then found := found || kept;
        end;
    end loop;
    set local role none;
    perform set_config('carteira.strangers', array_to_string(found, ','), true);
end
$$
"""


def examine(connection: Connection) -> Iterator[Finding]:
    """Findings for the first of the tables that a stranger can read or write; nothing of the trial stays."""
    with connection.transaction(force_rollback=True):
        roles = connection.execute(ROLES, {"tables": tables()}).fetchall()
        found = [finding for role, kept in roles for finding in _open_to(connection, role, kept)]
    yield from found[:MOST]


def _open_to(connection: Connection, role: str, kept: list[str]) -> Iterator[Finding]:
    rights = {table for (table,) in connection.execute(BY_RIGHTS, {"tables": kept, "role": role})}
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL(TRY).format(role=sql.Identifier(role), tables=sql.Literal(kept)))
        row = connection.execute("select current_setting('carteira.strangers', true)").fetchone()
    tried = set((row[0] or "").split(",")) - {""} if row else set()
    for table in sorted(rights | tried):
        yield failed(
            "strangers",
            f"The role {role} {'can' if table in tried else 'has the right to'} read or write {table}: by a column, by "
            "a group that the role is in, or by being above the rules.",
            f"Run `carteira db psql` and there: \\du {role} and \\dp {table}; take it out of that group, take "
            "BYPASSRLS from it, or revoke what a column grants.",
        )
