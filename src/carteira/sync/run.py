"""One run from the lease to the publication: opened or resumed, read, audited, published, put on record.

However it ends, published data is what it was or what the audit let through, and a run that was cut short goes on
under its number the next time.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from carteira.alerts.watch import watched
from carteira.errors import CarteiraError, LeaseHeld, Refused
from carteira.ploomes.client import Client, Patience
from carteira.ploomes.odata import PAGE
from carteira.ploomes.pacing import WINDOW_SECONDS, Pacer, Stopped
from carteira.settings import Settings
from carteira.sync import plan, publishing, reading
from carteira.sync.publishing import Published
from carteira.sync.stage import Progress, Slice
from carteira.warehouse import lease, migrate, runs, staging
from carteira.warehouse.bookings import Bookings
from carteira.warehouse.connection import Connection, Warehouse, away
from carteira.warehouse.lease import Lease

__all__ = ["Outcome", "Progress", "sync"]

NOTHING = "Nothing had changed."


@dataclass(frozen=True)
class Outcome:
    """How a run ended that did not fail: 'succeeded', or 'partial' when it is to be called again.

    `customers` and `deals` are those whose published rows changed, deleted ones among them.
    """

    run_id: int
    state: str
    mode: str
    customers: int
    deals: int
    requests: int
    seconds: float
    message: str
    publication: int | None


def sync(
    settings: Settings,
    warehouse: Warehouse,
    *,
    full: bool = False,
    deadline: float | None = None,
    accept_deletions: bool = False,
    progress: Callable[[Progress], None] | None = None,
    stopping: threading.Event | None = None,
    at_step: Callable[[str], None] | None = None,
    patience: Patience | None = None,
    page: int = PAGE,
) -> Outcome:
    """One run. Raises CarteiraError with its exit code; returns for 'succeeded' and for 'partial'.

    `deadline`: seconds after which reading stops where it is; publishing is never cut. Setting `stopping`, an event of
    this run's own, does the same from outside; a run that fails or is overtaken sets it. `at_step` is told each step as
    it is reached, for tests that interrupt there; `page` is how many rows to ask for at once, for tests that want many
    pages of few rows.
    """
    settings.require("PLOOMES_API_KEY")
    stopping = stopping or threading.Event()
    with watched(settings, warehouse) as began, _database_away_said():
        migrate.ensure(warehouse)
        with (
            _deadline(deadline, stopping),
            lease.held(warehouse, settings.lease_seconds, stopping) as held,
            closing(Bookings(warehouse, WINDOW_SECONDS)) as ledger,
            closing(warehouse.connect()) as connection,
        ):
            pacer = Pacer(
                settings.ploomes_requests_per_minute, settings.ploomes_concurrency, ledger, stopping,
                reserve=settings.webhook_key is not None,
            )  # fmt: skip
            with (
                _client(settings, pacer, patience, page) as client,
                _pool(settings.ploomes_concurrency, stopping) as pool,
            ):
                made_with = plan.fingerprint(client.base_url, _key(settings))
                run = _begin(held, connection, made_with, full=full, accept_deletions=accept_deletions)
                began()
                slice_ = Slice(
                    client, held, connection, pool, run.id, run.mode, run.opened_at, run.requests,
                    run.accept_deletions, progress or _unseen, at_step or _unseen, settings.timezone,
                )  # fmt: skip
                return _recorded(slice_)


@contextmanager
def _database_away_said() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise away(error) from error


def _unseen(_: object) -> None:
    pass


def _key(settings: Settings) -> str:
    assert settings.ploomes_api_key is not None
    return settings.ploomes_api_key.reveal()


@contextmanager
def _client(settings: Settings, pacer: Pacer, patience: Patience | None, page: int) -> Iterator[Client]:
    client = Client(settings.ploomes_base_url, _key(settings), pacer, patience, page=page)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _pool(concurrency: int, stopping: threading.Event) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(concurrency)
    try:
        yield pool
    except BaseException:
        # Nobody waits any more for what the others are waiting to send.
        stopping.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deadline(seconds: float | None, stopping: threading.Event) -> Iterator[None]:
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, stopping.set)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _begin(
    held: Lease, connection: Connection, made_with: str, *, full: bool, accept_deletions: bool
) -> runs.Unfinished:
    """The run that was left unfinished, if it is of use; else a new one."""
    now = datetime.now(UTC)
    with held.transaction(connection):
        earlier = runs.unfinished(connection)
        if earlier is not None:
            why = plan.useless(earlier, now, made_with, full=full)
            if why is None:
                runs.queries.resume_run(connection, run_id=earlier.id, accept_deletions=accept_deletions)
                return earlier
            runs.queries.abandon_run(connection, run_id=earlier.id, error=f"Its staging was thrown away: {why}.")
        staging.clear(connection)
        mode = "full" if full or plan.full_is_due(runs.state(connection), now) else "incremental"
        run_id, opened_at = runs.queries.open_run(
            connection, mode=mode, fingerprint=made_with, accept_deletions=accept_deletions
        )
        return runs.Unfinished(run_id, mode, made_with, opened_at, None, 0, accept_deletions)


def _recorded(run: Slice) -> Outcome:
    """Do the run, and put on record how it ended."""
    try:
        return _done(run)
    except Stopped:
        _leave(run, "partial", None)
        return _outcome(run, "partial", None, f"Read {run.read} rows so far; run again to go on from there.")
    except LeaseHeld:
        raise
    except Refused as refused:
        _leave(run, "refused", str(refused))
        raise
    except CarteiraError as failure:
        _leave(run, "partial" if run.read else "failed", str(failure))
        raise
    except psycopg.Error as error:
        _leave_if_possible(run, "partial" if run.read else "failed", str(away(error)))
        raise
    except Exception as fault:
        # Past the reading it may be what was read that cannot be published: it is read anew.
        state = "partial" if run.read and not run.audit else "failed"
        _leave_if_possible(run, state, str(_of_our_own(fault)))
        raise


def _of_our_own(fault: Exception) -> CarteiraError:
    # What the fault itself says may hold anything, so it is left to the log.
    return CarteiraError(
        f"An unexpected {type(fault).__name__}, a fault of Carteira's own, ended the run; what was published before "
        "still stands. Run again; if it comes back, report it with the trace that is in the log."
    )


def _leave_if_possible(run: Slice, state: str, error: str) -> None:
    with suppress(psycopg.Error, LeaseHeld):
        _leave(run, state, error)


def _leave(run: Slice, state: str, error: str | None) -> None:
    with run.lease.transaction(run.connection) as connection:
        runs.queries.leave_run(
            connection,
            run_id=run.run_id,
            state=state,
            error=error,
            requests=run.requests,
            throttled=run.client.pacer.throttled,
            seconds=run.seconds,
            audit=json.dumps(run.audit) if run.audit else None,
        )
        if state in ("refused", "failed"):
            staging.clear(connection)


def _done(run: Slice) -> Outcome:
    with run.lease.transaction(run.connection) as connection:
        state, before = runs.state(connection), runs.entities(connection)
        run.read = sum(read.rows_read for read in staging.reads(connection))
    run.hinted = {name: entity.hinted for name, entity in before.items()}
    if not run.full:
        run.refused = state.refused_fields
    run.at_step("opened")
    found = reading.openings(run, before)
    if not run.full and all(plan.quiet(before[name], found[name]) for name in found):
        publication = publishing.publish_quiet(run, state.publication)
        return _outcome(run, "succeeded", Published(publication, 0, 0, 0, 0), NOTHING)
    reading.put_down(run, found)
    closed = reading.read_all(run, before, found)
    said, who = publishing.verdicts(run, state, before, found, closed)
    run.at_step("audited")
    published = publishing.publish_run(run, state, said, who)
    return _outcome(run, "succeeded", published, _sentence(published))


def _sentence(published: Published) -> str:
    said = [NOTHING]
    if published.customers or published.deals:
        said = [f"Published {published.customers} changed customers and {published.deals} changed deals"]
        said[0] += f", {published.deleted} of them deleted." if published.deleted else "."
    if published.rejected:
        said.append(f"{published.rejected} rows could not be read; see `carteira status`.")
    return " ".join(said)


def _outcome(run: Slice, state: str, published: Published | None, message: str) -> Outcome:
    return Outcome(
        run.run_id,
        state,
        run.mode,
        published.customers if published else 0,
        published.deals if published else 0,
        run.requests,
        round(run.seconds, 3),
        message,
        published.publication if published else None,
    )
