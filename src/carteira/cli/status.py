"""`carteira status`: the last runs, how fresh the data is, and what is here against what Ploomes counts now."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from carteira.cli.opening import opened
from carteira.cli.terminal import duration, out, out_json, out_table, say
from carteira.settings import Settings, load

if TYPE_CHECKING:
    from carteira.warehouse.connection import Warehouse
    from carteira.warehouse.runs import Freshness, Run

SOURCES = ("contacts", "deals", "open", "won", "lost", "won_total")


@dataclass(frozen=True)
class Status:
    """What is told; `ploomes` is None where it was not asked."""

    freshness: Freshness
    runs: list[Run]
    rejected_rows: int
    here: dict[str, int | Decimal]
    ploomes: dict[str, int | Decimal] | None


def status(arguments: Namespace) -> None:
    """Counts that differ are no failure: deals change while one looks."""
    settings = load(required=() if arguments.offline else ("PLOOMES_API_KEY",))
    with opened(settings) as warehouse:
        found = _look(settings, warehouse, arguments)
    if arguments.json:
        out_json(found)
        return
    _show_freshness(found)
    _show_runs(found.runs)
    _show_counts(found)


def _look(settings: Settings, warehouse: Warehouse, arguments: Namespace) -> Status:
    from carteira.warehouse import runs

    with warehouse.transaction(snapshot=True) as connection:
        counts = runs.published_counts(connection)
        freshness, recent = runs.freshness(connection), runs.recent(connection, arguments.runs)
        rejected = len(runs.open_rejections(connection, limit=100_000))
    here: dict[str, int | Decimal] = {name: getattr(counts, name) for name in SOURCES}
    there = None if arguments.offline else _ask(settings, warehouse, revenue=arguments.revenue)
    return Status(freshness, recent, rejected, here, there)


def _ask(settings: Settings, warehouse: Warehouse, *, revenue: bool) -> dict[str, int | Decimal]:
    from carteira.ploomes import totals
    from carteira.sync.counting import asking

    with asking(settings, warehouse) as client:
        counts = totals.counts(client)
        found: dict[str, int | Decimal] = {name: getattr(counts, name) for name in SOURCES[:-1]}
        if revenue:
            found["won_total"] = totals.won_total(client)
        return found


def _show_freshness(found: Status) -> None:
    last = found.freshness.last_sync_at
    if last is None:
        out("Nothing was published yet: run `carteira sync`.")
        return
    age = duration((datetime.now(UTC) - last).total_seconds())
    out(f"Fresh as of {last:%Y-%m-%d %H:%M:%S} UTC, {age} ago; publication {found.freshness.publication}.")
    if found.rejected_rows:
        out(f"{found.rejected_rows} rows cannot be read and are out of the totals; /sincronizacoes tells which.")


def _show_runs(runs: list[Run]) -> None:
    if not runs:
        return
    out("")
    out_table(
        ("run", "mode", "state", "opened (UTC)", "seconds", "requests", "customers", "deals", "gone", "rejected"),
        [
            (
                run.id, run.mode, run.state, f"{run.opened_at:%Y-%m-%d %H:%M:%S}", f"{run.seconds:.1f}", run.requests,
                run.customers_changed, run.deals_changed, run.customers_deleted + run.deals_deleted, run.rejected,
            )
            for run in runs
        ],
    )  # fmt: skip
    for run in runs:
        if run.error:
            out(f"run {run.id}: {run.error}")
        for said in run.audit:
            if said["verdict"] != "ok":
                out(f"run {run.id}: {said['check']}: {said['detail']}")


def _show_counts(found: Status) -> None:
    out("")
    there = found.ploomes or {}
    rows = [(name.replace("_", " "), _number(found.here[name]), _number(there.get(name))) for name in SOURCES]
    out_table(("", "here", "Ploomes"), rows)
    apart = [name for name in SOURCES if name in there and there[name] != found.here[name]]
    if apart:
        say(f"Here and in Ploomes differ: {', '.join(apart)}. The next sync reads what changed since the last one.")


def _number(value: int | Decimal | None) -> str:
    return "" if value is None else f"{value:,}"
