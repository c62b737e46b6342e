"""Syncs on their own schedule, by any number of workers on any number of machines.

The queue is Procrastinate's, in the same PostgreSQL. It is polled: LISTEN hears nothing behind a transaction pooler,
and one way that works everywhere is better than two. Its own retries are not used, since two jobs with one queueing
lock may not wait at once: a job that is not done says when the next is due, and whoever finds a job whose worker died
puts a new one in its place. A run that was cut short goes on from its last page in whatever job comes next.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import croniter
import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager
from procrastinate.tasks import Task
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from carteira.errors import CarteiraError, LeaseHeld
from carteira.settings import Settings
from carteira.sync import hints
from carteira.sync.run import sync
from carteira.warehouse import queue, runs
from carteira.warehouse.connection import CONNECT_SECONDS, Warehouse

log = logging.getLogger(__name__)

JOB = "sync"
POLL_SECONDS = 1.0
TROUBLE_SECONDS = 15.0
LONGEST_SLEEP = 30.0
# After these many seconds a run that failed is tried again; after the last of them the schedule decides.
PAUSES = (30, 60, 120, 300, 600, 900)

SyncTask = Task[Any, Any, Any]


def next_tick(schedule: str, zone: ZoneInfo, after: datetime) -> datetime:
    """When a cron expression, read in a zone, is due next; aware, in UTC."""
    return _tick(schedule, zone, after, "get_next")


def last_tick(schedule: str, zone: ZoneInfo, before: datetime) -> datetime:
    """When it was due last."""
    return _tick(schedule, zone, before, "get_prev")


def _tick(schedule: str, zone: ZoneInfo, moment: datetime, which: str) -> datetime:
    found: datetime = getattr(croniter.croniter(schedule, moment.astimezone(zone)), which)(datetime)
    return found.astimezone(UTC)


@dataclass
class Slices:
    """The runs that this worker does; each ends where it is once `stopping` is set."""

    settings: Settings
    warehouse: Warehouse
    stopping: threading.Event
    running: set[threading.Event] = field(default_factory=set)

    def run(self, attempt: int) -> tuple[float, int] | None:
        """One go at a run: in how many seconds the next is due, and which attempt that is; None: as scheduled."""
        with self._own_event() as ended:
            try:
                outcome = sync(self.settings, self.warehouse, stopping=ended)
            except LeaseHeld as held:
                log.info("%s", held)
                return self.settings.lease_seconds, attempt
            except CarteiraError as failure:
                return after_failure(failure, attempt)
        log.info("run %s %s: %s", outcome.run_id, outcome.state, outcome.message)
        return (0, 0) if outcome.state == "partial" else None

    def end(self) -> None:
        """Let every run end where it is."""
        for ended in list(self.running):
            ended.set()

    @contextmanager
    def _own_event(self) -> Iterator[threading.Event]:
        # A run sets its event itself when it is overtaken, which must not end the worker.
        ended = threading.Event()
        self.running.add(ended)
        if self.stopping.is_set():
            ended.set()
        try:
            yield ended
        finally:
            self.running.discard(ended)


def after_failure(failure: CarteiraError, attempt: int) -> tuple[float, int] | None:
    """What time may mend is tried again, later each time; what a person has to mend waits for the schedule."""
    if not failure.passes or attempt >= len(PAUSES):
        log.error("%s", failure)
        return None
    log.warning("%s Once more in %s s.", failure, PAUSES[attempt])
    return PAUSES[attempt], attempt + 1


def make_ready(settings: Settings, warehouse: Warehouse) -> None:
    """Raise what would keep a worker from working, and make its queue where there is none."""
    settings.require("PLOOMES_API_KEY")
    queue.prepare(warehouse, SchemaManager.get_schema())


def work(settings: Settings, warehouse: Warehouse, stopping: threading.Event) -> None:
    """Sync as scheduled and publish what webhooks name, until `stopping` is set; a run under way is left partial."""
    make_ready(settings, warehouse)
    # It tells every step of every job, and what matters of it is told here.
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    with _hints_published(settings, warehouse, stopping):
        while not stopping.is_set():
            try:
                asyncio.run(_work(Slices(settings, warehouse, stopping)))
            except (ConnectorException, psycopg.Error) as error:
                log.warning("The queue cannot be used (%s); looking again in %s s.", _why(error), TROUBLE_SECONDS)
                stopping.wait(TROUBLE_SECONDS)


def _why(error: Exception) -> str:
    return " ".join(str(error.__cause__ or error).split())


@contextmanager
def _hints_published(settings: Settings, warehouse: Warehouse, stopping: threading.Event) -> Iterator[None]:
    if settings.webhook_key is None:
        yield
        return
    watching = threading.Thread(target=hints.watch, args=(settings, warehouse, stopping), name="hints", daemon=True)
    watching.start()
    try:
        yield
    finally:
        watching.join()


async def _work(slices: Slices) -> None:
    app, task = _app(slices)
    lease = slices.settings.lease_seconds
    async with app.open_async():
        worker = asyncio.create_task(
            app.run_worker_async(
                fetch_job_polling_interval=POLL_SECONDS,
                listen_notify=False,
                install_signal_handlers=False,
                delete_jobs="always",
                update_heartbeat_interval=lease / 3,
                stalled_worker_timeout=lease,
            )
        )
        beside = [
            asyncio.create_task(each) for each in (_keep_time(app, task, slices), _replace_dead(app, task, lease))
        ]
        try:
            await _until_one_ends(slices.stopping, worker, *beside)
        finally:
            slices.end()
            for each in (worker, *beside):
                each.cancel()
            await asyncio.gather(worker, *beside, return_exceptions=True)


async def _until_one_ends(stopping: threading.Event, *tasks: asyncio.Task[Any]) -> None:
    while not stopping.is_set():
        ended, _ = await asyncio.wait(tasks, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
        for each in ended:
            each.result()


def _app(slices: Slices) -> tuple[App, SyncTask]:
    connector = PsycopgConnector(
        pool_factory=_QueuePool,
        conninfo=slices.warehouse.dsn,
        schema=queue.schema_of(slices.warehouse),
        min_size=1,
        max_size=4,
        kwargs={"prepare_threshold": None, "connect_timeout": CONNECT_SECONDS},
    )
    app = App(connector=connector)

    @app.task(name=JOB, lock=JOB, queueing_lock=JOB)
    async def one_slice(attempt: int = 0, timestamp: int | None = None) -> None:
        following = await asyncio.to_thread(slices.run, attempt)
        if following is not None:
            await _defer(one_slice, *following)

    return app, one_slice


class _QueuePool(AsyncConnectionPool[Any]):
    """Connections in whose every transaction the queue's names are found, as a transaction pooler demands."""

    def __init__(self, *arguments: Any, schema: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._path = sql.SQL("set local search_path to {}").format(sql.Identifier(schema))

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[Any]:
        async with super().connection(timeout) as connection:
            await connection.execute(self._path)
            yield connection


async def _defer(task: SyncTask, seconds: float = 0, attempt: int = 0) -> None:
    """Another job in so many seconds; none where one is waiting already."""
    with suppress(AlreadyEnqueued):
        await task.configure(schedule_in={"seconds": round(seconds)}).defer_async(attempt=attempt)


async def _keep_time(app: App, task: SyncTask, slices: Slices) -> None:
    schedule, zone = slices.settings.sync_schedule, ZoneInfo(slices.settings.timezone)
    if await asyncio.to_thread(_overdue, slices.warehouse, schedule, zone) and not await _busy(app):
        await _defer(task)
    tick = next_tick(schedule, zone, datetime.now(UTC))
    while True:
        # Never for long: a machine that slept or was set right finds the next tick nearer than it thought.
        await asyncio.sleep(min(LONGEST_SLEEP, max(0.0, (tick - datetime.now(UTC)).total_seconds())))
        if datetime.now(UTC) < tick:
            continue
        await _defer_tick(app, task, int(tick.timestamp()))
        tick = next_tick(schedule, zone, max(tick, datetime.now(UTC) - timedelta(seconds=1)))


async def _defer_tick(app: App, task: SyncTask, timestamp: int) -> None:
    """One job for each tick, however many workers there are."""
    with suppress(AlreadyEnqueued):
        job = task.configure(task_kwargs={"timestamp": timestamp}).job
        await app.job_manager.defer_periodic_job(job=job, periodic_id=JOB, defer_timestamp=timestamp)


def _overdue(warehouse: Warehouse, schedule: str, zone: ZoneInfo) -> bool:
    """Whether a run should have been while nobody was at work, or was left unfinished."""
    with warehouse.transaction() as connection:
        at, unfinished = runs.freshness(connection).last_sync_at, runs.unfinished(connection)
    return unfinished is not None or at is None or at < last_tick(schedule, zone, datetime.now(UTC))


async def _busy(app: App) -> bool:
    return bool(list(await app.job_manager.list_jobs_async(task=JOB, status="doing")))


async def _replace_dead(app: App, task: SyncTask, lease: float) -> None:
    """A job whose worker gave no sign of life for as long as a lease lasts makes room for a new one."""
    while True:
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=lease):
            log.warning("A worker died at its job: another goes on.")
            # Another worker may have found it too.
            with suppress(ConnectorException):
                await app.job_manager.finish_job(job=job, status=Status.FAILED, delete_job=True)
            await _defer(task)
        await asyncio.sleep(lease / 3)
