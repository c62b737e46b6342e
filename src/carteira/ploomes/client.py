"""One request to Ploomes, until it is answered with what was asked for or it is clear that it will not be.

    throttled (429, or the text of a limit)       everyone pauses, fewer a minute, asked again
    5xx, 408, time-outs, cut connections,         asked again, with growing pauses:
    bodies that do not prove themselves           TRIES times or GIVE_UP_SECONDS
    401, 403                                      asked once more after a pause, then PloomesRefused
    other 4xx, redirects                          PloomesRefused

A redirect is never followed: the key goes to the host that was set and to no other.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from carteira.errors import PloomesRefused, PloomesUnavailable
from carteira.ploomes.decode import Unproven, message, speaks_of_limit
from carteira.ploomes.odata import PAGE
from carteira.ploomes.pacing import Pacer

T = TypeVar("T")

LARGEST_BODY = 64 * 2**20
CHUNK = 2**18
DONE = (200, 201, 204)
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
LONGEST_UNASKED_PAUSE = 30.0


@dataclass(frozen=True)
class Patience:
    """How long one request is worth waiting for, in seconds, and how often it is sent."""

    tries: int = 6
    give_up: float = 60.0
    throttled_tries: int = 30
    throttled_give_up: float = 600.0
    throttled_pause: float = 2.0
    connect: float = 10.0
    silence: float = 30.0
    body: float = 45.0
    first_pause: float = 0.5


@dataclass(frozen=True)
class Answer:
    """The bytes of a 200, and what time it is where it came from."""

    body: bytes
    server_now: datetime


@dataclass
class _Attempts:
    """What one request has cost so far."""

    patience: Patience
    began: float = field(default_factory=time.monotonic)
    faults: int = 0
    throttles: int = 0
    throttled_seconds: float = 0.0
    forbidden: int = 0

    def spent(self) -> bool:
        working = time.monotonic() - self.began - self.throttled_seconds
        return self.faults >= self.patience.tries or working >= self.patience.give_up

    def throttled_out(self) -> bool:
        return (
            self.throttles >= self.patience.throttled_tries or self.throttled_seconds >= self.patience.throttled_give_up
        )

    def unasked_pause(self) -> float:
        return min(LONGEST_UNASKED_PAUSE, self.patience.throttled_pause * 2.0 ** min(self.throttles - 1, 10))

    def pause(self) -> float:
        return self.patience.first_pause * 2.0 ** (self.faults - 1) * random.uniform(0.8, 1.2)


class Client:
    """Speaks to one Ploomes account; safe to use from several threads. `page` is how many rows to ask for at once."""

    def __init__(
        self, base_url: str, key: str, pacer: Pacer, patience: Patience | None = None, *, page: int = PAGE
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.pacer = pacer
        self.page = page
        self._patience = patience or Patience()
        self._headers = {"User-Key": key, "Accept": "application/json", "Accept-Encoding": "gzip"}
        self._http = urllib3.connection_from_url(self.base_url, maxsize=16, block=False, retries=False)
        self._path = urlsplit(self.base_url).path

    def close(self) -> None:
        """Close the connections that are kept, and give back the requests that were booked for nothing."""
        self._http.close()
        self.pacer.close()

    def ask(self, query: str, read: Callable[[Answer], T]) -> T:
        """The answer to `query` as `read` understands it; `read` raises Unproven for one that must be asked again.

        Raises PloomesUnavailable or PloomesRefused with a sentence, Stopped when the process should end.
        """
        return self._asked("GET", query, None, read)

    def send(self, method: str, path: str, row: dict[str, object]) -> None:
        """Write a row; sent again where it is not known whether it arrived, so it may arrive twice."""
        self._asked(method, path, row, lambda answer: None)

    def _asked(self, method: str, query: str, row: dict[str, object] | None, read: Callable[[Answer], T]) -> T:
        attempts = _Attempts(self._patience)
        while True:
            try:
                answer = self._once(method, query, row, attempts)
                if answer is not None:
                    return read(answer)
            except Unproven as fault:
                if fault.throttled:
                    self._ease_off(query, attempts, None)
                else:
                    self._try_again(query, attempts, str(fault))
            except (HTTPError, TimeoutError, OSError) as error:
                self._try_again(query, attempts, _reason(error))

    def _once(self, method: str, query: str, row: dict[str, object] | None, attempts: _Attempts) -> Answer | None:
        with self.pacer.turn():
            response = self._http.request(
                method,
                self._path + query,
                json=row,
                headers=self._headers,
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=self._patience.connect, read=self._patience.silence),
            )
            try:
                body = self._body(response)
            except BaseException:
                response.close()
                raise
            response.release_conn()
        if response.status in DONE:
            return Answer(body, _server_time(response.headers.get("Date")))
        self._other_status(query, response, message(body), attempts)
        return None

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        began, chunks, size = time.monotonic(), [], 0
        while chunk := response.read1(CHUNK, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST_BODY:
                raise Unproven(f"an answer of more than {LARGEST_BODY} bytes")
            if time.monotonic() - began > self._patience.body:
                raise TimeoutError(f"the answer was still trickling in after {self._patience.body:.0f} s")
        return b"".join(chunks)

    def _other_status(self, query: str, response: urllib3.BaseHTTPResponse, said: str, attempts: _Attempts) -> None:
        status = response.status
        if status == 429 or speaks_of_limit(said):
            self._ease_off(query, attempts, _retry_after(response.headers))
        elif status >= 500 or status == 408:
            self._try_again(query, attempts, f"HTTP {status}" + (f", {said}" if said else ""))
        elif status in (401, 403) and attempts.forbidden == 0:
            attempts.forbidden += 1
            self.pacer.rest(self._patience.first_pause)
        else:
            raise PloomesRefused(
                f"Ploomes answered {query.split('?')[0]} with HTTP {status}" + (f": {said}" if said else "") + ".",
                status=status,
                path=query.split("?")[0],
            )

    def _try_again(self, query: str, attempts: _Attempts, reason: str) -> None:
        attempts.faults += 1
        if attempts.spent():
            raise PloomesUnavailable(
                f"Ploomes did not answer {query.split('?')[0]} on {self.base_url} after {attempts.faults} tries in "
                f"{time.monotonic() - attempts.began:.0f} s: {reason}. Published data is untouched; check the network "
                "and PLOOMES_BASE_URL, or try again later."
            )
        self.pacer.rest(attempts.pause())

    def _ease_off(self, query: str, attempts: _Attempts, asked_for: float | None) -> None:
        attempts.throttles += 1
        if attempts.throttled_out():
            raise PloomesUnavailable(
                f"Ploomes kept answering {query.split('?')[0]} with its request limit for "
                f"{attempts.throttled_seconds:.0f} s. Something else uses the account's 120 requests a minute: lower "
                "PLOOMES_REQUESTS_PER_MINUTE, or try again later; published data is untouched."
            )
        pause = asked_for if asked_for is not None else attempts.unasked_pause()
        attempts.throttled_seconds += pause
        self.pacer.ease_off(pause)


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", None) or error
    return f"{type(inner).__name__}: {inner}" if not isinstance(inner, TimeoutError) else str(inner)


def _server_time(date: str | None) -> datetime:
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from either form of the header, by the server's own clock; None where it says nothing."""
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return min(max(float(value), SHORTEST_PAUSE), LONGEST_PAUSE)
    try:
        seconds = (parsedate_to_datetime(value) - _server_time(headers.get("Date"))).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, SHORTEST_PAUSE), LONGEST_PAUSE)
