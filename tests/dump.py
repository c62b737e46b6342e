"""Every row of every table as text: what a stolen copy of the database would tell."""

from __future__ import annotations

from psycopg import sql

from carteira.warehouse.connection import Warehouse


def dump(warehouse: Warehouse) -> str:
    """All schemas but PostgreSQL's own; bytes are read as text too, where they are some."""
    with warehouse.transaction() as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        rows = [
            f"{schema}.{table} {row[0]}"
            for schema, table in tables
            for row in connection.execute(
                sql.SQL("select convert_from(convert_to(kept::text, 'UTF8'), 'UTF8') from {} as kept").format(
                    sql.Identifier(schema, table)
                )
            )
        ]
    return "\n".join(rows)
