"""A run that was cut short goes on where it stopped, whatever cut it, and publishes what an undisturbed one would."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from signal import SIGKILL

import pytest
from oracle import assert_agrees
from quick import QUICK, free_lease, last_run, one, snapshot
from servers import Server

from carteira.errors import CarteiraError, DatabaseError, PloomesRefused, PloomesUnavailable
from carteira.settings import Secret, Settings
from carteira.simulator.faults import Fault
from carteira.simulator.requests import Request
from carteira.simulator.server import Simulator
from carteira.sync import plan
from carteira.sync.run import Outcome, sync
from carteira.warehouse.connection import Warehouse
from carteira.warehouse.runs import Unfinished

NOON = datetime(2026, 11, 24, 15, tzinfo=UTC)
ROWS = 20
Slice = Callable[..., Outcome]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """Thirty pages of deals and four of contacts, on a clock that stands."""
    with Simulator(deals=600, customers=80, now=NOON) as ploomes:
        yield ploomes


@pytest.fixture
def slice_(settings: Settings, warehouse: Warehouse, simulator: Simulator) -> Slice:
    """One go at a run, a second after the last, with pages of few rows."""

    def go(**options: object) -> Outcome:
        simulator.clock.advance(1)
        return sync(settings, warehouse, patience=QUICK, page=ROWS, **options)  # type: ignore[arg-type]

    return go


def after(batches: int, act: Callable[[], object]) -> Callable[[str], None]:
    """Do something once so many batches of pages are staged."""
    seen: list[str] = []

    def at_step(name: str) -> None:
        seen.append(name)
        if seen.count("staged") == batches and name == "staged":
            act()

    return at_step


def stopped_after(batches: int) -> dict[str, object]:
    stopping = threading.Event()
    return {"stopping": stopping, "at_step": after(batches, stopping.set)}


def pages_read_twice(simulator: Simulator) -> int:
    """How many pages of the main read were asked for more than once."""
    asked = Counter(r.query for r in simulator.requests if "Id gt" in r.query and "ContactId" in r.query)
    return sum(times - 1 for times in asked.values())


def test_a_deadline_leaves_a_partial_run_that_the_next_ones_finish(
    settings: Settings, slice_: Slice, simulator: Simulator, warehouse: Warehouse
) -> None:
    """Many short slices under one number read every page once and publish the whole."""
    simulator.latency = (0.02, 0.02)
    outcomes = [slice_(deadline=0.3)]
    assert outcomes[0].state == "partial"
    assert one(warehouse, "select count(*) from customer_sales") == 0
    while outcomes[-1].state == "partial":
        outcomes.append(slice_(deadline=0.3))

    assert len({outcome.run_id for outcome in outcomes}) == 1
    assert last_run(warehouse).slices == len(outcomes)
    assert pages_read_twice(simulator) == 0
    assert_agrees(simulator, warehouse)


def test_a_stop_keeps_what_was_under_way(slice_: Slice, simulator: Simulator, warehouse: Warehouse) -> None:
    """Pages that were in flight when the stop came are staged, not read again."""
    assert slice_(**stopped_after(3)).state == "partial"
    assert last_run(warehouse).state == "partial"
    slice_()

    assert pages_read_twice(simulator) == 0
    assert_agrees(simulator, warehouse)


def test_what_changed_between_slices_is_caught_up(slice_: Slice, simulator: Simulator, warehouse: Warehouse) -> None:
    """Edits, moves, creations and deletions of rows that an earlier slice had read are in what is published."""
    slice_(**stopped_after(12))
    ids, contacts = simulator.data.ids(), simulator.data.ids("Contacts")
    simulator.clock.advance(3600)
    for deal in (ids[0], ids[299], ids[-1]):
        simulator.data.win_deal(deal, Amount=Decimal("55.55"))
    simulator.data.move_deal(ids[3], contacts[0])
    simulator.data.delete_deal(ids[1])
    simulator.data.delete_deal(ids[-2])
    simulator.data.delete_contact(contacts[1])
    simulator.data.create_deal(ContactId=contacts[2], StatusId=2, Amount=3, FinishDate=simulator.clock.now())

    assert slice_().state == "succeeded"
    assert_agrees(simulator, warehouse)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_resume import after, ROWS
from quick import QUICK
from carteira.settings import load
from carteira.sync.run import sync
from carteira.warehouse.connection import Warehouse
kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
sync(load({given!r}, Path({home!r})), Warehouse({dsn!r}), patience=QUICK, page=ROWS, at_step=after({batches}, kill))
"""


def given(settings: Settings) -> dict[str, str]:
    """The settings as another process is given them."""
    assert settings.ploomes_api_key and settings.database_url
    return {
        "PLOOMES_API_KEY": settings.ploomes_api_key.reveal(),
        "PLOOMES_BASE_URL": settings.ploomes_base_url,
        "PLOOMES_REQUESTS_PER_MINUTE": str(settings.ploomes_requests_per_minute),
        "PLOOMES_CONCURRENCY": str(settings.ploomes_concurrency),
        "DATABASE_URL": settings.database_url.reveal(),
        "CARTEIRA_HOME": str(settings.home),
    }


