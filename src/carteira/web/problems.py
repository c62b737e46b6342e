"""Whatever goes wrong, told to whoever asked: problem+json to programs, a page to people."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from carteira.errors import CarteiraError, DatabaseError
from carteira.warehouse.connection import away
from carteira.web.headers import security_headers
from carteira.web.languages import marked
from carteira.web.session import SignInNeeded
from carteira.web.templating import formats_of, render

log = logging.getLogger(__name__)

EXPLANATIONS = {
    401: (marked("Entre para continuar"), marked("A sua sessão terminou ou ainda não começou.")),
    403: (marked("Sem permissão"), marked("O seu perfil não permite abrir esta página.")),
    404: (marked("Página não encontrada"), marked("O endereço não existe, ou o registro está fora da sua carteira.")),
    405: (marked("Método não permitido"), marked("Este endereço não aceita esse tipo de pedido.")),
    409: (marked("Não foi salvo"), marked("Nada mudou.")),
    413: (marked("Pedido grande demais"), marked("Nada aqui precisa de tanto.")),
    422: (marked("Pedido não entendido"), marked("Um dos valores do endereço não é válido.")),
    429: (marked("Muitas tentativas"), marked("Espere um pouco antes de tentar de novo.")),
    503: (
        marked("Banco de dados fora do alcance"),
        marked("Os dados publicados estão guardados; tente de novo em instantes."),
    ),
}
DATABASE_AWAY = "The database cannot be used at the moment; the log says why. What was published is untouched."
UNEXPECTED = (marked("Algo deu errado"), marked("O erro foi registrado. Os dados publicados continuam intactos."))


def install(app: FastAPI) -> None:
    """Register the one place where a failed request becomes an answer."""
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(CarteiraError, _ours)
    app.add_exception_handler(psycopg.OperationalError, _database)
    app.add_exception_handler(Exception, _unexpected)


def problem(
    request: Request, status: int, detail: str = "", headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """The answer to a request that failed, in the form that its sender reads."""
    if not _is_api(request):
        return _page(request, status, detail, headers)
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body | more, status, headers, media_type="application/problem+json")


def _page(request: Request, status: int, detail: str, headers: dict[str, str] | None) -> Response:
    title, explanation = EXPLANATIONS.get(status, UNEXPECTED)
    say = formats_of(request).say
    context = {"status": status, "title": say(title), "detail": say(detail or explanation)}
    return render(request, "erro.html", context, status, headers)


def _sign_in(request: Request, error: Exception) -> Response:
    if _is_api(request):
        detail = "Sign in, or send Authorization: Bearer with an API token that is not revoked."
        return problem(request, 401, detail, {"WWW-Authenticate": "Bearer"})
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    address = "/entrar" if target == "/" else f"/entrar?para={quote(target, safe='')}"
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
    return problem(request, error.status_code, said, dict(error.headers or {}))


def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"parameter": ".".join(str(part) for part in fault["loc"][1:]), "message": fault["msg"]}
        for fault in error.errors()
    ]
    sentence = "; ".join(f"{fault['parameter']}: {fault['message']}" for fault in faults)
    if _is_api(request):
        return problem(request, 422, sentence, errors=faults)
    return problem(request, 422)


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, CarteiraError)
    if isinstance(error, DatabaseError):
        # It names host and role, and whoever asks may be anybody.
        log.error("%s", error)
        return problem(request, error.http_status, DATABASE_AWAY if _is_api(request) else "")
    said = str(error) if _is_api(request) else ""
    return problem(request, error.http_status, said)


def _database(request: Request, error: Exception) -> Response:
    assert isinstance(error, psycopg.OperationalError)
    return _ours(request, away(error))


def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    said = "An unexpected error; it is in the log." if _is_api(request) else ""
    response = problem(request, 500, said)
    # This one answer is made outside of everything else that stands around the routes.
    response.headers.update(security_headers(https=request.app.state.https) | {"cache-control": "no-store"})
    return response


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")
