"""Rows that a webhook named, read by their Ids and published at once, beside whatever run is under way.

A webhook is a hint and the API is the truth: of what Ploomes sent, only the Id is believed. No lease is needed, since
nothing here moves a watermark or a count that a run relies on without saying so: rows are written under the lock that
all writers share, never over newer ones, and what became live or went is put down for the next run, which looks twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from carteira.customer_sales.rebuild import rebuild
from carteira.errors import CarteiraError, PloomesError, PloomesRefused
from carteira.ploomes import pages, webhooks
from carteira.ploomes.client import Client, Patience
from carteira.ploomes.entities import ENTITIES, Entity
from carteira.ploomes.pacing import WINDOW_SECONDS, Pacer, Stopped
from carteira.ploomes.pages import Page
from carteira.settings import Settings
from carteira.sync import audit
from carteira.sync.stage import BY_ID, staged
from carteira.warehouse import hints, publish, runs
from carteira.warehouse.bookings import Bookings
from carteira.warehouse.connection import Connection, Warehouse, away
from carteira.warehouse.hints import Hint, Standing
from carteira.warehouse.publish import Merged
from carteira.warehouse.staging import Read

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
TAKEN_SECONDS = 90.0
AGAIN_SECONDS = 20.0
MOST_TRIES = 5
TROUBLE_SECONDS = 15.0
RENEW_SECONDS = 3600.0
# Ploomes' clock comes in whole seconds.
CLOCK = timedelta(seconds=1)


@dataclass(frozen=True)
class Seen:
    """What Ploomes has of some rows: those it gave, and those that it proved to have no more."""

    page: Page
    gone: frozenset[int]


@dataclass
class Reader:
    """What hints are read and published with."""

    settings: Settings
    warehouse: Warehouse
    connection: Connection
    client: Client
    at_step: Callable[[str], None]

    def publish_due(self) -> int:
        """See to every hint that is due; how many rows were looked at."""
        seen = 0
        for entity in ENTITIES:
            while taken := self._take(entity):
                self._see_to(entity, taken)
                seen += len(taken)
        return seen

    def _take(self, entity: Entity) -> list[Hint]:
        with self.warehouse.transaction(self.connection) as connection:
            if hints.last_run(connection) is None:
                return []
            return hints.take(connection, entity.name, TAKEN_SECONDS, min(BY_ID, self.client.page))

    def _see_to(self, entity: Entity, taken: list[Hint]) -> None:
        try:
            while not self._published(entity, taken):
                pass
        except (CarteiraError, Stopped) as error:
            pause = 0.0 if isinstance(error, Stopped) else AGAIN_SECONDS
            with self.warehouse.transaction(self.connection) as connection:
                hints.put_off(connection, entity.name, taken, pause, MOST_TRIES)
            raise

    def _published(self, entity: Entity, taken: Sequence[Hint]) -> bool:
        """Read and publish; False where a run published meanwhile, which may have read what is newer."""
        with self.warehouse.transaction(self.connection) as connection:
            before = hints.standing(connection)
        seen = self._read(entity, [one.id for one in taken], before)
        self.at_step("read")
        with self.warehouse.transaction(self.connection) as connection:
            publish.alone(connection)
            if hints.last_run(connection) != before.run_id:
                return False
            _write(connection, entity, taken, seen, before, self.settings.timezone)
            self.at_step("published, not committed")
        return True

    def _read(self, entity: Entity, ids: list[int], before: Standing) -> Seen:
        page = pages.rows_by_id(self.client, entity, ids, before.refused_fields)
        present = {getattr(row, entity.key) for row in page.rows} | {rejected.id for rejected in page.rejections}
        missing = [one for one in ids if one not in present]
        gone = self._missed(entity, missing) if missing else frozenset()
        if gone and not self._same_eyes(before):
            log.warning("the key is another user's than in the last run: what it does not see is left to the next run")
            gone = frozenset()
        return Seen(page, gone)

    def _missed(self, entity: Entity, missing: list[int]) -> frozenset[int]:
        with self.warehouse.transaction(self.connection) as connection:
            others = runs.entities(connection)[entity.name].live_rows > len(missing)
        return frozenset(missing) - pages.existing(self.client, entity, missing, others=others)

    def _same_eyes(self, before: Standing) -> bool:
        try:
            return before.identity in (pages.identity(self.client), (None, None))
        except PloomesRefused:
            return before.identity == (None, None)


def _write(
    connection: Connection,
    entity: Entity,
    taken: Sequence[Hint],
    seen: Seen,
    before: Standing,
    timezone: str,
) -> None:
    ours = hints.still_ours(connection, entity.name, taken)
    gone = _credible(connection, entity, seen.gone & ours)
    assert before.run_id is not None
    until = (seen.page.server_now or datetime.now(UTC)) + CLOCK
    page = staged(_only(seen.page, entity, ours), Read(entity.name, "repair", 0, done=True))
    hints.stage(connection, page, gone, before.run_id, until)
    merged = publish.merge(
        connection,
        before.run_id,
        before.now,
        full=False,
        usual_currency_id=before.usual_currency_id,
        look_ups=False,
    )
    derived = rebuild(connection, before.now, merged.touched, timezone)
    if merged.changed or derived:
        publish.queries.republished(connection)
        hints.queries.told(connection)
    changed, live = _counted(entity, merged)
    hints.queries.published(connection, entity=entity.name, changed=changed, live=live, until=until)
    if entity.name == "contacts" and gone:
        hints.put(connection, "deals", (row[0] for row in hints.queries.deals_of(connection, customer_ids=list(gone))))
    hints.settle(connection, entity.name, taken)


def _only(page: Page, entity: Entity, ids: set[int]) -> Page:
    rows = [row for row in page.rows if getattr(row, entity.key) in ids]
    rejections = [rejected for rejected in page.rejections if rejected.id in ids]
    return Page(rows, rejections, page.first_id, page.last_id, 0, page.server_now)


def _credible(connection: Connection, entity: Entity, gone: frozenset[int]) -> frozenset[int]:
    """What is gone, unless it is so much that a run's audit has to judge it."""
    live = runs.entities(connection)[entity.name].live_rows
    verdict = audit.shrinkage(entity.name, live, len(gone), accepted=False)
    if verdict.verdict == audit.REFUSED:
        log.warning("not taken from webhooks, but left to the next run: %s", verdict.detail)
        return frozenset()
    return gone


