"""The reading half of a run: openings, look-ups, pages, a catch-up, and the count that closes it.

A run that changes nothing costs one request for each entity. Every step looks first at what is staged already, so a
run that was cut short anywhere goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from carteira.errors import PloomesRefused
from carteira.ploomes import pages
from carteira.ploomes.entities import CONTACTS, DEALS, ENTITIES, LOOK_UPS, Entity, LookUpSet
from carteira.ploomes.pages import Opening
from carteira.ploomes.refusal import REFUSALS
from carteira.records import LookUp
from carteira.sync import deletions, plan
from carteira.sync.stage import Slice, read, stage, staged, why_refused
from carteira.warehouse import runs, staging
from carteira.warehouse.connection import Connection
from carteira.warehouse.runs import EntityState
from carteira.warehouse.staging import Read


@dataclass(frozen=True)
class Closed:
    """An entity after its last page: its opening, the closing count, what is left unexplained, what changed since."""

    entity: Entity
    opening: Opening
    closing: int
    rest: int
    changed: int


def openings(run: Slice, before: dict[str, EntityState]) -> dict[str, Opening]:
    """What each entity was before the first page of the run: as staged, else asked for now."""
    with run.lease.transaction(run.connection) as connection:
        rows = staging.queries.openings(connection)
    found = {row[0]: Opening(row[1], row[2], row[3], row[4]) for row in rows}
    missing = [entity for entity in ENTITIES if entity.name not in found]
    for entity, opening in zip(missing, run.at_once(lambda e: _opening(run, e, before), missing), strict=True):
        found[entity.name] = opening
    return found


def _opening(run: Slice, entity: Entity, before: dict[str, EntityState]) -> Opening:
    try:
        return pages.opening(run.client, entity, expected=before[entity.name].remote_count != 0)
    except PloomesRefused as refused:
        raise_explained(run, refused)
        raise


def raise_explained(run: Slice, refused: PloomesRefused) -> None:
    """Raise the refusal of something that nothing can be done without, explained."""
    why_refused(run, refused)
    raise refused


def put_down(run: Slice, found: dict[str, Opening]) -> None:
    """Keep the openings, and how much there is to read."""
    with run.lease.transaction(run.connection) as connection:
        known = {row[0] for row in staging.queries.openings(connection)}
        for name, opening in found.items():
            if name not in known:
                staging.queries.open_entity(
                    connection,
                    entity=name,
                    run_id=run.run_id,
                    newest=opening.newest,
                    newest_id=opening.newest_id,
                    remote_count=opening.count,
                    server_now=opening.server_now,
                    watermark=plan.watermark(opening),
                )
        if run.full:
            runs.queries.expect(
                connection, run_id=run.run_id, contacts=found["contacts"].count, deals=found["deals"].count
            )
            run.expected = sum(opening.count for opening in found.values())


def everything(run: Slice, found: dict[str, Opening]) -> None:
    """The main read of a full run."""
    with run.lease.transaction(run.connection) as connection:
        reads = [one for one in staging.reads(connection) if one.phase == "main"]
    for entity in ENTITIES:
        if not any(one.entity == entity.name for one in reads):
            reads += _split(run, entity, found[entity.name].count)
    read(run, reads)


def _split(run: Slice, entity: Entity, count: int) -> list[Read]:
    try:
        begins = run.at_once(
            lambda skip: pages.page_at(run.client, entity, skip, run.refused), plan.skips(count, run.client.page)
        )
    except PloomesRefused as refused:
        run.refused |= why_refused(run, refused)
        return _split(run, entity, count)
    found = sorted((page for page in begins if page is not None), key=lambda page: page.first_id)
    apart = [page for n, page in enumerate(found) if n == 0 or page.first_id > found[n - 1].last_id]
    reads = plan.parts(entity.name, [(page.first_id, page.last_id, page.left == 0) for page in apart])
    first_pages = [staged(page, one) for page, one in zip(apart, reads[1:], strict=True)]
    stage(run, first_pages, reads)
    return reads


def changes(run: Slice, before: dict[str, EntityState], found: dict[str, Opening]) -> list[Entity]:
    """The main read of an incremental run: entities with nothing new are left out; those that were read are told."""
    concerned = [entity for entity in ENTITIES if not plan.quiet(before[entity.name], found[entity.name])]
    with run.lease.transaction(run.connection) as connection:
        reads = [one for one in staging.reads(connection) if one.phase == "main"]
        new = [
            _changed_since(entity, "main", 0, before[entity.name].watermark, found[entity.name])
            for entity in concerned
            if not any(one.entity == entity.name for one in reads)
        ]
        staging.add_reads(connection, run.run_id, new)
    read(run, reads + new)
    return concerned


def _changed_since(entity: Entity, phase: str, part: int, since: datetime | None, opening: Opening) -> Read:
    return Read(entity.name, phase, part, since=since, done=plan.nothing_since(since, opening))


def catch_up(run: Slice, entity: Entity, opening: Opening) -> Opening:
    """The closing of an entity; where it has changed meanwhile, what changed is read first.

    The closing of the main read then takes the place of the opening: from there the next run reads on. A catch-up that
    an earlier slice began is read to its end first, and what changed since it began after it.
    """
    opening = _catch_up_under_way(run, entity) or opening
    closing = pages.opening(run.client, entity, expected=opening.count > 0)
    if not plan.moved(opening, closing):
        return closing
    with run.lease.transaction(run.connection) as connection:
        number = len(_catch_ups(connection, entity))
        again = _changed_since(entity, "catch-up", number, plan.watermark(opening), closing)
        staging.add_reads(connection, run.run_id, [again])
        staging.queries.begin_catch_up(
            connection,
            entity=entity.name,
            newest=closing.newest,
            newest_id=closing.newest_id,
            remote_count=closing.count,
            server_now=closing.server_now,
        )
    _finish_catch_up(run, entity, again, closing)
    return pages.opening(run.client, entity, expected=closing.count > 0)


def _catch_up_under_way(run: Slice, entity: Entity) -> Opening | None:
    with run.lease.transaction(run.connection) as connection:
        found = staging.queries.catch_up_under_way(connection, entity=entity.name)
        reads = _catch_ups(connection, entity)
    if not found:
        return None
    _finish_catch_up(run, entity, reads[-1], Opening(*found))
    return Opening(*found)


def _catch_ups(connection: Connection, entity: Entity) -> list[Read]:
    return [one for one in staging.reads(connection) if (one.entity, one.phase) == (entity.name, "catch-up")]


def _finish_catch_up(run: Slice, entity: Entity, again: Read, closing: Opening) -> None:
    read(run, [again])
    with run.lease.transaction(run.connection) as connection:
        staging.queries.end_catch_up(connection, entity=entity.name, watermark=plan.watermark(closing))


def close(run: Slice, entity: Entity, opening: Opening, closing: Opening) -> Closed:
    """Hold what is here against the closing count, and put right what differs."""
    rest = deletions.reconcile(run, entity, closing.count)
    with run.lease.transaction(run.connection) as connection:
        staging.queries.close_entity(connection, entity=entity.name, unexplained=rest)
        # Hints publish without asking whether somebody is counting.
        changed = runs.entities(connection)[entity.name].hinted - run.hinted[entity.name]
    if plan.moved(opening, closing) and rest != 0:
        changed += pages.count(run.client, entity, changed=plan.watermark(opening))
    return Closed(entity, opening, closing.count, rest, changed)


def look_ups(run: Slice) -> None:
    """Names behind numbers: all of them in a full read, otherwise those of which an unknown number appeared."""
    with run.lease.transaction(run.connection) as connection:
        there = {row[0] for row in staging.queries.staged_look_up_kinds(connection)}
        wanted = (
            {s.kind for s in LOOK_UPS} if run.full else {r[0] for r in staging.queries.unknown_look_ups(connection)}
        )
    sets = [one for one in LOOK_UPS if one.kind in wanted - there]
    if not sets:
        return
    answers = list(zip(sets, run.at_once(lambda s: _look_up(run, s), sets), strict=True))
    run.refused |= {one.path for one, rows in answers if rows is None}
    with run.lease.transaction(run.connection) as connection:
        for one, rows in answers:
            staging.add_look_ups(connection, one.kind, rows or [])


def _look_up(run: Slice, wanted: LookUpSet) -> list[LookUp] | None:
    """A look-up set, with its names alone where more is refused; None where nothing of it is given."""
    for fields in (wanted.fields, "Id,Name"):
        try:
            return pages.look_up(run.client, LookUpSet(wanted.kind, wanted.path, fields))
        except PloomesRefused as refused:
            if refused.status not in REFUSALS:
                raise
    return None


def identity(run: Slice) -> tuple[int | None, int | None]:
    """The key's user and profile; (None, None) where Ploomes does not say."""
    try:
        return pages.identity(run.client)
    except PloomesRefused:
        return None, None


def read_all(run: Slice, before: dict[str, EntityState], found: dict[str, Opening]) -> list[Closed]:
    """Everything that this run has to read, to the closing count of each entity that was read."""
    if run.full:
        everything(run, found)
        concerned = list(ENTITIES)
    else:
        concerned = changes(run, before, found)
    look_ups(run)
    run.at_step("read")
    closings = {entity.name: catch_up(run, entity, found[entity.name]) for entity in concerned}
    closed = [close(run, CONTACTS, found["contacts"], closings["contacts"])] if "contacts" in closings else []
    deletions.reread_orphans(run)
    if "deals" in closings:
        closed.append(close(run, DEALS, found["deals"], closings["deals"]))
    run.at_step("closed")
    return closed
