"""`/metrics`: the syncs as the database tells them, and how long this process took over its requests.

Nothing is measured while METRICS_TOKEN is not set, and no label names a customer: a route is told by its pattern.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from carteira.settings import Settings
from carteira.warehouse import measures
from carteira.warehouse.connection import Warehouse
from carteira.warehouse.measures import Measures

if TYPE_CHECKING:
    from fastapi import FastAPI
    from prometheus_client import CollectorRegistry, Histogram
    from prometheus_client.core import Metric

router = APIRouter(include_in_schema=False)

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
NO_ROUTE = "(none)"
MOST_ADDRESSES = 4096


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Prometheus' text format, for whoever shows METRICS_TOKEN; without one there is nothing here."""
    settings: Settings = request.app.state.settings
    if settings.metrics_token is None:
        raise HTTPException(404)
    if not _is_right(request.headers.get("authorization", ""), settings.metrics_token.reveal()):
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    warehouse: Warehouse = request.app.state.warehouse
    with warehouse.transaction() as connection:
        found = measures.measures(connection)
    syncs = CollectorRegistry()
    syncs.register(_Syncs(found))
    registry: CollectorRegistry = request.app.state.registry
    return Response(generate_latest(syncs) + generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _is_right(header: str, token: str) -> bool:
    scheme, _, given = header.partition(" ")
    same = hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode("utf-8", "surrogatepass"))
    return same and scheme.lower() == "bearer"


class _Syncs:
    """Metrics of figures that were read this moment, in the form that the registry asks for."""

    def __init__(self, found: Measures) -> None:
        self.found = found

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, help, value in self._gauges():
            if value is not None:
                yield GaugeMetricFamily(f"carteira_{name}", help, value=value)
        rows = GaugeMetricFamily("carteira_rows", "Published rows that are not deleted.", labels=["entity"])
        rows.add_metric(["contacts"], self.found.contacts)
        rows.add_metric(["deals"], self.found.deals)
        yield rows
        runs = GaugeMetricFamily("carteira_sync_runs", "Runs in the log, by how they ended.", labels=["state"])
        for state, number in self.found.runs.items():
            runs.add_metric([state], number)
        yield runs
        for name, help, total in (
            ("ploomes_requests", "Requests sent to Ploomes by runs.", self.found.requests),
            ("ploomes_throttled", "Answers of Ploomes that were its request limit (429).", self.found.throttled),
        ):
            yield CounterMetricFamily(f"carteira_{name}", help, value=total)

    def _gauges(self) -> list[tuple[str, str, float | None]]:
        last = self.found.last_sync_at
        return [
            ("sync_age_seconds", "Since the opening of the last run that succeeded.", self.found.age),
            ("sync_last_timestamp_seconds", "When that run opened.", last.timestamp() if last else None),
            ("sync_last_duration_seconds", "How long that run worked.", self.found.last_seconds),
            ("sync_at_work", "1 while a run holds the lease.", self.found.at_work),
            ("rejected_rows", "Rows that cannot be read and are in no total.", self.found.rejected),
            ("publication", "Number of the publication: it rises when published rows change.", self.found.publication),
        ]


def measure(app: FastAPI) -> None:
    """Time every request to `app` from here on."""
    from prometheus_client import CollectorRegistry, Histogram

    app.state.registry = CollectorRegistry()
    seconds = Histogram(
        "carteira_http_request_duration_seconds",
        "From the first byte asked to the last byte answered, in this process.",
        ("method", "route", "status"),
        buckets=BUCKETS,
        registry=app.state.registry,
    )
    app.add_middleware(Timed, seconds=seconds)


class Timed:
    """Measures how long each request takes, by the pattern of its route; the outermost of what stands before them."""

    def __init__(self, app: ASGIApp, *, seconds: Histogram) -> None:
        self.app = app
        self.seconds = seconds
        self.patterns: dict[str, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_see)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            labels = (method, self._route(scope), f"{status // 100}xx")
            self.seconds.labels(*labels).observe(time.perf_counter() - began)

    def _route(self, scope: Scope) -> str:
        # What is kept is answered before any route is asked; the first time, it was not.
        pattern: str | None = getattr(scope.get("route"), "path", None)
        if pattern is None:
            return self.patterns.get(scope["path"], NO_ROUTE)
        if len(self.patterns) >= MOST_ADDRESSES:
            self.patterns.clear()
        self.patterns[scope["path"]] = pattern
        return pattern
