"""Side by side with dlt: what the same job costs, and what is wrong after deals were edited while it read."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import psycopg

from bench.account import made
from bench.figures import Figure
from bench.programs import OTHERS, PIPELINE, Cost, cpu, median, run, sync
from bench.servers import Pages, Postgres, pages
from bench.sync_figures import CUSTOMERS, DEALS, EDITS

EDITED_AT = 55
Job = Callable[[str, Pages, str], Cost]


@dataclass(frozen=True)
class Story:
    """A full run during which deals were edited, an incremental run, and how many customers were wrong after each."""

    full: Cost
    incremental: Cost
    wrong_at_first: int
    wrong: int
    off: Decimal


def beside_dlt(postgres: Postgres, rounds: int) -> Iterator[Figure]:
    """Time, processor time, memory, requests and exactness of both, in turns."""
    if not OTHERS.exists():
        yield Figure("dlt is not installed: make bench installs it", 0, "")
        return
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_story(postgres, "carteira"))
        theirs.append(_story(postgres, "dlt"))
    ratio = statistics.median(their.full.wall / our.full.wall for our, their in zip(ours, theirs, strict=True))
    yield Figure("full: dlt's wall time over ours", ratio, "x", 5, at_least=True)
    yield Figure(
        "full: dlt's processor time over ours", cpu([one.full for one in theirs]) / cpu([one.full for one in ours]), "x"
    )
    for name, stories in (("carteira", ours), ("dlt", theirs)):
        yield from _told(name, stories[-1])
    replacing = _replacing(postgres)
    note = f"{replacing.wall / median([one.full for one in ours]).wall:.2f} of ours"
    yield Figure("    dlt, full, where it need not be able to go on", replacing.wall, "s", note=note)
    yield Figure("customers that we have wrong after the next run", max(one.wrong for one in ours), "customers", 0)


def _told(name: str, story: Story) -> Iterator[Figure]:
    for what, cost in (("full", story.full), ("incremental", story.incremental)):
        yield Figure(
            f"    {name}, {what}", cost.wall, "s",
            note=f"cpu {cost.cpu:.2f} + {cost.server_cpu:.2f} s, {cost.peak_mb:.0f} MB, {cost.requests} requests",
        )  # fmt: skip
    yield Figure(f"    {name}, wrong after the edited full read", story.wrong_at_first, "customers")
    yield Figure(
        f"    {name}, wrong after the next run", story.wrong, "customers", note=f"R$ {story.off:,.2f} off in all"
    )


def _story(postgres: Postgres, name: str) -> Story:
    with (
        pages(made(DEALS, CUSTOMERS)) as ploomes,
        postgres.database(migrated=name == "carteira") as database,
        tempfile.TemporaryDirectory() as folder,
    ):

        def job() -> Cost:
            if name == "carteira":
                return sync(postgres, ploomes, database)
            return _dlt(postgres, ploomes, database, folder, "upsert")

        ploomes.ask(f"edit?deals={EDITS}&at={EDITED_AT}")
        full = job()
        wrong_at_first, _ = _wrong(name, database, ploomes)
        incremental = job()
        return Story(full, incremental, wrong_at_first, *_wrong(name, database, ploomes))


def _dlt(postgres: Postgres, ploomes: Pages, database: str, folder: str, how: str) -> Cost:
    return run([str(OTHERS), str(PIPELINE), ploomes.url, database, how], postgres, ploomes, DLT_FOLDER=folder)


def _replacing(postgres: Postgres) -> Cost:
    """A dlt pipeline that can only read all anew."""
    with (
        pages(made(DEALS, CUSTOMERS)) as ploomes,
        postgres.database(migrated=False) as database,
        tempfile.TemporaryDirectory() as folder,
    ):
        return _dlt(postgres, ploomes, database, folder, "replace")


def _wrong(name: str, database: str, ploomes: Pages) -> tuple[int, Decimal]:
    """How many customers differ from what the page server holds, and by how many reais in all."""
    truth = {customer: (Decimal(revenue), sales) for customer, revenue, sales in ploomes.ask("truth")}
    schema = "public" if name == "carteira" else "dlt"
    with psycopg.connect(database) as connection:
        rows = connection.execute(f"select customer_id, total_revenue, total_deals from {schema}.customer_sales")
        found = {customer: (Decimal(revenue), sales) for customer, revenue, sales in rows}
    nothing = (Decimal(0), 0)
    # Contacts that the API hides are in our table, as placeholders, and cannot be in dlt's.
    there = found.keys() & truth.keys() if name == "dlt" else found.keys() | truth.keys()
    wrong = [one for one in there if found.get(one, nothing) != truth.get(one, nothing)]
    return len(wrong), sum((abs(found.get(one, nothing)[0] - truth.get(one, nothing)[0]) for one in wrong), Decimal(0))
