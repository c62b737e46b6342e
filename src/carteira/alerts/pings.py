"""Tells a health check, as healthchecks.io has them, when a run starts and how it ends. It is never in a run's way.

Each ping has ten seconds; one that fails is logged and forgotten. They go out one after the other on a thread of
their own, so a run does not wait for the first of them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from carteira.settings import Secret

log = logging.getLogger(__name__)

PING_SECONDS = 10.0


@dataclass(frozen=True)
class HealthCheck:
    """A check and the run that it is told of; `rid` lets it tell runs apart that overlap."""

    url: Secret
    pool: ThreadPoolExecutor
    rid: UUID = field(default_factory=uuid4)

    def tell(self, what: str, text: str = "") -> None:
        """`what`: "start", "" for success, "fail"; `text` is kept beside the ping, and never holds a secret."""
        self.pool.submit(self._ping, what, text)

    def _ping(self, what: str, text: str) -> None:
        import urllib3

        address, _, query = self.url.reveal().partition("?")
        address += (f"/{what}" if what else "") + f"?{query + '&' if query else ''}rid={self.rid}"
        try:
            # Where the address leads on to is not where somebody meant to tell.
            answer = urllib3.request(
                "POST", address, body=text.encode(), timeout=PING_SECONDS, retries=False, redirect=False
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            log.warning("HEALTHCHECK_URL could not be told of the run (%s); the run goes on.", type(error).__name__)
            return
        if answer.status >= 300:
            log.warning("HEALTHCHECK_URL answered HTTP %s; the run goes on. Check the address.", answer.status)


@contextmanager
def health_check(url: Secret | None) -> Iterator[HealthCheck | None]:
    """The check for one run, or None; leaving waits until it has been told all."""
    if url is None:
        yield None
        return
    with ThreadPoolExecutor(1, "health-check") as pool:
        yield HealthCheck(url, pool)