def test_kill_9_costs_at_most_what_was_in_flight(
    settings: Settings, slice_: Slice, simulator: Simulator, warehouse: Warehouse
) -> None:
    """The process is gone without a word; the next one goes on behind the last page that was staged."""
    script = KILLED.format(
        tests=str(__file__).rsplit("/", 1)[0],
        given=given(settings),
        home=str(settings.home.parent),
        dsn=warehouse.dsn,
        batches=5,
    )
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -SIGKILL
    staged = one(warehouse, "select count(*) from staged_sales")
    assert staged > 0
    free_lease(warehouse)

    outcome = slice_()

    assert (outcome.state, last_run(warehouse).slices) == ("succeeded", 2)
    assert pages_read_twice(simulator) <= 2 * settings.ploomes_concurrency
    assert_agrees(simulator, warehouse)


def hang_up(warehouse: Warehouse) -> None:
    """End every other session on the database, as a restart or a failover does."""
    with warehouse.transaction() as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )


def test_a_lost_database_connection_ends_the_run_and_not_its_work(
    server: Server, slice_: Slice, simulator: Simulator, warehouse: Warehouse
) -> None:
    """Exit 8 with a sentence; the lease is given back all the same and the next run goes on.

    A transaction pooler has another connection at hand, and nothing is lost.
    """
    pooled = server.name == "pgbouncer"
    with nullcontext() if pooled else pytest.raises(DatabaseError, match="database"):
        slice_(at_step=after(4, lambda: hang_up(warehouse)))

    assert one(warehouse, "select holder from sync_lease") is None
    if pooled:
        assert last_run(warehouse).state == "succeeded"
        return
    assert slice_().state == "succeeded"
    assert last_run(warehouse).slices == 2
    assert pages_read_twice(simulator) <= 8
    assert_agrees(simulator, warehouse)


FAULTS = [
    (Fault("reset", times=None, nth=9), PloomesUnavailable),
    (Fault("status", status=403, path="/[DCA]*", times=None, nth=9), PloomesRefused),
]


@pytest.mark.parametrize(("fault", "expected"), FAULTS)
def test_when_ploomes_goes_away_what_was_read_stays(
    slice_: Slice, simulator: Simulator, warehouse: Warehouse, fault: Fault, expected: type[CarteiraError]
) -> None:
    """Down, or the key locked out for an hour: the run says so, is partial, and goes on once that is over."""
    simulator.faults.add(fault)
    with pytest.raises(expected):
        slice_()
    run = last_run(warehouse)
    assert run.state == "partial"
    assert run.error
    staged = one(warehouse, "select count(*) from staged_sales")

    with pytest.raises(expected):
        slice_()
    assert one(warehouse, "select count(*) from staged_sales") >= staged
    simulator.faults.clear()

    assert slice_().state == "succeeded"
    assert last_run(warehouse).slices == 3
    assert_agrees(simulator, warehouse)


def test_an_incremental_run_that_finds_ploomes_away_twice_keeps_its_pages(
    slice_: Slice, simulator: Simulator, warehouse: Warehouse
) -> None:
    """The second slice reads nothing at all: that is no reason to forget what the first one read."""
    slice_()
    simulator.clock.advance(600)
    simulator.data.edit_deals(simulator.data.ids()[:200], Amount=Decimal("8.08"))
    slice_(**stopped_after(2))
    staged = one(warehouse, "select count(*) from staged_sales")
    assert staged > 0
    simulator.faults.add(Fault("reset", times=None))
    with pytest.raises(PloomesUnavailable):
        slice_()

    assert one(warehouse, "select count(*) from staged_sales") == staged
    simulator.faults.clear()
    assert (slice_().mode, last_run(warehouse).slices) == ("incremental", 3)
    assert_agrees(simulator, warehouse)


def test_a_catch_up_of_many_slices_gets_through(slice_: Slice, simulator: Simulator, warehouse: Warehouse) -> None:
    """More changes than one slice can read: the catch-up goes on behind its last page too, and does not begin again."""
    slice_(**stopped_after(3))
    simulator.clock.advance(60)
    simulator.data.edit_deals(simulator.data.ids(), Amount=Decimal("9.99"))
    simulator.clock.advance(60)
    for _ in range(20):
        outcome = slice_(**stopped_after(8))
        if outcome.state == "succeeded":
            break
        simulator.clock.advance(60)

    assert outcome.state == "succeeded"
    assert_agrees(simulator, warehouse)


