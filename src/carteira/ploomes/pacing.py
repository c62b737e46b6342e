"""Never more requests than agreed, in any minute and at any moment.

The minute is shared by every process on the account, so a request is booked in a ledger before it is sent, in blocks.
A block is spent within BLOCK_SECONDS, or what is left is given back; the ledger counts it for that much longer than the
minute, so that whenever in its life its requests were sent, no window of 60 seconds holds more than the limit.
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

SLOWEST_SHARE = 0.1
EASE_OFF = 0.6
RECOVER_SECONDS = 60.0


class Stopped(Exception):
    """The deadline came or the process was asked to end: what was staged stays, the next run goes on."""


class Ledger(Protocol):
    """Where the last minute's requests are booked; shared by processes where it can be."""

    def book(self, wanted: int, limit: int) -> tuple[int, float]:
        """Book up to `wanted` requests; how many were granted and, if none, how many seconds to wait before asking."""

    def give_back(self, requests: int) -> None:
        """Of the last block these were not sent and will not be."""


class OwnLedger:
    """A ledger for one process, where there is no database to share."""

    def __init__(self, window_seconds: float = WINDOW_SECONDS) -> None:
        self._window = window_seconds
        self._booked: deque[tuple[float, int]] = deque()

    def book(self, wanted: int, limit: int) -> tuple[int, float]:
        """See `Ledger.book`."""
        now = time.monotonic()
        while self._booked and self._booked[0][0] <= now - self._window:
            self._booked.popleft()
        granted = min(wanted, limit - sum(requests for _, requests in self._booked))
        if granted <= 0:
            return 0, self._booked[0][0] + self._window - now
        self._booked.append((now, granted))
        return granted, 0.0

    def give_back(self, requests: int) -> None:
        """See `Ledger.give_back`."""
        if self._booked:
            booked_at, granted = self._booked.pop()
            self._booked.append((booked_at, granted - requests))


class Pacer:
    """Hands out turns to send one request: booked, not too many at once, and none while Ploomes asked for a pause.

    Being throttled although we keep to our share means that others use the account too: the share shrinks at once and
    grows back over minutes.
    """

    def __init__(
        self,
        per_minute: int,
        concurrency: int,
        ledger: Ledger,
        stopping: threading.Event,
        *,
        block_seconds: float = BLOCK_SECONDS,
    ) -> None:
        self.per_minute = per_minute
        self.stopping = stopping
        self.sent = 0
        self.throttled = 0
        self._ledger = ledger
        self._block_seconds = block_seconds
        self._places = threading.BoundedSemaphore(concurrency)
        self._lock = threading.Lock()
        self._left = 0
        self._left_until = 0.0
        self._share = 1.0
        self._eased_at = 0.0
        self._pause_until = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn to send one request and hold it while the request is under way; Stopped ends the wait."""
        with self._places:
            while (seconds := self._wait()) > 0:
                self.rest(seconds)
            if self.stopping.is_set():
                raise Stopped
            yield

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
        """Give back what was booked and will not be sent."""
        with self._lock:
            self._give_back()

    def _give_back(self) -> None:
        if self._left > 0:
            self._ledger.give_back(self._left)
        self._left = 0

    def _wait(self) -> float:
        with self._lock:
            now = time.monotonic()
            if now < self._pause_until:
                return self._pause_until - now
            if self._left == 0 or now >= self._left_until:
                seconds = self._book(now)
                if seconds > 0:
                    return seconds
            self._left -= 1
            self.sent += 1
            return 0.0

    def _book(self, now: float) -> float:
        self._give_back()
        limit = max(1, int(self.per_minute * self._recovered(now)))
        granted, seconds = self._ledger.book(max(1, min(limit // 12, LARGEST_BLOCK)), limit)
        self._left, self._left_until = granted, now + self._block_seconds
        return min(max(seconds, 0.05), self._block_seconds) if granted == 0 else 0.0

    def _recovered(self, now: float) -> float:
        while self._share < 1.0 and now - self._eased_at >= RECOVER_SECONDS:
            self._share = min(1.0, self._share * 1.25)
            self._eased_at += RECOVER_SECONDS
        return self._share
