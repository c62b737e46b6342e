"""One run at a time, wherever it runs: a lease by the database's clock, with a token that rises at every take-over.

Renewed by a thread of its own. Every transaction of a run first selects the lease row with its token: no row, no
write. So a holder that was stopped, and wakes up after somebody else took over, can change nothing. (A session
advisory lock would leak behind a transaction pooler.)
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from carteira.errors import DatabaseError, LeaseHeld, LeaseLost
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection, Warehouse

queries: Any = Blocks(Path(__file__).with_name("lease.sql"))


@dataclass
class Lease:
    """The right to run, on a connection of its own; `lost` is set when a renewal finds it gone."""

    warehouse: Warehouse
    connection: Connection = field(repr=False)
    token: int
    seconds: float
    lost: threading.Event

    @property
    def asleep(self) -> str:
        """Milliseconds of silence in a transaction after which the server ends it: the lease's own time.

        A process that is stopped in the middle of one would otherwise hold its locks, the lease's too, while it sleeps.
        """
        return str(max(1, round(self.seconds * 1000)))

    @contextmanager
    def transaction(self, connection: Connection, *, publishing: bool = False) -> Iterator[Connection]:
        """A transaction that writes only if the lease is still ours; raises LeaseLost otherwise."""
        with self.warehouse.transaction(connection) as inside:
            query = queries.keep_lease if publishing else queries.share_lease
            if query(inside, token=self.token, asleep=self.asleep) is None:
                raise LeaseLost(
                    "This run was away for longer than its lease and another run took over; nothing was written "
                    "since. Raise CARTEIRA_LEASE_SECONDS if this machine sleeps or is overloaded."
                )
            yield inside


@contextmanager
def held(warehouse: Warehouse, seconds: float, lost: threading.Event | None = None) -> Iterator[Lease]:
    """Take the lease, renew it while the block runs, give it back; LeaseHeld when another run has it."""
    # On the run's, which an interrupt may leave within a statement, giving back would wait for ever.
    with closing(warehouse.connect()) as used:
        lease = Lease(warehouse, used, _take(warehouse, used, seconds), seconds, lost or threading.Event())
        ended = threading.Event()
        renewing = threading.Thread(target=_renew, args=(lease, ended), daemon=True)
        renewing.start()
        try:
            yield lease
        finally:
            ended.set()
            renewing.join()
            _release(lease)


def _take(warehouse: Warehouse, connection: Connection, seconds: float) -> int:
    with warehouse.transaction(connection):
        taken = queries.take_lease(connection, holder=f"{socket.gethostname()} {os.getpid()}", seconds=seconds)
        if taken is not None:
            return int(taken[0])
        holder, remaining = queries.current_lease(connection)
    raise LeaseHeld(
        f"Another run is at work ({holder}); its lease is renewed until it ends and is free "
        f"{max(remaining, 0):.0f} s after it died. Nothing to do: run again later."
    )


def _renew(lease: Lease, ended: threading.Event) -> None:
    connection: Connection | None = None
    try:
        while not ended.wait(lease.seconds / 3):
            connection, ours = _renewed(lease, connection)
            if not ours:
                lease.lost.set()
                return
    finally:
        if connection is not None:
            connection.close()


def _renewed(lease: Lease, connection: Connection | None) -> tuple[Connection | None, bool]:
    """The connection to renew on the next time, and whether the lease is still ours as far as one can tell."""
    try:
        connection = connection or lease.warehouse.connect()
        with lease.warehouse.transaction(connection):
            renewed = queries.renew_lease(connection, token=lease.token, seconds=lease.seconds, asleep=lease.asleep)
            return connection, renewed != 0
    except (psycopg.Error, DatabaseError):
        # The next transaction of the run meets the same database and says what is wrong with it.
        if connection is not None:
            connection.close()
        return None, True


def _release(lease: Lease) -> None:
    try:
        _give_back(lease, lease.connection)
    except psycopg.Error:
        # That connection is lost; where there is no other, the lease runs out by itself.
        with suppress(psycopg.Error, DatabaseError), closing(lease.warehouse.connect()) as another:
            _give_back(lease, another)


def _give_back(lease: Lease, connection: Connection) -> None:
    with lease.warehouse.transaction(connection):
        queries.release_lease(connection, token=lease.token)
