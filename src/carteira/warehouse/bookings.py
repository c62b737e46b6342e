"""The last minute's requests to Ploomes and those in flight, booked where every process on the account can see them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection, Warehouse

queries: Any = Blocks(Path(__file__).with_name("bookings.sql"))

# There is one run at a time: the next one takes the places of a run that died.
RUN = "run"
# Longer than the slowest request may take after its block was booked.
PLACE_SECONDS = 90.0
# Until somebody else is asked whether there is a place now.
AGAIN_SECONDS = 0.1


class Bookings:
    """A ledger of requests in the database, on a connection of its own; safe to use from several threads.

    `single` is for what somebody waits for beside a run: it has one place, and may book what a run leaves free.
    """

    def __init__(self, warehouse: Warehouse, window_seconds: float, *, single: bool = False) -> None:
        self.single = single
        self._warehouse = warehouse
        self._window = window_seconds
        self._holder = uuid4().hex if single else RUN
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._last: int | None = None

    def book(
        self, wanted: int, limit: int, *, reserve: int, concurrency: int, in_flight: int
    ) -> tuple[int, float, int]:
        """Book up to `wanted` of `limit` requests a window; unless `single`, `reserve` of them are left free.

        Gives how many were granted and, if none, how many seconds to wait; and how many may be in flight at once, of
        `concurrency` for everybody, where `in_flight` are now.
        """
        with self._lock:
            self._connection = self._connection or self._warehouse.connect()
            with self._warehouse.transaction(self._connection) as connection:
                queries.alone(connection)
                booked, by_runs, seconds, taken, waiting = queries.booked(
                    connection, window=self._window, holder=self._holder
                )
                granted = min(wanted, limit - booked, wanted if self.single else limit - reserve - by_runs)
                places = min(1, concurrency - taken) if self.single else concurrency - taken - waiting
                if granted <= 0:
                    self._wait(connection, in_flight, for_a_place=False)
                    return 0, seconds, in_flight
                if places <= in_flight:
                    self._wait(connection, in_flight, for_a_place=True)
                    return 0, AGAIN_SECONDS, in_flight
                self._last = queries.book(
                    connection, requests=granted, single=self.single, holder=self._holder, places=places,
                    seconds=PLACE_SECONDS,
                )  # fmt: skip
                return granted, 0.0, places

    def _wait(self, connection: Connection, in_flight: int, *, for_a_place: bool) -> None:
        if for_a_place or in_flight:
            queries.wait(connection, holder=self._holder, places=in_flight, seconds=PLACE_SECONDS)
        else:
            queries.leave(connection, holder=self._holder)

    def give_back(self, requests: int) -> None:
        """Of the last block these were not sent: runs that follow closely would find the minute full of them."""
        if self._last is not None:
            self._tell(queries.give_back, booking_id=self._last, requests=requests)

    def leave(self) -> None:
        """Nothing is in flight, so the places are free."""
        self._tell(queries.leave, holder=self._holder)

    def _tell(self, what: Any, **parameters: Any) -> None:
        with self._lock:
            if self._connection is None:
                return
            try:
                with self._warehouse.transaction(self._connection) as connection:
                    what(connection, **parameters)
            except psycopg.Error:
                # Without a database, block and places leave by themselves.
                return

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
