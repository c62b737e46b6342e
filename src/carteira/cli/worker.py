"""`carteira worker`: syncs as scheduled and what webhooks name, until it is ended."""

from __future__ import annotations

import os
import signal
import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from carteira.cli.opening import opened
from carteira.cli.stopping import stop_requests
from carteira.cli.terminal import say
from carteira.settings import Secret, Settings, load

if TYPE_CHECKING:
    from carteira.warehouse.connection import Warehouse

STOPPING = "Stopping: a run under way stays as far as it got, and another worker goes on. Once more to stop at once."


def worker(arguments: Namespace) -> None:
    """Work; the first signal ends it in order."""
    settings = load(required=("PLOOMES_API_KEY",))
    from carteira import log
    from carteira.alerts.watch import looking
    from carteira.sync import schedule

    log.configure(value.reveal() for value in vars(settings).values() if isinstance(value, Secret))
    with stop_requests(STOPPING) as stopping, opened(settings) as warehouse, looking(settings, warehouse):
        say(f"Working on the schedule {settings.sync_schedule} ({settings.timezone}).")
        schedule.work(settings, warehouse, stopping)


@contextmanager
def working_beside(settings: Settings, warehouse: Warehouse) -> Iterator[None]:
    """A worker in a thread of this process, for as long as the block lasts, which ends where the worker dies."""
    from carteira.sync import schedule

    # Here and not in the thread, where it would end nothing.
    schedule.make_ready(settings, warehouse)
    stopping = threading.Event()
    faults: list[Exception] = []

    def work() -> None:
        try:
            schedule.work(settings, warehouse, stopping)
        except Exception as fault:  # noqa: BLE001 - raised below, in the thread that has to end
            faults.append(fault)
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        if faults:
            # A dashboard that nothing keeps fresh any more looks as if all were well.
            raise faults[0]
