"""The log of what was asked, so that tests can count calls and check the minute's budget."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LONGEST_LOG = 200_000


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came in: `number` counts from 1, query and options are decoded, `key` is the name of the key."""

    number: int
    method: str
    path: str
    query: str
    options: dict[str, str] = field(repr=False)
    key: str | None
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Logged(Request):
    """A request and what became of it; monotonic seconds. Status 0: it ended before an answer."""

    status: int
    rows: int | None
    bytes: int
    started: float
    ended: float
    in_flight: int
    fault: str | None


class RequestLog:
    """The last 200,000 requests, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Logged] = deque(maxlen=LONGEST_LOG)
        self._changed = threading.Condition()

    def add(self, entry: Logged) -> None:
        with self._changed:
            self._entries.append(entry)
            self._changed.notify_all()

    def wait_for(self, many: int, timeout: float = 10.0) -> bool:
        """Wait until so many requests are in the log; False when the seconds ran out first."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._entries) >= many, timeout)

    def clear(self) -> None:
        with self._changed:
            self._entries.clear()

    def __iter__(self) -> Iterator[Logged]:
        with self._changed:
            return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def matching(self, path: str | None = None, status: int | None = None, text: str = "") -> list[Logged]:
        """Those at a path, with a status, whose decoded query contains the text."""
        return [
            each for each in self if path in (None, each.path) and status in (None, each.status) and text in each.query
        ]

    def count(self, path: str | None = None, status: int | None = None, text: str = "") -> int:
        return len(self.matching(path, status, text))

    @property
    def most_in_flight(self) -> int:
        return max((each.in_flight for each in self), default=0)

    def busiest(self, seconds: float = 60) -> int:
        """The most requests that started within any window of so many seconds."""
        return busiest((each.started for each in self), seconds)


def busiest(moments: Iterable[float], seconds: float) -> int:
    """The most of the moments that any half-open window [t, t + seconds) holds."""
    ordered = sorted(moments)
    most = first = 0
    for last, moment in enumerate(ordered):
        while ordered[first] <= moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
