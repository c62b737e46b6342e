"""Workers: one works, another goes on where it stopped or died, and none does what only a person can mend."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from oracle import assert_agrees
from procrastinate.schema import SchemaManager
from psycopg import sql
from quick import last_run, one
from world import settings_for

from carteira.cli.stopping import interrupted_by_sigterm
from carteira.cli.worker import working_beside
from carteira.errors import DatabaseError, PloomesRefused, PloomesUnavailable, Refused, SchemaMismatch, SettingsError
from carteira.settings import Secret, Settings, load
from carteira.simulator.server import Simulator
from carteira.sync import schedule
from carteira.warehouse import embedded, lease, queue
from carteira.warehouse.connection import Warehouse

HERE = Path(__file__).parent
WORKERS = 3
LEASE = 3.0
_numbers = itertools.count()
QUEUED = "select count(*) from carteira_queue.procrastinate_jobs"


def until(there: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait for what other processes do."""
    end = time.monotonic() + seconds
    while not (found := there()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class Place:
    """Where a simulator and a pooler listen, and how a program is started on another machine."""

    address: str
    machines: list[list[str]]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def networks() -> Iterator[Place]:
    """A bridge and three machines on it, as far as the network goes."""
    # The kernel takes its time to forget a network: the next one has another name.
    number = os.getpid() * 10 + next(_numbers)
    tag, net = f"ct{number % 1_000_000}", f"10.{200 + number % 50}.{number // 50 % 250}"
    with ExitStack() as undo:
        ip("link", "add", tag, "type", "bridge")
        undo.callback(ip, "link", "del", tag)
        ip("addr", "add", f"{net}.1/24", "dev", tag)
        ip("link", "set", tag, "up")
        for machine in range(WORKERS):
            name, near, far = f"{tag}-{machine}", f"{tag}a{machine}", f"{tag}b{machine}"
            ip("netns", "add", name)
            undo.callback(ip, "netns", "del", name)
            ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
            ip("link", "set", near, "master", tag, "up")
            ip("-n", name, "addr", "add", f"{net}.{machine + 2}/24", "dev", far)
            ip("-n", name, "link", "set", far, "up")
        yield Place(f"{net}.1", [["ip", "netns", "exec", f"{tag}-{machine}"] for machine in range(WORKERS)])


@contextmanager
def one_network() -> Iterator[Place]:
    yield Place("127.0.0.1", [[] for _ in range(WORKERS)])


def place() -> AbstractContextManager[Place]:
    """Networks apart, where one may make them."""
    return networks() if os.geteuid() == 0 and sys.platform == "linux" else one_network()


@dataclass
class Company:
    """Three workers on machines of their own, the account that they read and the database that they share."""

    ploomes: Simulator
    warehouse: Warehouse
    workers: dict[int, subprocess.Popen[str]]

    @property
    def holder(self) -> int | None:
        """The process that works."""
        found = one(self.warehouse, "select holder from sync_lease where expires_at > clock_timestamp()")
        return int(found.split()[-1]) if found else None

    def at_work(self, pages: int) -> subprocess.Popen[str]:
        """Who works, once so many pages are staged."""
        until(lambda: (one(self.warehouse, "select pages from sync_runs where state = 'running'") or 0) >= pages)
        pid = self.holder
        assert pid is not None
        return self.workers[pid]

    def end(self) -> list[int]:
        """Ask all that are left to end; their exit codes."""
        for process in self.workers.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        return [process.wait(20) for process in self.workers.values()]


@pytest.fixture
def company(pooled_at: Callable[[str], AbstractContextManager[Warehouse]], tmp_path: Path) -> Iterator[Company]:
    with (
        place() as where,
        pooled_at(where.address) as warehouse,
        Simulator(deals=6_000, customers=80, host=where.address, latency=0.3) as ploomes,
    ):
        settings = settings_for(ploomes_here(ploomes), warehouse, tmp_path)
        assert settings.database_url is not None
        environment = {
            **os.environ,
            "PLOOMES_API_KEY": ploomes.key,
            "PLOOMES_CONCURRENCY": "2",
            "PLOOMES_REQUESTS_PER_MINUTE": "100000",
            "DATABASE_URL": settings.database_url.reveal(),
            "CARTEIRA_LEASE_SECONDS": str(LEASE),
            "SIMULATOR": ploomes.url,
        }
        workers = {}
        for prefix in where.machines:
            process = subprocess.Popen(
                [*prefix, sys.executable, str(HERE / "working.py")], env=environment, stdout=subprocess.PIPE, text=True
            )
            workers[process.pid] = process
        try:
            for process in workers.values():
                assert process.stdout is not None
                assert process.stdout.readline() == "working\n"
            yield Company(ploomes, warehouse, workers)
        finally:
            for process in workers.values():
                process.kill()
                process.communicate()


def ploomes_here(ploomes: Simulator) -> Any:
    """The account at an address that the settings allow; workers are told the real one."""

    @dataclass(frozen=True)
    class Here:
        key: str = ploomes.key
        url: str = "http://127.0.0.1:1"

    return Here()


def test_where_one_worker_is_killed_another_goes_on_from_its_last_page(company: Company) -> None:
    """Three machines, one pooler: nothing is read twice but what was in flight, and nothing is lost."""
    victim = company.at_work(pages=3)
    victim.kill()
    victim.wait()

    until(lambda: last_run(company.warehouse).state == "succeeded", 60)

    run = last_run(company.warehouse)
    asked = Counter(r.query for r in company.ploomes.requests if "Id gt" in r.query and "ContactId" in r.query)
    assert (run.id, run.mode, run.slices) == (1, "full", 2)
    assert sum(times - 1 for times in asked.values()) <= 4
    assert_agrees(company.ploomes, company.warehouse)
    assert company.end().count(0) == WORKERS - 1
    assert one(company.warehouse, QUEUED) == 0


def test_where_one_is_asked_to_end_another_goes_on_at_once(company: Company) -> None:
    """The lease is given back and the next job waits already, so nobody waits for anything to run out."""
    leaving = company.at_work(pages=3)
    leaving.send_signal(signal.SIGTERM)
    assert leaving.wait(20) == 0
    assert one(company.warehouse, "select state from sync_runs") in ("partial", "running")

    until(lambda: company.holder not in (None, leaving.pid), LEASE)

    until(lambda: last_run(company.warehouse).state == "succeeded", 60)
    assert (last_run(company.warehouse).id, last_run(company.warehouse).slices) == (1, 2)
    assert_agrees(company.ploomes, company.warehouse)
    assert company.end() == [0] * WORKERS


@contextmanager
def working(settings: Settings, warehouse: Warehouse) -> Iterator[None]:
    """A worker on a thread, ended with the block."""
    stopping = threading.Event()
    thread = threading.Thread(target=schedule.work, args=(settings, warehouse, stopping))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def test_a_new_installation_is_read_without_waiting_for_the_schedule(
    settings: Settings, warehouse: Warehouse, simulator: Simulator
) -> None:
    with working(replace(settings, sync_schedule="0 0 1 1 *"), warehouse):
        until(lambda: one(warehouse, "select count(*) from sync_runs where state = 'succeeded'") == 1)

    assert_agrees(simulator, warehouse)
    assert one(warehouse, QUEUED) == 0


def test_a_wrong_key_is_tried_once_and_then_as_scheduled(
    settings: Settings, warehouse: Warehouse, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = replace(settings, ploomes_api_key=Secret("F" * 128), sync_schedule="0 0 1 1 *")

    with working(wrong, warehouse):
        until(lambda: one(warehouse, "select count(*) from sync_runs where state = 'failed'") == 1)
        until(lambda: one(warehouse, QUEUED) == 0)

    assert len(simulator.requests) <= 8
    assert "PLOOMES_API_KEY" in caplog.text
    assert "F" * 128 not in caplog.text


def test_while_another_run_holds_the_lease_a_job_waits_for_it(
    settings: Settings, warehouse: Warehouse, simulator: Simulator
) -> None:
    brief = replace(settings, lease_seconds=1.0, sync_schedule="0 0 1 1 *")
    queue.prepare(warehouse, SchemaManager.get_schema())

    with lease.held(warehouse, 30), working(brief, warehouse):
        until(lambda: one(warehouse, f"{QUEUED} where status = 'todo' and scheduled_at > now()"))
        assert len(simulator.requests) == 0

    with working(brief, warehouse):
        until(lambda: one(warehouse, "select count(*) from sync_runs where state = 'succeeded'") == 1)


def test_each_tick_of_the_schedule_is_one_run_however_many_workers_there_are(
    settings: Settings, warehouse: Warehouse
) -> None:
    every_three_seconds = replace(settings, sync_schedule="* * * * * */3")

    with working(every_three_seconds, warehouse), working(every_three_seconds, warehouse):
        until(lambda: one(warehouse, "select count(*) from sync_runs where state = 'succeeded'") >= 4)

    with warehouse.transaction() as connection:
        opened = [row[0] for row in connection.execute("select opened_at from sync_runs order by id")]
    # The first one is nobody's tick: there was nothing yet.
    assert min((b - a).total_seconds() for a, b in pairwise(opened[1:])) > 1.5


def test_what_time_may_mend_is_tried_again_later_and_later() -> None:
    failure = PloomesUnavailable("Ploomes is away.")
    waits, attempt = [], 0
    while following := schedule.after_failure(failure, attempt):
        seconds, attempt = following
        waits.append(seconds)

    assert waits == sorted(set(waits))
    assert len(waits) == len(schedule.PAUSES)
    assert schedule.after_failure(DatabaseError("away"), 0) is not None


@pytest.mark.parametrize(
    "failure", [PloomesRefused("key"), Refused("much"), SettingsError(["x"]), SchemaMismatch("old")]
)
def test_what_a_person_has_to_mend_is_not_tried_again(failure: Any) -> None:
    assert schedule.after_failure(failure, 0) is None


def test_the_schedule_is_read_in_the_time_zone_of_the_company() -> None:
    sao_paulo = ZoneInfo("America/Sao_Paulo")
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)

    assert schedule.next_tick("30 6 * * *", sao_paulo, noon) == datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
    assert schedule.last_tick("30 6 * * *", sao_paulo, noon) == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["61 * * * *", "0 24 * * *", "0 0 30 2 *", "0 0 * * 9", "nonsense", "* * * *"])
