"""What each address answers: a request that was let in -> status and JSON body."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from carteira.simulator.entities import EntitySet, Field, Link
from carteira.simulator.expressions import Scope
from carteira.simulator.filters import Condition, IdRange, condition, ordering
from carteira.simulator.operands import BadQuery, ForbiddenQuery
from carteira.simulator.options import Options, options
from carteira.simulator.sets import ENTITY_SETS, LINKED_ONLY, VACANT
from carteira.simulator.store import Row, Store

LARGEST_PAGE = 300
_CONTEXT = "https://public9-api2.ploomes.com/$metadata#"
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True)
class Key:
    """A user key: whose it is, the (set, field) pairs it may not use, and per set the OData filter it sees through."""

    name: str
    user_id: int
    forbidden: frozenset[tuple[str, str]] = frozenset()
    visible: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """`rows` is what the body was made of, None where the body is a message."""

    status: int
    body: bytes
    rows: list[Row] | None = None
    content_type: str = "application/json; odata.metadata=minimal"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Habits:
    """Where Ploomes' own behaviour is unknown: what this one does."""

    default_page: int = 300
    shuffle_ties: bool = False
    next_link: bool = False
    unknown_id_status: int = 404
    bad_key_status: int = 401


def message(status: int, text: str, *headers: tuple[str, str]) -> Answer:
    """An error as Ploomes words it: the text where rows would be."""
    return Answer(status, _encode({"@odata.context": _CONTEXT + "Edm.String", "value": text}), headers=headers)


def envelope(context: str, rows: list[Row], count: int | None = None, next_link: str | None = None) -> Answer:
    """Rows as Ploomes wraps them."""
    body: Row = {"@odata.context": _CONTEXT + context}
    if count is not None:
        body["@odata.count"] = count
    if next_link:
        body["@odata.nextLink"] = next_link
    body["value"] = rows
    return Answer(200, _encode(body), rows)


