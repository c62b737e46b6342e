"""What webhooks say has changed: put down at once, taken by whoever reads it, published beside the run under way.

Nothing here knows what a row is: a hint is an entity and an Id. A row that is named while it is being read is read
again, so that calls which come twice or in the wrong order do no harm.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from carteira.warehouse import staging
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection
from carteira.warehouse.staging import StagedPage

queries: Any = Blocks(Path(__file__).with_name("hints.sql"))


@dataclass(frozen=True)
class Hint:
    """A row that somebody took to read: until `due_at` it is nobody else's."""

    id: int
    calls: int
    tries: int
    due_at: datetime


@dataclass(frozen=True)
class Standing:
    """What hints are published against; `run_id` None: nothing was ever published."""

    run_id: int | None
    now: datetime
    usual_currency_id: int | None
    refused_fields: frozenset[str]
    identity: tuple[int | None, int | None]


@dataclass(frozen=True)
class Health:
    """Whether webhooks come in and are seen to."""

    calls: int
    received_at: datetime | None
    published_at: datetime | None
    waiting: int
    waiting_since: datetime | None


def put(connection: Connection, entity: str, ids: Iterable[int]) -> None:
    """Put down that these rows may have changed."""
    for one in sorted(set(ids)):
        queries.put(connection, entity=entity, id=one)


def called(connection: Connection, named: Iterable[tuple[str, int]]) -> None:
    """Put down what one webhook named, and that there was one."""
    for entity, one in named:
        queries.put(connection, entity=entity, id=one)
    queries.called(connection)


def take(connection: Connection, entity: str, seconds: float, most: int) -> list[Hint]:
    """Up to so many hints that are due; after `seconds` without an end they are anybody's again."""
    return [Hint(*row) for row in queries.take(connection, entity=entity, seconds=seconds, most=most)]


def still_ours(connection: Connection, entity: str, taken: Sequence[Hint]) -> set[int]:
    """Which of these nobody else has taken since."""
    return {row[0] for row in queries.still_ours(connection, entity=entity, taken=_as_json(taken))}


def settle(connection: Connection, entity: str, taken: Sequence[Hint]) -> None:
    """Forget what was seen to, unless it was named again meanwhile."""
    queries.settle(connection, entity=entity, taken=_as_json(taken))


def put_off(connection: Connection, entity: str, taken: Sequence[Hint], seconds: float, most_tries: int) -> None:
    """Look at these again later, and after so many tries no more."""
    queries.put_off(connection, entity=entity, taken=_as_json(taken), seconds=seconds, most_tries=most_tries)


def _as_json(taken: Sequence[Hint]) -> str:
    return json.dumps([{"id": one.id, "calls": one.calls, "due_at": one.due_at.isoformat()} for one in taken])


def standing(connection: Connection) -> Standing:
    """What the last run left."""
    run_id, now, currency, refused, user, profile = queries.state(connection)
    return Standing(run_id, now, currency, frozenset(refused), (user, profile))


def last_run(connection: Connection) -> int | None:
    """The last run that succeeded."""
    row = queries.last_run(connection)
    return row[0] if row else None


def stage(connection: Connection, page: StagedPage, gone: Collection[int], run_id: int, server_now: datetime) -> None:
    """Stage rows and absences for this transaction alone.

    What is gone is told to the run under way too: it may have staged the row, and would bring it back.
    """
    entity = page.read.entity
    staging.queries.add_absences(connection, entity=entity, ids=list(gone))
    queries.stage_beside(connection)
    queries.stage_absences_beside(connection)
    staging.queries.open_entity(
        connection,
        entity=entity,
        run_id=run_id,
        newest=None,
        newest_id=None,
        remote_count=0,
        server_now=server_now,
        watermark=None,
    )
    staging.stage(connection, [page])
    staging.queries.add_absences(connection, entity=entity, ids=list(gone))


def health(connection: Connection) -> Health:
    """When Ploomes called last, and what became of it."""
    return Health(*queries.health(connection))
