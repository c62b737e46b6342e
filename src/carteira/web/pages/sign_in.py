"""`/entrar` and the two pages where a password is set; what they do with it is in `carteira.web.entry`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from carteira.settings import Settings
from carteira.web.languages import marked
from carteira.web.pages.rhythm import wallpaper
from carteira.web.session import Viewer
from carteira.web.templating import formats_of, render

router = APIRouter()

OPENID = marked("Continuar com a conta da empresa")


@router.get("/entrar")
def sign_in(request: Request, para: str = "/") -> Response:
    return sign_in_page(request, target=para)


def sign_in_page(
    request: Request, *, failure: str = "", email: str = "", target: str = "/", status: int = 200
) -> Response:
    """The form for e-mail and password, with what was wrong about the last try."""
    settings: Settings = request.app.state.settings
    openid = settings.oidc_label or formats_of(request).say(OPENID) if settings.oidc_issuer else ""
    return _page(request, "entrar.html", status, failure=failure, email=email, target=target, openid=openid)


def first_user_page(
    request: Request, *, failure: str = "", email: str = "", name: str = "", status: int = 200
) -> Response:
    """The form in which the first visitor makes himself an account."""
    return _page(request, "primeiro-acesso.html", status, failure=failure, email=email, name=name)


def password_page(
    request: Request, viewer: Viewer, *, failure: str = "", status: int = 200, asks_current: bool = False
) -> Response:
    """The form for a new password; `asks_current`: whoever sets it has to know the old one."""
    return _page(request, "senha.html", status, failure=failure, email=viewer.email, asks_current=asks_current)


def _page(request: Request, template: str, status: int, *, failure: str, **context: Any) -> Response:
    context |= {"rhythms": wallpaper(), "failure": formats_of(request).say(failure) if failure else ""}
    return render(request, template, context, status)
