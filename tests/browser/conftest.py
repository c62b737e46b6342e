"""A real Chromium before a real server before a real PostgreSQL that holds an invented company."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta

import company
import pytest
import runs_log
from playwright.sync_api import Browser, ConsoleMessage, sync_playwright
from serving import served
from window import Site, Visit, Visitor
from world import NewWarehouse

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


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


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """Opens windows; when the test is over, no console may have complained, be it a policy or a script."""
    opened: list[Visitor] = []

    def visitor(site: Site, *, role: str | None = "admin", owner_id: int | None = None, width: int = 1440,
                theme: str = "light", locale: str = "pt-BR") -> Visitor:  # fmt: skip
        context = chromium.new_context(
            viewport={"width": width, "height": 844 if width < 500 else 900},
            color_scheme="dark" if theme == "dark" else "light",
            locale=locale,
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
