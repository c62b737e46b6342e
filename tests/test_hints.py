"""Rows that a webhook named: published at once, beside any run, and never at the cost of what a run knows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from oracle import assert_agrees
from quick import QUICK, last_run, one, verdicts

from carteira.errors import PloomesUnavailable
from carteira.ploomes import pacing
from carteira.settings import Settings
from carteira.simulator.faults import Fault
from carteira.simulator.server import Simulator
from carteira.sync import hints as publishing
from carteira.sync.run import Outcome, sync
from carteira.warehouse import bookings, hints, runs
from carteira.warehouse.connection import Warehouse

ROWS = 50
Hinted = Callable[..., int]


@pytest.fixture
def account(settings: Settings, simulator: Simulator, warehouse: Warehouse) -> Simulator:
    """An account whose copy is complete, and whose newest change is some seconds old."""
    simulator.clock.advance(10)
    sync(settings, warehouse, patience=QUICK, page=ROWS)
    simulator.clock.advance(10)
    simulator.requests.clear()
    return simulator


@pytest.fixture
def run(settings: Settings, warehouse: Warehouse, simulator: Simulator) -> Callable[..., Outcome]:
    def go(**options: Any) -> Outcome:
        simulator.clock.advance(5)
        return sync(settings, warehouse, patience=QUICK, page=ROWS, **options)

    return go


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens in the middle of a run finds it idle at once."""
    monkeypatch.setattr(pacing, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(bookings, "AGAIN_SECONDS", 0.01)


@pytest.fixture
def hint(settings: Settings, warehouse: Warehouse) -> Iterator[Hinted]:
    """Name rows as a webhook would, and publish what is due."""
    stopping = Event()

    def name(*deals: int, contacts: tuple[int, ...] = (), at_step: Callable[[str], None] = lambda step: None) -> int:
        put(warehouse, "deals", *deals)
        put(warehouse, "contacts", *contacts)
        with publishing.reader(settings, warehouse, stopping, at_step, QUICK) as reader:
            return reader.publish_due()

    yield name
    stopping.set()


def put(warehouse: Warehouse, entity: str, *ids: int) -> None:
    with warehouse.transaction() as connection:
        hints.called(connection, [(entity, one) for one in ids])


def waiting(warehouse: Warehouse) -> int:
    with warehouse.transaction() as connection:
        return hints.health(connection).waiting


def publication(warehouse: Warehouse) -> int:
    return one(warehouse, "select publication from sync_state")


def assert_counted(warehouse: Warehouse) -> None:
    """The number that is kept of live rows is the number of live rows."""
    with warehouse.transaction() as connection:
        entities = runs.entities(connection)
    assert entities["deals"].live_rows == one(warehouse, "select count(*) from sales where deleted_at is null")
    assert entities["contacts"].live_rows == one(
        warehouse, "select count(*) from customers where deleted_at is null and not placeholder"
    )


def open_deal(account: Simulator) -> int:
    return next(deal["Id"] for deal in account.data.deals() if deal["StatusId"] == 1 and deal["ContactId"])


def test_a_won_deal_is_published_by_one_request(account: Simulator, warehouse: Warehouse, hint: Hinted) -> None:
    deal, before = open_deal(account), publication(warehouse)
    account.data.win_deal(deal, Amount=1234)

    hint(deal)

    assert_agrees(account, warehouse)
    assert publication(warehouse) == before + 1
    assert len(account.requests) == 1
    assert waiting(warehouse) == 0


def test_a_hint_of_nothing_new_changes_nothing(account: Simulator, warehouse: Warehouse, hint: Hinted) -> None:
    before = publication(warehouse)

    hint(open_deal(account))

    assert publication(warehouse) == before
    assert waiting(warehouse) == 0


def test_new_rows_and_moves_and_renames(account: Simulator, warehouse: Warehouse, hint: Hinted) -> None:
    old, new = account.data.ids("Contacts")[0], account.data.create_contact(Name="Ótica Nova", CNPJ="11222333000181")
    won = account.data.create_deal(ContactId=new, StatusId=2, Amount=77)
    moved = next(deal["Id"] for deal in account.data.deals() if deal["StatusId"] == 2 and deal["ContactId"])
    account.data.move_deal(moved, new)
    account.data.rename_contact(old, "Outro nome")

    hint(won, moved, contacts=(old,))
    assert one(warehouse, "select placeholder from customers where customer_id = %s", new)
    hint(contacts=(new,))

    assert_agrees(account, warehouse)
    assert not one(warehouse, "select placeholder from customers where customer_id = %s", new)
    assert_counted(warehouse)


def test_what_a_hint_published_costs_the_next_run_no_doubt(
    account: Simulator, warehouse: Warehouse, hint: Hinted, run: Callable[..., Outcome]
) -> None:
    """The counts of the run agree, and the run after it is a quiet one."""
    gone, new = open_deal(account), account.data.create_deal(StatusId=2, Amount=5)
    account.data.delete_deal(gone)
    hint(gone, new)
    assert_counted(warehouse)

    run()

    assert set(verdicts(last_run(warehouse), "counts")) == {"ok"}
    assert_agrees(account, warehouse)
    assert run().requests == 2


def test_totals_on_record_are_those_that_are_published(
    account: Simulator, warehouse: Warehouse, hint: Hinted, run: Callable[..., Outcome]
) -> None:
    deal = open_deal(account)
    account.data.win_deal(deal, Amount=999)
    hint(deal)
    account.data.edit_deal(deal, Amount=1000)

    run()

    revenue = one(warehouse, "select sum(total_revenue)::text from customer_sales")
    assert last_run(warehouse).sums["after"]["revenue"] == revenue


def test_a_deal_that_is_gone_is_proved_to_be_and_leaves_the_totals(
    account: Simulator, warehouse: Warehouse, hint: Hinted
) -> None:
    deal = next(deal["Id"] for deal in account.data.deals() if deal["StatusId"] == 2 and deal["ContactId"])
    account.data.delete_deal(deal)

    hint(deal)

    assert one(warehouse, "select deleted_at is not null from sales where deal_id = %s", deal)
    assert_agrees(account, warehouse)
    assert_counted(warehouse)
    assert account.requests.count("/Deals", text=f"$filter=Id eq {deal}") >= 2
    assert account.requests.count("/Self") == 1


@pytest.mark.parametrize("action", ["nothing", "overload", "empty", "no-count"])
def test_an_empty_answer_under_load_deletes_nothing(
    account: Simulator, warehouse: Warehouse, hint: Hinted, action: str
) -> None:
    deal = open_deal(account)
    account.faults.add(Fault(action, path="/Deals", times=None))

    with pytest.raises(PloomesUnavailable):
        hint(deal)

    assert not one(warehouse, "select deleted_at is not null from sales where deal_id = %s", deal)
    assert waiting(warehouse) == 1


def test_what_another_user_does_not_see_is_not_gone(account: Simulator, warehouse: Warehouse, hint: Hinted) -> None:
    deal = open_deal(account)
    account.restrict(user_id=account.data.ids("Users")[0], visible={"Deals": f"Id ne {deal}"})

    hint(deal)

    assert not one(warehouse, "select deleted_at is not null from sales where deal_id = %s", deal)


def test_webhooks_cannot_empty_the_house(account: Simulator, warehouse: Warehouse, hint: Hinted) -> None:
    """What a run's audit would refuse, hints leave to a run."""
    contacts = account.data.ids("Contacts")[:40]
    for contact in contacts:
        account.data.delete_contact(contact)

    hint(contacts=tuple(contacts))

    assert one(warehouse, "select count(*) from customers where deleted_at is not null") == 0
    assert waiting(warehouse) == 0


def test_the_deals_of_a_vanished_contact_are_read_again(account: Simulator, warehouse: Warehouse, hint: Hinted) -> None:
    kept, gone = (deal["ContactId"] for deal in list(account.data.deals())[:2])
    if kept == gone:
        gone = next(deal["ContactId"] for deal in account.data.deals() if deal["ContactId"] not in (None, kept))
    account.data.merge_contacts(kept, gone)

    hint(contacts=(gone,))

    assert_agrees(account, warehouse)


def test_a_row_that_is_named_while_it_is_read_is_read_again(
    account: Simulator, warehouse: Warehouse, hint: Hinted
) -> None:
    deal = open_deal(account)
    account.data.win_deal(deal, Amount=1)

    def edited(step: str) -> None:
        if step == "read" and account.data.deal(deal)["Amount"] == 1:
            account.clock.advance(1)
            account.data.edit_deal(deal, Amount=2)
            put(warehouse, "deals", deal)

    hint(deal, at_step=edited)

    assert_agrees(account, warehouse)
    assert waiting(warehouse) == 0


def test_a_run_that_publishes_while_a_row_is_read_wins(
    account: Simulator, warehouse: Warehouse, hint: Hinted, run: Callable[..., Outcome]
) -> None:
    """What the run read is newer than what the hint read, whatever the clocks say."""
    deal = open_deal(account)
    account.data.win_deal(deal, Amount=1)
    ran: list[Outcome] = []

    def overtaken(step: str) -> None:
        if step == "read" and not ran:
            account.data.delete_deal(deal)
            ran.append(run())

    hint(deal, at_step=overtaken)

    assert ran
    assert_agrees(account, warehouse)
    assert_counted(warehouse)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("step", ["staged", "read", "closed", "audited"])
def test_a_run_takes_nothing_back_from_a_hint(
    account: Simulator, warehouse: Warehouse, hint: Hinted, run: Callable[..., Outcome], full: bool, step: str
) -> None:
    """What the run staged before the edit is older than what the hint published meanwhile, deletions included."""
    won, gone = [deal["Id"] for deal in account.data.deals() if deal["StatusId"] == 1 and deal["ContactId"]][:2]
    account.data.edit_deals([won, gone], Title="Lido antes")
    done: list[str] = []

    def meanwhile(reached: str) -> None:
        if reached == step and not done:
            done.append(reached)
            account.clock.advance(30)
            account.data.win_deal(won, Amount=4321)
            account.data.delete_deal(gone)
            hint(won, gone, account.data.create_deal(StatusId=2, Amount=8))

    run(full=full, at_step=meanwhile)

    assert done
    assert_agrees(account, warehouse)
    assert_counted(warehouse)
    run()
    assert_agrees(account, warehouse)
    assert set(verdicts(last_run(warehouse), "counts")) == {"ok"}


def test_many_hints_after_the_last_count_do_not_refuse_a_run(
    account: Simulator, warehouse: Warehouse, hint: Hinted, run: Callable[..., Outcome]
) -> None:
    account.data.edit_deal(open_deal(account), Title="Outro")

    def imported(request: Any) -> None:
        closing = "LastUpdateDate desc" in request.query and request.path == "/Deals"
        if closing:
            seen.append(request.number)
        if closing and len(seen) == 2:
            new.extend(account.data.create_deal(StatusId=2, Amount=1) for _ in range(30))

    def published(step: str) -> None:
        if step == "closed" and new:
            hint(*new)

    seen: list[int] = []
    new: list[int] = []
    account.before_request(imported)
    run(at_step=published)

    run()

    assert_agrees(account, warehouse)
    assert set(verdicts(last_run(warehouse), "counts")) == {"ok"}


def test_a_row_that_came_by_a_hint_and_went_unseen_is_found(
    account: Simulator, warehouse: Warehouse, hint: Hinted, run: Callable[..., Outcome]
) -> None:
    """Newest change and count are those of the last run again, and still the next one has to look."""
    new = account.data.create_deal(StatusId=2, Amount=1_000_000)
    hint(new)
    account.data.delete_deal(new)

    run()

    assert_agrees(account, warehouse)
    assert run().requests == 2


def test_an_unreadable_row_is_put_aside_and_comes_back(
    account: Simulator, warehouse: Warehouse, hint: Hinted, run: Callable[..., Outcome]
) -> None:
    deal = next(deal["Id"] for deal in account.data.deals() if deal["StatusId"] == 2)
    account.faults.add(Fault("rows", path="/Deals", ids=(deal,), set={"Amount": "doze"}, times=None))
    hint(deal)
    assert one(warehouse, "select rejected_at is not null from sales where deal_id = %s", deal)

    account.faults.clear()
    hint(deal)

    assert not one(warehouse, "select rejected_at is not null from sales where deal_id = %s", deal)
    assert_agrees(account, warehouse)
    run()
    assert set(verdicts(last_run(warehouse), "counts")) == {"ok"}


def test_a_hint_that_fails_again_and_again_is_left_to_the_runs(
    account: Simulator, settings: Settings, warehouse: Warehouse, hint: Hinted
) -> None:
    nowhere = replace(settings, ploomes_base_url="http://127.0.0.1:1")
    put(warehouse, "deals", open_deal(account))

    for _ in range(publishing.MOST_TRIES):
        assert waiting(warehouse) == 1
        with warehouse.transaction() as connection:
            connection.execute("update hints set due_at = now()")
        with (
            publishing.reader(nowhere, warehouse, Event(), patience=QUICK) as reader,
            pytest.raises(PloomesUnavailable),
        ):
            reader.publish_due()

    assert waiting(warehouse) == 0


def test_a_run_covers_what_was_named_before_it_opened(
    account: Simulator, warehouse: Warehouse, run: Callable[..., Outcome]
) -> None:
    """Where no worker is there to read them, hints do not pile up."""
    put(warehouse, "deals", open_deal(account))

    run(at_step=lambda step: put(warehouse, "contacts", 1) if step == "opened" else None)

    assert waiting(warehouse) == 1


def test_before_the_first_run_hints_wait(settings: Settings, warehouse: Warehouse, hint: Hinted) -> None:
    assert hint(1) == 0
    assert waiting(warehouse) == 1


def test_what_somebody_else_is_reading_is_left_to_him(account: Simulator, warehouse: Warehouse, hint: Hinted) -> None:
    put(warehouse, "deals", open_deal(account))
    with warehouse.transaction() as connection:
        assert len(hints.take(connection, "deals", 60, 10)) == 1

    assert hint() == 0
    assert waiting(warehouse) == 1


def test_no_more_is_taken_than_one_request_can_ask_for_whatever_the_plan(warehouse: Warehouse) -> None:
    """A plan that asks for the hints anew for each row must not get others each time."""
    put(warehouse, "deals", *range(1, 101))
    with warehouse.transaction() as connection:
        for one_way in ("hashjoin", "mergejoin", "material", "memoize", "sort", "hashagg"):
            connection.execute(f"set local enable_{one_way} = off")
        assert len(hints.take(connection, "deals", 60, 40)) == 40


def test_every_request_is_booked_with_everybodys(account: Simulator, warehouse: Warehouse, hint: Hinted) -> None:
    with warehouse.transaction() as connection:
        connection.execute("delete from request_bookings")

    hint(open_deal(account))

    assert one(warehouse, "select sum(requests) from request_bookings") >= len(account.requests)


@pytest.mark.parametrize("seed", range(3))
def test_any_story_of_edits_hints_and_runs_ends_in_the_truth(
    account: Simulator, warehouse: Warehouse, hint: Hinted, run: Callable[..., Outcome], seed: int
) -> None:
    """Whoever edits, whatever webhooks get lost, and wherever in a run hints are published."""
    dice = random.Random(seed)
    data = account.data

    def edit() -> tuple[str, int]:
        deal, contact = dice.choice(data.ids()), dice.choice(data.ids("Contacts"))
        match dice.randrange(8):
            case 0:
                return "deals", data.create_deal(ContactId=contact, StatusId=2, Amount=dice.randrange(1000))
            case 1:
                data.win_deal(deal, Amount=dice.randrange(1000))
            case 2:
                data.move_deal(deal, contact)
            case 3:
                data.delete_deal(deal)
            case 4:
                data.reopen_deal(deal)
            case 5:
                data.rename_contact(contact, f"Nome {dice.random()}")
                return "contacts", contact
            case 6:
                return "contacts", data.create_contact(Name=f"Novo {dice.random()}")
            case 7:
                data.merge_contacts(next(one for one in data.ids("Contacts") if one != contact), contact)
                return "contacts", contact
        return "deals", deal

    def work(step: str = "") -> None:
        if step == "published, not committed":
            return  # whoever publishes now would wait for this very run
        for _ in range(dice.randrange(4)):
            account.clock.advance(dice.choice((0, 0.5, 3)))
            entity, key = edit()
            if dice.random() < 0.8:
                put(warehouse, entity, key)
        if dice.random() < 0.7:
            hint()

    for _ in range(8):
        work()
        run(full=dice.random() < 0.2, at_step=work)
        assert_counted(warehouse)

    account.clock.advance(200)
    run()
    run()
    assert_agrees(account, warehouse)
    assert_counted(warehouse)
    assert set(verdicts(last_run(warehouse), "counts")) == {"ok"}
