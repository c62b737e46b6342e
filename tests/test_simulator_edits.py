"""Edits of the simulated account, what keys may see of it, and the account that is invented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import urllib3
from stdnum.br import cnpj as cnpj_rules
from stdnum.br import cpf as cpf_rules

from carteira.simulator.clock import BRASILIA
from carteira.simulator.requests import Request
from carteira.simulator.server import Simulator

NOON = datetime(2026, 5, 4, 15, tzinfo=UTC)


@pytest.fixture
def ploomes() -> Iterator[Simulator]:
    with Simulator(deals=60, customers=12, now=NOON) as simulator:
        yield simulator


@pytest.mark.parametrize("hour", [0, 3, 6, 10, 10.6, 14, 18, 21.9, 22, 23.5])
def test_an_invented_account_is_quiet_at_any_time_of_the_day(hour: float) -> None:
    """What was changed this very second would be read again by whoever comes next."""
    now = datetime(2026, 11, 25, tzinfo=UTC) + timedelta(hours=hour)
    with Simulator(deals=300, customers=40, now=now) as ploomes:
        newest = {
            name: max(row["LastUpdateDate"] for row in rows(ploomes, f"{name}?$top=300"))
            for name in ("Deals", "Contacts")
        }

    assert max(map(datetime.fromisoformat, newest.values())) < now - timedelta(minutes=9)


def rows(ploomes: Simulator, query: str, key: str | None = None) -> list[dict[str, Any]]:
    answer = urllib3.request("GET", f"{ploomes.url}/{query}", headers={"User-Key": key or ploomes.key})
    assert answer.status == 200, answer.data
    return list(answer.json()["value"])


def count(ploomes: Simulator, query: str, key: str | None = None) -> int:
    headers = {"User-Key": key or ploomes.key}
    answer = urllib3.request("GET", f"{ploomes.url}/{query}{'&' if '?' in query else '?'}$count=true", headers=headers)
    return int(answer.json()["@odata.count"])


def test_a_new_deal_is_read_at_once(ploomes: Simulator) -> None:
    contact = next(ploomes.data.contacts())
    ploomes.clock.set(NOON + timedelta(microseconds=4_000))

    key = ploomes.data.create_deal(Title="Bombas", ContactId=contact["Id"], Amount=Decimal("12.5"), OwnerId=None)

    (deal,) = rows(
        ploomes, f"Deals({key})?$select=Title,ContactName,Amount,StatusId,CreateDate,LastUpdateDate,FinishDate"
    )
    assert deal == {
        "Title": "Bombas",
        "ContactName": contact["Name"],
        "Amount": 12.5,
        "StatusId": 1,
        "CreateDate": "2026-05-04T12:00:00.003-03:00",
        "LastUpdateDate": "2026-05-04T12:00:00.003-03:00",
        "FinishDate": None,
    }
    assert count(ploomes, "Deals") == 61


def test_new_ids_come_from_both_blocks(ploomes: Simulator) -> None:
    """A newer deal may have a lower Id than all that a reader has passed."""
    keys = [ploomes.data.create_deal() for _ in range(4)]

    assert sorted(key > 1_000_000_000 for key in keys) == [False, False, True, True]
    assert set(keys) <= {
        row["Id"] for row in rows(ploomes, "Deals?$filter=Title eq 'Novo negócio'".replace(" ", "%20"))
    }


def test_winning_losing_and_reopening(ploomes: Simulator) -> None:
    key = ploomes.data.create_deal(Amount=10)
    told: list[tuple[Any, ...]] = []
    for minute, change in enumerate((ploomes.data.win_deal, ploomes.data.lose_deal, ploomes.data.reopen_deal)):
        ploomes.clock.set(NOON + timedelta(minutes=minute))
        change(key)
        deal = ploomes.data.deal(key)
        told.append((deal["StatusId"], deal["FinishDate"], deal["LastUpdateDate"]))

    first, second, third = (NOON + timedelta(minutes=minute) for minute in range(3))
    assert told == [(2, first, first), (3, second, second), (1, None, third)]


def test_moving_a_deal_takes_the_other_contacts_name(ploomes: Simulator) -> None:
    one, other = list(ploomes.data.contacts())[:2]
    key = ploomes.data.create_deal(ContactId=one["Id"])

    ploomes.data.move_deal(key, other["Id"])
    assert ploomes.data.deal(key)["ContactName"] == other["Name"]
    ploomes.data.move_deal(key, None)
    assert (ploomes.data.deal(key)["ContactId"], ploomes.data.deal(key)["ContactName"]) == (None, None)


def test_a_deleted_row_is_gone_from_lists_keys_and_counts(ploomes: Simulator) -> None:
    key = ploomes.data.ids()[5]
    row = ploomes.data.deal(key)
    assert count(ploomes, f"Deals?$filter=Id+ge+{key}") == 55

    ploomes.data.delete_deal(key)

    assert count(ploomes, f"Deals?$filter=Id+ge+{key}") == 54
    assert key not in {each["Id"] for each in rows(ploomes, "Deals")}
    assert urllib3.request("GET", f"{ploomes.url}/Deals({key})", headers={"User-Key": ploomes.key}).status == 404
    ploomes.data.restore_deal(row)
    assert ploomes.data.deal(key) == row
    assert rows(ploomes, "Deals")[5]["Id"] == key


def test_a_bulk_edit_leaves_one_time_stamp(ploomes: Simulator) -> None:
    keys = ploomes.data.ids()[10:40]

    ploomes.data.edit_deals(keys, OwnerId=10_000_003)

    assert len({ploomes.data.deal(key)["LastUpdateDate"] for key in keys}) == 1
    assert {ploomes.data.deal(key)["OwnerId"] for key in keys} == {10_000_003}


def test_a_silent_edit_moves_no_date(ploomes: Simulator) -> None:
    key = ploomes.data.ids()[0]
    before = ploomes.data.deal(key)

    ploomes.data.edit_deal(key, silent=True, Amount="999999999999.99")

    assert ploomes.data.deal(key) == {**before, "Amount": Decimal("999999999999.99")}


@pytest.mark.parametrize("amount", [None, 0, -5, Decimal("0.0001"), Decimal("-12.3456"), Decimal("90071992547409.91")])
def test_any_amount_can_be_set(ploomes: Simulator, amount: Decimal | None) -> None:
    key = ploomes.data.create_deal(Amount=amount)
    query = f"{ploomes.url}/Deals({key})?$select=Amount"

    raw = urllib3.request("GET", query, headers={"User-Key": ploomes.key}).data.decode()

    assert f'[{{"Amount":{"null" if amount is None else amount}}}]' in raw
    assert ploomes.data.deal(key)["Amount"] == amount


def test_contacts_are_renamed_without_their_deals(ploomes: Simulator) -> None:
    deal = next(row for row in ploomes.data.deals() if row["ContactName"])
    ploomes.clock.advance(60)

    ploomes.data.rename_contact(deal["ContactId"], "Outro Nome S.A.")

    contact = ploomes.data.contact(deal["ContactId"])
    assert contact["Name"] == "Outro Nome S.A."
    assert contact["LastUpdateDate"] > deal["LastUpdateDate"]
    assert ploomes.data.deal(deal["Id"]) == deal


@pytest.mark.parametrize("moves", [True, False])
def test_merging_contacts(ploomes: Simulator, moves: bool) -> None:
    kept, gone = (ploomes.data.create_contact(Name=name) for name in ("Fica", "Some"))
    key = ploomes.data.create_deal(ContactId=gone)

    ploomes.data.merge_contacts(kept, gone, move_deals=moves)

    assert gone not in ploomes.data.ids("Contacts")
    assert ploomes.data.deal(key)["ContactId"] == (kept if moves else gone)
    assert ploomes.data.deal(key)["ContactName"] == ("Fica" if moves else "Some")


def test_a_hidden_contact_is_named_by_its_deals_only(ploomes: Simulator) -> None:
    contact = ploomes.data.create_contact(Name="Oculta")
    key = ploomes.data.create_deal(ContactId=contact)

    ploomes.data.hide_contact(contact)
    (deal,) = rows(ploomes, f"Deals({key})?$select=ContactName&$expand=Contact")
    assert deal == {"ContactName": "Oculta", "Contact": None}
    assert contact in ploomes.data.hidden_contact_ids()
    assert count(ploomes, "Contacts") == 12

    ploomes.data.show_contact(contact)
    assert count(ploomes, "Contacts") == 13
    assert rows(ploomes, f"Contacts({contact})?$select=Name") == [{"Name": "Oculta"}]


def test_what_does_not_exist_cannot_be_edited(ploomes: Simulator) -> None:
    contact = ploomes.data.ids("Contacts")[0]
    edits: list[Callable[[], object]] = [
        lambda: ploomes.data.edit_deal(5, Amount=1),
        lambda: ploomes.data.delete_contact(5),
        lambda: ploomes.data.edit_contact(contact, Nonsense=1),
        lambda: ploomes.data.hide_contact(5),
    ]
    for edit in edits:
        with pytest.raises(KeyError):
            edit()


def test_edits_between_two_pages(ploomes: Simulator) -> None:
    """A hook runs before its request is answered, so that a test can place an edit exactly."""
    last = ploomes.data.ids()[-1]

    @ploomes.before_request
    def delete_behind_the_first_page(request: Request) -> None:
        if request.number == 2:
            ploomes.data.delete_deal(last)

    first = rows(ploomes, "Deals?$top=50&$count=true")
    second = rows(ploomes, "Deals?$top=50&$skip=50")

    assert [row["Id"] for row in first] == ploomes.data.ids()[:50]
    assert [row["Id"] for row in second] == ploomes.data.ids()[50:]
    assert len(second) == 9


def test_skip_loses_a_row_when_one_before_it_is_deleted(ploomes: Simulator) -> None:
    """The window shifts: this is what a `$skip` pager cannot see."""
    everything = ploomes.data.ids()
    first = rows(ploomes, "Deals?$top=30&$select=Id")
    ploomes.data.delete_deal(everything[0])
    second = rows(ploomes, "Deals?$top=30&$skip=30&$select=Id")

    assert set(everything) - {row["Id"] for row in first + second} == {everything[30]}


def test_days_in_stage_move_without_an_edit(ploomes: Simulator) -> None:
    key = ploomes.data.ids()[3]
    query = f"Deals({key})?$select=DaysInStage,LastUpdateDate"
    (before,) = rows(ploomes, query)
    ploomes.clock.advance(3 * 86_400)
    (after,) = rows(ploomes, query)

    assert after == {**before, "DaysInStage": before["DaysInStage"] + 3}


def test_a_filter_on_what_the_clock_moves(ploomes: Simulator) -> None:
    query = "Deals?$filter=DaysInStage+gt+100000&$orderby=HoursInStage+desc"
    assert count(ploomes, query) == 0

    ploomes.clock.advance(101_000 * 86_400.0)

    assert count(ploomes, query) == 60


def test_a_change_that_fails_leaves_nothing_behind(ploomes: Simulator) -> None:
    before = list(ploomes.data.contacts())

    with pytest.raises(KeyError):
        ploomes.data.merge_contacts(before[0]["Id"], 5)

    assert list(ploomes.data.contacts()) == before
    assert count(ploomes, "Contacts") == len(before)


def test_a_restricted_key_sees_fewer_rows_in_lists_and_counts(ploomes: Simulator) -> None:
    key = ploomes.add_key("SELLER", user_id=10_000_002, visible={"Deals": "OwnerId eq 10000002"})
    mine, other = ploomes.data.ids()[:2]
    ploomes.data.edit_deal(mine, OwnerId=10_000_002)
    ploomes.data.edit_deal(other, OwnerId=10_000_003)
    own = [row["Id"] for row in ploomes.data.deals() if row["OwnerId"] == 10_000_002]

    assert 0 < len(own) < 60
    assert [row["Id"] for row in rows(ploomes, "Deals", key)] == own
    assert count(ploomes, "Deals?$top=0", key) == count(ploomes, "Deals?$filter=Id+gt+0", key) == len(own)
    assert rows(ploomes, "Self?$select=Id,ProfileId", key) == [{"Id": 10_000_002, "ProfileId": 2}]
    assert urllib3.request("GET", f"{ploomes.url}/Deals({other})", headers={"User-Key": key}).status == 404
    assert sum(len(row["Deals"]) for row in rows(ploomes, "Contacts?$expand=Deals", key)) <= len(own)


def test_a_key_may_be_forbidden_fields(ploomes: Simulator) -> None:
    ploomes.restrict(forbidden=[("Deals", "Amount")])
    headers = {"User-Key": ploomes.key}

    for query in ("$select=Id,Amount", "$filter=Amount+gt+5", "$orderby=Amount", "$filter=not+(Amount+eq+null)"):
        assert urllib3.request("GET", f"{ploomes.url}/Deals?{query}", headers=headers).status == 403
    assert "Amount" not in rows(ploomes, "Deals?$top=1")[0]
    ploomes.restrict(forbidden=[])
    assert "Amount" in rows(ploomes, "Deals?$top=1&$select=Amount")[0]


def test_the_profile_of_a_user_can_change(ploomes: Simulator) -> None:
    (me,) = rows(ploomes, "Self?$select=Id,ProfileId")
    ploomes.data.edit_row("Users", me["Id"], ProfileId=2)

    assert rows(ploomes, "Self?$select=Id,ProfileId") == [{"Id": me["Id"], "ProfileId": 2}]


def test_the_same_seed_invents_the_same_account() -> None:
    def account(seed: int) -> list[dict[str, Any]]:
        with Simulator(deals=80, customers=20, seed=seed, now=NOON) as ploomes:
            return [*ploomes.data.deals(), *ploomes.data.contacts()]

    assert account(3) == account(3) != account(4)


def test_the_account_looks_like_a_real_one() -> None:
    """Shares and sums as counted in a real account, oddities included."""
    with Simulator(deals=6_000, customers=600, now=NOON) as ploomes:
        deals, contacts = list(ploomes.data.deals()), list(ploomes.data.contacts())
    won = [deal for deal in deals if deal["StatusId"] == 2]
    amounts = sorted(deal["Amount"] for deal in won)
    buyers = Counter(deal["ContactId"] for deal in won if deal["ContactId"])
    days = Counter(deal["LastUpdateDate"].date() for deal in deals)
    known = {contact["Id"] for contact in contacts}

    assert (len(deals), len(contacts)) == (6_000, 600)
    assert 0.5 < len(won) / len(deals) < 0.65
    assert 3_000 < amounts[len(amounts) // 2] < 6_000
    assert 9_000 < sum(amounts) / len(amounts) < 20_000
    assert 200 < len(buyers) < 330
    assert buyers.most_common(1)[0][1] > 12 * len(won) / len(buyers) / 2
    assert sum(many for _, many in days.most_common(2)) > 0.1 * len(deals)
    assert all((deal["FinishDate"] is None) == (deal["StatusId"] == 1) for deal in deals if deal not in won)
    assert 0 < sum(deal["FinishDate"] is None for deal in won) < 5
    assert max(deal["LastUpdateDate"] for deal in deals) <= NOON
    assert sum(deal["FinishDate"].astimezone(BRASILIA).month == 5 for deal in won if deal["FinishDate"]) > 0
    assert {None} < {deal["ContactId"] for deal in deals} - known
    assert None in {deal["OwnerId"] for deal in deals} and 0 in amounts
    assert {deal["CurrencyId"] for deal in deals} == {1, 2}
    assert any("\n" in deal["Title"] or "\t" in deal["Title"] for deal in deals)
    assert max(len(deal["Title"]) for deal in deals) == 200


def test_documents_are_valid_but_for_a_few() -> None:
    with Simulator(deals=10, customers=900, now=NOON) as ploomes:
        contacts = list(ploomes.data.contacts())
    companies = [contact["CNPJ"] for contact in contacts if contact["TypeId"] == 1]
    persons = [contact["CPF"] for contact in contacts if contact["TypeId"] == 2]
    digits = [cnpj for cnpj in companies if cnpj and len(cnpj) == 14]

    assert 0.97 < sum(map(cnpj_rules.is_valid, digits)) / len(digits) < 1
    assert sum(map(cpf_rules.is_valid, filter(None, persons))) > 0.95 * sum(map(bool, persons)) > 0
    assert None in companies and None in persons
    assert any(cnpj and not cnpj.isdecimal() and len(cnpj) == 14 for cnpj in companies)
    assert any(cnpj and len(cnpj) in (12, 13) for cnpj in companies)
    assert any(cnpj and "/" in cnpj for cnpj in companies)
    assert Counter(filter(None, companies)).most_common(1)[0][1] == 2
    assert any(contact["Register"] and not contact["CNPJ"] and not contact["CPF"] for contact in contacts)


def test_a_large_account_is_made_of_copies_with_ids_and_documents_of_their_own() -> None:
    with Simulator(deals=61_000, customers=3_010, now=NOON) as ploomes:
        keys = ploomes.data.ids()
        contacts = list(ploomes.data.contacts())
        deals = list(ploomes.data.deals())
        assert count(ploomes, "Deals?$top=0") == 61_000

    numbers = [contact["CNPJ"] for contact in contacts if contact["CNPJ"]]
    known = {contact["Id"] for contact in contacts}
    lately = [deal for deal in deals if deal["LastUpdateDate"] > NOON - timedelta(days=1)]
    assert len(keys) == len(set(keys)) == 61_000
    assert len(contacts) == len(known) == 3_010
    assert len(set(numbers)) > 0.98 * len(numbers)
    assert sum(deal["ContactId"] not in known for deal in deals) < 0.03 * len(deals)
    assert len(lately) < 400


def test_a_file_is_used_again_with_its_edits(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "ploomes.sqlite"
    with Simulator(deals=50, customers=10, path=path) as ploomes:
        key = ploomes.data.create_deal(Title="Fica")
    with Simulator(deals=50, customers=10, path=path) as ploomes:
        assert ploomes.data.deal(key)["Title"] == "Fica"
        assert len(ploomes.data.ids()) == 51
    with Simulator(deals=50, customers=10, seed=2, path=path) as ploomes:
        assert len(ploomes.data.ids()) == 50
    path.write_bytes(b"")
    with Simulator(deals=50, customers=10, path=path) as ploomes:
        assert len(ploomes.data.ids()) == 50


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear customer,\n" * 100)

    with pytest.raises(OSError, match=r"letter\.txt cannot hold"):
        Simulator(deals=50, customers=10, path=path)
    assert path.read_text().startswith("Dear")


def test_a_file_that_lay_by_catches_up_with_the_days(tmp_path: Path) -> None:
    """So that the demo has sales this month, however old its data."""
    path, later = tmp_path / "ploomes.sqlite", NOON + timedelta(days=75)
    with Simulator(deals=3_000, customers=100, path=path, now=NOON) as ploomes:
        before = ploomes.data.ids()
    with Simulator(deals=3_000, customers=100, path=path, now=later) as ploomes:
        new = [row for row in ploomes.data.deals() if row["Id"] not in before]

    assert 50 < len(new) < 600
    assert all(NOON - timedelta(days=1) < row["LastUpdateDate"] <= later for row in new)
    assert any(row["StatusId"] == 2 and row["FinishDate"] > later - timedelta(days=8) for row in new)
