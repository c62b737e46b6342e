"""Kill -9 at every step, of the process that syncs and of PostgreSQL: nobody sees a half, and the next run is exact.

A sync runs in a process of its own and waits at each step for the test's word (stepping.py), so that it can be looked
at and killed exactly there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO

import psycopg
import pytest
from oracle import assert_agrees
from world import NewWarehouse, World, settings_for, world

from carteira.simulator.server import Simulator
from carteira.warehouse import cluster, embedded, migrate, runs
from carteira.warehouse.connection import Warehouse

# Every step of a run, and some of the many batches that are staged.
STEPS = ["opened", "read", "closed", "audited", "publishing", "published, not committed", "published"]
FAILPOINTS = [*((step, 1) for step in STEPS), *(("staged", nth) for nth in (1, 2, 5))]

TOTALS = """
    select publication, (select coalesce(sum(total_revenue), 0) from customer_sales),
        (select count(*) from customer_sales), (select coalesce(sum(total_deals), 0) from customer_sales),
        (select count(*) from sales where deleted_at is null)
    from sync_state"""
# What a run leaves that does not depend on when it ran.
TABLES = {
    "customers": "customer_id, name, name_key, kind, cnpj, cpf, city, state, owner_id, updated_at, placeholder",
    "sales": "deal_id, customer_id, contact_name, title, total, currency_id, status, owner_id, closed_at, updated_at",
    "customer_sales": "customer_id, customer_name, customer_cnpj, total_revenue, total_deals, open_deals, lost_deals",
}

Totals = tuple[int, Decimal, int, int, int]


def totals(warehouse: Warehouse) -> Totals:
    """What a reader sees in one statement."""
    with warehouse.transaction() as connection:
        row: Totals = connection.execute(TOTALS).fetchone()
    return row


def tables(warehouse: Warehouse) -> dict[str, set[tuple[object, ...]]]:
    with warehouse.transaction() as connection:
        return {name: set(connection.execute(f"select {columns} from {name}")) for name, columns in TABLES.items()}


@dataclass
class Stepping:
    """A sync that waits at each step; `at` is the step it waits at, '' once it has ended."""

    process: subprocess.Popen[str]
    at: str = ""
    reached: Counter[str] = field(default_factory=Counter)

    def go_on(self) -> str:
        """To the next step; '' when there is none."""
        stdin, stdout = self._pipes()
        if self.at:
            stdin.write("\n")
            stdin.flush()
        self.at = stdout.readline().strip()
        self.reached[self.at] += 1
        return self.at

    def go_to(self, step: str, nth: int) -> None:
        """Until a step is reached for the nth time."""
        while self.reached[step] < nth:
            assert self.go_on(), f"the run ended before step {step!r} was reached {nth} times: {self.reached}"

    def ended(self) -> int:
        """Let it run to its end; its exit code."""
        while self.go_on():
            pass
        return self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self.process.stdin is not None and self.process.stdout is not None
        return self.process.stdin, self.process.stdout


@contextmanager
def stepping(account: World, *arguments: str) -> Iterator[Stepping]:
    settings = account.settings
    assert settings.database_url is not None
    environment = os.environ | {
        "PLOOMES_API_KEY": account.ploomes.key,
        "PLOOMES_BASE_URL": account.ploomes.url,
        "PLOOMES_REQUESTS_PER_MINUTE": "100000",
        "DATABASE_URL": settings.database_url.reveal(),
    }
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("stepping.py"), *arguments],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent,
    )  # fmt: skip
    with process:
        try:
            yield Stepping(process)
        finally:
            process.kill()


def edit_much(ploomes: Simulator) -> None:
    """Deals that change in every way, enough of them for many pages."""
    data = ploomes.data
    ids = data.ids("Deals")
    data.edit_deals(ids[::2], Amount=Decimal("33.33"))
    for deal_id in ids[:6]:
        data.delete_deal(deal_id)
    first, second, third = data.ids("Contacts")[:3]
    data.rename_contact(first, "Outro nome")
    data.merge_contacts(first, second)
    data.move_deal(ids[-1], third)
    data.create_deal(ContactId=third, StatusId=2, Amount=Decimal("0.01"))


def lease_runs_out(warehouse: Warehouse) -> None:
    """As it does by itself, CARTEIRA_LEASE_SECONDS after its holder died."""
    with warehouse.transaction() as connection:
        connection.execute("update sync_lease set expires_at = clock_timestamp()")


def last_run(warehouse: Warehouse) -> runs.Run:
    with warehouse.transaction() as connection:
        return runs.recent(connection, 1)[0]


@pytest.fixture
def account(new_warehouse: NewWarehouse, tmp_path: Path) -> Iterator[World]:
    with world(new_warehouse, tmp_path, Simulator(deals=240, customers=20)) as made:
        yield made


def test_the_steps_are_all_there_are(account: World) -> None:
    """A step that is added later is killed at as well."""
    with stepping(account) as run:
        assert run.ended() == 0

    assert set(run.reached) == {*STEPS, "staged", ""}


def as_undisturbed(account: World, new_warehouse: NewWarehouse, folder: Path) -> None:
    """The tables are those of a run that nobody disturbed, and the sums are Ploomes'."""
    assert_agrees(account.ploomes, account.warehouse)
    with new_warehouse() as other:
        undisturbed = World(account.ploomes, other, settings_for(account.ploomes, other, folder))
        undisturbed.sync()
        want, have = tables(other), tables(account.warehouse)
    live = {row[0] for row in want["sales"]}
    have["sales"] = {row for row in have["sales"] if row[0] in live}
    there = {row[0] for row in want["customers"]}
    have["customers"] = {row for row in have["customers"] if row[0] in there}
    assert have == want