class Answers:
    """Answers GET requests from a store."""

    def __init__(self, store: Store, habits: Habits) -> None:
        self.store = store
        self.habits = habits
        self._asked = 0

    def get(self, path: str, named: Mapping[str, str], key: Key) -> Answer:
        try:
            return self._get(path, options(named), key)
        except BadQuery as error:
            return message(error.status, str(error))

    def _get(self, path: str, asked: Options, key: Key) -> Answer:
        found = re.fullmatch(r"/([A-Za-z@]*)(?:\((\d+)\))?", path)
        name, number = found.groups() if found else ("?", None)
        if name == "":
            return _service_document()
        if name == "Self":
            return self._one("Users", key.user_id, asked, key)
        if name in VACANT and not number:
            return envelope(name, [], 0 if asked.count else None)
        if name not in ENTITY_SETS or name in LINKED_ONLY:
            return message(404, f"No HTTP resource was found that matches the request URI '{path}'.")
        if number:
            return self._one(name, int(number), asked, key)
        return self._many(name, asked, key)

    def _one(self, name: str, number: int, asked: Options, key: Key) -> Answer:
        with self.store.lock:
            wanted = self._visible(name, key).also(Condition(IdRange(number, number)))
            ids = self.store.find(name, wanted, "", 0, 1).ids
            rows = self._rows(name, ids, asked, key)
        if not rows and self.habits.unknown_id_status != 200:
            return message(self.habits.unknown_id_status, "The resource was not found.")
        return envelope(name, rows)

    def _many(self, name: str, asked: Options, key: Key) -> Answer:
        top = min(self.habits.default_page if asked.top is None else asked.top, LARGEST_PAGE)
        scope = Scope(ENTITY_SETS[name], forbidden=key.forbidden)
        with self.store.lock:
            wanted = self._visible(name, key)
            if asked.filter:
                wanted = wanted.also(condition(asked.filter, scope))
            found = self.store.find(name, wanted, self._order(asked, scope), asked.skip, top)
            rows = self._rows(name, found.ids, asked, key)
        more = self.habits.next_link and asked.skip + len(rows) < found.count
        link = f"{_CONTEXT.removesuffix('$metadata#')}{name}?$skip={asked.skip + len(rows)}" if more else None
        return envelope(name, rows, found.count if asked.count else None, link)

    def _visible(self, name: str, key: Key) -> Condition:
        text = key.visible.get(name)
        return condition(text, Scope(ENTITY_SETS[name])) if text else Condition()

    def _order(self, asked: Options, scope: Scope) -> str:
        keys = [ordering(each, scope) for each in asked.orderby]
        if keys and keys[0].split()[0] == f"{scope.alias}.Id":
            return keys[0]
        if keys and self.habits.shuffle_ties:
            self._asked += 1
            keys.append(f"({scope.alias}.Id * {2 * self._asked + 40503}) % 65521")
        return ", ".join(keys and [*keys, f"{scope.alias}.Id"])

    def _rows(self, name: str, ids: list[int], asked: Options, key: Key) -> list[Row]:
        entities = ENTITY_SETS[name]
        fields = _selected(entities, asked, key)
        links = [(entities.links.get(each.name), each.options) for each in asked.expand]
        needed = [entities.fields["Id"]] + [entities.fields[link.column] for link, _ in links if link and not link.many]
        extra = [each for each in dict.fromkeys(needed) if each not in fields] if links else []
        rows = _shaped(self.store.rows(name, ids, [_sent(each) for each in [*fields, *extra]]), [*fields, *extra])
        for link, within in links:
            if link is None:
                raise ForbiddenQuery
            self._expand(rows, link, within, key)
        for row in rows if extra else ():
            for each in extra:
                del row[each.name]
        return rows

    def _expand(self, rows: list[Row], link: Link, asked: Options, key: Key) -> None:
        if link.many:
            self._expand_collection(rows, link, asked, key)
            return
        wanted = sorted({row[link.column] for row in rows if row[link.column] is not None})
        found = self._linked(link.target, "Id", wanted, asked, key)
        others = dict(found)
        for row in rows:
            row[link.name] = others.get(row[link.column])

    def _expand_collection(self, rows: list[Row], link: Link, asked: Options, key: Key) -> None:
        for row in rows:
            row[link.name] = []
        owners = {row["Id"]: row for row in rows}
        for owner, other in self._linked(link.target, link.column, sorted(owners), asked, key):
            owners[owner][link.name].append(other)

    def _linked(
        self, name: str, column: str, values: Sequence[int], asked: Options, key: Key
    ) -> Iterable[tuple[int, Row]]:
        """Rows of another set whose `column` is one of the values, each with that value."""
        scope = Scope(ENTITY_SETS[name], forbidden=key.forbidden)
        wanted = self._visible(name, key).also(
            Condition(IdRange(), f"t.{column} in (select value from json_each(?))", (_encode(values).decode(),))
        )
        if asked.filter:
            wanted = wanted.also(condition(asked.filter, scope))
        ids = self.store.find(name, wanted, self._order(asked, scope), asked.skip, asked.top or 2**31).ids
        rows = self._rows(name, ids, asked, key)
        owners = self.store.rows(name, ids, [f"t.{column}"])
        return zip((owner for (owner,) in owners), rows, strict=True)


def _selected(entities: EntitySet, asked: Options, key: Key) -> list[Field]:
    hidden = {name for set_name, name in key.forbidden if set_name == entities.name}
    if asked.select is None or "*" in asked.select:
        return [each for each in entities.fields.values() if each.name not in hidden]
    wanted = set(asked.select)
    collections = {name for name, link in entities.links.items() if link.many and name != "Products"}
    if wanted & hidden or not wanted <= entities.fields.keys() | collections:
        raise ForbiddenQuery(entities.unknown_field_status)
    return [each for each in entities.fields.values() if each.name in wanted]


def _sent(field: Field) -> str:
    """The SQL of a field as it goes out: trailing zeros of a date's fraction are trimmed."""
    return f"rtrim(rtrim({field.on('t')}, '0'), '.') || '-03:00'" if field.kind == "date" else field.on("t")


def _money(value: int) -> int | Decimal:
    whole, rest = divmod(value, 10_000)
    return Decimal(value).scaleb(-4).normalize() if rest else whole


_SHAPES: dict[str, Callable[[Any], Any]] = {"money": _money, "bool": bool}


def _shaped(rows: Iterable[tuple[Any, ...]], fields: Sequence[Field]) -> list[Row]:
    names = [each.name for each in fields]
    shapes = [(each.name, _SHAPES[each.kind]) for each in fields if each.kind in _SHAPES and each.sql != "null"]
    shaped = []
    for values in rows:
        row = dict(zip(names, values, strict=True))
        for name, shape in shapes:
            value = row[name]
            if value is not None:
                row[name] = shape(value)
        shaped.append(row)
    return shaped


def _service_document() -> Answer:
    names = sorted((ENTITY_SETS.keys() - LINKED_ONLY) | VACANT)
    return envelope("", [{"name": name, "kind": "EntitySet", "url": name} for name in names])
