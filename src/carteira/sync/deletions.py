"""What is no longer in Ploomes: found by counts, proved by listings of Ids, never concluded from an empty answer.

Deleted rows leave no trace in the API. Where Ploomes counts other than we do, the Ids that are here are halved and
the halves counted there, until a part differs that is small enough to be listed.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from carteira.ploomes import pages
from carteira.ploomes.entities import DEALS, Entity
from carteira.ploomes.odata import PAGE
from carteira.sync.stage import BY_ID, Slice, by_id, repair
from carteira.warehouse import staging
from carteira.warehouse.connection import Connection

KNOWN = {"deals": staging.queries.known_deals, "contacts": staging.queries.known_contacts}
MISSING = {"deals": staging.queries.missing_deals, "contacts": staging.queries.missing_contacts}
NEW = {"deals": staging.queries.new_deals, "contacts": staging.queries.new_contacts}
SEEN = {"deals": staging.queries.staged_deals, "contacts": staging.queries.staged_contacts}


@dataclass(frozen=True)
class Stretch:
    """Ids behind `after_id` up to and with `upto_id` (None: to the end): how many are here, how many there."""

    after_id: int
    upto_id: int | None
    here: int
    there: int

    @property
    def differs(self) -> bool:
        """Whether Ploomes counts other than we do."""
        return self.here != self.there


def halving_pays(known: int, difference: int, page: int = PAGE) -> bool:
    """Whether counting halves costs fewer requests than listing every Id."""
    every = known / page
    return every > 1 and 2 * difference * log2(max(every, 2)) <= every


def halved(known: Sequence[int], stretch: Stretch) -> int:
    """The Id in the middle of what is known of a stretch."""
    first = bisect_right(known, stretch.after_id)
    return known[first + stretch.here // 2 - 1]


def listed(known: Sequence[int], stretch: Stretch) -> Sequence[int]:
    """The known Ids of a stretch."""
    first = bisect_right(known, stretch.after_id)
    return known[first : first + stretch.here]


def differing(run: Slice, entity: Entity, known: Sequence[int], there: int) -> list[Stretch]:
    """The stretches, each small enough to be listed, in which Ploomes' count is not ours."""
    whole = Stretch(0, None, len(known), there)
    if not halving_pays(len(known), abs(len(known) - there), run.client.page):
        return [whole]
    small: list[Stretch] = []
    large = [whole]
    while large:
        middles = [halved(known, stretch) for stretch in large]
        counts = run.at_once(
            lambda ends: pages.count(run.client, entity, ends[0], ends[1]),
            [(stretch.after_id, middle) for stretch, middle in zip(large, middles, strict=True)],
        )
        parts = [
            part
            for stretch, middle, count in zip(large, middles, counts, strict=True)
            for part in split(stretch, middle, count)
            if part.differs
        ]
        small += [part for part in parts if part.here <= run.client.page]
        large = [part for part in parts if part.here > run.client.page]
    return small


def split(stretch: Stretch, middle: int, there: int) -> tuple[Stretch, Stretch]:
    here = stretch.here // 2
    return (
        Stretch(stretch.after_id, middle, here, there),
        Stretch(middle, stretch.upto_id, stretch.here - here, stretch.there - there),
    )


def reconcile(run: Slice, entity: Entity, there: int) -> int:
    """Make what is here what Ploomes counts: stage what is there and unknown, mark what is here and gone.

    Gives the difference that is left, here minus there.
    """
    here = count_here(run, entity)
    if here != there:
        known = _known(run, entity)
        for stretch in differing(run, entity, known, there):
            _compare(run, entity, stretch, listed(known, stretch))
    missed = run.full and _confirm_missing(run, entity)
    # Where nothing had to be put right, what was counted is still what is here.
    return (count_here(run, entity) if missed or here != there else here) - there


def _compare(run: Slice, entity: Entity, stretch: Stretch, here: Sequence[int]) -> None:
    there = pages.ids(run.client, entity, stretch.after_id, stretch.upto_id)
    unknown = sorted(set(there) - set(here))
    gone = sorted(set(here) - set(there))
    if unknown:
        repair(run, entity, unknown)
    mark_gone(run, entity, gone)


def _confirm_missing(run: Slice, entity: Entity) -> bool:
    """Look for what is published and was not read; whether there was anything."""
    missing = _missing(run, entity)
    if not missing:
        return False
    if len(missing) / BY_ID > count_here(run, entity) / run.client.page:
        there = set(pages.ids(run.client, entity, 0, None))
    else:
        there = _existing(run, entity, missing)
    mark_gone(run, entity, [one for one in missing if one not in there])
    overlooked = [one for one in missing if one in there]
    if overlooked:
        repair(run, entity, overlooked)
    return True


def _existing(run: Slice, entity: Entity, ids: Sequence[int]) -> set[int]:
    return set().union(*run.at_once(lambda chunk: pages.existing(run.client, entity, chunk), by_id(run, ids)))


def mark_gone(run: Slice, entity: Entity, ids: Sequence[int]) -> None:
    """Put down that these rows are no longer in Ploomes."""
    if ids:
        with run.lease.transaction(run.connection) as connection:
            staging.queries.add_absences(connection, entity=entity.name, ids=list(ids))


def reread_orphans(run: Slice) -> None:
    """The deals of vanished contacts, read again: a merge moves them and may not move their LastUpdateDate."""
    with run.lease.transaction(run.connection) as connection:
        orphans = [row[0] for row in staging.queries.orphaned_deals(connection)]
    if orphans:
        present = repair(run, DEALS, orphans)
        unseen = [one for one in orphans if one not in present]
        there = _existing(run, DEALS, unseen)
        mark_gone(run, DEALS, [one for one in unseen if one not in there])


def count_here(run: Slice, entity: Entity) -> int:
    """How many rows Ploomes should have, if all that is here is right."""
    with run.lease.transaction(run.connection) as connection:
        if run.full:
            return _count_read(connection, entity)
        # All three in one statement: between two, a hint might publish one of these rows.
        fresh, gone, live = NEW[entity.name](connection)
        return int(live + fresh - gone)


def _count_read(connection: Connection, entity: Entity) -> int:
    reads = [read for read in staging.reads(connection) if read.entity == entity.name]
    (absent,) = staging.queries.any_absence(connection, entity=entity.name)
    if not absent and all(read.phase == "main" for read in reads):
        # Parts do not overlap: what was read is what there is, without counting it anew.
        return sum(read.rows_read for read in reads)
    return int(SEEN[entity.name](connection)[0])


def _known(run: Slice, entity: Entity) -> array[int]:
    with run.lease.transaction(run.connection) as connection:
        return staging.ids(KNOWN[entity.name](connection, full=run.full))


def _missing(run: Slice, entity: Entity) -> array[int]:
    with run.lease.transaction(run.connection) as connection:
        return staging.ids(MISSING[entity.name](connection))
