"""`carteira db …` and `carteira rebuild`: the schema, and the table that is derived from what is here."""

from __future__ import annotations

import os
import signal
import subprocess
from argparse import Namespace

from carteira.cli.opening import opened
from carteira.cli.terminal import out, out_json, say
from carteira.settings import load


def upgrade(arguments: Namespace) -> None:
    """Apply what is missing; each version that was applied is a line of data."""
    from carteira.warehouse import migrate

    with opened(load(), any_schema=True) as warehouse:
        _versions(arguments, migrate.upgrade(warehouse), "The schema is up to date.")


def downgrade(arguments: Namespace) -> None:
    """Take back what came after a version; each version that was taken back is a line of data."""
    from carteira.warehouse import migrate

    with opened(load(), any_schema=True) as warehouse:
        _versions(arguments, migrate.downgrade(warehouse, arguments.version), "There is nothing newer to take back.")


def _versions(arguments: Namespace, versions: list[str], nothing: str) -> None:
    if arguments.json:
        out_json(versions)
        return
    for version in versions:
        out(version)
    if not versions:
        say(nothing)


def check(arguments: Namespace) -> int:
    """Name every drift; 1 if there is any."""
    from carteira.warehouse import migrate

    with opened(load(), any_schema=True) as warehouse:
        drifts = migrate.drift(warehouse)
    if arguments.json:
        out_json(drifts)
    for drift in () if arguments.json else drifts:
        out(str(drift))
    if not drifts:
        say("The schema is as this version of Carteira expects it.")
    return 1 if drifts else 0


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
        # Ctrl-C is psql's own business; a handler, unlike SIG_IGN, is not inherited.
        signal.signal(signal.SIGINT, lambda *_: None)
        return subprocess.call([psql_path(), make_conninfo("", **parts), *arguments.arguments], env=environ)
