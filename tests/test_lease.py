"""One run at a time: of two the one works and the other says so, and who lost the lease can write nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from signal import SIGCONT, SIGKILL

import pytest
from oracle import assert_agrees
from quick import QUICK, free_lease, last_run, one, snapshot

from carteira.errors import LeaseHeld
from carteira.settings import Settings
from carteira.simulator.server import Simulator
from carteira.sync.run import Outcome, sync
from carteira.warehouse import lease
from carteira.warehouse.connection import Warehouse

ROWS = 20


@pytest.fixture(params=["warehouse", "pgbouncer"])
def database(request: pytest.FixtureRequest) -> Warehouse:
    """The database straight, and through pgbouncer in transaction mode."""
    found: Warehouse = request.getfixturevalue(request.param)
    return found


HOLDER = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from quick import QUICK
from carteira.errors import CarteiraError
from carteira.settings import load
from carteira.sync.run import sync
from carteira.warehouse.connection import Warehouse

def at_step(name, seen=[]):
    seen.append(name)
    if seen.count({step!r}) == {nth}:
        os.kill(os.getpid(), signal.{signal})

try:
    sync(load({given!r}, Path({home!r})), Warehouse({dsn!r}), patience=QUICK, page=20, at_step=at_step)
except CarteiraError as failure:
    sys.exit(failure.exit_code)
"""


@contextmanager
def holder(
    settings: Settings, warehouse: Warehouse, signal: str, step: str = "staged", nth: int = 3
) -> Iterator[subprocess.Popen[bytes]]:
    """Another process at work, which sends itself a signal at a step; the block begins when that has struck."""
    assert settings.ploomes_api_key
    given = {
        "PLOOMES_API_KEY": settings.ploomes_api_key.reveal(),
        "PLOOMES_BASE_URL": settings.ploomes_base_url,
        "PLOOMES_REQUESTS_PER_MINUTE": "100000",
        "CARTEIRA_LEASE_SECONDS": str(settings.lease_seconds),
    }
    places = {"tests": str(Path(__file__).parent), "home": str(settings.home.parent), "dsn": warehouse.dsn}
    script = HOLDER.format(given=given, signal=signal, step=step, nth=nth, **places)
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        yield process
    finally:
        process.kill()
        process.wait()


def as_soon_as_free(settings: Settings, warehouse: Warehouse) -> tuple[Outcome, float]:
    """Sync again and again until the lease is free; how long that took."""
    began = time.monotonic()
    while True:
        try:
            return sync(settings, warehouse, patience=QUICK, page=ROWS), time.monotonic() - began
        except LeaseHeld:
            assert time.monotonic() - began < 20


def test_of_two_runs_at_once_one_says_so(settings: Settings, database: Warehouse, simulator: Simulator) -> None:
    """Exit 4, who is at work, and nothing asked of Ploomes; the first is not disturbed."""
    held, go_on, outcomes = threading.Event(), threading.Event(), []

    def at_step(name: str) -> None:
        if name == "read":
            held.set()
            go_on.wait(20)

    first = threading.Thread(
        target=lambda: outcomes.append(sync(settings, database, patience=QUICK, page=ROWS, at_step=at_step))
    )
    first.start()
    assert held.wait(20)
    asked = len(simulator.requests)
    with pytest.raises(LeaseHeld, match=str(os.getpid())) as refusal:
        sync(settings, database, patience=QUICK)
    assert (refusal.value.exit_code, len(simulator.requests)) == (4, asked)

    go_on.set()
    first.join()
    assert [outcome.state for outcome in outcomes] == ["succeeded"]
    assert_agrees(simulator, database)
    assert sync(settings, database, patience=QUICK).state == "succeeded"