def killed_at(account: World, step: str, nth: int, *arguments: str) -> tuple[Totals, Totals]:
    """What was published before a run was killed, and what is after that."""
    before = totals(account.warehouse)
    with stepping(account, *arguments) as run:
        run.go_to(step, nth)
        at_the_step = totals(account.warehouse)
        run.kill()
    after = totals(account.warehouse)
    assert at_the_step == after
    return before, after


@pytest.mark.parametrize(("step", "nth"), FAILPOINTS)
def test_a_first_load_that_was_killed(
    account: World, new_warehouse: NewWarehouse, tmp_path: Path, step: str, nth: int
) -> None:
    """Nothing is published until everything is; the next run ends it under its number."""
    before, after = killed_at(account, step, nth)
    published = step == "published"
    assert (after == before) == (not published)
    assert last_run(account.warehouse).state == ("succeeded" if published else "running")
    lease_runs_out(account.warehouse)
    outcome = account.sync()
    run = last_run(account.warehouse)

    assert (run.id, run.state, run.slices) == (outcome.run_id, "succeeded", 1 if published else 2)
    assert outcome.mode == ("incremental" if published else "full")
    as_undisturbed(account, new_warehouse, tmp_path)


@pytest.mark.parametrize(("step", "nth"), FAILPOINTS)
def test_an_incremental_run_that_was_killed(
    account: World, new_warehouse: NewWarehouse, tmp_path: Path, step: str, nth: int
) -> None:
    """A reader sees what was published before, whole, or what is now; edits after the kill are right too."""
    account.sync()
    edit_much(account.ploomes)
    before, after = killed_at(account, step, nth)
    published = step == "published"
    assert after[0] == before[0] + published
    assert (after == before) == (not published)
    lease_runs_out(account.warehouse)
    account.ploomes.data.edit_deal(account.ploomes.data.ids("Deals")[3], Amount=1, StatusId=2)
    account.sync()
    if not published:
        assert last_run(account.warehouse).slices == 2
    account.sync()

    as_undisturbed(account, new_warehouse, tmp_path)


def test_a_reader_sees_the_old_or_the_new_and_nothing_between(account: World) -> None:
    """Asking without a pause through a killed run and the one that ends it: two answers, in this order."""
    account.sync()
    seen: list[Totals] = [totals(account.warehouse)]
    edit_much(account.ploomes)
    ended = threading.Event()

    def read() -> None:
        with psycopg.connect(account.warehouse.dsn, autocommit=True, prepare_threshold=None) as connection:
            while not ended.is_set():
                row: Totals = connection.execute(TOTALS).fetchone()  # type: ignore[assignment]
                if row != seen[-1]:
                    seen.append(row)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        killed_at(account, "published, not committed", 1)
        lease_runs_out(account.warehouse)
        account.sync()
    finally:
        ended.set()
        reader.join()

    assert seen[-1] == totals(account.warehouse) or len(seen) == 1
    assert len(seen) <= 2


@dataclass
class Postgres:
    """An embedded server of one's own that can be killed."""

    home: Path
    dsn: str

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Kill -9 of the server process, whose children notice and leave; started again as the next user would."""
        first_line = (self.home / "postgres" / "postmaster.pid").read_text().splitlines()[0]
        os.kill(int(first_line), signal.SIGKILL)
        try:
            yield
        finally:
            assert cluster.start(self.home / "postgres") == self.dsn


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    home = tmp_path_factory.mktemp("failpoints")
    with embedded.running(home) as dsn:
        yield Postgres(home, dsn)


@pytest.fixture
def on_it(postgres: Postgres, tmp_path: Path) -> Iterator[World]:
    """An account and a warehouse on that server, in a schema of its own."""
    with ExitStack() as open_:
        ploomes = open_.enter_context(Simulator(deals=240, customers=20))
        with psycopg.connect(postgres.dsn, autocommit=True) as connection:
            connection.execute("drop schema if exists public cascade")
            connection.execute("create schema public")
            connection.execute("drop schema if exists supabase_migrations cascade")
        warehouse = Warehouse(postgres.dsn)
        migrate.upgrade(warehouse)
        yield World(ploomes, warehouse, settings_for(ploomes, warehouse, tmp_path))


@pytest.mark.parametrize(("step", "nth"), FAILPOINTS)
def test_postgres_is_killed(
    on_it: World, postgres: Postgres, new_warehouse: NewWarehouse, tmp_path: Path, step: str, nth: int
) -> None:
    """The run ends with the exit code of a database that is away; the next one goes on, or starts anew, and is exact.

    What is not published yet need not survive the server, the run's own line in the log neither. A commit that was
    under way when the server died counts if it was answered.
    """
    on_it.sync()
    edit_much(on_it.ploomes)
    before, earlier = totals(on_it.warehouse), last_run(on_it.warehouse)
    with stepping(on_it) as run:
        run.go_to(step, nth)
        with postgres.killed():
            published = run.ended() == 0
            assert published or run.process.returncode == 8
    last = last_run(on_it.warehouse)
    assert (totals(on_it.warehouse) == before) == (not published)
    assert (
        (last.state == "succeeded" and last.id > earlier.id)
        if published
        else last.state == "running" or last == earlier
    )
    assert published or step != "published"
    lease_runs_out(on_it.warehouse)
    on_it.sync()

    assert last_run(on_it.warehouse).state == "succeeded"
    as_undisturbed(on_it, new_warehouse, tmp_path)
