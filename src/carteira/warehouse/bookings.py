"""The last minute's requests to Ploomes, booked where every process on the account can see them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import aiosql
import psycopg

from carteira.warehouse.connection import Connection, Warehouse

queries: Any = aiosql.from_path(Path(__file__).with_name("bookings.sql"), "psycopg")


class Bookings:
    """A ledger of requests in the database, on a connection of its own; safe to use from several threads."""

    def __init__(self, warehouse: Warehouse, window_seconds: float) -> None:
        self._warehouse = warehouse
        self._window = window_seconds
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._last: int | None = None

    def book(self, wanted: int, limit: int) -> tuple[int, float]:
        """Book up to `wanted` of `limit` a window; how many were granted and, if none, how many seconds to wait."""
        with self._lock:
            self._connection = self._connection or self._warehouse.connect()
            with self._warehouse.transaction(self._connection) as connection:
                queries.alone(connection)
                requests, seconds = queries.booked(connection, window=self._window)
                granted = min(wanted, limit - requests)
                if granted <= 0:
                    return 0, seconds
                self._last = queries.book(connection, requests=granted)
                return granted, 0.0

    def give_back(self, requests: int) -> None:
        """Of the last block these were not sent: runs that follow closely would find the minute full of them."""
        with self._lock:
            if self._connection is None or self._last is None:
                return
            try:
                with self._warehouse.transaction(self._connection) as connection:
                    queries.give_back(connection, booking_id=self._last, requests=requests)
            except psycopg.Error:
                # Without a database the block leaves the window by itself.
                return

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
