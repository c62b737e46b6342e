"""What an incremental run sees, what it costs, and what it cannot miss however the account moves meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from oracle import assert_agrees
from quick import QUICK, Run, last_run, one, snapshot, verdicts

from carteira.settings import Settings
from carteira.simulator.requests import Request
from carteira.simulator.server import Simulator
from carteira.sync.run import sync
from carteira.warehouse.connection import Warehouse

NOON = datetime(2026, 11, 24, 15, tzinfo=UTC)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """An account whose clock stands, so that ties and quiet minutes are made and not waited for."""
    with Simulator(deals=600, customers=80, now=NOON) as ploomes:
        yield ploomes


def during(simulator: Simulator, path: str, nth: int, edit: Callable[[], object]) -> None:
    """Do `edit` before the nth page of an entity is answered."""
    seen: list[int] = []

    @simulator.before_request
    def between(request: Request) -> None:
        if request.path == path and "Id gt" in request.query:
            seen.append(request.number)
            if len(seen) == nth:
                edit()


def deals_of(simulator: Simulator, status: int) -> list[int]:
    return [deal["Id"] for deal in simulator.data.deals() if deal["StatusId"] == status and deal["ContactId"]]


def test_every_status_counts_where_it_belongs(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """Won, lost and reopened deals leave one sum and enter another; an unknown status is in none."""
    open_deals, won, lost = (deals_of(simulator, status) for status in (1, 2, 3))
    simulator.data.win_deal(open_deals[0], Amount=Decimal("1234.56"))
    simulator.data.lose_deal(open_deals[1])
    simulator.data.reopen_deal(won[0])
    simulator.data.win_deal(lost[0])
    simulator.data.edit_deal(won[1], StatusId=9)
    simulator.data.edit_deal(won[2], StatusId=None)

    assert run().mode == "incremental"
    assert_agrees(simulator, warehouse)
    others = one(warehouse, "select count(*) from sales where status = 'other' and deal_id = any(%s)", won[1:3])
    assert others == 2


def test_a_moved_deal_changes_both_customers(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """The customer that lost a deal is right as soon as the one that got it, also when it went to nobody."""
    first, second = deals_of(simulator, 2)[:2]
    target = next(c["Id"] for c in simulator.data.contacts() if c["Id"] != simulator.data.deal(first)["ContactId"])
    simulator.data.move_deal(first, target)
    simulator.data.move_deal(second, None)

    assert run().deals == 2
    assert_agrees(simulator, warehouse)


def test_a_renamed_contact_shows_though_no_deal_changed(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """Name and CNPJ are the contact's as it is now."""
    contact = next(c for c in simulator.data.contacts() if c["TypeId"] == 1)
    simulator.data.edit_contact(contact["Id"], Name="Padaria Três Irmãos", CNPJ="11222333000181")

    outcome = run()

    assert (outcome.customers, outcome.deals) == (1, 0)
    assert_agrees(simulator, warehouse)
    cnpj = one(warehouse, "select customer_cnpj from customer_sales where customer_id = %s", contact["Id"])
    assert cnpj == "11222333000181"


