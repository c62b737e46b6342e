"""The dashboard: how long its server takes for a page, what a browser waits, and the list as JSON beside datasette."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import count, repeat
from pathlib import Path

import psycopg

from bench.account import made
from bench.figures import Figure
from bench.load import per_second
from bench.programs import CARTEIRA, OTHERS, ordinary, sync
from bench.servers import Postgres, pages, vacuumed
from bench.sync_figures import CUSTOMERS, DEALS

ASKED = 30
PAGES = range(1, 42)
LIST = "/api/dashboard/customers?limit=50"
COLUMNS = (
    "customer_id, customer_name, customer_cnpj, total_revenue, total_deals, average_deal_value, first_purchase_date, "
    "last_purchase_date, open_deals, lost_deals, last_sync_at"
)
PAGES_BESIDES = {
    "/carteira": "/carteira?q={}",
    "/sincronizacoes": "/sincronizacoes?q={}",
    "/clientes of one UF": "/clientes?uf=SP&pagina={}",
    "/clientes by UF": "/clientes?ordem=uf&pagina={}",
    "/clientes by seller": "/clientes?ordem=vendedor&pagina={}",
    "/clientes of one status": "/clientes?status=quase&pagina={}",
    "/clientes by company": "/clientes?agrupar=grupo&pagina={}",
    "/clientes with the revenue of this month": "/clientes?periodo=mes&pagina={}",
    "/ of another period each time": "/?periodo=2026-09-01..2026-10-{:02}",
}
MONTHS = "/api/dashboard/summary?period=2025-12-{0:02}..2026-10-{0:02}"
# How long after a publication the first visitor may come and wait for nothing.
READY_SECONDS = 15
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip


@dataclass(frozen=True)
class Dashboard:
    """A Carteira that serves, with what opens it for a program and for a person."""

    port: int
    token: dict[str, str]
    cookie: dict[str, str]


def dashboard(postgres: Postgres) -> Iterator[Figure]:
    """At 2,100 customers."""
    with _synced(postgres, DEALS, CUSTOMERS) as database, _served(database) as served:
        yield from _server_times(served, CUSTOMERS, 10)
        yield from _in_chromium(served)
        yield from _beside_datasette(served, database)


def large_dashboard(postgres: Postgres) -> Iterator[Figure]:
    """At 200,000 customers with 3,000,000 deals."""
    with _synced(postgres, 3_000_000, 200_000) as database, _served(database) as served:
        _until_days_are_kept(database)
        yield from _server_times(served, 200_000, 50)
        yield from _other_pages(served, 150)
        yield from _first_visitors(served, database, 150)


@contextmanager
def _synced(postgres: Postgres, deals: int, customers: int) -> Iterator[str]:
    with postgres.database() as database:
        with pages(made(deals, customers)) as ploomes:
            sync(postgres, ploomes, database)
        vacuumed(database)
        yield database


@contextmanager
def _served(database: str) -> Iterator[Dashboard]:
    with tempfile.TemporaryDirectory() as folder:
        environment = ordinary() | {"DATABASE_URL": database, "CARTEIRA_HOME": folder}

        def told(*arguments: str) -> str:
            return subprocess.check_output(
                [CARTEIRA, *arguments], env=environment, cwd=folder, text=True, stderr=subprocess.DEVNULL
            ).strip()

        link = told("users", "add", "bench@example.com")
        token = {"Authorization": f"Bearer {told('tokens', 'add', 'bench')}"}
        port = _free_port()
        with _running([CARTEIRA, "serve", "--port", str(port)], port, environment, folder):
            yield Dashboard(port, token, {"Cookie": _signed_in(port, link)})


@contextmanager
def _running(command: list[str], port: int, environment: Mapping[str, str], folder: str) -> Iterator[None]:
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=silent, stderr=silent)
    try:
        until = time.monotonic() + 60
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{' '.join(command)} does not answer")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _signed_in(port: int, link: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/entrar/" + link.rpartition("/")[2])
    return str(connection.getresponse().headers["Set-Cookie"]).split(";")[0]


def _server_times(served: Dashboard, customers: int, limit: int) -> Iterator[Figure]:
    for name, target, headers in (
        ("/clientes", "/clientes?page={}", served.cookie),
        ("/api/dashboard/customers", "/api/dashboard/customers?page={}", served.token),
        ("/api/dashboard/customers, searched", "/api/dashboard/customers?limit=50&search=com{:02}", served.token),
        ("/", "/?q={}", served.cookie),
    ):
        seconds, size = _asked(served.port, target, headers)
        limited = None if name.endswith("searched") else limit * (1 if name != "/" else 2)
        note = f"{size / 1024:.0f} KB; never asked before, so not kept"
        yield Figure(f"{name} of {customers:,} customers", seconds * 1000, "ms", limited, note=note)


def _other_pages(served: Dashboard, limit: int) -> Iterator[Figure]:
    for name, target in PAGES_BESIDES.items():
        seconds, _ = _asked(served.port, target, served.cookie)
        yield Figure(name, seconds * 1000, "ms", limit)
    seconds, _ = _asked(served.port, MONTHS, served.token, times=28)
    yield Figure("/api/dashboard/summary of eleven months, others each time", seconds * 1000, "ms", limit)


def _first_visitors(served: Dashboard, database: str, limit: int) -> Iterator[Figure]:
    """Who comes at once after a publication, and who comes a little later; either sees what is published."""
    for after, limited in ((0, None), (READY_SECONDS, limit)):
        for page in ("/", "/clientes", "/sincronizacoes"):
            _publish_again(database)
            time.sleep(after)
            seconds, _ = _asked(served.port, page, served.cookie, times=1)
            name = f"{page}, {after} s after a publication" if after else f"{page}, at once after a publication"
            yield Figure(name, seconds * 1000, "ms", limited)
            time.sleep(READY_SECONDS - after)


def _publish_again(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("update sync_state set publication = publication + 1")


def _until_days_are_kept(database: str) -> None:
    """The process that serves adds them up in the background, within a minute or so of a first load."""
    with psycopg.connect(database, autocommit=True) as connection:
        wanting = "select count(*) < 1000 or bool_or(stale) from sales_days"
        while connection.execute(wanting).fetchall() == [(True,)]:
            time.sleep(1)
        connection.execute("vacuum analyze")


def _asked(port: int, target: str, headers: Mapping[str, str], times: int = ASKED) -> tuple[float, int]:
    """Median seconds for an answer that was not asked for before, and the size of the last."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    waited, size = [], 0
    for number in range(1, times + 1):
        began = time.perf_counter()
        connection.request("GET", target.format(number), headers=dict(headers))
        answer = connection.getresponse()
        size = len(answer.read())
        waited.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"{target.format(number)} answered {answer.status}")
    return statistics.median(waited), size