def test_edits_while_a_cut_catch_up_waits_are_right_after_the_next_run(
    slice_: Slice, simulator: Simulator, warehouse: Warehouse
) -> None:
    """A row behind the mark of a catch-up that was cut: the next run's watermark is from before that."""
    slice_(**stopped_after(3))
    simulator.clock.advance(600)
    ids = simulator.data.ids()
    simulator.data.edit_deals(ids, Amount=Decimal("9.99"))
    simulator.clock.advance(600)
    stopping = threading.Event()

    @simulator.before_request
    def in_the_catch_up(request: Request) -> None:
        if "LastUpdateDate ge" in request.query and f"Id gt {ids[99]}" in request.query:
            stopping.set()

    assert slice_(stopping=stopping).state == "partial"
    simulator.clock.advance(600)
    simulator.data.edit_deal(ids[3], Amount=Decimal("1.11"))
    simulator.clock.advance(600)
    slice_()
    slice_()

    assert_agrees(simulator, warehouse)


def test_a_row_that_returns_before_the_run_ends_is_not_deleted(
    slice_: Slice, simulator: Simulator, warehouse: Warehouse
) -> None:
    """Found gone in one slice, back in the next: an absence holds only as long as it is true."""
    slice_()
    deal = next(d for d in simulator.data.deals() if d["StatusId"] == 2 and d["ContactId"] and d["Amount"])
    simulator.data.delete_deal(deal["Id"])
    stopping = threading.Event()
    found_gone = {"stopping": stopping, "at_step": lambda name: stopping.set() if name == "closed" else None}
    assert slice_(**found_gone).state == "partial"
    assert one(warehouse, "select count(*) from staged_absences") == 1
    simulator.data.restore_deal(deal)

    assert slice_().state == "succeeded"
    assert_agrees(simulator, warehouse)


def test_a_full_run_replaces_an_unfinished_incremental_one(
    slice_: Slice, simulator: Simulator, warehouse: Warehouse
) -> None:
    """What was staged for the other is thrown away, and the log says why."""
    slice_()
    simulator.data.edit_deals(simulator.data.ids()[:100], Amount=Decimal("8.08"))
    cut = slice_(**stopped_after(2))
    outcome = slice_(full=True)

    assert (cut.mode, outcome.mode) == ("incremental", "full")
    why = one(warehouse, "select error from sync_runs where id = %s and state = 'failed'", cut.run_id)
    assert "a full read was asked for" in why
    assert_agrees(simulator, warehouse)


def test_a_full_run_that_was_cut_goes_on_when_asked_again(slice_: Slice, simulator: Simulator) -> None:
    """--full twice is one full run."""
    cut = slice_(full=True, **stopped_after(3))

    assert slice_(full=True).run_id == cut.run_id
    assert pages_read_twice(simulator) == 0


@pytest.mark.parametrize(
    "ago", ["last_page_at = now() - interval '25 hours'", "opened_at = now() - interval '8 days'", "fingerprint = 'x'"]
)
def test_staging_that_is_too_old_or_was_made_otherwise_is_thrown_away(
    slice_: Slice, simulator: Simulator, warehouse: Warehouse, ago: str
) -> None:
    """The run begins anew under another number, with nothing of the old rows."""
    cut = slice_(**stopped_after(3))
    with warehouse.transaction() as connection:
        connection.execute(f"update sync_runs set {ago}")
        connection.execute("insert into staged_sales select nextval('staged_reading'), 1, 1, '', '', 1, 1, 'won'")
    outcome = slice_()

    assert outcome.run_id > cut.run_id
    assert_agrees(simulator, warehouse)


def test_staging_of_another_key_is_thrown_away(
    settings: Settings, slice_: Slice, simulator: Simulator, warehouse: Warehouse
) -> None:
    """Another key may see other rows: they are not mixed."""
    cut = slice_(**stopped_after(3))
    other = replace(settings, ploomes_api_key=Secret(simulator.add_key("another key of the account")))
    outcome = sync(other, warehouse, patience=QUICK, page=ROWS)

    assert outcome.run_id > cut.run_id
    assert_agrees(simulator, warehouse)


def test_what_makes_staging_useless() -> None:
    """Pure: an hour old and of the same making goes on; anything else does not."""
    run = Unfinished(1, "incremental", "made", NOON, NOON, 0, False)
    hour = NOON + timedelta(hours=1)

    assert plan.useless(run, hour, "made", full=False) is None
    assert plan.useless(replace(run, mode="full"), hour, "made", full=True) is None
    assert "another key" in (plan.useless(run, hour, "other", full=False) or "")
    assert "24 hours" in (plan.useless(run, NOON + timedelta(hours=25), "made", full=False) or "")
    late = replace(run, last_page_at=NOON + timedelta(days=7))
    assert "7 days" in (plan.useless(late, NOON + timedelta(days=7, hours=1), "made", full=False) or "")
    prints = {plan.fingerprint(*made) for made in (("a", "k"), ("b", "k"), ("a", "l"), ("ak", ""))}
    assert len(prints) == 4


def test_a_failed_run_leaves_published_rows_alone(slice_: Slice, simulator: Simulator, warehouse: Warehouse) -> None:
    """Cut, resumed and cut again: readers see the last publication and nothing else."""
    slice_()
    before = snapshot(warehouse)
    simulator.data.edit_deals(simulator.data.ids(), Amount=Decimal("4.44"))
    for _ in range(3):
        assert slice_(full=True, **stopped_after(3)).state == "partial"
        assert snapshot(warehouse) == before
