"""What stands around every page: the navigation, who is looking, how old the data is, and what went wrong last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import Response

from carteira.customer_sales import reports
from carteira.customer_sales.reports import Standing
from carteira.warehouse.connection import Connection
from carteira.web.formats import Formats, formats
from carteira.web.session import Viewer, signed_in

SignedIn = Annotated[Viewer, Depends(signed_in)]

PAGES = (
    ("/", "Painel", "painel", "painel"),
    ("/clientes", "Clientes", "clientes", "clientes"),
    ("/sincronizacoes", "Sincronizações", "sync", "sincronizacoes"),
)
ROLES = {"admin": "Administração", "gestor": "Gestão", "vendedor": "Vendas"}
# The default schedule is every six hours: one run may fail before anybody is alarmed.
STALE_AFTER = timedelta(hours=13)


@dataclass(frozen=True, slots=True)
class Fresh:
    """The foot of the side bar. `state` is ok, stale, failed or none."""

    state: str
    at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class Banner:
    """What happened, and what still holds; `kind` is warn or fail."""

    kind: str
    what: str
    then: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the first read is, in rows."""

    read: int
    expected: int


@dataclass(frozen=True, slots=True)
class Frame:
    page: str
    pages: tuple[tuple[str, str, str, str], ...]
    viewer_name: str
    viewer_role: str
    viewer_initials: str
    rejected: int
    fresh: Fresh
    banner: Banner | None
    has_data: bool
    progress: Progress | None


def formats_of(request: Request) -> Formats:
    settings = request.app.state.settings
    return formats(settings.locale, settings.timezone)


def render(
    request: Request, template: str, connection: Connection, viewer: Viewer, page: str, context: dict[str, Any]
) -> Response:
    """A whole page; call it inside the snapshot that its figures were read in."""
    standing = reports.standing(connection)
    everything = context | {
        "frame": _frame(page, viewer, standing, formats_of(request)),
        "layout": "part.html" if _wants_part(request) else "layout.html",
    }
    response: Response = request.app.state.templates.TemplateResponse(request, template, everything)
    return response


def _wants_part(request: Request) -> bool:
    """htmx puts only the middle of a page in its place."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


def _frame(page: str, viewer: Viewer, standing: Standing, f: Formats) -> Frame:
    name = viewer.name or viewer.email or "Primeiro acesso"
    return Frame(
        page=page,
        pages=PAGES,
        viewer_name=name,
        viewer_role=ROLES[viewer.role],
        viewer_initials=initials(name),
        rejected=standing.rejected_rows,
        fresh=_fresh(standing, f),
        banner=_banner(standing, f),
        has_data=standing.has_customers,
        progress=_progress(standing),
    )


def initials(name: str) -> str:
    """Marina de Sodré -> MS"""
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum() and word[0] == word[0].upper()]
    words = words or name.split() or ["?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def _is_stale(standing: Standing) -> bool:
    return standing.last_sync_at is not None and datetime.now(UTC) - standing.last_sync_at > STALE_AFTER


def _fresh(standing: Standing, f: Formats) -> Fresh:
    at = standing.last_sync_at
    if standing.state in ("refused", "failed"):
        assert standing.opened_at is not None
        ended = "recusada" if standing.state == "refused" else "interrompida"
        return Fresh("failed", at, f"A de {f.when(standing.opened_at)} foi {ended}")
    if at is None:
        return Fresh("none", None, "Primeira leitura em curso" if standing.state else "Nada sincronizado ainda")
    if _is_stale(standing):
        return Fresh("stale", at, "A sincronização está atrasada")
    return Fresh("ok", at, "Confere com o Ploomes")


def _banner(standing: Standing, f: Formats) -> Banner | None:
    at = standing.last_sync_at
    still = f"Nada mudou: você vê os dados de {f.when(at)}." if at else "Ainda não há dados publicados."
    if standing.state == "refused" and standing.opened_at:
        return Banner("fail", f"A sincronização de {f.when(standing.opened_at)} foi recusada pela conferência.", still)
    if standing.state == "failed" and standing.opened_at:
        return Banner("fail", f"A sincronização de {f.when(standing.opened_at)} não chegou ao fim.", still)
    if at and _is_stale(standing):
        hours = int((datetime.now(UTC) - at).total_seconds() // 3600)
        then = f"Nenhuma sincronização foi publicada há {f.number(hours)} horas. Os totais valem até aquele momento."
        return Banner("warn", f"Os dados são de {f.when(at)}.", then)
    return None


def _progress(standing: Standing) -> Progress | None:
    if standing.state not in ("running", "partial"):
        return None
    expected = (standing.customers_expected or 0) + (standing.deals_expected or 0)
    read = (standing.customers_read or 0) + (standing.deals_read or 0)
    return Progress(min(read, expected), expected) if expected else None
