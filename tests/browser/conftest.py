"""A real Chromium before a real server before a real PostgreSQL that holds an invented company."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import company
import pytest
import runs_log
from playwright.sync_api import Browser, ConsoleMessage, sync_playwright
from psycopg.conninfo import conninfo_to_dict
from window import Site, Visit, Visitor
from world import NewWarehouse

from carteira.warehouse.connection import Warehouse

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_SECONDS = 20


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or the one that CARTEIRA_TEST_CHROMIUM names."""
    path = os.environ.get("CARTEIRA_TEST_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        pytest.fail(
            "These tests need Chromium: install it (apt-get install chromium) or name it in CARTEIRA_TEST_CHROMIUM."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(new_warehouse: NewWarehouse) -> Iterator[Site]:
    """The company with five years of deals, read twelve minutes ago. Tests only look at it."""
    now = datetime.now(company.ZONE)
    invented = company.invent(today=now.date(), customers=420, deals=6000)
    with new_warehouse() as warehouse:
        with warehouse.transaction() as connection:
            company.write(connection, invented, synced_at=now - timedelta(minutes=12))
            runs_log.write(
                connection,
                latest=now - timedelta(minutes=12),
                customers=len(invented.customers),
                deals=len(invented.sales),
            )
        with served(warehouse) as address:
            yield Site(address, warehouse, invented)


@pytest.fixture
def bare_site(new_warehouse: NewWarehouse) -> Iterator[Site]:
    """A database with nothing in it, for the states before and after the data."""
    with new_warehouse() as warehouse, served(warehouse) as address:
        yield Site(address, warehouse)


@contextmanager
def served(warehouse: Warehouse) -> Iterator[str]:
    """`carteira serve` in a process of its own, on a free port, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": _url(warehouse.dsn),
        "PLOOMES_CONTACT_URL": "https://app10.ploomes.example/contact/{id}",
        "PLOOMES_DEAL_URL": "https://app10.ploomes.example/deal/{id}",
    }
    command = [str(Path(sys.executable).with_name("carteira")), "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_it_answers(process, address)
            yield address
        finally:
            process.terminate()
            process.wait(10)


def _url(dsn: str) -> str:
    parts = conninfo_to_dict(dsn)
    host = quote(str(parts["host"]), safe="")
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={host}&port={parts.get('port', 5432)}"


def _wait_until_it_answers(process: subprocess.Popen[bytes], address: str) -> None:
    for _ in range(START_SECONDS * 20):
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    assert process.stderr is not None
    pytest.fail(f"carteira serve did not answer at {address}: {process.stderr.read1().decode()}")


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """Opens windows; when the test is over, no console may have complained, be it a policy or a script."""
    opened: list[Visitor] = []

    def visitor(site: Site, *, role: str | None = "admin", owner_id: int | None = None, width: int = 1440,
                theme: str = "light") -> Visitor:  # fmt: skip
        context = chromium.new_context(
            viewport={"width": width, "height": 844 if width < 500 else 900},
            color_scheme="dark" if theme == "dark" else "light",
            locale="pt-BR",
            timezone_id="America/Sao_Paulo",
        )
        if role:
            context.add_cookies([{"name": "carteira", "value": site.session(role, owner_id), "url": site.address}])
        page = context.new_page()
        found = Visitor(site, context, page, [])
        page.on("console", lambda message: _listen(message, found.complaints))
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (found.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        opened.append(found)
        return found

    yield visitor
    for one in opened:
        one.context.close()
    assert [complaint for one in opened for complaint in one.complaints] == []


def _listen(message: ConsoleMessage, complaints: list[str]) -> None:
    if message.type in ("error", "warning"):
        complaints.append(f"{message.type}: {message.text}")
