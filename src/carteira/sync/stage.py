"""From pages to staging: several requests in flight, one writer, every page with the mark of how far its part got."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from carteira.errors import PloomesRefused
from carteira.ploomes import pages, refusal
from carteira.ploomes.client import Client
from carteira.ploomes.entities import ENTITIES, Entity
from carteira.ploomes.pages import Page
from carteira.warehouse import staging
from carteira.warehouse.connection import Connection
from carteira.warehouse.lease import Lease
from carteira.warehouse.staging import Read, StagedPage

T = TypeVar("T")
U = TypeVar("U")

BY_NAME = {entity.name: entity for entity in ENTITIES}


@dataclass(frozen=True)
class Progress:
    """How many of how many rows are read; `expected` 0 while that is not known."""

    read: int
    expected: int
    label: str


@dataclass
class Slice:
    """One go at a run: what it works with, and what it has found out so far."""

    client: Client
    lease: Lease
    connection: Connection
    pool: ThreadPoolExecutor
    run_id: int
    mode: str
    opened_at: datetime
    requests_before: int
    accept_deletions: bool
    progress: Callable[[Progress], None]
    at_step: Callable[[str], None]
    timezone: str | None = None
    refused: frozenset[str] = frozenset()
    hinted: dict[str, int] = field(default_factory=dict)
    expected: int = 0
    read: int = 0
    audit: list[dict[str, Any]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def full(self) -> bool:
        """Whether everything is read."""
        return self.mode == "full"

    @property
    def requests(self) -> int:
        """Requests of the run, earlier slices included."""
        return self.requests_before + self.client.pacer.sent

    @property
    def seconds(self) -> float:
        """How long this slice has been at work."""
        return time.monotonic() - self.began

    def at_once(self, ask: Callable[[T], U], about: Iterable[T]) -> list[U]:
        """Several requests in flight; the answers in the order of the questions."""
        return list(self.pool.map(ask, about))


def read(run: Slice, reads: Sequence[Read]) -> None:
    """Read and stage these parts to their ends.

    A refusal of a field list is looked into: what can be done without is left out, and reading goes on. Each
    refusal takes something off a list, or ends the run.
    """
    while True:
        try:
            _read(run, reads)
        except PloomesRefused as refused:
            run.refused |= why_refused(run, refused)
            reads = _as_they_stand(run, reads)
        else:
            return


def _as_they_stand(run: Slice, reads: Sequence[Read]) -> list[Read]:
    with run.lease.transaction(run.connection) as connection:
        now = {(r.entity, r.phase, r.part): r for r in staging.reads(connection)}
    return [now[r.entity, r.phase, r.part] for r in reads]


def why_refused(run: Slice, refused: PloomesRefused) -> frozenset[str]:
    """What of an entity the key may not read; raises the refusal, explained, where that is not the reason."""
    entity = next((e for e in ENTITIES if e.path == refused.path), None)
    explained = refusal.explain(run.client, refused)
    if entity is None or explained is not refused:
        raise explained
    fields = refusal.refused_fields(run.client, entity)
    if not fields - run.refused:
        raise refused
    return fields


def _read(run: Slice, reads: Sequence[Read]) -> None:
    under_way = {_fetch(run, read) for read in reads if not read.done}
    failure: BaseException | None = None
    while under_way:
        arrived, under_way = wait(under_way, return_when=FIRST_COMPLETED)
        ready = [future.result() for future in arrived if future.exception() is None]
        failure = failure or next((f.exception() for f in arrived if f.exception() is not None), None)
        if failure is None:
            under_way |= {_fetch(run, page.read) for page in ready if not page.read.done}
        if ready:
            stage(run, ready)
    if failure is not None:
        raise failure


def _fetch(run: Slice, read: Read) -> Future[StagedPage]:
    return run.pool.submit(fetched, run, read)


def fetched(run: Slice, read: Read) -> StagedPage:
    """The next page of a part, ready to be staged."""
    page = pages.page(run.client, BY_NAME[read.entity], read.after_id, read.upto_id, read.since, run.refused)
    return staged(page, replace(read, after_id=page.last_id, done=page.left == 0))


def staged(page: Page, read: Read) -> StagedPage:
    """A page as lines for the staging; `read`: its part as it stands behind the page."""
    return StagedPage(read, staging.lines(page.rows), page.rejections, page.size)


def stage(run: Slice, ready: Sequence[StagedPage], new_reads: Iterable[Read] = ()) -> None:
    """Pages and marks in one transaction, if the lease is still ours."""
    with run.lease.transaction(run.connection) as connection:
        staging.add_reads(connection, run.run_id, new_reads)
        staging.stage(connection, ready)
        staging.advance(connection, run.run_id, ready, run.requests, run.client.pacer.throttled)
    run.read += sum(page.size for page in ready)
    run.progress(Progress(run.read, max(run.expected, run.read), "reading"))
    run.at_step("staged")


def repair(run: Slice, entity: Entity, ids: Sequence[int]) -> set[int]:
    """Read these very rows and stage them; the Ids of those that Ploomes still has."""
    found = run.at_once(lambda chunk: pages.rows_by_id(run.client, entity, chunk, run.refused), by_id(run, ids))
    read = Read(entity.name, "repair", 0, done=True)
    with run.lease.transaction(run.connection) as connection:
        known = any(r.entity == entity.name and r.phase == "repair" for r in staging.reads(connection))
    stage(run, [staged(page, read) for page in found], [] if known else [read])
    present = {getattr(row, entity.key) for page in found for row in page.rows}
    present |= {rejected.id for page in found for rejected in page.rejections}
    with run.lease.transaction(run.connection) as connection:
        staging.queries.drop_absences(connection, entity=entity.name, ids=list(present))
    return present


# As many Ids as a query string of 2,048 characters holds beside the field list: what IIS takes by default.
BY_ID = 40


def by_id(run: Slice, ids: Sequence[int]) -> list[list[int]]:
    """Ids in as many lots as it takes requests to ask for them."""
    lot = min(BY_ID, run.client.page)
    return [list(ids[n : n + lot]) for n in range(0, len(ids), lot)]
