"""Every row of every table as text: what a stolen copy of the database would tell."""

from __future__ import annotations

from psycopg import sql

from carteira.warehouse.connection import Warehouse


def dump(warehouse: Warehouse, but: tuple[str, ...] = ()) -> str:
    """All schemas but PostgreSQL's own, all tables `but` some, in the order of their text."""
    with warehouse.transaction() as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        rows = [
            f"{schema}.{table} {row[0]}"
            for schema, table in sorted(tables)
            if table not in but
            for row in connection.execute(
                sql.SQL("select kept::text from {} as kept order by 1").format(sql.Identifier(schema, table))
            )
        ]
    return "\n".join(rows)