def test_a_schedule_that_never_comes_is_refused_when_the_settings_are_read(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"SYNC_SCHEDULE .*cron expression"):
        load({"HOME": "/home/ana", "SYNC_SCHEDULE": text}, tmp_path)


def test_the_queue_is_made_once_and_anew_for_another_version(warehouse: Warehouse) -> None:
    definition = SchemaManager.get_schema()

    assert queue.prepare(warehouse, definition)
    assert not queue.prepare(warehouse, definition)
    with warehouse.transaction() as connection:
        connection.execute("insert into carteira_queue.procrastinate_workers default values")
    assert queue.prepare(warehouse, definition + "\n-- newer")
    assert one(warehouse, "select count(*) from carteira_queue.procrastinate_workers") == 0


def test_workers_that_start_at_once_make_one_queue(warehouse: Warehouse) -> None:
    made: list[bool] = []
    starting = [
        threading.Thread(target=lambda: made.append(queue.prepare(warehouse, SchemaManager.get_schema())))
        for _ in range(4)
    ]
    for each in starting:
        each.start()
    for each in starting:
        each.join()

    assert sorted(made) == [False, False, False, True]


def test_a_schema_of_somebody_elses_is_left_alone(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute("create schema carteira_queue")

    with pytest.raises(DatabaseError, match="carteira_queue"):
        queue.prepare(warehouse, SchemaManager.get_schema())


def test_what_keeps_a_worker_from_working_ends_what_serves_with_it(settings: Settings, warehouse: Warehouse) -> None:
    with (
        pytest.raises(SettingsError, match="PLOOMES_API_KEY"),
        working_beside(replace(settings, ploomes_api_key=None), warehouse),
    ):
        pass


def test_a_worker_that_dies_ends_what_serves_with_it(
    settings: Settings, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a fault of ours, which nobody foresaw: a dashboard that grows old in silence would be worse."""

    def die(*_: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(schedule, "_hints_published", die)

    with (
        pytest.raises(RuntimeError, match="out of luck"),
        interrupted_by_sigterm(),
        working_beside(settings, warehouse),
    ):
        threading.Event().wait(20)


def test_strangers_cannot_look_into_the_queue(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        for role in ("anon", "authenticated"):
            if not connection.execute("select from pg_roles where rolname = %s", (role,)).fetchone():
                connection.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
    queue.prepare(warehouse, SchemaManager.get_schema())

    with warehouse.transaction() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("set local role anon")
        connection.execute("select from carteira_queue.procrastinate_jobs")


def test_another_schema_has_a_queue_of_its_own(warehouse: Warehouse) -> None:
    assert queue.schema_of(replace(warehouse, schema="acme")) == "acme_queue"
    assert len(queue.schema_of(replace(warehouse, schema="a" * 63))) == 63


def test_the_command_works_until_it_is_asked_to_end(
    settings: Settings, warehouse: Warehouse, simulator: Simulator, tmp_path: Path
) -> None:
    assert settings.database_url is not None
    environment = {
        **os.environ,
        "PLOOMES_API_KEY": simulator.key,
        "PLOOMES_BASE_URL": simulator.url,
        "DATABASE_URL": settings.database_url.reveal(),
        "SYNC_SCHEDULE": "0 0 1 1 *",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "carteira.cli", "worker"],
        env=environment,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: one(warehouse, "select count(*) from sync_runs where state = 'succeeded'") == 1)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()

    assert process.returncode == 0
    assert "0 0 1 1 *" in said
    assert simulator.key not in said


def test_the_command_brings_its_own_database_up(simulator: Simulator) -> None:
    with tempfile.TemporaryDirectory(prefix="carteira-test-", dir="/tmp") as home:
        environment = {
            "PATH": os.environ["PATH"],
            "CARTEIRA_HOME": home,
            "PLOOMES_API_KEY": simulator.key,
            "PLOOMES_BASE_URL": simulator.url,
        }
        process = subprocess.Popen([sys.executable, "-m", "carteira.cli", "worker"], env=environment, cwd=home)
        try:
            assert simulator.requests.wait_for(8, 30)
            with embedded.running(Path(home)) as dsn:
                succeeded = "select count(*) from sync_runs where state = 'succeeded'"
                until(lambda: one(Warehouse(dsn), succeeded) == 1)
                assert_agrees(simulator, Warehouse(dsn))
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) == 0
        finally:
            process.kill()


def test_the_command_needs_a_key(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "carteira.cli", "worker"],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 2
    assert "PLOOMES_API_KEY" in done.stderr
