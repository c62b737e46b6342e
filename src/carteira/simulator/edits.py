"""Edits of the account, as its people and automations make them, and the plain truth about it.

Each edit sets LastUpdateDate to the clock's time, unless `silent`. Fields go by their API names; Amount is a Decimal
(or int, or None) of at most four decimals, dates are aware datetimes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from carteira.simulator.clock import moment, stored
from carteira.simulator.entities import EntitySet
from carteira.simulator.sets import ENTITY_SETS
from carteira.simulator.store import BLOCK_BORDER, HIDDEN_CONTACTS, Row, Store

OPEN, WON, LOST = 1, 2, 3
# Who is told of an edit: of which set, what was done, the row as it is and as it was.
Tell = Callable[[str, str, Row | None, Row | None], None]


class Data:
    """The account's deals and contacts."""

    def __init__(self, store: Store, tell: Tell | None = None) -> None:
        self._store = store
        self._tell = tell or (lambda name, action, new, old: None)
        self._given = {(name, block): self._highest(name, block) for name in ("Deals", "Contacts") for block in (0, 1)}

    def deals(self) -> Iterator[Row]:
        """Every deal by ascending Id, with its stored fields."""
        return self._all("Deals")

    def contacts(self) -> Iterator[Row]:
        """Every contact that keys may read, by ascending Id, with its stored fields."""
        return self._all("Contacts")

    def deal(self, deal_id: int) -> Row:
        return self._one("Deals", deal_id)

    def contact(self, contact_id: int) -> Row:
        return self._one("Contacts", contact_id)

    def deals_changed(self, since: datetime, until: datetime) -> list[Row]:
        """The deals whose LastUpdateDate lies after one moment and not after the other."""
        between = "LastUpdateDate > ? and LastUpdateDate <= ?"
        return list(self._all("Deals", between, stored(since), stored(until)))

    def ids(self, name: str = "Deals") -> list[int]:
        with self._store.lock:
            return self._store.ids(name).tolist()

    def create_deal(self, **fields: Any) -> int:
        """A new deal and its Id; open, worth nothing and without a contact unless the fields say otherwise."""
        if fields.get("ContactId") is not None and "ContactName" not in fields:
            fields["ContactName"] = self._contact_name(fields["ContactId"])
        usual = {"Title": "Novo negócio", "StatusId": OPEN, "Amount": 0, **self._usual("Deals")}
        return self._create("Deals", usual | fields)

    def edit_deal(self, deal_id: int, *, silent: bool = False, **fields: Any) -> None:
        self.edit_deals([deal_id], silent=silent, **fields)

    def edit_deals(self, deal_ids: Sequence[int], *, silent: bool = False, **fields: Any) -> None:
        """A bulk edit: all of them get one and the same LastUpdateDate."""
        self._edit("Deals", deal_ids, fields, silent)

    def win_deal(self, deal_id: int, **fields: Any) -> None:
        self.edit_deal(deal_id, StatusId=WON, FinishDate=self._now(), LossReasonId=None, **fields)

    def lose_deal(self, deal_id: int, **fields: Any) -> None:
        self.edit_deal(deal_id, StatusId=LOST, FinishDate=self._now(), **fields)

    def reopen_deal(self, deal_id: int) -> None:
        self.edit_deal(deal_id, StatusId=OPEN, FinishDate=None, LossReasonId=None)

    def move_deal(self, deal_id: int, contact_id: int | None) -> None:
        name = None if contact_id is None else self._contact_name(contact_id)
        self.edit_deal(deal_id, ContactId=contact_id, ContactName=name)

    def delete_deal(self, deal_id: int) -> None:
        self._delete("Deals", deal_id)

    def restore_deal(self, row: Row) -> None:
        """Bring back a deleted deal as `deal` had told it, with the Id and LastUpdateDate that it had."""
        self._store.insert("Deals", _kept(ENTITY_SETS["Deals"], row))

    def create_contact(self, **fields: Any) -> int:
        """A new contact and its Id: a company without documents unless the fields say otherwise."""
        return self._create("Contacts", {"TypeId": 1, "Name": "Novo cliente", **self._usual("Contacts")} | fields)

    def edit_contact(self, contact_id: int, *, silent: bool = False, **fields: Any) -> None:
        self._edit("Contacts", [contact_id], fields, silent)

    def rename_contact(self, contact_id: int, name: str) -> None:
        """Its deals keep the old name, which is a copy, and their LastUpdateDate."""
        self.edit_contact(contact_id, Name=name)

    def delete_contact(self, contact_id: int) -> None:
        """Its deals stay and name a contact that nobody can read."""
        self._delete("Contacts", contact_id)

    def merge_contacts(self, kept: int, gone: int, *, move_deals: bool = True) -> None:
        """One contact takes the deals of another, which vanishes; a merge may also leave the deals where they are."""
        moved = [row["Id"] for row in self._all("Deals", "ContactId = ?", gone)] if move_deals else []
        with self._store.changing():
            self.edit_deals(moved, ContactId=kept, ContactName=self._contact_name(kept))
            self.edit_contact(kept)
            self.delete_contact(gone)

    def hide_contact(self, contact_id: int) -> None:
        """Take a contact out of every key's sight; its deals go on naming it."""
        _found("Contacts", contact_id, self._store.move("Contacts", contact_id, to=HIDDEN_CONTACTS))

    def show_contact(self, contact_id: int) -> None:
        """Undo `hide_contact`; its LastUpdateDate stays what it was."""
        _found("Contacts", contact_id, self._store.move_back("Contacts", contact_id, origin=HIDDEN_CONTACTS))

    def hidden_contact_ids(self) -> list[int]:
        with self._store.lock:
            return [key for (key,) in self._store.connection.execute(f"select Id from {HIDDEN_CONTACTS} order by Id")]

    def edit_row(self, name: str, row_id: int, **fields: Any) -> None:
        """Change a row of any other set, such as a user's profile."""
        self._require(name, [row_id])
        self._store.update(name, [row_id], _kept(ENTITY_SETS[name], fields))

    def rows(self, name: str) -> Iterator[Row]:
        """Every row of any set."""
        return self._all(name)

    def _all(self, name: str, where: str = "1", *parameters: Any) -> Iterator[Row]:
        entities = ENTITY_SETS[name]
        sql = f"select {', '.join(entities.columns)} from {entities.table} where {where} order by Id"
        with self._store.lock:
            found = self._store.connection.execute(sql, parameters).fetchall()
        return (_told(entities, values) for values in found)

    def _one(self, name: str, row_id: int) -> Row:
        row = next(self._all(name, "Id = ?", row_id), None)
        _found(name, row_id, row is not None)
        return row or {}

    def _now(self) -> datetime:
        return moment(self._store.clock.stamp())

    def _contact_name(self, contact_id: int) -> str | None:
        return next((str(row["Name"]) for row in self._all("Contacts", "Id = ?", contact_id)), None)

    def _usual(self, name: str) -> Row:
        usual = {"CurrencyId": 1, "PipelineId": None, "StageId": None} if name == "Deals" else {"StatusId": 1}
        stage = next(self._all("Deals@Stages"), None) if name == "Deals" else None
        return {**usual, "PipelineId": stage["PipelineId"], "StageId": stage["Id"]} if stage else usual

    def _create(self, name: str, fields: Row) -> int:
        now = self._now()
        with self._store.lock:
            row = {"CreateDate": now, "LastUpdateDate": now, **fields, "Id": self._next_id(name)}
            self._store.insert(name, _kept(ENTITY_SETS[name], row))
        self._tell(name, "Create", self._one(name, row["Id"]), None)
        return int(row["Id"])

    def _next_id(self, name: str) -> int:
        """Turn about from the two blocks: an Id that is newer is not always a higher one. None is given twice."""
        block = 1 - len(self._store.ids(name)) % 2
        self._given[name, block] += 1
        return self._given[name, block]

    def _highest(self, name: str, block: int) -> int:
        low, high, first = ((0, BLOCK_BORDER, 400_000_000), (BLOCK_BORDER, 2**63 - 1, 1_200_000_000))[block]
        hidden = f"union all select Id from {HIDDEN_CONTACTS}" if name == "Contacts" else ""
        sql = f"select max(Id) from (select Id from {ENTITY_SETS[name].table} {hidden}) where Id between ? and ?"
        with self._store.lock:
            (found,) = self._store.connection.execute(sql, (low, high)).fetchone()
        return int(found or first)

    def _edit(self, name: str, ids: Sequence[int], fields: Row, silent: bool) -> None:
        if not ids:
            return
        before = [self._one(name, row_id) for row_id in ids]
        stamp = {} if silent else {"LastUpdateDate": self._now()}
        self._store.update(name, ids, _kept(ENTITY_SETS[name], {**stamp, **fields}))
        for old in before if not silent else ():
            new = self._one(name, old["Id"])
            self._tell(name, _action(old, new), new, old)

    def _delete(self, name: str, row_id: int) -> None:
        old = self._one(name, row_id)
        self._store.delete(name, row_id)
        self._tell(name, "Delete", None, old)

    def _require(self, name: str, ids: Sequence[int]) -> None:
        for row_id in ids:
            self._one(name, row_id)


def _action(old: Row, new: Row) -> str:
    """What an edit is called: a contact's status is no deal's."""
    if "Amount" not in new or new["StatusId"] == old["StatusId"]:
        return "Update"
    return {OPEN: "Reopen", WON: "Win", LOST: "Lose"}.get(new["StatusId"], "Update")


def _found(name: str, row_id: int, found: bool) -> None:
    if not found:
        raise KeyError(f"{name}({row_id}) does not exist")


def _kept(entities: EntitySet, fields: Row) -> Row:
    unknown = fields.keys() - set(entities.columns)
    if unknown:
        raise KeyError(f"{entities.name} keeps no {', '.join(sorted(unknown))}")
    return {name: _as_kept(entities.fields[name].kind, value) for name, value in fields.items()}


def _as_kept(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "money":
        return int(Decimal(value) * 10_000)
    if kind == "date":
        return stored(value)
    return value


def _told(entities: EntitySet, values: Sequence[Any]) -> Row:
    return {
        name: _as_told(entities.fields[name].kind, value) for name, value in zip(entities.columns, values, strict=True)
    }


def _as_told(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "money":
        return Decimal(value).scaleb(-4)
    if kind == "date":
        return moment(value)
    return bool(value) if kind == "bool" else value
