"""`carteira db …` and `carteira rebuild`: the schema, and the table that is derived from what is here."""

from __future__ import annotations

import os
import signal
import subprocess
from argparse import Namespace
from datetime import UTC, datetime

from carteira.cli.opening import opened
from carteira.cli.terminal import out, out_json, out_lines, say
from carteira.errors import Refused
from carteira.settings import load


def upgrade(arguments: Namespace) -> None:
    """Apply what is missing; each version that was applied is a line of data."""
    from carteira.warehouse import migrate

    with opened(load(), any_schema=True) as warehouse:
        _versions(arguments, migrate.upgrade(warehouse, say), "The schema is up to date.")


def downgrade(arguments: Namespace) -> None:
    """Take back what came after a version; each version that was taken back is a line of data."""
    from carteira.warehouse import migrate

    with opened(load(), any_schema=True) as warehouse:
        _versions(
            arguments, migrate.downgrade(warehouse, arguments.version, say), "There is nothing newer to take back."
        )


def _versions(arguments: Namespace, versions: list[str], nothing: str) -> None:
    if arguments.json:
        out_json(versions)
        return
    out_lines(versions)
    if not versions:
        say(nothing)


def check(arguments: Namespace) -> int:
    """Name every drift; 1 if there is any."""
    from carteira.warehouse.drift import differences

    with opened(load()) as warehouse:
        found = differences(warehouse)
    if arguments.json:
        out_json(found)
    else:
        out_lines(found)
    if not found:
        say("The schema is as this version of Carteira expects it.")
    return 1 if found else 0


def psql(arguments: Namespace) -> int:
    """A psql on the database, with its exit code. The password goes by the environment: `ps` shows arguments."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from carteira.warehouse.embedded import psql_path

    with opened(load(), any_schema=True) as warehouse:
        parts = conninfo_to_dict(warehouse.dsn)
        environ = dict(os.environ)
        if password := parts.pop("password", None):
            environ["PGPASSWORD"] = str(password)
        if warehouse.schema != "public":
            environ["PGOPTIONS"] = f"-c search_path={warehouse.schema}"
        passed_on = arguments.arguments[1:] if arguments.arguments[:1] == ["--"] else arguments.arguments
        # Ctrl-C is psql's own business; a handler, unlike SIG_IGN, is not inherited.
        signal.signal(signal.SIGINT, lambda *_: None)
        return subprocess.call([psql_path(), make_conninfo("", **parts), *passed_on], env=environ)


def rebuild(arguments: Namespace) -> None:
    """customer_sales by its definition, from what is here; the publication's number rises if rows changed."""
    from carteira.customer_sales.rebuild import all_is_adopted
    from carteira.customer_sales.rebuild import rebuild as derive
    from carteira.warehouse import publish, runs

    settings = load()
    with opened(settings) as warehouse, warehouse.transaction() as connection:
        publish.alone(connection)
        if all_is_adopted(connection):
            raise Refused(
                "There are no sales here yet, and a rebuild would remove what was adopted from the older system: run "
                "`carteira sync --full` first."
            )
        last_sync_at = runs.freshness(connection).last_sync_at
        changed = derive(connection, last_sync_at or datetime.now(UTC), None, settings.timezone)
        if changed:
            publish.queries.republished(connection)
    if arguments.json:
        out_json({"changed": changed.rows})
    else:
        out(f"{changed.rows:,} rows changed.")
