"""The one reader: pages by Id that prove themselves, the newest change and count, and listings of Ids.

A page holds exactly min(300, @odata.count) rows, because the count of its filter is what is left to read; its Ids
ascend and lie where they were asked for. Anything else is a fault and is asked again, never data and never the end.
Under load Ploomes may say "nothing" instead of "too much": where there should be something it is asked EMPTY_BELIEVED
times, and rows are missed only when another answer, with a row in it, proves that there are none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec

from carteira.errors import PloomesUnavailable
from carteira.ploomes import decode
from carteira.ploomes.client import Answer, Client
from carteira.ploomes.decode import Unproven
from carteira.ploomes.entities import Entity, LookUpSet
from carteira.ploomes.odata import any_of, between, query
from carteira.records import LookUp, Rejection, Row

EMPTY_BELIEVED = 3


@dataclass(frozen=True)
class Page:
    """Up to 300 rows in the order of their Ids. `left`: rows behind this page when it was read.

    `server_now`: Ploomes' clock at that moment, where rows were asked for by their Ids.
    """

    rows: list[Row]
    rejections: list[Rejection]
    first_id: int
    last_id: int
    left: int
    server_now: datetime | None = None

    @property
    def size(self) -> int:
        """Rows in the page, readable or not."""
        return len(self.rows) + len(self.rejections)


@dataclass(frozen=True)
class Opening:
    """An entity before the first page or after the last: its newest change, how many rows, and Ploomes' clock."""

    newest: datetime | None
    newest_id: int | None
    count: int
    server_now: datetime


class _Stamp(msgspec.Struct, frozen=True, gc=False):
    Id: int
    LastUpdateDate: Any = None

    @property
    def changed(self) -> datetime | None:
        """When the row changed; None where that cannot be read."""
        return decode.moment(self.LastUpdateDate)


class _User(msgspec.Struct, frozen=True, gc=False):
    Id: int
    ProfileId: int | None = None


class _Emptiness:
    """Counts how often one question was answered with nothing."""

    def __init__(self, *, expected: bool) -> None:
        self._left = EMPTY_BELIEVED - 1 if expected else 0

    def check(self, count: int) -> None:
        if count == 0 and self._left > 0:
            self._left -= 1
            raise Unproven("nothing, where there should be rows")


def opening(client: Client, entity: Entity, *, expected: bool = True) -> Opening:
    """The newest change and the count, in one request; `expected`: there should be rows."""
    emptiness = _Emptiness(expected=expected)

    def read(answer: Answer) -> Opening:
        page = decode.envelope(answer.body, _Stamp)
        count = decode.counted(page)
        emptiness.check(count)
        if len(page.value) != min(1, count):
            raise Unproven(f"{len(page.value)} rows where {min(1, count)} was asked for")
        if not page.value:
            return Opening(None, None, count, answer.server_now)
        # A date that cannot be read may stand for any: nothing before now is then taken for unchanged.
        return Opening(page.value[0].changed or answer.server_now, page.value[0].Id, count, answer.server_now)

    asked = query(entity.path, orderby="LastUpdateDate desc,Id desc", top=1, count="true", select="Id,LastUpdateDate")
    return client.ask(asked, read)


def page(
    client: Client,
    entity: Entity,
    after_id: int,
    upto_id: int | None = None,
    since: datetime | None = None,
    refused: frozenset[str] = frozenset(),
) -> Page:
    """The next page behind `after_id`."""
    asked = _asked(client, entity, refused, filter=between(after_id, upto_id, since))
    emptiness = _Emptiness(expected=True)

    def read(answer: Answer) -> Page:
        decoded = decode.rows(answer.body, entity)
        emptiness.check(decoded.count)
        return _proved(client, entity, decoded, decoded.count, after_id, upto_id)

    for _ in range(EMPTY_BELIEVED):
        found = client.ask(asked, read)
        if found.size or _is_nothing(client, entity, after_id, upto_id, since):
            return found
    raise _nothing_said(client, entity)