def _in_chromium(served: Dashboard) -> Iterator[Figure]:
    if CHROMIUM is None:
        yield Figure("there is no Chromium: apt-get install chromium", 0, "")
        return
    from playwright.sync_api import sync_playwright

    address = f"http://127.0.0.1:{served.port}"
    name, _, value = served.cookie["Cookie"].partition("=")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for page_name in ("/clientes", "/"):
            loads = []
            for _ in range(5):
                context = browser.new_context()
                context.add_cookies([{"name": name, "value": value, "url": address}])
                page = context.new_page()
                page.goto(address + page_name, wait_until="load")
                loads.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
                context.close()
            yield Figure(f"{page_name} whole in Chromium, cold cache", statistics.median(loads), "ms", 500)
        browser.close()


def _beside_datasette(served: Dashboard, database: str) -> Iterator[Figure]:
    _asked(served.port, LIST, served.token)
    kept = per_second(served.port, repeat(LIST), served.token)
    same = per_second(served.port, repeat(LIST), {**served.token, "If-None-Match": _etag(served)})
    uncached = per_second(served.port, _never_asked_before(), served.token)
    if not OTHERS.exists():
        yield Figure("customers as JSON, 16 connections, kept", kept, "/s", note="datasette: make bench installs it")
        return
    theirs = _datasette(database)
    yield Figure("customers as JSON over datasette, kept", kept / theirs, "x", 8, at_least=True,
                 note=f"{kept:,.0f} against {theirs:,.0f} a second on 16 connections")  # fmt: skip
    yield Figure("customers as JSON over datasette, 304", same / theirs, "x", note=f"{same:,.0f} a second")
    yield Figure("customers as JSON over datasette, never asked before", uncached / theirs, "x", 3, at_least=True,
                 note=f"{uncached:,.0f} a second")  # fmt: skip


def _never_asked_before() -> Iterator[str]:
    """What datasette is asked, the biggest customers, in some thousands of questions of which no answer is kept."""
    for spaces in count(1):
        for page in PAGES:
            yield f"{LIST}&page={page}&search={'%20' * spaces}"


def _etag(served: Dashboard) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.request("GET", LIST, headers=served.token)
    return connection.getresponse().headers["ETag"] or ""


def _datasette(database: str) -> float:
    """Its fastest way: an immutable file, rows as objects, the same 50 of the same rows."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "carteira.db")
        with psycopg.connect(database) as connection, sqlite3.connect(file) as copy:
            copy.execute(f"create table customer_sales ({COLUMNS.replace('customer_id,', 'customer_id primary key,')})")
            rows = connection.execute(f"select {COLUMNS} from customer_sales").fetchall()
            places = ", ".join("?" * len(COLUMNS.split(",")))
            copy.executemany(f"insert into customer_sales values ({places})", [_plain(row) for row in rows])
            copy.execute("create index by_revenue on customer_sales (total_revenue)")
        port = _free_port()
        command = [str(OTHERS.with_name("datasette")), "serve", "-i", str(file), "--port", str(port)]
        with _running(command, port, os.environ, folder):
            asked = "/carteira/customer_sales.json?_size=50&_sort_desc=total_revenue&_shape=objects&_nofacet=1"
            return per_second(port, repeat(asked), {})


def _plain(row: tuple[object, ...]) -> list[object]:
    return [_as_sqlite(value) for value in row]


def _as_sqlite(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, datetime) else value
