"""The account's limits: requests per rolling minute, shared by all its keys, and requests in flight."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from carteira.simulator.answers import Answer, envelope, message
from carteira.simulator.clock import Clock

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Allowance:
    """None lifts a limit. `window` is the minute's length in seconds, so that tests need not wait for a whole one.

    `retry_after` is 'seconds', 'date' or 'absent'; `overload` answers an empty list with 200 in place of 429.
    """

    per_minute: int | None = None
    most_in_flight: int | None = 6
    window: float = 60.0
    retry_after: str = "absent"
    in_flight_status: int = 429
    overload: bool = False


class Limits:
    """Who may come in, and how many are inside."""

    def __init__(self, allowance: Allowance, clock: Clock) -> None:
        self.allowance = allowance
        self._clock = clock
        self._lock = threading.Lock()
        self._let_in: deque[float] = deque()
        self._inside = 0

    def enter(self) -> int:
        """Count one more request in flight and say how many there are now."""
        with self._lock:
            self._inside += 1
            return self._inside

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1

    def spend(self, requests: int) -> None:
        """Use up part of the minute, as the customer's other integrations do."""
        with self._lock:
            self._let_in.extend([time.monotonic()] * requests)

    def refusal(self, inside: int) -> Answer | None:
        """What to answer instead; None lets the request in and counts it. Refused requests do not count."""
        most = self.allowance.most_in_flight
        if most is not None and inside > most:
            return message(self.allowance.in_flight_status, f"Too many request concurrently, max is {most}")
        with self._lock:
            now = time.monotonic()
            while self._let_in and self._let_in[0] <= now - self.allowance.window:
                self._let_in.popleft()
            if self.allowance.per_minute is None or len(self._let_in) < self.allowance.per_minute:
                self._let_in.append(now)
                return None
            wait = (self._let_in[0] if self._let_in else now) + self.allowance.window - now
        return self._over_the_minute(wait)

    def _over_the_minute(self, wait: float) -> Answer:
        if self.allowance.overload:
            return envelope("Edm.String", [])
        text = f"{self.allowance.per_minute} requests per minute exceeded"
        return message(429, text, *retry_after(self.allowance.retry_after, wait, self._clock.now()))


def retry_after(form: str, seconds: float, now: datetime) -> tuple[tuple[str, str], ...]:
    """The Retry-After header in one of its three forms: 'seconds', 'date' or 'absent'; whole seconds, rounded up."""
    whole = math.ceil(seconds)
    if form == "seconds":
        return (("Retry-After", str(whole)),)
    if form == "date":
        return (("Retry-After", http_date(now + timedelta(seconds=whole))),)
    return ()


def http_date(moment: datetime) -> str:
    """An aware moment as an IMF-fixdate."""
    utc = moment.astimezone(UTC)
    return f"{_DAYS[utc.weekday()]}, {utc:%d} {_MONTHS[utc.month - 1]} {utc:%Y %H:%M:%S} GMT"
