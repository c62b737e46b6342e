"""`/ajustes`: what an admin decides: which pipelines are in no total, and where classes, statuses and cells begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Depends, Form, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from carteira.customer_sales import company
from carteira.customer_sales.company import DEFAULTS, Limits
from carteira.warehouse import people
from carteira.warehouse.connection import Connection, Warehouse
from carteira.web.entry import address
from carteira.web.languages import marked
from carteira.web.pages.frame import BIGGEST_ID, View, looking
from carteira.web.session import Viewer, admin, in_person

router = APIRouter(prefix="/ajustes", include_in_schema=False, dependencies=[Depends(in_person)])

PATH = "/ajustes"
Admin = Annotated[Viewer, Depends(admin)]
# Of a form, what is typed in each of its fields.
Text = dict[str, str]
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
# Of the RFV grid: the field of a step, and the step.
RECENCIES = tuple((f"recency_{place}", f"R{6 - place}") for place in range(1, 5))
FREQUENCIES = tuple((f"frequency_{place}", f"F{place}") for place in range(1, 5))


@dataclass(frozen=True, slots=True)
class LimitsForm:
    """A form that changes some limits: its name in the address and its fields, which `read` makes into them.

    `read` raises ValueError where something is no number, or a number that makes no sense anywhere. `contradiction` is
    said where it did, or where the database finds that the limits contradict one another.
    """

    name: str
    fields: tuple[str, ...]
    read: Callable[[Text], dict[str, Any]]
    contradiction: str


@router.get("")
def adjustments(request: Request, viewer: Admin, salvo: str = "") -> Response:
    with looking(request, viewer) as view:
        return _page(view, {}, saved=salvo)


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
    return RedirectResponse(_saved("funis"), 303)


@router.post("/limites")
async def set_limits(request: Request, viewer: Admin) -> Response:
    """Other cut-offs of the curve and limits of the statuses; what contradicts itself changes nothing and is shown."""
    return await _set(request, viewer, CLASSES_AND_STATUSES)


@router.post("/rfv")
async def set_grid(request: Request, viewer: Admin) -> Response:
    """Other steps of the RFV grid; what does not rise changes nothing and is shown again."""
    return await _set(request, viewer, GRID)


async def _set(request: Request, viewer: Viewer, form: LimitsForm) -> Response:
    sent = await request.form()
    text = {name: str(sent.get(name, ""))[:20] for name in form.fields}
    return await run_in_threadpool(_set_limits, request, viewer, form, written(DEFAULTS) if "padrao" in sent else text)


def _set_limits(request: Request, viewer: Viewer, form: LimitsForm, text: Text) -> Response:
    try:
        limits = form.read(text)

        def change(connection: Connection) -> bool:
            new = replace(company.limits(connection), **limits)
            return company.set_limits(connection, new, request.app.state.settings.timezone)

        _changed(request, viewer, "limits set", ", ".join(f"{name} {text[name]}" for name in form.fields), change)
    except (ValueError, psycopg.errors.CheckViolation):
        with looking(request, viewer) as view:
            return _page(view, text, failed=form, status=422)
    return RedirectResponse(_saved(form.name), 303)


def _saved(form: str) -> str:
    return f"{PATH}?salvo={form}#{form}"


def _classes_and_statuses(text: Text) -> dict[str, Any]:
    a, b = _number(text["a"]), _number(text["b"])
    days = {name: _whole(text[name]) for name, _ in DAYS}
    factors = {name: _number(text[name]) for name, _ in FACTORS}
    return {"a_share": a / HUNDRED, "b_share": (a + b) / HUNDRED, **days, **factors}


def _grid(text: Text) -> dict[str, Any]:
    return {
        "recency_days": [_whole(text[name]) for name, _ in RECENCIES],
        "frequencies": [_whole(text[name]) for name, _ in FREQUENCIES],
    }


CLASSES_AND_STATUSES = LimitsForm(
    "limites",
    ("a", "b", *(name for name, _ in (*DAYS, *FACTORS))),
    _classes_and_statuses,
    marked(
        "Nada mudou. Confira: A e B somam no máximo 100%, inativo vem depois de quase inativo, e o intervalo conta ao"
        " menos 1 vez."
    ),
)
GRID = LimitsForm(
    "rfv",
    tuple(name for name, _ in (*RECENCIES, *FREQUENCIES)),
    _grid,
    marked(
        "Nada mudou. Confira: são números inteiros a partir de 1, os dias crescem de R5 a R2, e as vendas, de F1 a F4."
    ),
)


def _whole(text: str) -> int:
    number = int(text)
    if number > MOST_DAYS:
        raise ValueError("A limit of more than ten years is none.")
    return number


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.strip().removesuffix("%").strip().replace(",", "."))
    except InvalidOperation:
        raise ValueError("Not a number.") from None
    if not number.is_finite() or not 0 <= number <= MOST_DAYS:
        raise ValueError("A number that makes no sense here.")
    return number


def written(limits: Limits, point: str = ".") -> Text:
    """The limits as the forms have them."""
    plain = {field.name: getattr(limits, field.name) for field in fields(Limits)}
    steps = zip((*RECENCIES, *FREQUENCIES), (*limits.recency_days, *limits.frequencies), strict=True)
    numbers = {name: value for name, value in plain.items() if not isinstance(value, list)}
    numbers |= {"a": limits.a_share * HUNDRED, "b": (limits.b_share - limits.a_share) * HUNDRED}
    numbers |= {name: value for (name, _), value in steps}
    return {name: f"{Decimal(value).normalize():f}".replace(".", point) for name, value in numbers.items()}


def _changed(request: Request, viewer: Viewer, event: str, detail: str, change: Any) -> None:
    warehouse: Warehouse = request.app.state.warehouse
    with warehouse.transaction() as connection:
        if change(connection):
            people.note(connection, viewer, event, detail, address(request))


def _page(view: View, typed: Text, *, failed: LimitsForm | None = None, saved: str = "", status: int = 200) -> Response:
    point = "," if view.f.locale.language == "pt" else "."
    context = {
        "pipelines": company.pipelines(view.connection),
        "text": written(company.limits(view.connection), point) | typed,
        "defaults": written(DEFAULTS, point),
        "days": DAYS,
        "factors": FACTORS,
        "recencies": RECENCIES,
        "frequencies": FREQUENCIES,
        "failures": {failed.name: view.f.say(failed.contradiction)} if failed else {},
        "saved": saved,
    }
    return view.render("ajustes.html", "ajustes", context, status)
