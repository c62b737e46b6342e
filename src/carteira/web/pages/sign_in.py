"""`/entrar`: e-mail and password; and where the first visitor makes an account, and a password is set."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from carteira.web.session import Viewer

router = APIRouter()


@router.get("/entrar")
def sign_in(request: Request, para: str = "/") -> Response:
    return sign_in_page(request, target=para)


def sign_in_page(
    request: Request, *, failure: str = "", email: str = "", target: str = "/", status: int = 200
) -> Response:
    """The form, with what was wrong with the last attempt; it leads on to `target`."""
    context = {"failure": failure, "email": email, "target": target}
    return _page(request, "entrar.html", context, status)


def first_user_page(
    request: Request, *, failure: str = "", email: str = "", name: str = "", status: int = 200
) -> Response:
    """Where the first visitor makes himself an account."""
    return _page(request, "primeiro-acesso.html", {"failure": failure, "email": email, "name": name}, status)


def password_page(request: Request, viewer: Viewer, *, failure: str = "", status: int = 200) -> Response:
    """Where somebody who came by a link sets a password."""
    return _page(request, "senha.html", {"failure": failure, "email": viewer.email}, status)


def _page(request: Request, template: str, context: dict[str, str], status: int) -> Response:
    response: Response = request.app.state.templates.TemplateResponse(request, template, context, status_code=status)
    return response