def page_at(client: Client, entity: Entity, skip: int, refused: frozenset[str] = frozenset()) -> Page | None:
    """The page that begins `skip` rows into the order of Ids: a place to start a part from, and its first page.

    Where rows come and go meanwhile it begins a few rows off, which costs balance and never rows: the part before it
    reads up to where it begins. None where there are no longer so many rows.
    """
    asked = _asked(client, entity, refused, skip=skip)
    emptiness = _Emptiness(expected=True)

    def read(answer: Answer) -> Page | None:
        decoded = decode.rows(answer.body, entity)
        left = decoded.count - skip
        emptiness.check(max(left, 0))
        return _proved(client, entity, decoded, left, -1, None) if left > 0 else None

    return client.ask(asked, read)


def rows_by_id(client: Client, entity: Entity, ids: list[int], refused: frozenset[str] = frozenset()) -> Page:
    """These very rows, as many of them (at most 300) as there still are."""
    asked = _asked(client, entity, refused, filter=any_of(ids))
    emptiness = _Emptiness(expected=True)

    def read(answer: Answer) -> Page:
        decoded = decode.rows(answer.body, entity)
        emptiness.check(decoded.count)
        proved = _proved(client, entity, decoded, decoded.count, min(ids) - 1, max(ids))
        return replace(proved, server_now=answer.server_now)

    return client.ask(asked, read)


def count(
    client: Client, entity: Entity, after_id: int = 0, upto_id: int | None = None, changed: datetime | None = None
) -> int:
    """How many rows lie behind `after_id`, up to and with `upto_id`, changed since `changed`."""
    asked = query(entity.path, filter=between(after_id, upto_id, changed), top=1, select="Id", count="true")

    def read(answer: Answer) -> int:
        found = decode.envelope(answer.body, _Stamp)
        counted = decode.counted(found)
        if len(found.value) != min(1, counted):
            raise Unproven(f"{len(found.value)} rows where {min(1, counted)} was asked for")
        return counted

    return client.ask(asked, read)


def ids(client: Client, entity: Entity, after_id: int, upto_id: int | None) -> list[int]:
    """All Ids behind `after_id`, up to and with `upto_id`, ascending; as many requests as it takes."""
    found: list[int] = []
    left = 1
    while left > 0:
        behind = found[-1] if found else after_id
        chunk, left = _ids_behind(client, entity, behind, upto_id)
        found += chunk
    return found


def _ids_behind(client: Client, entity: Entity, after_id: int, upto_id: int | None) -> tuple[list[int], int]:
    for _ in range(EMPTY_BELIEVED):
        chunk, left = _ids_page(client, entity, between(after_id, upto_id), after_id, upto_id)
        if chunk or _is_nothing(client, entity, after_id, upto_id, None):
            return chunk, left
    raise _nothing_said(client, entity)


def existing(client: Client, entity: Entity, ids: list[int], *, others: bool = False) -> set[int]:
    """Which of these Ids (at most 300) there still are.

    Where none is, they are asked for once more together with one that is: then the answer may not be empty. `others`:
    there must be such a one, so that an answer without any proves nothing.
    """
    chunk, _ = _ids_page(client, entity, any_of(ids), min(ids) - 1, max(ids), expected=False)
    there = None if chunk else _nearest(client, entity, None, "Id")
    if there is None:
        if others and not chunk:
            raise _nothing_said(client, entity)
        return set(chunk)
    asked = sorted({*ids, there.Id})
    chunk, _ = _ids_page(client, entity, any_of(asked), asked[0] - 1, asked[-1])
    if there.Id not in chunk:
        raise _nothing_said(client, entity)
    return set(chunk) & set(ids)


def _is_nothing(client: Client, entity: Entity, after_id: int, upto_id: int | None, since: datetime | None) -> bool:
    """Whether an answer that holds a row, and leaves no room for another, proves that there is nothing.

    Not so either where a row appeared since nothing was said: then the page is worth asking for again.
    """
    newest = _nearest(client, entity, between(after_id, upto_id), "LastUpdateDate desc,Id desc")
    if newest is None:
        return _nothing_between(client, entity, after_id, upto_id)
    return since is not None and newest.changed is not None and newest.changed < since


def _nothing_between(client: Client, entity: Entity, after_id: int, upto_id: int | None) -> bool:
    below = _nearest(client, entity, None if upto_id is None else f"Id le {upto_id}", "Id desc")
    if below is not None:
        return below.Id <= after_id
    above = _nearest(client, entity, f"Id gt {after_id}", "Id")
    return above is None or (upto_id is not None and above.Id > upto_id)


