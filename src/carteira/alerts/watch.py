"""Watches over runs: a health check is told of each one, people of what is wrong and of its end, once each.

What is wrong is derived from the log of runs, and what people were told is kept in the database: whichever process
looks first tells it, and the others find it told. When the database itself is away nothing can be remembered, so only
the health check is told.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from carteira.alerts import channels, messages
from carteira.alerts.messages import Message, Place, Trouble
from carteira.alerts.pings import health_check
from carteira.errors import CarteiraError, LeaseHeld
from carteira.settings import Settings
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection, Warehouse
from carteira.warehouse.stamp import STALE_AFTER

queries: Any = Blocks(Path(__file__).with_name("troubles.sql"))
log = logging.getLogger(__name__)

# Longer than all channels may take.
CLAIM_SECONDS = 120
EVERY_SECONDS = 300.0
# How long a failure that time may mend has to last before people are told of it.
PATIENCE_SECONDS = 600.0


@contextmanager
def watched(settings: Settings, warehouse: Warehouse) -> Iterator[Callable[[], None]]:
    """Around a run, which calls what it is given when it holds the lease; how it ends is seen by what it raises.

    A run that leaves because another one works is nobody's business. One that was cut short and will go on is a
    success to the health check: it lives. That it never gets done is told as staleness.

    People are told at once of what only they can mend. Of what time may mend they are told when it has lasted
    PATIENCE_SECONDS: a network that was away for a moment is no news.
    """
    with health_check(settings.healthcheck_url) as check:
        tell = check.tell if check else _nobody
        try:
            yield lambda: tell("start")
        except LeaseHeld:
            raise
        except CarteiraError as error:
            tell("fail", str(error))
            look(settings, warehouse, None if error.passes else str(error))
            raise
        except Exception as error:
            unexpected = f"An unexpected {type(error).__name__}; the log has it."
            tell("fail", unexpected)
            look(settings, warehouse, unexpected)
            raise
        tell("")
        look(settings, warehouse)


def _nobody(what: str, text: str = "") -> None:
    pass


def look(settings: Settings, warehouse: Warehouse, urgent: str | None = None) -> None:
    """See what is wrong, and tell people what they have not been told; whatever fails meanwhile is logged.

    `urgent`: the sentence of a failure that was just seen and that no waiting mends.
    """
    if not channels.any_set(settings):
        return
    try:
        _look(settings, warehouse, urgent)
    except (psycopg.Error, CarteiraError) as error:
        log.warning("Whether there is anything to alert people of could not be seen: %s", type(error).__name__)


def _look(settings: Settings, warehouse: Warehouse, urgent: str | None) -> None:
    with warehouse.transaction() as connection:
        if urgent is not None:
            queries.urgent(connection, reason=urgent)
        queries.look(connection, stale_seconds=STALE_AFTER.total_seconds(), patience=PATIENCE_SECONDS)
        queries.drop_untold(connection)
        claimed = [Trouble(*row) for row in queries.claim(connection, seconds=CLAIM_SECONDS)]
        (last_sync_at,) = queries.last_success(connection)
    place = Place(ZoneInfo(settings.timezone), settings.public_url, last_sync_at, settings.locale)
    for about, message in _messages(claimed, place):
        delivered = channels.deliver(settings, message)
        with warehouse.transaction() as connection:
            _put_down(connection, about, delivered=delivered)


def _put_down(connection: Connection, about: list[Trouble], *, delivered: bool) -> None:
    for trouble in about:
        if delivered:
            queries.told(connection, trouble=trouble.trouble, over=trouble.over_at is not None)
        else:
            queries.not_told(connection, trouble=trouble.trouble)


def _messages(claimed: list[Trouble], place: Place) -> Iterator[tuple[list[Trouble], Message]]:
    """One message for each trouble that began; one for all that are over."""
    for trouble in claimed:
        if trouble.over_at is None:
            yield [trouble], messages.message(trouble, place)
    if over := [trouble for trouble in claimed if trouble.over_at is not None]:
        yield over, messages.all_clear(over, place)


@contextmanager
def looking(settings: Settings, warehouse: Warehouse, every: float = EVERY_SECONDS) -> Iterator[None]:
    """Look now and again while a program runs: that nothing syncs any more can only be seen by somebody else."""
    if not channels.any_set(settings):
        yield
        return
    leaving = threading.Event()

    def keep_looking() -> None:
        while not leaving.wait(every):
            look(settings, warehouse)

    thread = threading.Thread(target=keep_looking, name="alerts", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        thread.join(channels.SECONDS)
