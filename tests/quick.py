"""Runs that lose no time: short pauses between tries, and a look at what a run left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from carteira.ploomes.client import Patience
from carteira.sync.run import Outcome
from carteira.warehouse import runs
from carteira.warehouse.connection import Warehouse

# A sync with whatever options, as the fixture `run` gives it.
Run = Callable[..., Outcome]

QUICK = Patience(
    give_up=5.0, connect=2.0, silence=0.5, body=0.5, first_pause=0.002, throttled_pause=0.002, throttled_tries=6
)
PUBLISHED = ("customers", "sales", "customer_sales", "owners", "pipelines", "stages", "loss_reasons", "sync_state")


def last_run(warehouse: Warehouse) -> runs.Run:
    """The newest entry in the log of runs."""
    with warehouse.transaction() as connection:
        return runs.recent(connection, limit=1)[0]


def verdicts(run: runs.Run, check: str) -> list[str]:
    """What the audit said of one check, for each entity."""
    return [verdict["verdict"] for verdict in run.audit if verdict["check"] == check]


def snapshot(warehouse: Warehouse) -> dict[str, list[Any]]:
    """Everything that readers can see."""
    with warehouse.transaction(snapshot=True) as connection:
        return {table: connection.execute(f"select * from {table} order by 1").fetchall() for table in PUBLISHED}


def one(warehouse: Warehouse, query: str, *parameters: Any) -> Any:
    """The first column of the one row that a query finds; None without a row."""
    with warehouse.transaction() as connection:
        row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None


def free_lease(warehouse: Warehouse) -> None:
    """Let the lease of a process that is dead run out now."""
    with warehouse.transaction() as connection:
        connection.execute("update sync_lease set expires_at = clock_timestamp()")
