"""What Ploomes counts at this moment, to hold beside what is published; for somebody who waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from carteira.ploomes import totals
from carteira.ploomes.client import Client, Patience
from carteira.ploomes.pacing import WINDOW_SECONDS, Pacer, Stopped
from carteira.ploomes.totals import Counts
from carteira.settings import Settings
from carteira.warehouse.bookings import Bookings
from carteira.warehouse.connection import Warehouse

# Nobody looks at a page for longer that does not come.
WAIT_SECONDS = 20.0
HASTY = Patience(tries=2, give_up=10.0, throttled_tries=4, throttled_give_up=15.0, connect=5.0, silence=10.0, body=10.0)


@contextmanager
def asking(
    settings: Settings, warehouse: Warehouse, patience: Patience | None = None, stopping: threading.Event | None = None
) -> Iterator[Client]:
    """A client beside a run that may be at work: it books of the minute what the run leaves free."""
    settings.require("PLOOMES_API_KEY")
    assert settings.ploomes_api_key is not None
    key = settings.ploomes_api_key.reveal()
    with closing(Bookings(warehouse, WINDOW_SECONDS, single=True)) as ledger:
        pacer = Pacer(
            settings.ploomes_requests_per_minute, settings.ploomes_concurrency, ledger, stopping or threading.Event()
        )
        with closing(Client(settings.ploomes_base_url, key, pacer, patience)) as client:
            yield client


def counts_now(settings: Settings, warehouse: Warehouse, wait: float = WAIT_SECONDS) -> Counts | None:
    """Contacts, deals, and deals by status, in five requests; None where `wait` seconds were not enough for them.

    Raises PloomesError where Ploomes does not answer, or refuses.
    """
    stopping = threading.Event()
    timer = threading.Timer(wait, stopping.set)
    timer.daemon = True
    timer.start()
    try:
        with asking(settings, warehouse, HASTY, stopping) as client:
            return totals.counts(client)
    except Stopped:
        return None
    finally:
        timer.cancel()
        timer.join()
