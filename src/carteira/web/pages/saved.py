"""Views of the customer list that people save: tabs on the list, links in the side bar, forms that change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from carteira.customer_sales import customers as customer_list
from carteira.warehouse import views
from carteira.warehouse.connection import Warehouse
from carteira.warehouse.views import LONGEST_NAME, TooManyViews
from carteira.web.languages import marked
from carteira.web.pages.customer_query import query_of, short, text_of
from carteira.web.session import Viewer, in_person

if TYPE_CHECKING:
    from carteira.web.pages.frame import View

router = APIRouter(prefix="/clientes/visoes")

InPerson = Annotated[Viewer, Depends(in_person)]
LIST = "/clientes"
LONGEST_QUERY = 2000


@dataclass(frozen=True, slots=True)
class SavedTab:
    """A saved view as whoever looks sees it; `customers` are those in his sight."""

    view_id: int
    name: str
    address: str
    query: str
    customers: int
    shared: bool
    own: bool
    by_whom: str


def saved_tabs(view: View) -> list[SavedTab]:
    """The views of whoever looks, counted once for a publication."""
    user_id = view.viewer.user_id
    found = view.portfolios.report(
        view.stamp, view.sight, lambda: views.seen_by(view.connection, user_id), "views", view.stamp.views, user_id
    )
    return [
        SavedTab(
            one.view_id,
            one.name,
            _address(one.query),
            one.query,
            _counted(view, one.query),
            one.shared,
            one.own,
            one.by_whom,
        )
        for one in found
    ]


def _counted(view: View, text: str) -> int:
    query = query_of(text_of(dict(parse_qsl(text))), 1, view.today)
    portfolio = view.portfolio()
    return view.portfolios.counted(
        view.stamp,
        view.sight,
        text,
        lambda: customer_list.count(
            view.connection, view.sight, view.f.zone, query.filters, portfolio=portfolio, grouped=query.grouped
        ),
    )


def written(parameters: Mapping[str, Any]) -> str:
    """What a view keeps of an address: what means something, always in the same order."""
    text: dict[str, Any] = short(text_of({name: str(value or "") for name, value in parameters.items()}))
    return urlencode({name: value for name, value in text.items() if value not in (None, "")})


def _address(query: str) -> str:
    return f"{LIST}?{query}" if query else LIST


@router.post("")
def save(
    request: Request,
    viewer: InPerson,
    name: Annotated[str, Form()] = "",
    query: Annotated[str, Form(max_length=LONGEST_QUERY)] = "",
    shared: Annotated[bool, Form()] = False,
) -> Response:
    """The address of now under a name; one that has none is called as the list is."""
    kept = written(dict(parse_qsl(query)))
    warehouse: Warehouse = request.app.state.warehouse
    try:
        with warehouse.transaction() as connection:
            views.save(connection, _user(viewer), named(name), kept, shared=shared)
    except TooManyViews:
        raise HTTPException(409, marked("Há visões demais: apague uma antes de salvar outra.")) from None
    return RedirectResponse(_address(kept), 303)


@router.post("/{view_id}")
def change(
    request: Request,
    viewer: InPerson,
    view_id: int,
    name: Annotated[str, Form()] = "",
    shared: Annotated[bool, Form()] = False,
) -> Response:
    """Another name, for the team or for oneself."""
    warehouse: Warehouse = request.app.state.warehouse
    with warehouse.transaction() as connection:
        query = views.change(connection, view_id, _user(viewer), named(name), shared=shared)
    return _back(query)


@router.post("/{view_id}/apagar")
def delete(request: Request, viewer: InPerson, view_id: int) -> Response:
    warehouse: Warehouse = request.app.state.warehouse
    with warehouse.transaction() as connection:
        query = views.forget(connection, view_id, _user(viewer), is_admin=viewer.role == "admin")
    return _back(query)


def named(text: str) -> str:
    """A name as it is kept: on one line, without what no text holds."""
    return " ".join(text.replace("\0", "").split())[:LONGEST_NAME] or "Clientes"


def _user(viewer: Viewer) -> int:
    if viewer.user_id is None:
        raise HTTPException(403, marked("Crie a sua conta antes de salvar visões."))
    return viewer.user_id


def _back(query: str | None) -> Response:
    if query is None:
        raise HTTPException(404)
    return RedirectResponse(_address(query), 303)
