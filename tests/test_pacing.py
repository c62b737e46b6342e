"""Never more requests than agreed, in any minute and at any moment, whoever sends; slower where others send too."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from oracle import assert_agrees
from quick import QUICK, last_run

from carteira.ploomes.client import Client
from carteira.ploomes.pacing import OwnLedger, Pacer, Stopped
from carteira.settings import Settings
from carteira.simulator.faults import Fault
from carteira.simulator.limits import Allowance
from carteira.simulator.server import Simulator
from carteira.sync.run import sync
from carteira.warehouse.bookings import Bookings
from carteira.warehouse.connection import Warehouse

# A minute of one second: blocks live a fifth of it and requests travel a fifth at most.
MINUTE, BLOCK, WINDOW = 1.0, 0.2, 1.4
QUERY = "/Deals?$top=1&$select=Id&$count=true"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """An account that takes a little while to answer."""
    with Simulator(deals=40, customers=6, latency=0.01) as ploomes:
        yield ploomes


def send(client: Client, requests: int, threads: int) -> None:
    """So many requests, from so many threads, as fast as the pacer lets them."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: client.ask(QUERY, lambda answer: answer), range(requests)))


def pacer(ledger: OwnLedger | Bookings, limit: int = 1_000_000, concurrency: int = 3) -> Pacer:
    return Pacer(limit, concurrency, ledger, threading.Event(), block_seconds=BLOCK)


def test_one_process_keeps_to_the_limit(simulator: Simulator) -> None:
    """In any window of a minute, wherever it begins, and never more in flight than agreed."""
    send(Client(simulator.url, simulator.key, pacer(OwnLedger(WINDOW), limit=30)), requests=90, threads=8)

    assert len(simulator.requests) == 90
    assert simulator.requests.busiest(MINUTE) <= 30
    assert simulator.requests.most_in_flight <= 3


SENDER = """
import sys, threading
sys.path.insert(0, {tests!r})
from test_pacing import Bookings, Client, WINDOW, Warehouse, pacer, send
ledger = Bookings(Warehouse({dsn!r}), WINDOW)
send(Client({url!r}, {key!r}, pacer(ledger, limit=30, concurrency=2)), requests=40, threads=4)
ledger.close()
"""


def test_processes_share_the_minute(warehouse: Warehouse, simulator: Simulator) -> None:
    """Two at once and one right after them: together never more than one alone may."""
    tests = str(Path(__file__).parent)
    script = SENDER.format(tests=tests, dsn=warehouse.dsn, url=simulator.url, key=simulator.key)
    command = [sys.executable, "-c", script]
    together = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in together] == [0, 0]
    assert subprocess.run(command, check=False).returncode == 0

    assert len(simulator.requests) == 120
    assert simulator.requests.busiest(MINUTE) <= 30


def test_a_run_never_has_more_in_flight_than_agreed(
    settings: Settings, warehouse: Warehouse, simulator: Simulator
) -> None:
    """Under load, of a full read with pages of few rows."""
    simulator.latency = (0.005, 0.03)
    sync(replace(settings, ploomes_concurrency=2), warehouse, patience=QUICK, page=3)

    assert simulator.requests.most_in_flight == 2


@pytest.mark.parametrize("form", [1, "date", None])
def test_everybody_waits_as_long_as_ploomes_asks_for(simulator: Simulator, form: int | str | None) -> None:
    """Seconds, a date, or nothing said: no thread sends before the pause is over."""
    simulator.faults.add(Fault("status", status=429, retry_after=form, seconds=1.0, nth=3))
    patience = replace(QUICK, throttled_pause=0.6)
    send(Client(simulator.url, simulator.key, pacer(OwnLedger(WINDOW)), patience), requests=12, threads=3)

    refused = simulator.requests.matching(status=429)
    assert len(refused) == 1
    later = [r.started for r in simulator.requests if r.started > refused[0].ended + 0.1]
    assert min(later) - refused[0].ended >= 0.5
    assert len(later) >= 6


