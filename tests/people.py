"""Whoever works in the account: edits by name, each told by two numbers, and what those edits make hard to see.

An edit picks its rows by the numbers, so that Hypothesis can shrink a story of them and any story can be told again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from carteira.simulator.faults import Fault
from carteira.simulator.server import Simulator

AMOUNTS = [
    None, 0, 1, Decimal("0.01"), Decimal("-250.5"), Decimal("10.0050"), Decimal("0.3333"), Decimal("1234.5678"),
    Decimal("90071992547409.91") / 100, Decimal("999999999999.99"),
]  # fmt: skip
CNPJS = ["11222333000181", "12ABC34501DE35", "11444777000161", None]
CLOCK = [0.0, 0.004, 1.0, 3.0, 119.0, 130.0, 90_000.0]
MOST_BAD = 4
BAD = {"Deals": {"Amount": "doze"}, "Contacts": {"Name": {"pt": "Nome"}}}


@dataclass
class People:
    """The account's people. `untold`: something changed that only a full read can find.

    `returned` and `gone`: rows that came back with their old dates, and rows that went: where an entity has both, its
    count may be the same as before, and then only a full read finds them.
    """

    ploomes: Simulator
    bad: dict[str, set[int]] = field(default_factory=lambda: {"Deals": set(), "Contacts": set()})
    deleted: list[dict[str, Any]] = field(default_factory=list)
    names: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    cnpjs: dict[int, str | None] = field(default_factory=dict)
    were_hidden: set[int] = field(default_factory=set)
    returned: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    silent: bool = False
    edits: int = 0

    def __post_init__(self) -> None:
        for deal in self.ploomes.data.deals():
            if deal["ContactId"] is not None:
                self.names[deal["ContactId"]].add(deal["ContactName"] or "")
        for contact in self.ploomes.data.contacts():
            self.names[contact["Id"]].add(contact["Name"] or "")

    @property
    def untold(self) -> bool:
        return self.silent or any(self.returned[entity] and self.gone[entity] for entity in self.gone)

    def all_told(self) -> None:
        """A full read has seen everything."""
        self.silent = False
        self.counted()

    def counted(self) -> None:
        """A run has seen every row that came or went."""
        self.returned.clear()
        self.gone.clear()

    def edit(self, name: str, a: int, b: int) -> None:
        """One edit; nothing where there is no row for it."""
        self.edits += 1
        EDITS[name](self, a, b)

    def deal(self, number: int) -> int | None:
        return _picked(self.ploomes.data.ids("Deals"), number)

    def contact(self, number: int) -> int | None:
        return _picked(self.ploomes.data.ids("Contacts"), number)

    def named_contact(self, number: int) -> tuple[int | None, str | None]:
        """Any contact, hidden ones too, or none at all, with the name that a deal would copy."""
        shown, hidden = self.ploomes.data.ids("Contacts"), self.ploomes.data.hidden_contact_ids()
        picked = _picked([0, *shown, *hidden], number)
        if not picked:
            return None, None
        name = str(self.ploomes.data.contact(picked)["Name"] or "") if picked in shown else f"Oculto {number % 3}"
        self.names[picked].add(name)
        return picked, name

    def spoil(self, *troubles: Fault) -> None:
        """Have the answers show the bad rows as bad, where no trouble spoils them whole."""
        bad = [
            Fault("rows", path=f"/{name}", ids=sorted(ids), set=BAD[name], times=None)
            for name, ids in self.bad.items()
            if ids
        ]
        self.ploomes.faults.clear()
        self.ploomes.faults.add(*troubles, *bad)

    def touch(self, name: str, row: int) -> None:
        """An edit that changes nothing but the date."""
        (self.ploomes.data.edit_deal if name == "Deals" else self.ploomes.data.edit_contact)(row)
        self.spoil()

    def unreadable(self, name: str) -> set[int]:
        """Which rows of a set nobody can read now."""
        return self.bad[name] & set(self.ploomes.data.ids(name))


def _picked(ids: list[int], number: int) -> int | None:
    return ids[number % len(ids)] if ids else None


def _new_deal(people: People, a: int, b: int) -> None:
    contact, name = people.named_contact(a)
    status = (1, 2, 2, 3, None, 7)[b % 6]
    closed = people.ploomes.clock.now() - timedelta(hours=b % 1000) if status in (2, 3) and b % 7 else None
    people.ploomes.data.create_deal(
        ContactId=contact,
        ContactName=name,
        Amount=AMOUNTS[b % len(AMOUNTS)],
        StatusId=status,
        FinishDate=closed,
        CurrencyId=(1, 1, 1, 2, None)[b % 5],
    )


def _on_deal(change: Callable[[People, int, int], None]) -> Callable[[People, int, int], None]:
    def edit(people: People, a: int, b: int) -> None:
        deal = people.deal(a)
        if deal is not None:
            change(people, deal, b)

    return edit


def _on_contact(change: Callable[[People, int, int], None]) -> Callable[[People, int, int], None]:
    def edit(people: People, a: int, b: int) -> None:
        contact = people.contact(a)
        if contact is not None:
            change(people, contact, b)

    return edit


@_on_deal
def _amount(people: People, deal: int, b: int) -> None:
    people.ploomes.data.edit_deal(deal, Amount=AMOUNTS[b % len(AMOUNTS)])


@_on_deal
def _win(people: People, deal: int, b: int) -> None:
    people.ploomes.data.win_deal(deal, Amount=AMOUNTS[b % len(AMOUNTS)])


@_on_deal
def _lose(people: People, deal: int, b: int) -> None:
    people.ploomes.data.lose_deal(deal)


@_on_deal
def _reopen(people: People, deal: int, b: int) -> None:
    people.ploomes.data.reopen_deal(deal)


@_on_deal
def _odd_status(people: People, deal: int, b: int) -> None:
    people.ploomes.data.edit_deal(deal, StatusId=(None, 7)[b % 2])


@_on_deal
def _currency(people: People, deal: int, b: int) -> None:
    people.ploomes.data.edit_deal(deal, CurrencyId=(1, 2, None)[b % 3])


@_on_deal
def _move(people: People, deal: int, b: int) -> None:
    contact, name = people.named_contact(b)
    people.ploomes.data.edit_deal(deal, ContactId=contact, ContactName=name)


@_on_deal
def _delete_deal(people: People, deal: int, b: int) -> None:
    people.deleted.append(people.ploomes.data.deal(deal))
    people.ploomes.data.delete_deal(deal)
    people.gone["deals"] += 1


def _restore_deal(people: People, a: int, b: int) -> None:
    """With its old date, or with the date of now."""
    if not people.deleted:
        return
    row = people.deleted.pop(a % len(people.deleted))
    people.ploomes.data.restore_deal(row)
    if b % 2:
        people.ploomes.data.edit_deal(row["Id"])
    else:
        people.returned["deals"] += 1


def _bulk_edit(people: People, a: int, b: int) -> None:
    ids = people.ploomes.data.ids("Deals")[a % 5 :: 2 + b % 5]
    people.ploomes.data.edit_deals(ids, OwnerId=10_000_002 + b % 10)


@_on_deal
def _silent_edit(people: People, deal: int, b: int) -> None:
    people.ploomes.data.edit_deal(deal, silent=True, Amount=AMOUNTS[b % len(AMOUNTS)])
    people.silent = True


def _spoil(people: People, a: int, b: int) -> None:
    """From now on the row cannot be read; its date is that of now."""
    name = ("Deals", "Contacts")[b % 2]
    row = _picked(people.ploomes.data.ids(name), a)
    if row is not None and len(people.bad[name]) < MOST_BAD:
        people.bad[name].add(row)
        people.touch(name, row)


def _mend(people: People, a: int, b: int) -> None:
    name = ("Deals", "Contacts")[b % 2]
    row = _picked(sorted(people.unreadable(name)), a)
    if row is not None:
        people.bad[name].remove(row)
        people.touch(name, row)


def _new_contact(people: People, a: int, b: int) -> None:
    name = f"Novo {a % 5}"
    contact = people.ploomes.data.create_contact(Name=name, TypeId=1 + b % 2)
    people.names[contact].add(name)


@_on_contact
def _rename(people: People, contact: int, b: int) -> None:
    name = (f"Renomeado {b % 9}", "", "= Ação\t'\\'")[b % 3]
    people.names[contact].add(name)
    people.ploomes.data.rename_contact(contact, name)


@_on_contact
def _cnpj(people: People, contact: int, b: int) -> None:
    cnpj = CNPJS[b % len(CNPJS)]
    people.cnpjs[contact] = cnpj
    people.ploomes.data.edit_contact(contact, TypeId=1, CNPJ=cnpj, CPF=None, Register=None)


@_on_contact
def _delete_contact(people: People, contact: int, b: int) -> None:
    people.ploomes.data.delete_contact(contact)
    people.gone["contacts"] += 1


@_on_contact
def _hide(people: People, contact: int, b: int) -> None:
    people.ploomes.data.hide_contact(contact)
    people.were_hidden.add(contact)
    people.gone["contacts"] += 1


def _show(people: People, a: int, b: int) -> None:
    contact = _picked(people.ploomes.data.hidden_contact_ids(), a)
    if contact is not None:
        people.ploomes.data.show_contact(contact)
        people.names[contact].add(str(people.ploomes.data.contact(contact)["Name"] or ""))
        people.were_hidden.add(contact)
        people.returned["contacts"] += 1


def _merge(people: People, a: int, b: int) -> None:
    """The deals move with the date of now, without it, or stay behind."""
    kept, gone = people.contact(a), people.contact(b)
    if kept is None or gone is None or kept == gone:
        return
    data, how = people.ploomes.data, (a + b) % 3
    with people.ploomes.store.changing():
        if how == 0:
            moved = [row["Id"] for row in data.deals() if row["ContactId"] == gone]
            data.edit_deals(moved, silent=True, ContactId=kept, ContactName=data.contact(kept)["Name"])
            people.silent |= gone in people.were_hidden
        data.merge_contacts(kept, gone, move_deals=how == 1)
    people.gone["contacts"] += 1


def _tick(people: People, a: int, b: int) -> None:
    people.ploomes.clock.advance(CLOCK[b % len(CLOCK)])


EDITS: dict[str, Callable[[People, int, int], None]] = {
    "new deal": _new_deal,
    "amount": _amount,
    "win": _win,
    "lose": _lose,
    "reopen": _reopen,
    "odd status": _odd_status,
    "currency": _currency,
    "move": _move,
    "delete deal": _delete_deal,
    "restore deal": _restore_deal,
    "bulk edit": _bulk_edit,
    "silent edit": _silent_edit,
    "spoil": _spoil,
    "mend": _mend,
    "new contact": _new_contact,
    "rename": _rename,
    "cnpj": _cnpj,
    "delete contact": _delete_contact,
    "hide": _hide,
    "show": _show,
    "merge": _merge,
    "tick": _tick,
}
