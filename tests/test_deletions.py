"""What is no longer in Ploomes leaves every total; what only seems to be gone does not."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import assert_agrees, published
from quick import QUICK, Run, last_run, one, snapshot, verdicts

from carteira.errors import CarteiraError, PloomesUnavailable, Refused
from carteira.settings import Settings
from carteira.simulator.faults import Fault
from carteira.simulator.server import Simulator
from carteira.sync.deletions import Stretch, halved, halving_pays, listed, split
from carteira.sync.run import sync
from carteira.warehouse.connection import Warehouse

NOON = datetime(2026, 11, 24, 15, tzinfo=UTC)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """An account whose clock stands."""
    with Simulator(deals=600, customers=80, now=NOON) as ploomes:
        yield ploomes


def won(simulator: Simulator) -> list[int]:
    return [d["Id"] for d in simulator.data.deals() if d["StatusId"] == 2 and d["ContactId"] and d["Amount"]]


def test_a_deleted_deal_leaves_the_sums(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """The row stays with the date on which it was missed; the run says that it deleted."""
    deal = won(simulator)[0]
    simulator.data.delete_deal(deal)

    outcome = run()

    assert (outcome.customers, outcome.deals) == (0, 1)
    assert "1 of them deleted" in outcome.message
    assert one(warehouse, "select deleted_at is not null from sales where deal_id = %s", deal)
    assert last_run(warehouse).deals_deleted == 1
    assert_agrees(simulator, warehouse)
    assert run().requests == 2


def test_a_deleted_contact_keeps_its_name_while_deals_name_it(
    run: Run, simulator: Simulator, warehouse: Warehouse
) -> None:
    """With deals it stays with them, marked; without any it is gone from customer_sales."""
    with_deals = simulator.data.deal(won(simulator)[0])["ContactId"]
    without = simulator.data.create_contact(Name="Sem negócios")
    run()
    simulator.data.delete_contact(with_deals)
    simulator.data.delete_contact(without)

    outcome = run()

    assert (outcome.customers, outcome.deals) == (2, 0)
    assert without not in published(warehouse)
    assert with_deals in published(warehouse)
    assert one(warehouse, "select deleted_at is not null from customers where customer_id = %s", with_deals)
    assert_agrees(simulator, warehouse)


@pytest.mark.parametrize("full", [False, True])
def test_a_row_that_returns_is_undone(run: Run, simulator: Simulator, warehouse: Warehouse, full: bool) -> None:
    """Back with the LastUpdateDate it had: only the count tells, and the tombstone is lifted."""
    deal = simulator.data.deal(won(simulator)[0])
    simulator.data.delete_deal(deal["Id"])
    run()
    simulator.data.restore_deal(deal)
    run(full=full)

    assert one(warehouse, "select deleted_at from sales where deal_id = %s", deal["Id"]) is None
    assert_agrees(simulator, warehouse)


def test_deletions_and_creations_that_offset_each_other(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """As many came as went: the count alone shows nothing, the new rows' Ids do."""
    contact = simulator.data.ids("Contacts")[5]
    for deal in won(simulator)[:3]:
        simulator.data.delete_deal(deal)
        simulator.data.create_deal(ContactId=contact, StatusId=2, Amount=Decimal("1.01"), FinishDate=NOON)
    gone = simulator.data.create_contact(Name="Fica")
    simulator.data.delete_contact(simulator.data.ids("Contacts")[7])
    run()

    assert one(warehouse, "select count(*) from customers where customer_id = %s", gone) == 1
    assert_agrees(simulator, warehouse)


@pytest.mark.parametrize("moved", [True, False])
@pytest.mark.parametrize("full", [True, False])
def test_merged_contacts(run: Run, simulator: Simulator, warehouse: Warehouse, moved: bool, full: bool) -> None:
    """One contact takes another's deals, with or without moving their LastUpdateDate."""
    first, second = sorted({simulator.data.deal(deal)["ContactId"] for deal in won(simulator)})[:2]
    if not moved:
        for deal in [d["Id"] for d in simulator.data.deals() if d["ContactId"] == second]:
            simulator.data.edit_deal(deal, silent=True, ContactId=first, ContactName="Ficou")
    simulator.data.merge_contacts(first, second, move_deals=moved)
    run(full=full)

    assert_agrees(simulator, warehouse)


