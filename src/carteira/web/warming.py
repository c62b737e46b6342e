"""What the first visitor after a publication would wait for is found before he comes, by opening the pages for nobody.

Only the process that serves does it, beside its visitors: who comes earlier waits for what is being found, as he would
have to find it himself, and gets the answer of what is published by then. Whoever sees all is served so; of sellers
there may be hundreds, and each has fewer rows.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import psycopg
from fastapi import Request

from carteira.customer_sales import days, spans
from carteira.errors import CarteiraError
from carteira.warehouse import stamp
from carteira.warehouse.connection import Warehouse
from carteira.warehouse.people import Viewer
from carteira.warehouse.stamp import Stamp
from carteira.web.pages import customers, dashboard, portfolio, runs

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logging.getLogger(__name__)

# With fewer deals everything is found in some hundredths of a second: after the first look nobody has to poll for that.
EVERY_SECONDS, SELDOM_SECONDS = 5.0, 3600.0
# Where hints publish all the time, about this part of the time is spent on it.
SHARE = 0.2
LEAVING_SECONDS = 5.0
NOBODY = Viewer(user_id=None, name="", email="", role="gestor", owner_id=None)

Page = Callable[..., Any]
# In the order in which people come to them.
FIRST: tuple[tuple[str, Page, dict[str, str]], ...] = (
    ("/", dashboard.dashboard, {}),
    ("/clientes", customers.customers, {}),
    ("/carteira", portfolio.portfolio, {}),
    ("/sincronizacoes", runs.history, {}),
    ("/clientes", customers.customers, {"agrupar": "grupo"}),
)
# What one click leads to: it takes its time where there are many deals, so it is left until nobody publishes.
NEXT: tuple[tuple[str, Page, dict[str, str]], ...] = tuple(
    ("/", dashboard.dashboard, {"periodo": name}) for name in ("semana", "trimestre", "ano", "12-meses")
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look saw: the stamp, whether there are many deals, whether everything is found that may be."""

    stamp: Stamp
    many: bool
    whole: bool


@contextmanager
def kept_warm(app: FastAPI) -> Iterator[None]:
    """As long as the block lasts, in a thread."""
    stopping = threading.Event()
    thread = threading.Thread(target=_keep, args=(app, stopping), name="warming", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(LEAVING_SECONDS)


def _keep(app: FastAPI, stopping: threading.Event) -> None:
    seen: Seen | None = None
    pause = 0.0
    while not stopping.wait(pause):
        began = time.monotonic()
        try:
            seen = look(app, seen, stopping)
        except (psycopg.Error, CarteiraError) as error:
            # Visitors are told of the same trouble by their own requests.
            log.info("the pages are not made ready: %s", " ".join(str(error).split()))
            seen = None
        every = EVERY_SECONDS if seen is None or seen.many else SELDOM_SECONDS
        pause = max(every, (time.monotonic() - began) * (1 / SHARE - 1))


def look(app: FastAPI, seen: Seen | None, stopping: threading.Event) -> Seen:
    """Find what is new since `seen`: at first what people come to, and the rest when that is published still."""
    warehouse: Warehouse = app.state.warehouse
    with warehouse.transaction() as connection:
        read = stamp.read(connection, app.state.zone)
        many = days.are_worth_it(connection)
    if seen is None or seen.stamp != read or seen.many != many:
        _open(app, FIRST, stopping)
        if many:
            days.refresh(warehouse, app.state.zone, read.today, stopping=stopping.is_set)
            spans.refresh(warehouse, app.state.zone, read.today, stopping=stopping.is_set)
        return Seen(read, many, whole=not many)
    if not seen.whole:
        _open(app, NEXT, stopping)
    return replace(seen, whole=True)


def _open(app: FastAPI, pages: tuple[tuple[str, Page, dict[str, str]], ...], stopping: threading.Event) -> None:
    for address, page, query in pages:
        if not stopping.is_set():
            page(_request(app, address, query), NOBODY, **{name: query[name] for name in query if name == "periodo"})


def _request(app: FastAPI, address: str, query: dict[str, str]) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "app": app,
            "path": address,
            "query_string": urlencode(query).encode(),
            "headers": [],
            "state": {"viewer": NOBODY, "looked": True},
        }
    )