@pytest.mark.parametrize("retry_after", ["seconds", "date", "absent", "overload"])
def test_others_may_use_half_of_the_account(
    settings: Settings, warehouse: Warehouse, simulator: Simulator, retry_after: str
) -> None:
    """The limit is met again and again: the run slows down and does not fail, however Ploomes says it."""
    allowance = Allowance(per_minute=10, window=0.5, retry_after="absent", overload=True)
    if retry_after != "overload":
        allowance = Allowance(per_minute=10, window=0.5, retry_after=retry_after)
    simulator.limits.allowance = allowance
    simulator.before_request(lambda request: simulator.limits.spend(request.number % 2))
    patience = replace(QUICK, throttled_pause=0.1, throttled_tries=60, give_up=60.0, tries=60)

    assert sync(settings, warehouse, patience=patience, page=6).state == "succeeded"
    assert last_run(warehouse).throttled > 0
    assert_agrees(simulator, warehouse)


@pytest.mark.parametrize("status", [200, 400, 403, 429, 500])
def test_the_concurrency_answer_is_waited_out(
    settings: Settings, warehouse: Warehouse, simulator: Simulator, status: int
) -> None:
    """Whatever status it has: others have requests in flight too."""
    text = "Too many request concurrently, max is 6"
    simulator.faults.add(Fault("status", status=status, body=text, nth=2, every=3, times=3))

    assert sync(settings, warehouse, patience=QUICK, page=6).state == "succeeded"
    assert last_run(warehouse).throttled == 3


def test_a_stop_ends_every_wait_at_once(simulator: Simulator) -> None:
    """For a turn, for a pause that Ploomes asked for, and before the next try."""
    waiting = [
        (OwnLedger(60.0), Fault("status", status=429, retry_after=60, times=None)),
        (OwnLedger(60.0), Fault("status", status=503, times=None)),
    ]
    for ledger, fault in waiting:
        simulator.faults.clear()
        simulator.faults.add(fault)
        client = Client(simulator.url, simulator.key, pacer(ledger), replace(QUICK, first_pause=60.0))
        timer = threading.Timer(0.2, client.pacer.stopping.set)
        timer.start()
        began = time.monotonic()
        with pytest.raises(Stopped):
            send(client, requests=3, threads=3)
        assert time.monotonic() - began < 5


def test_a_full_minute_is_waited_for_and_a_stop_ends_that(warehouse: Warehouse) -> None:
    """Another process booked everything there is."""
    with closing(Bookings(warehouse, 60.0)) as ledger:
        assert ledger.book(10, 10, reserve=0, concurrency=3, in_flight=0) == (10, 0.0, 3)
        granted, seconds, _ = ledger.book(1, 10, reserve=0, concurrency=3, in_flight=0)
        assert granted == 0
        assert 50 < seconds <= 60
        mine = pacer(ledger, limit=10)
        threading.Timer(0.2, mine.stopping.set).start()
        with pytest.raises(Stopped), mine.turn():
            pass