def test_a_quiet_run_costs_two_requests(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """Nothing changed: nothing is read, nothing is published, and it is on record all the same."""
    before = snapshot(warehouse)

    outcome = run()

    assert (outcome.requests, len(simulator.requests)) == (2, 2)
    assert outcome.message == "Nothing had changed."
    assert snapshot(warehouse) == before
    assert last_run(warehouse).state == "succeeded"


@pytest.mark.parametrize("path", ["/Deals", "/Contacts"])
def test_edits_between_pages_are_right_after_this_run_or_the_next(
    run: Run, simulator: Simulator, warehouse: Warehouse, path: str
) -> None:
    """Rows edited, created, moved and deleted while pages are read; nothing else happens afterwards."""
    data, ids = simulator.data, simulator.data.ids()
    contacts = simulator.data.ids("Contacts")

    def edit() -> None:
        simulator.clock.advance(1)
        data.edit_deals([ids[0], ids[-1]], Amount=Decimal("10.01"))
        data.move_deal(ids[5], contacts[3])
        data.delete_deal(ids[1])
        data.delete_deal(ids[-2])
        data.create_deal(ContactId=contacts[0], StatusId=2, Amount=Decimal("77.77"), FinishDate=simulator.clock.now())
        data.rename_contact(contacts[0], "Outro nome")
        data.delete_contact(contacts[1])
        data.create_contact(Name="Novo")

    during(simulator, path, 2, edit)
    run(full=True)
    run()

    assert_agrees(simulator, warehouse)
    assert run().requests == 2


def test_edits_before_any_page_of_an_incremental_run(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """The rows of the second page are edited before it is read, the first page's after it was."""
    ids = simulator.data.ids()
    simulator.data.edit_deals(ids[:450], Amount=Decimal(1))

    def edit() -> None:
        simulator.clock.advance(1)
        simulator.data.edit_deals([ids[0], ids[440]], Amount=Decimal("2.02"))

    during(simulator, "/Deals", 2, edit)
    run()

    assert_agrees(simulator, warehouse)


def test_rows_that_share_a_time_stamp_are_all_read(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """A bulk edit of more rows than a page holds carries one and the same millisecond."""
    ids = simulator.data.ids()
    simulator.data.edit_deals(ids[100:500], Amount=Decimal("3.50"))

    assert run().deals == 400
    assert_agrees(simulator, warehouse)


def test_an_edit_that_shares_the_newest_time_stamp(
    settings: Settings, run: Run, simulator: Simulator, warehouse: Warehouse
) -> None:
    """Newest change, its Id and the count look as before, and yet a row changed in that very millisecond."""
    low, high = simulator.data.ids()[10], simulator.data.ids()[-10]
    simulator.data.edit_deal(high, Amount=Decimal(5))
    sync(settings, warehouse, patience=QUICK)
    simulator.data.edit_deal(low, Amount=Decimal(6))

    assert run().deals == 1
    assert_agrees(simulator, warehouse)
    assert run().requests == 2


def test_a_row_dated_in_the_future_hides_no_other(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """It is reported, the watermark stays behind Ploomes' own clock, and when it is dated back that counts too."""
    odd, other = deals_of(simulator, 2)[:2]
    simulator.data.edit_deal(odd, LastUpdateDate=NOON + timedelta(days=9000), Amount=Decimal("1.50"))
    run()
    assert verdicts(last_run(warehouse), "future") == ["warning"]

    simulator.data.edit_deal(other, Amount=Decimal("2.50"))
    run()
    assert_agrees(simulator, warehouse)

    simulator.data.edit_deal(odd, Amount=Decimal("3.50"))
    run()
    assert_agrees(simulator, warehouse)
    run()
    assert verdicts(last_run(warehouse), "future") == []


def test_a_change_of_this_second_is_not_in_the_future(
    settings: Settings, run: Run, simulator: Simulator, warehouse: Warehouse
) -> None:
    """The Date header has whole seconds: a change half a second later than it says is none of tomorrow's."""
    simulator.clock.advance(0.7)
    simulator.data.edit_deal(simulator.data.ids()[0], Amount=Decimal(4))
    sync(settings, warehouse, patience=QUICK)

    assert verdicts(last_run(warehouse), "future") == []


def test_a_full_read_heals_an_edit_that_moved_no_date(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """Nothing tells of a silent edit, so an incremental run leaves it and the next full one does not."""
    simulator.data.edit_deal(deals_of(simulator, 2)[0], silent=True, Amount=Decimal("987.65"))
    run()
    with pytest.raises(AssertionError):
        assert_agrees(simulator, warehouse)

    run(full=True)
    assert_agrees(simulator, warehouse)


def test_a_placeholder_is_made_renamed_made_real_and_gone(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """A contact that deals name and nobody may read is there under the name they give it, while they do."""
    data = simulator.data
    hidden = data.create_contact(Name="Escondido")
    data.hide_contact(hidden)
    deal = data.create_deal(ContactId=hidden, ContactName="Escondido", StatusId=2, Amount=9, FinishDate=NOON)
    kind = "select placeholder from customers where customer_id = %s"
    name = "select customer_name from customer_sales where customer_id = %s"
    run()
    assert (one(warehouse, kind, hidden), one(warehouse, name, hidden)) == (True, "Escondido")

    data.edit_deal(deal, ContactName="Escondido e Filhos")
    run()
    assert one(warehouse, name, hidden) == "Escondido e Filhos"

    data.show_contact(hidden)
    data.rename_contact(hidden, "À vista")
    run()
    assert (one(warehouse, kind, hidden), one(warehouse, name, hidden)) == (False, "À vista")
    assert_agrees(simulator, warehouse)

    another = data.create_deal(ContactId=777, ContactName="Só no papel", StatusId=1)
    run()
    assert one(warehouse, name, 777) == "Só no papel"
    data.move_deal(another, hidden)
    run()
    assert one(warehouse, name, 777) is None
    assert_agrees(simulator, warehouse)


def test_a_contact_that_appears_without_a_date_is_found_by_its_count(
    run: Run, simulator: Simulator, warehouse: Warehouse
) -> None:
    """Shown again with the LastUpdateDate it had, only the count tells of it."""
    hidden = simulator.data.hidden_contact_ids() or [simulator.data.ids("Contacts")[0]]
    simulator.data.hide_contact(hidden[0]) if hidden[0] in simulator.data.ids("Contacts") else None
    run()
    simulator.data.show_contact(hidden[0])
    run()

    assert_agrees(simulator, warehouse)


def test_an_unknown_number_brings_its_name(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """The look-up of a new number is read; that of a number nobody knows is not asked for at every run."""
    users = [user["Id"] for user in simulator.data.rows("Users")]
    with warehouse.transaction() as connection:
        connection.execute("delete from owners where owner_id = %s", [users[0]])
    deal = simulator.data.ids()[0]
    simulator.data.edit_deal(deal, OwnerId=users[0], LossReasonId=123456)
    run()

    assert one(warehouse, "select name from owners where owner_id = %s", users[0])
    assert one(warehouse, "select name from loss_reasons where loss_reason_id = 123456") == ""
    simulator.data.edit_deal(deal, Amount=1)
    run()
    assert simulator.requests.count("/Deals@LossReasons") == 0


def test_an_owner_renamed_shows_after_a_full_read(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """Look-ups have no LastUpdateDate; the daily full read brings their names."""
    user = next(iter(simulator.data.rows("Users")))["Id"]
    simulator.data.edit_row("Users", user, Name="Nome de casada")
    run(full=True)

    assert one(warehouse, "select name from owners where owner_id = %s", user) == "Nome de casada"


def test_another_currency_is_kept_apart(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """Dollars are not added to reais, and are once the deal turns out to be in reais."""
    deal = deals_of(simulator, 2)[0]
    for currency in (2, 1, None):
        simulator.data.edit_deal(deal, CurrencyId=currency, Amount=Decimal(1000000))
        run()
        assert_agrees(simulator, warehouse)


def test_nulls_are_values(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """A won deal without amount, date or customer counts as what it is."""
    won = deals_of(simulator, 2)
    simulator.data.edit_deal(won[0], Amount=None)
    simulator.data.edit_deal(won[1], FinishDate=None)
    simulator.data.edit_deal(won[2], ContactId=None, ContactName=None)
    simulator.data.edit_deal(won[3], CurrencyId=None, OwnerId=None, StageId=None, PipelineId=None, Title=None)
    run()

    assert_agrees(simulator, warehouse)


def test_a_refused_expansion_leaves_its_columns_empty(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """City and state are enrichment: refused, they are recorded and cost nothing else."""
    simulator.restrict(forbidden=[("Cities", "Name"), ("Contacts", "LegalName"), ("Deals", "Title")])
    run(full=True)

    assert_agrees(simulator, warehouse)
    refused = set(one(warehouse, "select refused_fields from sync_state"))
    assert {"/Contacts:City($select=Name)", "/Contacts:LegalName", "/Deals:Title"} <= refused
    assert verdicts(last_run(warehouse), "fields") == ["warning"]
    simulator.data.edit_contact(simulator.data.ids("Contacts")[0], Name="Ainda assim")
    run()
    assert simulator.requests.count(status=403) == 0
    assert_agrees(simulator, warehouse)


def test_two_hundred_changes_among_thirty_thousand(settings: Settings, warehouse: Warehouse) -> None:
    """At most 8 requests, whoever was changed."""
    with Simulator(deals=30_000, customers=2_100, now=NOON) as large:
        settings = replace(settings, ploomes_base_url=large.url)
        sync(settings, warehouse, patience=QUICK)
        large.clock.advance(300)
        large.data.edit_deals(large.data.ids()[::150], Amount=Decimal("12.34"))
        large.data.rename_contact(large.data.ids("Contacts")[3], "Outro")
        large.clock.advance(300)
        large.requests.clear()
        sync(settings, warehouse, patience=QUICK)

        assert len(large.requests) <= 8
        assert_agrees(large, warehouse)
