"""`/sincronizacoes`: how fresh the data is, how each run went and what the audit said of it, what cannot be read.

What is here stands beside what Ploomes counted in the last run, and beside what it counts now for an admin who asks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from starlette.responses import RedirectResponse, Response

from carteira.errors import PloomesError
from carteira.warehouse import runs
from carteira.warehouse.runs import Counts, OpenRejection, Run
from carteira.web import templating
from carteira.web.formats import MINUS, Formats
from carteira.web.languages import marked
from carteira.web.pages.failures import Failure, failure
from carteira.web.pages.frame import BIGGEST_ID, SignedIn, View, looking
from carteira.web.pages.verdicts import Said, reason, said
from carteira.web.session import Viewer, admin

router = APIRouter()

PATH = "/sincronizacoes"
PAGE_SIZE = 15
STRIP_DAYS, STRIP_RUNS = 14, 56
LEAST_BARS = 28
STRIP_WIDTH, STRIP_NARROW, STRIP_HEIGHT = 1128, 342, 38
STATES = {
    "succeeded": ("ok", "check", marked("Publicada")),
    "partial": ("warn", "clock", marked("Parcial")),
    "running": ("novo", "sync", marked("Em curso")),
    "refused": ("fail", "x", marked("Recusada")),
    "failed": ("fail", "x", marked("Falhou")),
}
BARS = {"succeeded": "ok", "partial": "part", "running": "part", "refused": "fail", "failed": "fail"}
ENTITIES = {"contacts": marked("Contatos"), "deals": marked("Negócios")}
STATUSES = {"won": marked("Ganhos"), "lost": marked("Perdidos"), "open": marked("Abertos")}
BUSY = marked("Uma sincronização ocupa o limite de requisições do Ploomes. Conte de novo em um minuto.")


@dataclass(frozen=True, slots=True)
class Line:
    """A run as the table shows it: its chip, its verdicts, why it failed, what changed."""

    run: Run
    chip: tuple[str, str, str]
    verdicts: list[Said]
    failure: Failure | None
    summary: str
    changes: list[str]


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    kind: str
    dot: bool
    label: str


@dataclass(frozen=True, slots=True)
class Held:
    """What is here beside what Ploomes counted; `difference` is signed, empty when they are equal."""

    name: str
    here: int
    there: int | None
    difference: str


@dataclass(frozen=True, slots=True)
class Rejected:
    row: OpenRejection
    name: str
    reason: str
    address: str
    raw: str


@router.get(PATH)
def history(
    request: Request, viewer: SignedIn, antes: Annotated[int | None, Query(ge=1, le=BIGGEST_ID)] = None
) -> Response:
    if not _may_look(viewer):
        raise HTTPException(403)
    with looking(request, viewer) as view:
        return _page(view, antes)


@router.post(f"{PATH}/contar")
def count_now(request: Request, viewer: Annotated[Viewer, Depends(admin)]) -> Response:
    """The same with what Ploomes counts at this moment, deals by status among it."""
    # It brings the client with it, which no page needs.
    from carteira.sync import counting

    there, failed = None, None
    try:
        there = counting.counts_now(request.app.state.settings, request.app.state.warehouse)
    except PloomesError as error:
        failed = failure(str(error), [], templating.formats_of(request))
    with looking(request, viewer) as view:
        not_counted = failed.text if failed else "" if there else view.f.say(BUSY)
        return _page(view, None, there, not_counted)


def _page(view: View, antes: int | None, there: object = None, not_counted: str = "") -> Response:
    f = view.f
    recent = runs.recent(view.connection, STRIP_RUNS)
    listed = runs.recent(view.connection, PAGE_SIZE + 1, antes) if antes else recent[: PAGE_SIZE + 1]
    # Whoever may look here sees all; to count the deals is to read every one.
    counts = view.portfolios.report(view.stamp, view.sight, lambda: runs.published_counts(view.connection), "counts")
    strip = [run for run in reversed(recent) if f.local(run.opened_at).date() > view.today - timedelta(STRIP_DAYS)]
    context = {
        "read": view.stamp,
        "latest": recent[0] if recent else None,
        "lines": [_line(run, f) for run in listed[:PAGE_SIZE]],
        "older": listed[PAGE_SIZE - 1].id if len(listed) > PAGE_SIZE else None,
        "newest_page": antes is None,
        "bars": _bars(strip, STRIP_WIDTH, f),
        "narrow_bars": _bars(strip[-28:], STRIP_NARROW, f),
        "tally": _tally(strip),
        "held": _held(view, counts, there),
        "counted_now": there is not None,
        "not_counted": not_counted,
        "counts": counts,
        "last_full": runs.freshness(view.connection).last_full_at,
        "rejections": [_rejected(row, view) for row in runs.open_rejections(view.connection)],
        "running": bool(recent) and recent[0].state == "running",
    }
    return view.render("sincronizacoes.html", "sincronizacoes", context)


@router.post(PATH)
def start(
    request: Request,
    viewer: Annotated[Viewer, Depends(admin)],
    aceitar: Annotated[bool, Form()] = False,
    completa: Annotated[bool, Form()] = False,
) -> Response:
    """Start a run in the background, `completa` a full one; the page shows how far it is."""
    request.app.state.runs.start(request.app, full=completa, accept_deletions=aceitar)
    return RedirectResponse(PATH, 303)


def _may_look(viewer: Viewer) -> bool:
    """Raw rows and counts are of everybody's customers."""
    return viewer.role in ("admin", "gestor")


