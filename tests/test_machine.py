"""Any story of edits, runs, cuts and troubles ends with customer_sales equal to a plain sum over what Ploomes holds.

A state machine over the simulator. After each succeeded run during which nothing changed, and after the next one
otherwise, every customer and every cent is right; what only a full read can find is right after the next full read.
After any succeeded run the table is what the whole definition gives, the counts kept are the rows there are, nothing is
left staged, and the days and spans that are kept say what the deals say.

The profile is CARTEIRA_PROVE: `ci` (default) or `long` (`make prove`, which takes several minutes).
"""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from hypothesis import HealthCheck
from hypothesis import settings as profile
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from oracle import expected, published
from people import EDITS, People
from test_spans import assert_same
from world import NewWarehouse, World, world

from carteira.customer_sales import days, reports, spans
from carteira.customer_sales.period import Period
from carteira.customer_sales.rebuild import rebuild
from carteira.customer_sales.sight import EVERYTHING
from carteira.errors import Refused
from carteira.simulator.faults import Fault
from carteira.simulator.requests import Request
from carteira.simulator.server import Simulator
from carteira.sync.run import Outcome
from carteira.warehouse import runs

PROFILES = {
    "ci": {"max_examples": 25, "stateful_step_count": 20},
    "long": {"max_examples": 1_000, "stateful_step_count": 60},
}
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ZONE = ZoneInfo("America/Sao_Paulo")
# A year, a quarter, and what is nearly a year.
SPANNED = [
    Period(date(2026, 1, 1), date(2026, 12, 31)),
    Period(date(2026, 10, 1), date(2026, 12, 31)),
    Period(date(2025, 12, 15), date(2026, 11, 12)),
]
ALWAYS = {"starts": [datetime(2000, 1, 1, tzinfo=UTC)], "ends": [datetime(2100, 1, 1, tzinfo=UTC)], "cuts": [NOW]}

numbers = st.integers(0, 10_000)
edits = st.tuples(st.sampled_from(sorted(EDITS)), numbers, numbers)
requests = st.integers(1, 25)
TROUBLES = (
    "html", "quoted-html", "truncated", "empty", "no-value", "no-count", "overload", "short", "duplicate", "reset",
    "cut", "503", "504", "429", "nothing",
)  # fmt: skip

PUBLISHED = """
    select md5(coalesce(string_agg(line, E'\\n' order by line), '')) from (
        select 'c' || to_jsonb(customers)::text as line from customers
        union all select 's' || to_jsonb(sales)::text from sales
        union all select 'v' || to_jsonb(customer_sales)::text from customer_sales
        union all select 'r' || to_jsonb(rejected_rows)::text from rejected_rows
        union all select 'o' || to_jsonb(owners)::text from owners
        union all select 'p' || to_jsonb(pipelines)::text from pipelines
        union all select 't' || to_jsonb(stages)::text from stages
        union all select 'l' || to_jsonb(loss_reasons)::text from loss_reasons) lines"""
STAGED = """
    select (select count(*) from staged_sales) + (select count(*) from staged_customers)
    + (select count(*) from staged_rejections) + (select count(*) from staged_absences)
    + (select count(*) from staged_look_ups) + (select count(*) from staged_reads)
    + (select count(*) from sync_openings)"""
KEPT_COUNTS = "select entity, live_rows from sync_entities"
COUNTED = """
    select 'deals', count(*) from sales where deleted_at is null
    union all select 'contacts', count(*) from customers where deleted_at is null and not placeholder"""
UNREADABLE = "select entity, id from rejected_rows where closed_at is null"


class Cut(BaseException):
    """The process ends here."""


def trouble(action: str, nth: int, every: int) -> Fault:
    """Something that goes wrong at the nth request and again later, never as often as a try is repeated."""
    if action == "429":
        return Fault("status", nth=nth, status=429, retry_after=1)
    if action.isdecimal():
        return Fault("status", nth=nth, every=every, times=3, status=int(action))
    return Fault(action, nth=nth, every=every, times=3)


