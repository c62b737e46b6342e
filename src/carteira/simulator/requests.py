"""The log of what was asked, so that tests can count calls and check the minute's budget."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LONGEST_LOG = 200_000


@dataclass(frozen=True)
class Request:
    """A request as it came in; `number` counts from 1."""

    number: int
    method: str
    path: str
    query: str
    options: dict[str, str]
    key: str | None
    headers: dict[str, str]


@dataclass(frozen=True)
class Logged:
    """A request and what became of it; `started` and `ended` are monotonic seconds, `query` is decoded."""

    number: int
    method: str
    path: str
    query: str
    options: dict[str, str] = field(repr=False)
    key: str | None
    status: int
    rows: int | None
    bytes: int
    started: float
    ended: float
    in_flight: int
    fault: str | None = None


class RequestLog:
    """The last 200,000 requests, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Logged] = deque(maxlen=LONGEST_LOG)
        self._lock = threading.Lock()

    def add(self, entry: Logged) -> None:
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def __iter__(self) -> Iterator[Logged]:
        with self._lock:
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
