"""A served database, and a browser window of somebody who looks at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import company
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from carteira.warehouse import people
from carteira.warehouse.connection import Warehouse

NAMES = {"admin": "Marina Prado", "gestor": "Otávio Lins", "vendedor": "Davi Antunes"}
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@dataclass
class Site:
    """A served database: `address` is where, `warehouse` what is behind it."""

    address: str
    warehouse: Warehouse
    company: company.Company = field(default_factory=company.Company)

    def session(self, role: str = "admin", owner_id: int | None = None) -> str:
        """The cookie of a user with a role, made for the occasion."""
        email = f"{role}.{owner_id or 0}@empresa.example"
        with self.warehouse.transaction() as connection:
            found = people.user_by_email(connection, email)
            user_id = (
                found[0] if found else people.add_user(connection, email, f"Marina {role.title()}", role, owner_id)
            )
            return people.open_session(connection, user_id)


@dataclass
class Visitor:
    """A browser window of somebody signed in, and everything that its console complained about."""

    site: Site
    context: BrowserContext
    page: Page
    complaints: list[str]

    def goto(self, path: str) -> Page:
        """Go there, and wait until every chart is drawn."""
        self.page.goto(self.site.address + path)
        for chart in self.page.locator("[data-chart]").all():
            chart.locator("svg").first.wait_for()
        return self.page

    def shot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def serious(page: Page) -> list[str]:
    """What axe calls serious or worse on a page, each with the element and what to do."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


Visit = Callable[..., Visitor]