def test_nobody_waits_for_a_publication_that_outlasts_its_lease(database: Warehouse) -> None:
    """Publishing millions of deals takes longer than a lease, and nobody can renew it meanwhile: held all the same."""
    answered = threading.Event()

    def try_meanwhile() -> None:
        with database.transaction() as connection:
            connection.execute("select pg_sleep_until(expires_at) from sync_lease")
        with pytest.raises(LeaseHeld), lease.held(database, 1.0):
            pass
        answered.set()

    meanwhile = threading.Thread(target=try_meanwhile, daemon=True)
    with (
        lease.held(database, 0.5) as mine,
        closing(database.connect()) as connection,
        mine.transaction(connection, publishing=True),
    ):
        meanwhile.start()
        connection.execute("select pg_sleep(3)")
        assert answered.is_set()
    meanwhile.join()


@pytest.mark.parametrize("step", ["staged", "read", "publishing"])
def test_a_holder_that_wakes_up_too_late_writes_nothing(
    settings: Settings, database: Warehouse, simulator: Simulator, step: str
) -> None:
    """Stopped by the machine, overtaken, awake again: exit 4, and not one row of it is anywhere."""
    with holder(settings, database, "SIGSTOP", step, nth=3 if step == "staged" else 1) as stopped:
        free_lease(database)
        assert sync(settings, database, patience=QUICK, page=ROWS).state == "succeeded"
        before = snapshot(database)
        token = one(database, "select token from sync_lease")

        stopped.send_signal(SIGCONT)
        assert stopped.wait(20) == 4

    assert snapshot(database) == before
    assert one(database, "select count(*) from staged_sales") == 0
    assert one(database, "select token from sync_lease") == token
    assert last_run(database).state == "succeeded"
    assert_agrees(simulator, database)


def test_a_holder_that_sleeps_in_a_transaction_blocks_nobody_for_long(
    settings: Settings, database: Warehouse, simulator: Simulator
) -> None:
    """Its locks on the lease and on published rows go with its session, a lease's time after it fell asleep."""
    short = replace(settings, lease_seconds=1.0)
    with holder(short, database, "SIGSTOP", "published, not committed", nth=1) as stopped:
        outcome, _ = as_soon_as_free(short, database)
        before = snapshot(database)
        stopped.send_signal(SIGCONT)
        assert stopped.wait(20) in (4, 8)

    assert outcome.state == "succeeded"
    assert snapshot(database) == before
    assert_agrees(simulator, database)


def test_a_dead_holders_lease_is_free_after_its_seconds(
    settings: Settings, database: Warehouse, simulator: Simulator
) -> None:
    """Not before, for it could be asleep; and not much later."""
    short = replace(settings, lease_seconds=2.0)
    with holder(short, database, "SIGKILL") as killed:
        assert killed.wait() == -SIGKILL
        with pytest.raises(LeaseHeld, match="is free"):
            sync(short, database, patience=QUICK)
        outcome, waited = as_soon_as_free(short, database)

    assert outcome.state == "succeeded"
    assert waited < 5
    assert last_run(database).slices == 2
    assert_agrees(simulator, database)


def test_a_renewal_outlives_its_connection(database: Warehouse) -> None:
    """A server that restarts, or a pooler that drops a client, costs one renewal and not the lease."""
    with lease.held(database, 0.9):
        with database.transaction() as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                "and pid <> pg_backend_pid()"
            )
        first = one(database, "select expires_at from sync_lease")
        until = time.monotonic() + 10
        while one(database, "select expires_at from sync_lease") <= first:
            assert time.monotonic() < until
        with pytest.raises(LeaseHeld), lease.held(database, 0.9):
            pass
    assert one(database, "select holder from sync_lease") is None


def test_a_lease_that_is_lost_ends_the_waiting(database: Warehouse) -> None:
    """The thread that renews finds it gone and says so, to whoever waits for his turn at Ploomes."""
    lost = threading.Event()
    with lease.held(database, 0.3, lost):
        with database.transaction() as connection:
            connection.execute("update sync_lease set token = token + 1")
        assert lost.wait(10)
