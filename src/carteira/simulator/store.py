"""The simulated account's rows in SQLite, and how pages of them are read.

For every filter, the sorted Ids of its rows are kept: `$count`, `$skip` and keyset pages are then positions in an
array, as cheap for three million rows as for a hundred.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from array import array
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carteira.simulator.clock import Clock
from carteira.simulator.entities import EntitySet
from carteira.simulator.filters import Condition, IdRange
from carteira.simulator.sets import ENTITY_SETS

Row = dict[str, Any]
HIDDEN_CONTACTS = "contacts_hidden"
BLOCK_BORDER = 800_000_000  # Ids come from a block below it and one above
_KEPT_FILTERS = 32
_SQLITE_TYPES = {"text": "text", "date": "text", "number": "real"}
_INDEXED = {
    "Deals": ("LastUpdateDate", "ContactId", "StatusId"),
    "Contacts": ("LastUpdateDate",),
    "Contacts@Tags": ("ContactId",),
    "Deals@Tags": ("DealId",),
    "Contacts@Phones": ("ContactId",),
}


@dataclass(frozen=True)
class Found:
    """The Ids of one page, in order, and how many rows its filter has in all."""

    ids: list[int]
    count: int


class Store:
    """One SQLite database under one lock: a page and its count always belong to the same state."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self.connection.create_function("ends_with", 2, _ends_with, deterministic=True)
        self.connection.create_function("account_now", 0, clock.stamp)
        self.connection.execute("pragma journal_mode = memory")
        self.connection.execute("pragma synchronous = off")
        self.connection.execute("pragma temp_store = memory")
        self.connection.execute("pragma cache_size = -65536")
        self._all: dict[str, array[int]] = {}
        self._filtered: OrderedDict[tuple[Any, ...], array[int]] = OrderedDict()

    def close(self) -> None:
        with self.lock:
            self.connection.close()

    def create_tables(self) -> None:
        for entities in ENTITY_SETS.values():
            self.connection.execute(f"create table {entities.table} ({_columns(entities)})")
        self.connection.execute(f"create table {HIDDEN_CONTACTS} ({_columns(ENTITY_SETS['Contacts'])})")
        self.connection.execute("create table made (options text, until date)")

    def create_indexes(self) -> None:
        for name, indexed in _INDEXED.items():
            table = ENTITY_SETS[name].table
            for number, columns in enumerate(indexed):
                self.connection.execute(f"create index {table}_{number} on {table} ({columns})")

    def fill(self, name: str, rows: Iterable[Sequence[Any]]) -> None:
        """Insert rows that hold a value for each stored column, in order."""
        entities = ENTITY_SETS[name]
        places = ", ".join("?" * len(entities.columns))
        self.connection.executemany(f"insert into {entities.table} values ({places})", rows)

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """One change of the data, or several inside one another; what was kept of filters is forgotten."""
        with self.lock:
            if self.connection.in_transaction:
                yield self.connection
                return
            with self.connection:
                self.connection.execute("begin")
                self._filtered.clear()
                try:
                    yield self.connection
                except BaseException:
                    self._all.clear()  # what is rolled back in SQLite must not stay here
                    raise

    def insert(self, name: str, row: Mapping[str, Any]) -> None:
        entities = ENTITY_SETS[name]
        with self.changing():
            self.fill(name, [[row.get(column) for column in entities.columns]])
            if name in self._all:
                insort(self._all[name], row["Id"])

    def update(self, name: str, ids: Sequence[int], row: Mapping[str, Any]) -> None:
        settings = ", ".join(f"{column} = :{column}" for column in row)
        table = ENTITY_SETS[name].table
        with self.changing() as connection:
            connection.execute(
                f"update {table} set {settings} where Id in (select value from json_each(:ids_))",
                {**row, "ids_": json.dumps(list(ids))},
            )

    def delete(self, name: str, key: int) -> bool:
        with self.changing() as connection:
            gone = connection.execute(f"delete from {ENTITY_SETS[name].table} where Id = ?", (key,)).rowcount
            if gone and name in self._all:
                ids = self._all[name]
                del ids[bisect_left(ids, key)]
        return bool(gone)

    def move(self, name: str, key: int, to: str) -> bool:
        """Keep a row in another table of the same columns, out of the set."""
        table = ENTITY_SETS[name].table
        with self.changing() as connection:
            connection.execute(f"insert into {to} select * from {table} where Id = ?", (key,))
            return self.delete(name, key)

    def move_back(self, name: str, key: int, origin: str) -> bool:
        columns = ENTITY_SETS[name].columns
        with self.changing() as connection:
            row = connection.execute(f"select * from {origin} where Id = ?", (key,)).fetchone()
            connection.execute(f"delete from {origin} where Id = ?", (key,))
            if row:
                self.insert(name, dict(zip(columns, row, strict=True)))
        return bool(row)

    def ids(self, name: str) -> array[int]:
        """All Ids of a set, ascending; the array is the store's own."""
        with self.lock:
            return self._ids(name, Condition())

    def find(self, name: str, wanted: Condition, order: str, skip: int, top: int) -> Found:
        """A page of Ids; `order` is SQL, '' or 'Id' or 'Id desc' where the order is that of the Ids."""
        with self.lock:
            ids = self._ids(name, wanted)
            low, high = bisect_left(ids, wanted.ids.low), bisect_right(ids, wanted.ids.high)
            if order in ("", "t.Id", "t.Id asc"):
                page = ids[low + skip : min(low + skip + top, high)].tolist()
            elif order == "t.Id desc":
                page = ids[max(low, high - skip - top) : max(low, high - skip)].tolist()[::-1]
            else:
                page = self._ordered(name, wanted, order, skip, top)
            return Found(page, high - low)

    def rows(self, name: str, ids: Sequence[int], columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """SQL expressions on `t` for each of the Ids, in their order."""
        table = ENTITY_SETS[name].table
        sql = (
            f"select {', '.join(columns)} from json_each(:ids) wanted cross join {table} t on t.Id = wanted.value"
            " order by wanted.key"
        )
        with self.lock:
            return self.connection.execute(sql, {"ids": json.dumps(ids)}).fetchall()

    def _ids(self, name: str, wanted: Condition) -> array[int]:
        if not wanted.where:
            if name not in self._all:
                self._all[name] = self._read_ids(name, wanted)
            return self._all[name]
        if "account_now" in wanted.where:
            return self._read_ids(name, wanted)
        key = (name, wanted.where, wanted.parameters)
        if key not in self._filtered:
            self._filtered[key] = self._read_ids(name, wanted)
            if len(self._filtered) > _KEPT_FILTERS:
                self._filtered.popitem(last=False)
        self._filtered.move_to_end(key)
        return self._filtered[key]

    def _read_ids(self, name: str, wanted: Condition) -> array[int]:
        table = ENTITY_SETS[name].table
        if not wanted.where:
            return array("q", (key for (key,) in self.connection.execute(f"select Id from {table} order by Id")))
        # sorted here: asked for an order, SQLite walks the whole table in it and leaves the index of the filter alone
        found = self.connection.execute(f"select t.Id from {table} t where {wanted.where}", wanted.parameters)
        return array("q", sorted(key for (key,) in found))

    def _ordered(self, name: str, wanted: Condition, order: str, skip: int, top: int) -> list[int]:
        where, parameters = wanted.where or "1", list(wanted.parameters)
        if wanted.ids != IdRange():
            where, parameters = f"{where} and t.Id between ? and ?", [*parameters, wanted.ids.low, wanted.ids.high]
        sql = f"select t.Id from {ENTITY_SETS[name].table} t where {where} order by {order} limit ? offset ?"
        return [key for (key,) in self.connection.execute(sql, [*parameters, top, skip])]


def _columns(entities: EntitySet) -> str:
    def declared(name: str) -> str:
        kind = _SQLITE_TYPES.get(entities.fields[name].kind, "integer")
        return f"{name} {kind}{' primary key' if name == 'Id' else ''}"

    return ", ".join(declared(name) for name in entities.columns)


def _ends_with(text: str | None, end: str | None) -> bool | None:
    return None if text is None or end is None else text.endswith(end)