class Story(RuleBasedStateMachine):
    """What happens in the account, and the runs between."""

    def __init__(self, new_warehouse: NewWarehouse) -> None:
        super().__init__()
        self.open = ExitStack()
        self.new_warehouse = new_warehouse

    @initialize(seed=st.integers(0, 50), deals=st.integers(0, 150), customers=st.integers(3, 40))
    def begin(self, seed: int, deals: int, customers: int) -> None:
        folder = Path(self.open.enter_context(tempfile.TemporaryDirectory()))
        ploomes = Simulator(deals=deals, customers=customers, seed=seed, now=NOW)
        # one request at a time, so that a story can be told again
        self.world: World = self.open.enter_context(world(self.new_warehouse, folder, ploomes, PLOOMES_CONCURRENCY="1"))
        self.people = People(ploomes)
        self.changed_since_opening = False
        self.unfinished = False
        self.reading_changes: dict[int, list[tuple[str, int, int]]] = {}
        self.arrived = 0
        self.guard = threading.Lock()
        ploomes.before_request(self._changes_meanwhile)

    def teardown(self) -> None:
        self.open.close()

    @rule(edit=edits)
    def somebody_edits(self, edit: tuple[str, int, int]) -> None:
        self.people.edit(*edit)
        self.changed_since_opening |= self.unfinished

    @rule(many=st.lists(edits, max_size=12))
    def people_work(self, many: list[tuple[str, int, int]]) -> None:
        for edit in many:
            self.somebody_edits(edit)

    @rule()
    def somebody_serves(self) -> None:
        for kept in (days, spans):
            kept.refresh(self.world.warehouse, ZONE, NOW.date(), least_deals=0)

    @rule(full=st.booleans())
    def a_run(self, full: bool) -> None:
        self._run(full=full)

    @rule(full=st.booleans(), changes=st.dictionaries(requests, st.lists(edits, min_size=1, max_size=3), max_size=4))
    def a_run_while_people_work(self, full: bool, changes: dict[int, list[tuple[str, int, int]]]) -> None:
        self.reading_changes = dict(changes)
        self._run(full=full)
        self.reading_changes = {}

    @rule(full=st.booleans(), step=st.integers(1, 12))
    def a_run_that_is_stopped(self, full: bool, step: int) -> None:
        stopping = threading.Event()
        self._run(full=full, stopping=stopping, at_step=self._at(step, stopping.set))

    @rule(full=st.booleans(), step=st.integers(1, 25))
    def a_run_that_dies(self, full: bool, step: int) -> None:
        self._run(full=full, at_step=self._at(step, _die))

    @rule(
        full=st.booleans(),
        troubles=st.lists(st.tuples(st.sampled_from(TROUBLES), requests, st.integers(3, 9)), min_size=1, max_size=3),
    )
    def a_run_in_trouble(self, full: bool, troubles: list[tuple[str, int, int]]) -> None:
        self.people.spoil(*(trouble(*one) for one in troubles))
        self._run(full=full)
        self.people.spoil()

    def _run(self, **options: Any) -> None:
        before, number = self._published()
        self.arrived = 0
        try:
            outcome = self.world.sync(**options)
        except Refused:
            assert self._published() == (before, number)
            self._after_refusal(options)
            return
        except Cut:
            outcome = None
        after, number_after = self._published()
        assert (after != before) == (number_after != number)
        self._on_record(outcome)

    def _after_refusal(self, options: dict[str, Any]) -> None:
        """The staging is gone; told that the deletions are meant, the run goes through."""
        self.unfinished = self.changed_since_opening = False
        if not options.get("accept_deletions") and not self.reading_changes:
            self._run(full=options["full"], accept_deletions=True)

    def _on_record(self, outcome: Outcome | None) -> None:
        with self.world.warehouse.transaction() as connection:
            last = runs.recent(connection, 1)[0]
        assert outcome is None or (outcome.state, outcome.run_id) == (last.state, last.id)
        if last.state == "succeeded":
            self._succeeded(last.mode == "full")
        else:
            assert last.state == ("partial" if outcome else "running")
            self.unfinished = True

    def _succeeded(self, full: bool) -> None:
        self._nothing_left_over()
        if not self.changed_since_opening:
            if full:
                self.people.all_told()
            if not self.people.untold:
                self._exact()
                self.people.counted()
        self.unfinished = self.changed_since_opening = False

    def _nothing_left_over(self) -> None:
        with self.world.warehouse.transaction() as connection:
            (staged,) = connection.execute(STAGED).fetchone()
            kept, counted = (dict(connection.execute(sql).fetchall()) for sql in (KEPT_COUNTS, COUNTED))
            opened_at = runs.freshness(connection).last_sync_at
            assert opened_at is not None
            with connection.transaction(force_rollback=True):
                assert not rebuild(connection, opened_at)
            of_days, of_deals = (
                list(windows(connection, **ALWAYS, **EVERYTHING.parameters))
                for windows in (reports.queries.windows_of_days, reports.queries.windows)
            )
            assert of_days == of_deals
            for period in SPANNED:
                assert_same(connection, period)
        assert staged == 0
        assert kept == counted

    def _exact(self) -> None:
        ploomes = self.world.ploomes
        with self.world.warehouse.transaction() as connection:
            (usual,) = connection.execute("select usual_currency_id from sync_state").fetchone()
            rejected = set(connection.execute(UNREADABLE))
            cnpjs = dict(connection.execute("select customer_id, customer_cnpj from customer_sales").fetchall())
        bad_deals, bad_contacts = self.people.unreadable("Deals"), self.people.unreadable("Contacts")
        assert rejected == {("deals", key) for key in bad_deals} | {("contacts", key) for key in bad_contacts}
        want, have = expected(ploomes, usual, unreadable=bad_deals), published(self.world.warehouse)
        there = set(ploomes.data.ids("Contacts")) - bad_contacts
        for key in want.keys() - there:
            # a contact that vanished keeps its last name: whichever of its names was the last to be seen
            if key in have and have[key][1] in self.people.names[key]:
                want[key] = (key, have[key][1], *want[key][2:])
        # one that could never be read has a line for its deals only
        never_read = {key for key in bad_contacts - have.keys() if not any(want[key][n] for n in (3, 7, 8))}
        assert have == {key: line for key, line in want.items() if key not in never_read}
        told = {key: cnpj for key, cnpj in self.people.cnpjs.items() if key in there}
        assert {key: cnpjs[key] for key in told} == told

    def _published(self) -> tuple[str, int]:
        with self.world.warehouse.transaction() as connection:
            (digest,) = connection.execute(PUBLISHED).fetchone()
            return digest, runs.freshness(connection).publication

    def _changes_meanwhile(self, request: Request) -> None:
        with self.guard:
            self.arrived += 1
            for edit in self.reading_changes.pop(self.arrived, ()):
                self.people.edit(*edit)
                self.changed_since_opening = True

    def _at(self, step: int, act: Any) -> Any:
        left = [step]

        def at_step(name: str) -> None:
            left[0] -= 1
            if left[0] == 0:
                act()

        return at_step


def _die() -> None:
    raise Cut


def test_every_story_ends_exact(new_warehouse: NewWarehouse) -> None:
    """Whatever happened in the account and to the runs, the sums are right."""
    run_state_machine_as_test(
        lambda: Story(new_warehouse),
        settings=profile(
            **PROFILES[os.environ.get("CARTEIRA_PROVE", "ci")],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