def test_booked_requests_are_granted_once(warehouse: Warehouse) -> None:
    """Racing threads with connections of their own get no more than the limit between them."""
    ledgers = [Bookings(warehouse, 60.0) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        book = [ledger.book for ledger in ledgers]
        granted = list(pool.map(lambda n: book[n % 4](7, 50, reserve=0, concurrency=3, in_flight=0)[0], range(20)))
    for ledger in ledgers:
        ledger.close()

    assert sum(granted) == 50


def test_what_a_run_booked_and_did_not_send_is_free_for_the_next(warehouse: Warehouse) -> None:
    """Thirty short runs in one minute send what thirty short runs need, and not a block each."""
    for _ in range(30):
        with closing(Bookings(warehouse, 60.0)) as ledger, closing(pacer(ledger, limit=70)) as one:
            with one.turn():
                pass
            with one.turn():
                pass

    with warehouse.transaction() as connection:
        (booked,) = connection.execute("select sum(requests) from request_bookings").fetchone()
    assert booked == 60


def asked(ledger: Bookings, wanted: int, limit: int = 100, in_flight: int = 0) -> tuple[int, int]:
    """What is granted: requests, and places of three."""
    requests, _, places = ledger.book(wanted, limit, reserve=5, concurrency=3, in_flight=in_flight)
    return requests, places


def test_a_run_leaves_some_of_the_minute_to_what_is_asked_for_singly(warehouse: Warehouse) -> None:
    """And no more than that, however much was asked for singly; together never more than the limit."""
    with (
        closing(Bookings(warehouse, 60.0)) as run,
        closing(Bookings(warehouse, 60.0, single=True)) as hint,
        closing(Bookings(warehouse, 60.0, single=True)) as command,
    ):
        assert asked(hint, 1) == (1, 1)
        hint.leave()
        assert asked(run, 200) == (95, 3)
        assert asked(run, 200) == (0, 0)
        for ledger in (hint, command, hint, command):
            assert asked(ledger, 1) == (1, 1)
            ledger.leave()

        assert asked(hint, 1) == (0, 0)
        assert asked(run, 1) == (0, 0)


def test_a_run_makes_a_place_for_whoever_waits_for_one(warehouse: Warehouse) -> None:
    with closing(Bookings(warehouse, 60.0)) as run, closing(Bookings(warehouse, 60.0, single=True)) as hint:
        assert asked(run, 5) == (5, 3)
        assert asked(hint, 1) == (0, 0)
        assert asked(run, 5, in_flight=2) == (0, 2), "the two are not taken back"
        assert asked(run, 5, in_flight=1) == (5, 2)
        assert asked(hint, 1) == (1, 1)
        assert asked(run, 5, in_flight=1) == (5, 2)
        hint.leave()
        assert asked(run, 5, in_flight=1) == (5, 3)


def test_the_places_of_the_dead_are_free_after_a_while(warehouse: Warehouse) -> None:
    with closing(Bookings(warehouse, 60.0)) as run, closing(Bookings(warehouse, 60.0, single=True)) as hint:
        assert asked(hint, 1) == (1, 1)
        assert asked(run, 5) == (5, 2)
        with warehouse.transaction() as connection:
            connection.execute("update request_places set until = clock_timestamp()")

        assert asked(run, 5) == (5, 3)
        run.leave()
        with warehouse.transaction() as connection:
            assert connection.execute("select from request_places").fetchall() == []


def test_a_run_that_sends_nothing_makes_room(warehouse: Warehouse) -> None:
    """While it publishes, for instance."""
    with (
        closing(Bookings(warehouse, 60.0)) as ledger,
        closing(pacer(ledger, limit=100, concurrency=1)) as run,
        closing(Bookings(warehouse, 60.0, single=True)) as another,
        closing(pacer(another, limit=100, concurrency=1)) as hint,
    ):
        with run.turn():
            pass
        with hint.turn():
            pass


def test_run_hints_and_commands_share_the_places(warehouse: Warehouse, simulator: Simulator) -> None:
    """A run of many threads with others beside it, in any order: at no moment more in flight than agreed."""
    simulator.latency = (0.005, 0.03)
    ledgers = [Bookings(warehouse, WINDOW), *(Bookings(warehouse, WINDOW, single=True) for _ in range(3))]
    clients = [Client(simulator.url, simulator.key, pacer(ledger)) for ledger in ledgers]
    with ThreadPoolExecutor(len(clients)) as pool:
        sending = [pool.submit(send, clients[0], 150, 3), *(pool.submit(send, each, 12, 1) for each in clients[1:])]
        for each in sending:
            each.result()
    for client, ledger in zip(clients, ledgers, strict=True):
        client.close()
        ledger.close()

    assert len(simulator.requests) == 150 + 3 * 12
    assert simulator.requests.most_in_flight == 3
