"""The database: there, new enough, ours to write, of the expected shape, closed to strangers, and fresh."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg

from carteira.doctor import alive, strangers
from carteira.doctor.finding import Finding, failed, ok, warning
from carteira.errors import CarteiraError
from carteira.settings import Settings
from carteira.warehouse import drift, migrate, runs
from carteira.warehouse.connection import Connection, Warehouse
from carteira.warehouse.drift import Drift
from carteira.warehouse.embedded import open_warehouse
from carteira.warehouse.migrations import tables

OLDEST_MAJOR = 15
STALE_AFTER = timedelta(hours=24)


def examine(settings: Settings) -> Iterator[Finding]:
    """From the connection to the freshness of what is published."""
    url = settings.database_url.reveal() if settings.database_url else None
    try:
        with open_warehouse(url, settings.database_schema, settings.home) as warehouse:
            yield from _server(warehouse, embedded=url is None)
            yield from _schema(settings, warehouse)
    except psycopg.Error as error:
        yield failed("database", f"The database refused: {' '.join(str(error).split())}.", "Check the role's rights.")
    except CarteiraError as error:
        yield failed("database", str(error))


def _server(warehouse: Warehouse, *, embedded: bool) -> Iterator[Finding]:
    connection = warehouse.connect()
    with connection, warehouse.transaction(connection):
        row = connection.execute("select current_setting('server_version_num')::int, current_user::text").fetchone()
        assert row is not None
    version, role = row
    major, minor = divmod(version, 10_000)
    where = "The embedded PostgreSQL" if embedded else "PostgreSQL"
    if major < OLDEST_MAJOR:
        yield failed("database", f"PostgreSQL {major}.{minor} is too old.", f"Use PostgreSQL {OLDEST_MAJOR} or newer.")
    else:
        yield ok("database", f"{where} {major}.{minor} answers; the role is {role}.")
    if not embedded and transaction_pooler(warehouse):
        yield ok("pooler", "The connection goes through a transaction pooler, which is fine.")


def transaction_pooler(warehouse: Warehouse) -> bool:
    """Whether two transactions of one connection may meet two servers: what a session remembers is then lost."""
    mark = "select set_config('carteira.doctor', %s, false)"
    asking, holding = warehouse.connect(), warehouse.connect()
    with asking, holding:
        asking.execute(mark, ("here",))
        # A pooler hands the server that was just given back to the next who asks, so the first now meets another one.
        with holding.transaction():
            holding.execute("select 1")
            row = asking.execute("select current_setting('carteira.doctor', true) = 'here'").fetchone()
            lost = row is None or not row[0]
            holding.execute(mark, ("",))
        if not lost:
            asking.execute(mark, ("",))
    return lost


def _schema(settings: Settings, warehouse: Warehouse) -> Iterator[Finding]:
    with warehouse.transaction() as connection:
        fresh = connection.execute(
            "select count(*) = 0 from pg_tables where schemaname = %s and tablename = any(%s)",
            (warehouse.schema, tables()),
        ).fetchone()
    if fresh is not None and fresh[0]:
        yield ok("schema", "The database is empty: the first sync sets it up.")
        return
    try:
        migrate.ensure(warehouse)
    except CarteiraError as error:
        yield failed("schema", str(error))
        return
    found = drift.differences(warehouse)
    for difference in found:
        yield failed("schema", f"{difference}.", _remedy(difference))
    if not found:
        yield ok("schema", "The schema is as expected, with row-level security on and nothing open to strangers.")
    with warehouse.transaction(snapshot=True) as connection:
        yield from _freshness(connection)
        yield from alive.examine(settings, connection)
    with warehouse.transaction() as connection:
        yield from strangers.examine(connection)


def _remedy(difference: Drift) -> str:
    table = difference.table
    if difference.kind == "right":
        return f"Run `carteira db psql` and there: revoke all on {table} from {difference.name};"
    if difference.kind == "row-level security":
        return f"Run `carteira db psql` and there: alter table {table} enable row level security;"
    if difference.expected is None:
        return "Carteira did not make it: drop it with `carteira db psql` if nobody needs it."
    if difference.kind == "table":
        return (
            "Migrations are applied once and bring nothing back. What was here can be read again: `carteira db "
            "downgrade 0`, `carteira db upgrade`, `carteira sync --full`; users, tokens and the log of runs go with it."
        )
    return (
        f"Run `carteira db psql` and make it {difference.expected} by hand, then `carteira sync --full`; migrations "
        "are applied once and do not repair what was changed since."
    )


def _freshness(connection: Connection) -> Iterator[Finding]:
    last = runs.freshness(connection).last_sync_at
    recent = runs.recent(connection, limit=1)
    if recent and recent[0].state in ("failed", "refused"):
        run = recent[0]
        yield failed("last run", f"Run {run.id} was {run.state}: {run.error}", "Run `carteira sync` when it is cured.")
    if last is None:
        yield warning("freshness", "Nothing was published yet.", "Run `carteira sync`.")
    elif datetime.now(UTC) - last > STALE_AFTER:
        yield failed(
            "freshness",
            f"The last sync that succeeded began at {last:%Y-%m-%d %H:%M} UTC.",
            "See that something calls the cron route, or runs `carteira sync`, on a schedule.",
        )
    else:
        yield ok("freshness", f"The last sync that succeeded began at {last:%Y-%m-%d %H:%M} UTC.")
    rejected = len(runs.open_rejections(connection))
    if rejected:
        yield warning(
            "rejected rows",
            f"{rejected} {'row' if rejected == 1 else 'rows'} cannot be read, and no total has them.",
            "Correct them in Ploomes; /sincronizacoes tells which and why.",
        )
