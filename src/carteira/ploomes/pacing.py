"""Never more requests than agreed, in any minute and at any moment.

The minute is shared by every process on the account, so a request is booked in a ledger before it is sent, in blocks.
A block is spent within BLOCK_SECONDS, or what is left is given back; the ledger counts it for that much longer than the
minute, so that whenever in its life its requests were sent, no window of 60 seconds holds more than the limit.

What somebody waits for, a webhook's hint or a command, is asked for singly: beside a run that uses the whole minute it
has the few requests that a run leaves free, and one of the places in flight, which the run makes for it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

BLOCK_SECONDS = 3.0
# A request sent now may reach Ploomes up to this much later: two of them can arrive closer than they left.
TRAVEL_SECONDS = 1.0
WINDOW_SECONDS = 60.0 + BLOCK_SECONDS + TRAVEL_SECONDS

# What is booked and not spent is forfeited, and more than this is hardly sent within BLOCK_SECONDS.
LARGEST_BLOCK = 200

# One request in so many a run leaves to what is asked for singly.
RESERVE = 20

# Until a place is free, which is as long as a request takes.
PLACE_SECONDS = 0.05
# Whoever sends nothing for so long makes room for others.
IDLE_SECONDS = 0.2

SLOWEST_SHARE = 0.1
EASE_OFF = 0.6
RECOVER_SECONDS = 60.0


class Stopped(Exception):
    """The deadline came or the process was asked to end: what was staged stays, the next run goes on."""


class Ledger(Protocol):
    """Where the last minute's requests are booked; shared by processes where it can be."""

    single: bool

    def book(
        self, wanted: int, limit: int, *, reserve: int, concurrency: int, in_flight: int
    ) -> tuple[int, float, int]:
        """Book up to `wanted` of `limit` requests, and places for them.

        Gives how many were granted, if none how many seconds to wait before asking again, and how many may be in flight
        at once from now on, of `concurrency` for everybody; `in_flight` are now. Unless `single`, `reserve` requests of
        the limit are left free.
        """

    def give_back(self, requests: int) -> None:
        """Of the last block these were not sent and will not be."""

    def leave(self) -> None:
        """Nothing is in flight, and nothing will be before the next booking."""


class OwnLedger:
    """A ledger for one process, where there is no database to share."""

    single = False

    def __init__(self, window_seconds: float = WINDOW_SECONDS) -> None:
        self._window = window_seconds
        self._booked: deque[tuple[float, int]] = deque()

    def book(
        self, wanted: int, limit: int, *, reserve: int, concurrency: int, in_flight: int
    ) -> tuple[int, float, int]:
        """See `Ledger.book`; there is nobody to leave anything free for."""
        now = time.monotonic()
        while self._booked and self._booked[0][0] <= now - self._window:
            self._booked.popleft()
        granted = min(wanted, limit - sum(requests for _, requests in self._booked))
        if granted <= 0:
            return 0, self._booked[0][0] + self._window - now, concurrency
        self._booked.append((now, granted))
        return granted, 0.0, concurrency

    def give_back(self, requests: int) -> None:
        """See `Ledger.give_back`."""
        if self._booked:
            booked_at, granted = self._booked.pop()
            self._booked.append((booked_at, granted - requests))

    def leave(self) -> None:
        """See `Ledger.leave`."""


class Pacer:
    """Hands out turns to send one request: booked, not too many at once, and none while Ploomes asked for a pause.

    Being throttled although we keep to our share means that others use the account too: the share shrinks at once and
    grows back over minutes. `reserve`: leave a little of the minute free for what is asked for singly.
    """

    def __init__(
        self,
        per_minute: int,
        concurrency: int,
        ledger: Ledger,
        stopping: threading.Event,
        *,
        reserve: bool = False,
        block_seconds: float = BLOCK_SECONDS,
    ) -> None:
        self.per_minute = per_minute
        self.stopping = stopping
        self.sent = 0
        self.throttled = 0
        self._concurrency = concurrency
        self._ledger = ledger
        self._reserve = reserve
        self._block_seconds = block_seconds
        self._places = threading.BoundedSemaphore(concurrency)
        self._lock = threading.Lock()
        self._left = 0
        self._left_until = 0.0
        self._in_flight = 0
        self._most_in_flight = concurrency
        self._placed = False
        self._idle: threading.Thread | None = None
        self._closed = threading.Event()
        self._share = 1.0
        self._eased_at = 0.0
        self._pause_until = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn to send one request and hold it while the request is under way; Stopped ends the wait."""
        with self._places:
            while (seconds := self._wait()) > 0:
                self.rest(seconds)
            try:
                if self.stopping.is_set():
                    raise Stopped
                yield
            finally:
                self._ended()

    def rest(self, seconds: float) -> None:
        """Sleep, unless asked to stop."""
        if self.stopping.wait(seconds):
            raise Stopped

    def ease_off(self, pause: float) -> None:
        """Ploomes said that it is too much: nobody sends for `pause` seconds, and fewer a minute afterwards."""
        with self._lock:
            now = time.monotonic()
            self.throttled += 1
            if now >= self._pause_until:
                self._share = max(SLOWEST_SHARE, self._share * EASE_OFF)
                self._eased_at = now
            self._pause_until = max(self._pause_until, now + pause)
            self._left = 0

    def close(self) -> None:
        """Give back what was booked and will not be sent; whoever takes a turn after all books anew."""
        self._closed.set()
        if self._idle is not None:
            self._idle.join()
        with self._lock:
            self._leave()

    def _leave(self) -> None:
        self._give_back()
        if self._placed and self._in_flight == 0:
            self._ledger.leave()
            self._placed = False

    def _leave_when_idle(self) -> None:
        sent = 0
        while not self._closed.wait(IDLE_SECONDS):
            with self._lock:
                if sent == self.sent and self._in_flight == 0:
                    self._leave()
                sent = self.sent

    def _ended(self) -> None:
        with self._lock:
            self._in_flight -= 1
            if self._ledger.single:
                self._leave()

    def _give_back(self) -> None:
        if self._left > 0:
            self._ledger.give_back(self._left)
        self._left = 0

    def _wait(self) -> float:
        with self._lock:
            now = time.monotonic()
            if now < self._pause_until:
                return self._pause_until - now
            if self._in_flight >= self._most_in_flight > 0:
                return PLACE_SECONDS
            if self._left == 0 or now >= self._left_until:
                seconds = self._book(now)
                if seconds > 0:
                    return seconds
            self._left -= 1
            self._in_flight += 1
            self.sent += 1
            return 0.0

    def _book(self, now: float) -> float:
        self._give_back()
        limit = max(1, int(self.per_minute * self._recovered(now)))
        granted, seconds, self._most_in_flight = self._ledger.book(
            1 if self._ledger.single else max(1, min(limit // 12, LARGEST_BLOCK)),
            limit,
            reserve=limit // RESERVE if self._reserve else 0,
            concurrency=self._concurrency,
            in_flight=self._in_flight,
        )
        self._placed = True
        if self._idle is None and not self._ledger.single:
            self._idle = threading.Thread(target=self._leave_when_idle, name="idle", daemon=True)
            self._idle.start()
        self._left, self._left_until = granted, now + self._block_seconds
        return min(max(seconds, 0.05), self._block_seconds) if granted == 0 else 0.0

    def _recovered(self, now: float) -> float:
        while self._share < 1.0 and now - self._eased_at >= RECOVER_SECONDS:
            self._share = min(1.0, self._share * 1.25)
            self._eased_at += RECOVER_SECONDS
        return self._share