def _counted(entity: Entity, merged: Merged) -> tuple[int, int]:
    """How many rows of the entity changed in any way, and how many more of them live now."""
    if entity.name == "deals":
        return merged.deals + merged.deals_deleted + merged.rejected, merged.deals_live
    return merged.customers + merged.customers_deleted + merged.rejected, merged.customers_live


@contextmanager
def reader(
    settings: Settings,
    warehouse: Warehouse,
    stopping: threading.Event,
    at_step: Callable[[str], None] = lambda step: None,
    patience: Patience | None = None,
) -> Iterator[Reader]:
    """What hints are read with, for as long as the block lasts; its requests are booked with everybody's."""
    settings.require("PLOOMES_API_KEY")
    assert settings.ploomes_api_key is not None
    with (
        closing(Bookings(warehouse, WINDOW_SECONDS, single=True)) as ledger,
        closing(warehouse.connect()) as connection,
    ):
        pacer = Pacer(settings.ploomes_requests_per_minute, settings.ploomes_concurrency, ledger, stopping)
        key = settings.ploomes_api_key.reveal()
        with closing(Client(settings.ploomes_base_url, key, pacer, patience)) as client:
            yield Reader(settings, warehouse, connection, client, at_step)


def watch(settings: Settings, warehouse: Warehouse, stopping: threading.Event) -> None:
    """Publish hints as they come, until asked to stop; trouble is logged, and waited for to pass."""
    while not stopping.is_set():
        try:
            _watch(settings, warehouse, stopping)
        except Stopped:
            return
        except CarteiraError as error:
            log.warning("webhooks wait: %s", error)
        except psycopg.Error as error:
            log.warning("webhooks wait: %s", away(error))
        stopping.wait(TROUBLE_SECONDS)


def _watch(settings: Settings, warehouse: Warehouse, stopping: threading.Event) -> None:
    with reader(settings, warehouse, stopping) as hinted:
        renewed_at = -RENEW_SECONDS
        while not stopping.wait(LOOK_SECONDS):
            hinted.publish_due()
            if time.monotonic() - renewed_at >= RENEW_SECONDS:
                renew(settings, hinted.client)
                renewed_at = time.monotonic()


def renew(settings: Settings, client: Client) -> None:
    """Switch on again what Ploomes switched off; what was never installed stays so."""
    if settings.public_url is None or settings.webhook_key is None:
        return
    try:
        renewed = webhooks.install(
            client, settings.public_url + webhooks.ROUTE, settings.webhook_key.reveal(), add=False
        )
    except PloomesError as error:
        # No reason to leave what was named unread.
        log.warning("whether Ploomes still calls cannot be seen: %s", error)
        return
    for one in renewed:
        log.warning("Ploomes had switched off its webhook for %s %s: renewed", one.entity, one.action)
