"""What to read and from where: decided from what is known, without asking anybody."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from carteira.ploomes.entities import ENTITIES
from carteira.ploomes.odata import PAGE
from carteira.ploomes.pages import Opening
from carteira.warehouse.runs import EntityState, State, Unfinished
from carteira.warehouse.staging import Read

# Raised whenever staged rows of an older version would mean something else.
STAGING_VERSION = 1

OVERLAP = timedelta(seconds=120)
SETTLING = timedelta(seconds=2)
FULL_EVERY = timedelta(hours=24)
FULL_EVERY_DURATIONS = 20
STALE_AFTER = timedelta(hours=24)
OLDEST_STAGING = timedelta(days=7)
PARTS = 4
PAGES_WORTH_PARTS = 8


def fingerprint(base_url: str, key: str) -> str:
    """What staged rows were made with: other rows may not be mixed with them. The key cannot be found from it."""
    made_with = [base_url, key, str(STAGING_VERSION), *(f"{e.path}{e.fields()}{e.expand()}" for e in ENTITIES)]
    return hashlib.sha256("\0".join(made_with).encode()).hexdigest()[:16]


def full_is_due(state: State, now: datetime) -> bool:
    """Whether this run reads everything: never done, or longer ago than a day and than twenty times its duration."""
    if state.last_full_at is None:
        return True
    duration = timedelta(seconds=float(state.last_full_seconds or 0))
    return now - state.last_full_at > max(FULL_EVERY, FULL_EVERY_DURATIONS * duration)


def useless(run: Unfinished, now: datetime, made_with: str, *, full: bool) -> str | None:
    """Why an unfinished run cannot be gone on with; None when it can."""
    if run.fingerprint != made_with:
        return "it was read with another key, address, field list or version"
    if now - (run.last_page_at or run.opened_at) > STALE_AFTER:
        return "it got no page for 24 hours"
    if now - run.opened_at > OLDEST_STAGING:
        return "it was 7 days old"
    if full and run.mode != "full":
        return "a full read was asked for"
    return None


def ahead(opening: Opening) -> bool:
    """Whether the newest change is dated later than Ploomes' own clock, which tells whole seconds only."""
    return opening.newest is not None and opening.newest >= opening.server_now + timedelta(seconds=1)


def watermark(opening: Opening) -> datetime | None:
    """From when on the next run reads what changed: never later than Ploomes' own clock, with an overlap."""
    if opening.newest is None:
        return None
    return min(opening.newest, opening.server_now) - OVERLAP


def nothing_since(since: datetime | None, opening: Opening) -> bool:
    """Whether an opening shows that no row changed since then, so that none needs to be asked for."""
    return since is not None and (opening.newest is None or opening.newest < since)


def quiet(before: EntityState, opening: Opening) -> bool:
    """Whether nothing can have changed since the last run.

    Not so when the counts did not agree after it, or when the newest change was only just made when it was seen, or
    lies in the future: another change may carry the same time stamp, or an earlier one.
    """
    return (
        before.settled
        and before.unexplained == 0
        and before.remote_count == opening.count
        and before.newest == opening.newest
        and before.newest_id == opening.newest_id
    )


def moved(opening: Opening, closing: Opening) -> bool:
    """Whether anything changed while pages were read, as far as newest change and count can tell."""
    return (opening.newest, opening.newest_id, opening.count) != (closing.newest, closing.newest_id, closing.count)


def skips(count: int, page: int = PAGE) -> list[int]:
    """How many rows into the order of Ids the parts of a full read begin, the first one's 0 left out.

    Whole pages, so that splitting costs none.
    """
    pages = -(-count // page)
    if pages < PAGES_WORTH_PARTS:
        return []
    return [pages * part // PARTS * page for part in range(1, PARTS)]


def parts(entity: str, begins: list[tuple[int, int, bool]]) -> list[Read]:
    """The parts of a full read: the first from the start, the others behind the page that each was found with.

    `begins`: first Id, last Id and whether nothing lies behind it, of the pages that the others begin with.
    """
    reads = [Read(entity, "main", 0, upto_id=begins[0][0] - 1 if begins else None)]
    for number, (_, last_id, ends) in enumerate(begins, start=1):
        upto_id = begins[number][0] - 1 if number < len(begins) else None
        done = ends or (upto_id is not None and last_id >= upto_id)
        reads.append(Read(entity, "main", number, after_id=last_id, upto_id=upto_id, done=done))
    return reads
