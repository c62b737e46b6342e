"""`/ajustes`: what an admin decides: which pipelines are in no total, and where classes and statuses begin."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Depends, Form, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from carteira.customer_sales import company
from carteira.customer_sales.company import Limits
from carteira.warehouse import people
from carteira.warehouse.connection import Connection, Warehouse
from carteira.web.entry import address
from carteira.web.languages import marked
from carteira.web.pages.frame import BIGGEST_ID, View, looking
from carteira.web.session import Viewer, admin, in_person

router = APIRouter(prefix="/ajustes", include_in_schema=False, dependencies=[Depends(in_person)])

PATH = "/ajustes"
Admin = Annotated[Viewer, Depends(admin)]
HUNDRED = Decimal(100)
MOST_DAYS = 3650
# Of the form, in its order: a name, what it is called, and what it is counted in.
DAYS = (
    ("new_days", marked("Novo, até quantos dias depois da primeira compra")),
    ("late_days", marked("Quase inativo sem ritmo conhecido, depois de quantos dias")),
    ("inactive_days", marked("Inativo sem ritmo conhecido, depois de quantos dias")),
    ("least_late_days", marked("Ninguém fica quase inativo antes de quantos dias")),
    ("least_inactive_days", marked("Ninguém fica inativo antes de quantos dias")),
)
FACTORS = (
    ("late_factor", marked("Quase inativo, depois de quantas vezes o próprio intervalo")),
    ("inactive_factor", marked("Inativo, depois de quantas vezes o próprio intervalo")),
)
CONTRADICTION = marked(
    "Nada mudou. Confira: A e B somam no máximo 100%, inativo vem depois de quase inativo, e o intervalo conta ao menos"
    " 1 vez."
)


@router.get("")
def adjustments(request: Request, viewer: Admin, salvo: str = "") -> Response:
    with looking(request, viewer) as view:
        return _page(view, _written(company.limits(view.connection), view), saved=bool(salvo))


@router.post("/funis")
def leave_out(
    request: Request,
    viewer: Admin,
    pipeline: Annotated[list[Annotated[int, Form(ge=-BIGGEST_ID, le=BIGGEST_ID)]] | None, Form()] = None,
) -> Response:
    """The ticked pipelines, and no others, are in no total."""
    chosen = sorted(pipeline or [])

    def change(connection: Connection) -> bool:
        return company.leave_out(connection, chosen, request.app.state.settings.timezone)

    _changed(request, viewer, "pipelines left out", ", ".join(map(str, chosen)), change)
    return RedirectResponse(f"{PATH}?salvo=1", 303)


@router.post("/limites")
async def set_limits(request: Request, viewer: Admin) -> Response:
    """Other cut-offs and limits; what contradicts itself changes nothing and is shown again."""
    form = await request.form()
    text = {name: str(form.get(name, ""))[:20] for name in ("a", "b", *(name for name, _ in (*DAYS, *FACTORS)))}
    return await run_in_threadpool(_set_limits, request, viewer, text)


def _set_limits(request: Request, viewer: Viewer, text: dict[str, str]) -> Response:
    try:
        limits = read(text)

        def change(connection: Connection) -> bool:
            return company.set_limits(connection, limits, request.app.state.settings.timezone)

        _changed(request, viewer, "limits set", ", ".join(f"{name} {value}" for name, value in text.items()), change)
    except (ValueError, psycopg.errors.CheckViolation):
        with looking(request, viewer) as view:
            return _page(view, text, failure=view.f.say(CONTRADICTION), status=422)
    return RedirectResponse(f"{PATH}?salvo=1", 303)


def read(text: dict[str, str]) -> Limits:
    """The form as limits. ValueError where something is no number, or a number that makes no sense anywhere."""
    a, b = _number(text["a"]), _number(text["b"])
    days: dict[str, Any] = {name: int(text[name]) for name, _ in DAYS}
    if max(days.values()) > MOST_DAYS:
        raise ValueError("A limit of more than ten years is none.")
    numbers: dict[str, Any] = days | {name: _number(text[name]) for name, _ in FACTORS}
    return Limits(a_share=a / HUNDRED, b_share=(a + b) / HUNDRED, **numbers)


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.strip().removesuffix("%").strip().replace(",", "."))
    except InvalidOperation:
        raise ValueError("Not a number.") from None
    if not number.is_finite() or not 0 <= number <= MOST_DAYS:
        raise ValueError("A number that makes no sense here.")
    return number


def _written(limits: Limits, view: View) -> dict[str, str]:
    """The limits as the form has them."""
    text = {field.name: _plain(getattr(limits, field.name), view) for field in fields(Limits)}
    return text | {
        "a": _plain(limits.a_share * HUNDRED, view),
        "b": _plain((limits.b_share - limits.a_share) * HUNDRED, view),
    }


def _plain(value: int | Decimal, view: View) -> str:
    text = f"{Decimal(value).normalize():f}"
    return text.replace(".", ",") if view.f.locale.language == "pt" else text


def _changed(request: Request, viewer: Viewer, event: str, detail: str, change: Any) -> None:
    warehouse: Warehouse = request.app.state.warehouse
    with warehouse.transaction() as connection:
        if change(connection):
            people.note(connection, viewer, event, detail, address(request))


def _page(view: View, text: dict[str, str], *, failure: str = "", saved: bool = False, status: int = 200) -> Response:
    context = {
        "pipelines": company.pipelines(view.connection),
        "text": text,
        "days": DAYS,
        "factors": FACTORS,
        "failure": failure,
        "saved": saved,
    }
    return view.render("ajustes.html", "ajustes", context, status)
