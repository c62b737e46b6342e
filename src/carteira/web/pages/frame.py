"""What stands around every page: the navigation, who is looking, how old the data is, and what went wrong last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import blake2b
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from starlette.responses import Response

from carteira.customer_sales import reports
from carteira.customer_sales.reports import Seller, Standing
from carteira.customer_sales.segments import Month, Portfolio
from carteira.customer_sales.sight import Sight
from carteira.warehouse import stamp
from carteira.warehouse.connection import Connection
from carteira.warehouse.stamp import Stamp
from carteira.web import kept, templating
from carteira.web.formats import Formats
from carteira.web.languages import marked
from carteira.web.pages.freshness import Banner, Fresh, banner, fresh
from carteira.web.pages.saved import SavedTab, saved_tabs
from carteira.web.portfolios import Portfolios
from carteira.web.session import Viewer, sight_of, signed_in

SignedIn = Annotated[Viewer, Depends(signed_in)]
T = TypeVar("T")

PAGES = (
    ("/", marked("Painel"), "painel", "painel"),
    ("/clientes", marked("Clientes"), "clientes", "clientes"),
    ("/carteira", marked("Carteira"), "carteira", "carteira"),
    ("/sincronizacoes", marked("Sincronizações"), "sync", "sincronizacoes"),
)
BIGGEST_ID = 2**63 - 1
ROLES = {"admin": marked("Administração"), "gestor": marked("Gestão"), "vendedor": marked("Vendas")}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a read is, in rows."""

    customers_read: int
    customers_expected: int
    deals_read: int
    deals_expected: int

    @property
    def read(self) -> int:
        return min(self.customers_read, self.customers_expected) + min(self.deals_read, self.deals_expected)

    @property
    def expected(self) -> int:
        return self.customers_expected + self.deals_expected

    @property
    def customers_done(self) -> bool:
        return self.customers_read >= self.customers_expected

    @property
    def deals_done(self) -> bool:
        return self.deals_read >= self.deals_expected


@dataclass(frozen=True, slots=True)
class Frame:
    page: str
    today: date
    pages: tuple[tuple[str, str, str, str], ...]
    sees_runs: bool
    viewer_name: str
    viewer_role: str
    viewer_initials: str
    is_first_visitor: bool
    rejected: int
    fresh: Fresh
    banner: Banner | None
    has_data: bool
    has_key: bool
    may_start: bool
    progress: Progress | None
    views: list[SavedTab]
    may_manage: bool


@dataclass(frozen=True, slots=True)
class View:
    """One look at the data for one page: everything on it is read in the same snapshot, and for the same viewer."""

    request: Request
    viewer: Viewer
    connection: Connection
    sight: Sight
    stamp: Stamp
    f: Formats

    @property
    def today(self) -> date:
        return self.stamp.today

    @property
    def portfolios(self) -> Portfolios:
        found: Portfolios = self.request.app.state.portfolios
        return found

    def portfolio(self, owner: int | None = None) -> Portfolio:
        """Everybody in sight, or one seller's customers, judged today; once, since only a publication changes it."""
        return self.portfolios.of(self.connection, self.stamp, self.sight, owner)

    def balance(self, months: int, owner: int | None = None) -> list[Month]:
        """How the portfolio moved in the last months, the running one up to today."""
        return self.portfolios.balance(self.connection, self.stamp, months, self.sight, owner)

    def sellers(self) -> list[Seller]:
        """Whom a menu of sellers offers."""
        return self.portfolios.report(
            self.stamp, self.sight, lambda: reports.sellers(self.connection, self.sight), "sellers"
        )

    def report(self, look: Callable[..., T], *asked: object) -> T:
        """What `look(connection, *asked, zone, sight)` finds; once, as the portfolio."""
        return self.portfolios.report(
            self.stamp,
            self.sight,
            lambda: look(self.connection, *asked, self.f.zone, self.sight),
            look.__name__,
            *asked,
        )

    def standing(self) -> Standing:
        """What every page says of the data; once, unless a run is under way."""
        look = partial(reports.standing, self.connection)
        return look() if self.stamp.running else self.portfolios.report(self.stamp, self.sight, look, "standing")

    def render(self, template: str, page: str, context: dict[str, Any], status: int = 200) -> Response:
        """The page, or only its middle where htmx asks; kept until something is published."""
        standing = self.standing()
        everything = context | {
            "frame": _frame(page, self, standing),
            "stamp": mark(self.stamp),
            "layout": "part.html" if _wants_part(self.request) else "layout.html",
        }
        response = templating.render(self.request, template, everything, status)
        # How far a run is stands in no stamp: while one is under way, every look is a new one.
        return response if self.stamp.running else kept.answer(self.request, self.stamp, response)


def mark(read: Stamp) -> str:
    """What tells an open page that it shows something else than what is published."""
    return blake2b(repr(read).encode(), digest_size=8).hexdigest()


@contextmanager
def looking(request: Request, viewer: Viewer) -> Iterator[View]:
    """Open the snapshot that a page is made from."""
    f = templating.formats_of(request)
    with request.app.state.warehouse.transaction(snapshot=True) as connection:
        yield View(request, viewer, connection, sight_of(viewer), stamp.read(connection, f.zone), f)


def _wants_part(request: Request) -> bool:
    """htmx puts only the middle of a page in its place."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


def _frame(page: str, view: View, standing: Standing) -> Frame:
    viewer, f = view.viewer, view.f
    pages = tuple((address, f.say(name), mark, key) for address, name, mark, key in PAGES)
    name = viewer.name or viewer.email or f.say("Primeiro acesso")
    return Frame(
        page=page,
        today=view.today,
        pages=pages if view.sight.sees_all else pages[:-1],
        sees_runs=view.sight.sees_all,
        viewer_name=name,
        viewer_role=f.say(ROLES[viewer.role]),
        viewer_initials=initials(name),
        is_first_visitor=viewer.user_id is None,
        rejected=standing.rejected_rows if view.sight.sees_all else 0,
        fresh=fresh(standing, view.stamp, view.f),
        banner=banner(standing, view.stamp, view.f, told=view.sight.sees_all),
        has_data=standing.has_customers,
        has_key=(has_key := view.request.app.state.settings.ploomes_api_key is not None),
        may_start=has_key and viewer.role == "admin",
        progress=_progress(standing),
        views=saved_tabs(view),
        may_manage=viewer.role == "admin",
    )


def initials(name: str) -> str:
    """Marina de Sodré -> MS"""
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum() and word[0] == word[0].upper()]
    words = words or name.split() or ["?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def _progress(standing: Standing) -> Progress | None:
    if standing.state not in ("running", "partial") or not standing.deals_expected:
        return None
    return Progress(
        standing.customers_read or 0,
        standing.customers_expected or 0,
        standing.deals_read or 0,
        standing.deals_expected,
    )