def _nearest(client: Client, entity: Entity, where: str | None, order: str) -> _Stamp | None:
    asked = query(entity.path, filter=where, orderby=order, top=1, count="true", select="Id,LastUpdateDate")

    def read(answer: Answer) -> _Stamp | None:
        found = decode.envelope(answer.body, _Stamp)
        if len(found.value) != min(1, decode.counted(found)):
            raise Unproven(f"{len(found.value)} rows where {min(1, decode.counted(found))} was asked for")
        return found.value[0] if found.value else None

    return client.ask(asked, read)


def _nothing_said(client: Client, entity: Entity) -> PloomesUnavailable:
    return PloomesUnavailable(
        f"Ploomes answered {entity.path} on {client.base_url} with nothing where it holds rows, again and again: it is "
        "probably overloaded. Nothing was concluded from it; run again later."
    )


def _ids_page(
    client: Client, entity: Entity, where: str, after_id: int, upto_id: int | None, *, expected: bool = True
) -> tuple[list[int], int]:
    asked = query(entity.path, filter=where, orderby="Id", top=client.page, select="Id", count="true")
    emptiness = _Emptiness(expected=expected)

    def read(answer: Answer) -> tuple[list[int], int]:
        found = decode.envelope(answer.body, _Stamp)
        left = decode.counted(found)
        emptiness.check(left)
        chunk = [row.Id for row in found.value]
        _prove(chunk, min(client.page, left), after_id, upto_id)
        return chunk, left - len(chunk)

    return client.ask(asked, read)


def identity(client: Client) -> tuple[int, int | None]:
    """The user whose key this is, and his profile: what decides which rows may be seen."""

    def read(answer: Answer) -> tuple[int, int | None]:
        found = decode.envelope(answer.body, _User)
        if len(found.value) != 1:
            raise Unproven(f"{len(found.value)} users where one was asked for")
        return found.value[0].Id, found.value[0].ProfileId

    return client.ask("/Self?$select=Id,ProfileId", read)


def look_up(client: Client, look_ups: LookUpSet) -> list[LookUp]:
    """A look-up set, whole."""
    found: list[LookUp] = []
    left = 1
    while left > 0:
        after_id = found[-1].id if found else 0
        asked = query(
            look_ups.path,
            filter=f"Id gt {after_id}",
            orderby="Id",
            top=client.page,
            select=look_ups.fields,
            count="true",
        )

        def read(answer: Answer, after_id: int = after_id) -> tuple[list[LookUp], int]:
            page = decode.envelope(answer.body, LookUp)
            matching = decode.counted(page)
            _prove([row.id for row in page.value], min(client.page, matching), after_id, None)
            return page.value, matching - len(page.value)

        chunk, left = client.ask(asked, read)
        found += chunk
    return found


def _asked(client: Client, entity: Entity, refused: frozenset[str], **options: Any) -> str:
    return query(
        entity.path,
        **options,
        orderby="Id",
        top=client.page,
        select=entity.fields(refused),
        expand=entity.expand(refused),
        count="true",
    )


def _proved(
    client: Client, entity: Entity, decoded: decode.Decoded, left: int, after_id: int, upto_id: int | None
) -> Page:
    keys = [getattr(row, entity.key) for row in decoded.rows]
    if decoded.rejections:
        keys = sorted(keys + [rejected.id for rejected in decoded.rejections])
    _prove(keys, min(client.page, left), after_id, upto_id)
    return Page(
        decoded.rows,
        decoded.rejections,
        keys[0] if keys else after_id,
        keys[-1] if keys else after_id,
        left - len(keys),
    )


def _prove(keys: list[int], expected: int, after_id: int, upto_id: int | None) -> None:
    if len(keys) != expected:
        raise Unproven(f"{len(keys)} rows where {expected} were left to read")
    if keys and (keys[0] <= after_id or (upto_id is not None and keys[-1] > upto_id)):
        raise Unproven(f"rows from Id {keys[0]} to {keys[-1]} where ({after_id}, {upto_id}] was asked for")
    if any(a >= b for a, b in pairwise(keys)):
        raise Unproven("rows twice or out of the order of their Ids")