def _line(run: Run, f: Formats) -> Line:
    verdicts = said(run.audit, f)
    kind, mark, name = STATES[run.state]
    return Line(
        run,
        (kind, mark, f.say(name)),
        verdicts,
        failure(run.error, run.audit, f),
        _summary(run, verdicts, f),
        _changes(run, f),
    )


def _summary(run: Run, verdicts: list[Said], f: Formats) -> str:
    if run.state == "running":
        return f.say("Lendo o Ploomes")
    if run.state == "partial":
        return f.say("Prazo vencido; a seguinte continua de onde parou")
    refused = [one.text for one in verdicts if one.kind == "fail"]
    if refused:
        return "; ".join(refused)
    if not verdicts:
        return f.say("Sem conferência") if run.state == "succeeded" else f.say("Não chegou à conferência")
    warnings = [one.text for one in verdicts if one.kind == "warn"]
    agreed = len(verdicts) - len(warnings)
    if not warnings:
        return f.count("%(n)s de %(n)s confere", "%(n)s de %(n)s conferem", agreed)
    said = f.count("%(n)s aviso: %(first)s", "%(n)s avisos: %(first)s", len(warnings), first=warnings[0].lower())
    return f.count("%(n)s confere", "%(n)s conferem", agreed) + ", " + said


def _changes(run: Run, f: Formats) -> list[str]:
    if run.state in ("partial", "running") and run.deals_expected:
        return [
            f.say(
                "%(read)s de %(expected)s lidos", read=f.number(run.deals_read), expected=f.number(run.deals_expected)
            )
        ]
    parts: list[str] = []
    if run.state != "succeeded":
        return parts
    if run.deals_changed:
        parts.append(f.count("%(n)s negócio", "%(n)s negócios", run.deals_changed))
    if run.customers_changed:
        parts.append(f.count("%(n)s contato", "%(n)s contatos", run.customers_changed))
    if gone := run.deals_deleted + run.customers_deleted:
        parts.append(f"{MINUS}{f.number(gone)}")
    return parts


def _bars(listed: list[Run], width: int, f: Formats) -> list[Bar]:
    """One bar a run, as high as it took long; a run that did not publish carries a dot as well."""
    if not listed:
        return []
    step = width / max(len(listed), LEAST_BARS)
    longest = max(float(run.seconds) for run in listed) or 1.0
    bars: list[Bar] = []
    day = None
    for place, run in enumerate(listed):
        height = round(6 + (STRIP_HEIGHT - 10) * (float(run.seconds) / longest) ** 0.5, 1)
        kind = "full" if run.mode == "full" and run.state == "succeeded" else BARS[run.state]
        opened = f.local(run.opened_at).date()
        is_new = opened != day and opened.toordinal() % 2 == 0 and place * step < width - 30
        day = opened
        x = round(place * step + 1, 1)
        dot = run.state != "succeeded"
        bars.append(
            Bar(x, round(42 - height, 1), round(step - 3, 1), height, kind, dot, f.day(opened) if is_new else "")
        )
    return bars


def _tally(listed: list[Run]) -> dict[str, int]:
    states = [run.state for run in listed]
    return {
        "published": states.count("succeeded"),
        "partial": states.count("partial") + states.count("running"),
        "ended": states.count("refused") + states.count("failed"),
    }


def _held(view: View, here: Counts, there: object) -> list[Held]:
    names = ENTITIES | (STATUSES if there else {})
    seen = {} if there else {name: entity.remote_count for name, entity in runs.entities(view.connection).items()}
    return [
        _one_held(view.f.say(title), getattr(here, name), getattr(there, name) if there else seen[name], view.f)
        for name, title in names.items()
    ]


def _one_held(name: str, here: int, there: int | None, f: Formats) -> Held:
    if there is None or here == there:
        return Held(name, here, there, "")
    return Held(name, here, there, f"{'+' if here > there else MINUS}{f.number(abs(here - there))}")


def _rejected(row: OpenRejection, view: View) -> Rejected:
    settings = view.request.app.state.settings
    pattern = settings.deal_url if row.entity == "deals" else settings.contact_url
    kind = view.f.say("Negócio") if row.entity == "deals" else view.f.say("Contato")
    address = pattern.replace("{id}", str(row.id)) if pattern else ""
    return Rejected(row, f"{kind} {row.id}", reason(row.reason, view.f), address, _indented(row.raw))


def _indented(raw: str) -> str:
    try:
        return json.dumps(json.loads(raw), ensure_ascii=False, indent=2)
    except ValueError:
        return raw