def test_a_merge_that_leaves_the_deals_where_they_are(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """They go on naming a contact that nobody can read any more."""
    first, second = sorted({simulator.data.deal(deal)["ContactId"] for deal in won(simulator)})[:2]
    simulator.data.merge_contacts(first, second, move_deals=False)
    run()

    assert second in published(warehouse)
    assert_agrees(simulator, warehouse)


def test_halving_costs_what_was_promised(settings: Settings, warehouse: Warehouse) -> None:
    """At most 3 + 2·d·log2(n/300) requests for d deleted among n, the run's own reading aside."""
    with Simulator(deals=30_000, customers=200, now=NOON) as large:
        settings = replace(settings, ploomes_base_url=large.url)
        sync(settings, warehouse, patience=QUICK)
        for gone in (1, 3, 9):
            large.clock.advance(600)
            ids = large.data.ids()
            for nth in range(gone):
                large.data.delete_deal(ids[len(ids) // gone * nth + 77])
            large.requests.clear()
            sync(settings, warehouse, patience=QUICK)

            openings = large.requests.count(text="$orderby=LastUpdateDate desc")
            pages = large.requests.count(text="LastUpdateDate ge")
            assert len(large.requests) - openings - pages <= 3 + 2 * gone * log2(30_000 / 300)
        assert one(warehouse, "select count(*) from sales where deleted_at is not null") == 13
        assert_agrees(large, warehouse)


def test_more_than_a_tenth_is_not_believed(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """61 of 600 deals would go: refused, with the verdict on record and nothing changed, until it is accepted."""
    before = snapshot(warehouse)
    for deal in won(simulator)[:61]:
        simulator.data.delete_deal(deal)

    with pytest.raises(Refused, match=r"61 of 600 deals would vanish.*--accept-deletions"):
        run()
    assert snapshot(warehouse) == before
    refused = last_run(warehouse)
    assert (refused.state, verdicts(refused, "shrinkage").count("refused")) == ("refused", 1)
    with pytest.raises(Refused):
        run()

    assert run(accept_deletions=True).deals == 61
    assert_agrees(simulator, warehouse)


@pytest.mark.parametrize("gone", [20, 60])
def test_a_tenth_or_twenty_are_believed(run: Run, simulator: Simulator, warehouse: Warehouse, gone: int) -> None:
    """Up to the brake nobody is asked."""
    for deal in won(simulator)[:gone]:
        simulator.data.delete_deal(deal)
    run()

    assert_agrees(simulator, warehouse)


def test_nothing_of_five_is_not_believed(settings: Settings, warehouse: Warehouse) -> None:
    """Twenty rows or fewer are under the brake, but not when nothing is left."""
    with Simulator(deals=40, customers=6, now=NOON) as small:
        for contact in small.data.ids("Contacts")[5:]:
            small.data.delete_contact(contact)
        settings = replace(settings, ploomes_base_url=small.url)
        sync(settings, warehouse, patience=QUICK)
        before = snapshot(warehouse)
        small.clock.advance(60)
        for contact in small.data.ids("Contacts"):
            small.data.delete_contact(contact)

        with pytest.raises(Refused, match="5 of 5 contacts would vanish"):
            sync(settings, warehouse, patience=QUICK)
        assert snapshot(warehouse) == before
        sync(settings, warehouse, patience=QUICK, accept_deletions=True)
        assert_agrees(small, warehouse)


@pytest.mark.parametrize("full", [False, True])
def test_another_user_or_profile_deletes_nothing(
    run: Run, simulator: Simulator, warehouse: Warehouse, full: bool
) -> None:
    """The key sees less because it is somebody else's now: what it cannot see may well be there."""
    before = snapshot(warehouse)
    hidden = won(simulator)[:2]
    simulator.restrict(visible={"Deals": f"Id ne {hidden[0]} and Id ne {hidden[1]}"})
    user = simulator.keys[simulator.key].user_id
    simulator.data.edit_row("Users", user, ProfileId=987)

    with pytest.raises(Refused, match="another user's or profile's"):
        run(full=full)
    assert snapshot(warehouse) == before
    run(full=full, accept_deletions=True)
    assert one(warehouse, "select count(*) from sales where deleted_at is not null") == 2
    simulator.data.delete_deal(won(simulator)[5])
    assert run().deals == 1


NOTHING = Fault("html", body='{"@odata.count":0,"value":[]}', times=None)
EMPTY = [Fault("overload", times=None), NOTHING]
PLACES = ["", "$select=Id&", "Id gt", "Id eq", "$orderby=LastUpdateDate", "LastUpdateDate ge"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", EMPTY)
@pytest.mark.parametrize("full", [False, True])
def test_an_empty_answer_deletes_nothing(
    run: Run, simulator: Simulator, warehouse: Warehouse, fault: Fault, place: str, full: bool
) -> None:
    """Whatever is answered with nothing, and however often: no row is tombstoned that is still there."""
    kept = won(simulator)[40:]
    simulator.data.delete_deal(won(simulator)[3])
    simulator.data.edit_deal(kept[0], Amount=Decimal("3.21"))
    simulator.faults.add(replace(fault, path="/[DC]*", text=place))

    try:
        run(full=full)
    except CarteiraError:
        assert one(warehouse, "select count(*) from sales where deleted_at is not null") == 0
    assert one(warehouse, "select count(*) from sales where deleted_at is not null and deal_id = any(%s)", kept) == 0
    assert one(warehouse, "select count(*) from customers where deleted_at is not null") == 0
    simulator.faults.clear()
    run()
    assert_agrees(simulator, warehouse)


def test_a_leaf_that_is_answered_with_nothing_is_not_believed(
    settings: Settings, run: Run, simulator: Simulator, warehouse: Warehouse
) -> None:
    """Few enough rows for every brake: the listing of one stretch lies, and an answer with a row in it is asked for."""
    deals = simulator.data.ids()
    simulator.data.delete_deal(deals[300])
    simulator.clock.advance(600)
    simulator.faults.add(replace(NOTHING, path="/Deals", text="&$orderby=Id&$top=5&$select=Id&"))
    with pytest.raises(PloomesUnavailable, match="nothing where it holds rows"):
        sync(settings, warehouse, patience=QUICK, page=5)

    assert one(warehouse, "select count(*) from sales where deleted_at is not null") == 0
    simulator.faults.clear()
    run()
    assert_agrees(simulator, warehouse)


def test_a_whole_leaf_that_is_gone_is_believed(
    settings: Settings, simulator: Simulator, run: Run, warehouse: Warehouse
) -> None:
    """Its neighbours answer for it: at the beginning, in the middle, at the end, and where it was the newest."""
    deals = simulator.data.ids()
    newest = max(simulator.data.deals(), key=lambda deal: (deal["LastUpdateDate"], deal["Id"]))["Id"]
    for deal in {*deals[:5], *deals[300:306], *deals[-5:], newest}:
        simulator.data.delete_deal(deal)
    simulator.clock.advance(600)
    sync(settings, warehouse, patience=QUICK, page=5)

    assert_agrees(simulator, warehouse)


def test_deals_of_a_vanished_contact_are_not_deleted_by_silence(
    run: Run, simulator: Simulator, warehouse: Warehouse
) -> None:
    """Read again by their Ids and answered with nothing, they are looked for beside a row that is there."""
    simulator.data.delete_contact(simulator.data.deal(won(simulator)[0])["ContactId"])
    simulator.faults.add(replace(NOTHING, path="/Deals", text="Id eq"))
    with pytest.raises(PloomesUnavailable):
        run()

    simulator.faults.clear()
    run()
    assert one(warehouse, "select count(*) from sales where deleted_at is not null") == 0
    assert_agrees(simulator, warehouse)


def search(known: array[int], there: list[int], page: int) -> tuple[list[Stretch], int]:
    """Halve until every differing stretch is small; the stretches and how many counts it took."""
    small: list[Stretch] = []
    large, asked = [Stretch(0, None, len(known), len(there))], 0
    while large:
        stretch = large.pop()
        if not stretch.differs:
            continue
        if stretch.here <= page:
            small.append(stretch)
            continue
        middle = halved(known, stretch)
        asked += 1
        large += split(stretch, middle, sum(stretch.after_id < one <= middle for one in there))
    return small, asked


@given(st.sets(st.integers(1, 10**6), min_size=1, max_size=400), st.data())
def test_halving_leads_to_every_deletion(ids: set[int], data: st.DataObject) -> None:
    """Where only deletions happened, every one of them lies in a stretch that is listed, and few are."""
    known = array("q", sorted(ids))
    gone = data.draw(st.sets(st.sampled_from(sorted(ids)), max_size=6))
    small, asked = search(known, sorted(ids - gone), page=10)
    listed_ids = {one for stretch in small for one in listed(known, stretch)}

    assert gone <= listed_ids
    assert len(small) <= len(gone)
    assert all(stretch.here == len(listed(known, stretch)) for stretch in small)
    assert asked <= len(gone) * (max(0, log2(max(len(ids), 11) / 10)) + 1)


@given(st.integers(0, 10**7), st.integers(1, 10**6))
def test_halving_is_chosen_only_where_it_pays(known: int, difference: int) -> None:
    """Never more requests than listing every Id, and always listing where one page holds all."""
    if halving_pays(known, difference):
        assert known > 300
        assert 2 * difference * log2(known / 300) <= known / 300
