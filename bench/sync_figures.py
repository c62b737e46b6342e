"""The sync: against the bare steps, its requests, its memory, its incremental runs, and how all that grows."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator

from bench.account import made
from bench.figures import Figure
from bench.programs import Cost, bare, cpu, median, run, sync
from bench.servers import Pages, Postgres, pages, vacuumed

DEALS, CUSTOMERS = 30_000, 2_100
PAGES = 107
EDITS = 200
# What both programs cannot do without, and what `carteira sync` has loaded when it begins to work.
PARTS = (sys.executable, "-c", "import concurrent.futures, msgspec, psycopg, urllib3")
START = (sys.executable, "-c", "import carteira.cli.opening, carteira.cli.sync, carteira.sync.run")


def small(postgres: Postgres, rounds: int) -> Iterator[Figure]:
    """The figures at 30,000 deals: medians over rounds in which each program has its turn."""
    bares, fulls, incrementals, starts, parts, quiets = [], [], [], [], [], []
    for _ in range(rounds):
        with pages(made(DEALS, CUSTOMERS)) as ploomes:
            with postgres.database() as database:
                bares.append(bare(postgres, ploomes, database))
            with postgres.database() as database:
                fulls.append(sync(postgres, ploomes, database))
                incrementals.append(_edited(postgres, ploomes, database))
                quiets.append(_settled(postgres, ploomes, database))
            starts.append(run(START, postgres, ploomes))
            parts.append(run(PARTS, postgres, ploomes))
    ratio = statistics.median(full.wall / floor.wall for full, floor in zip(fulls, bares, strict=True))
    yield Figure("full sync against the bare steps, wall", ratio, "x", 1.5, note=_told(median(bares), median(fulls)))
    yield Figure("    the same in processor time, PostgreSQL's included", cpu(fulls) / cpu(bares), "x")
    yield Figure("full sync, requests beyond its pages", median(fulls).requests - PAGES, "requests", 10)
    yield Figure("full sync, peak memory", max(full.peak_mb for full in fulls), "MB", 150)
    yield from _incremental(starts, incrementals, quiets)
    note = f"{median(parts).wall:.3f} s for the interpreter, psycopg, urllib3 and msgspec alone"
    yield Figure("start of the process", median(starts).wall, "s", note=note)


def _incremental(starts: list[Cost], incrementals: list[Cost], quiets: list[Cost]) -> Iterator[Figure]:
    beyond = statistics.median(one.wall - start.wall for one, start in zip(incrementals, starts, strict=True))
    note = f"{median(incrementals).wall:.3f} s in all, {_work(incrementals):.3f} s in the run itself"
    yield Figure(f"incremental, {EDITS} changes, beyond start of the process", beyond, "s", 0.15, note=note)
    yield Figure("incremental, requests", max(one.requests for one in incrementals), "requests", 8)
    yield Figure("a run in which nothing changed, requests", max(one.requests for one in quiets), "requests", 2)


def paced(postgres: Postgres) -> Iterator[Figure]:
    """A full read at the account's own speed: 118 requests a minute, 0.4 s each."""
    with pages(made(27_000, CUSTOMERS), latency=0.4) as ploomes, postgres.database() as database:
        cost = sync(postgres, ploomes, database, per_minute=118)
    yield Figure(
        "27,000 deals at 118 requests a minute, 0.4 s each", cost.wall, "s", 15, note=f"{cost.requests} requests"
    )


def large(postgres: Postgres) -> Iterator[Figure]:
    """300,000 and 3,000,000 deals: what a deal costs, memory, and what an incremental run costs."""
    walls: dict[int, float] = {}
    works: dict[int, float] = {}
    spent: dict[int, float] = {}
    for deals, customers in ((DEALS, CUSTOMERS), (300_000, 20_000), (3_000_000, 200_000)):
        with pages(made(deals, customers)) as ploomes, postgres.database() as database:
            full = sync(postgres, ploomes, database)
            vacuumed(database)
            incrementals = [_edited(postgres, ploomes, database) for _ in range(7)]
        walls[deals], works[deals], spent[deals] = full.wall, _work(incrementals), cpu([full])
        limit = {DEALS: 150, 3_000_000: 200}.get(deals)
        note = f"{full.wall:.1f} s, {full.cpu:.1f} s + {full.server_cpu:.1f} s in the server"
        yield Figure(f"full sync of {deals:,} deals, peak memory", full.peak_mb, "MB", limit, note=note)
        yield Figure(f"incremental, {EDITS} changes of {deals:,}, the run itself", works[deals], "s")
    growth = walls[3_000_000] / walls[300_000] / 10
    yield Figure("a deal in 3,000,000 against one in 300,000", growth, "x", 1.2)
    yield Figure("    the same in processor time", spent[3_000_000] / spent[300_000] / 10, "x")
    yield Figure("incremental of 3,000,000 against 30,000", works[3_000_000] / works[DEALS], "x", 2)


def _edited(postgres: Postgres, ploomes: Pages, database: str) -> Cost:
    ploomes.ask(f"edit?deals={EDITS}")
    return sync(postgres, ploomes, database)


def _settled(postgres: Postgres, ploomes: Pages, database: str) -> Cost:
    """A run after which the newest change is old enough to be believed, then a quiet one."""
    ploomes.ask("settle")
    sync(postgres, ploomes, database)
    return sync(postgres, ploomes, database)


def _work(costs: list[Cost]) -> float:
    """Seconds as the runs themselves count them: without the start of the process."""
    return statistics.median(float(json.JSONDecoder().raw_decode(cost.output)[0]["seconds"]) for cost in costs)


def _told(floor: Cost, full: Cost) -> str:
    return (
        f"bare {floor.wall:.2f} s (cpu {floor.cpu:.2f} + {floor.server_cpu:.2f}), "
        f"sync {full.wall:.2f} s (cpu {full.cpu:.2f} + {full.server_cpu:.2f})"
    )
