"""Coming in and going out: one-time links, e-mail and password, the first user, another password."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from carteira.errors import Unacceptable
from carteira.warehouse import people
from carteira.warehouse.connection import Warehouse
from carteira.web import languages, passwords, problems
from carteira.web.languages import marked
from carteira.web.pages.sign_in import first_user_page, password_page, sign_in_page
from carteira.web.session import Viewer, in_person, signed_in
from carteira.web.templating import formats_of

router = APIRouter(include_in_schema=False)

Field = Annotated[str, Form(max_length=320)]
# Programs that open a link to show what is behind it.
PREVIEWERS = re.compile(r"bot\b|preview|whatsapp|facebookexternalhit|skype|telegram", re.IGNORECASE)
WRONG = marked("E-mail ou senha não conferem.")
USED = marked("Este link já foi usado ou venceu. Peça um novo ao administrador, ou entre com e-mail e senha.")


@router.get("/entrar/{link}")
def by_link(request: Request, link: str) -> Response:
    """A one-time link: signs in once, and leads to where a password is set."""
    if PREVIEWERS.search(request.headers.get("user-agent", "")):
        # Whoever sends the link by a messenger wants it to be good when it arrives.
        return sign_in_page(request)
    warehouse: Warehouse = request.app.state.warehouse
    with warehouse.transaction() as connection:
        session = people.use_link(connection, link)
        viewer = people.by_session(connection, session) if session else None
        people.note(connection, viewer, "link" if viewer else "link refused", address=address(request))
    if session is None or viewer is None:
        return sign_in_page(request, failure=USED, status=401)
    # The first visitor goes straight to the figures: what he came to see; an account is for who comes back.
    return let_in(request, session, "/" if viewer.user_id is None else "/senha")


@router.post("/entrar")
def by_password(
    request: Request, email: Field = "", password: Field = "", para: Annotated[str, Form()] = "/"
) -> Response:
    """E-mail and password; whoever guesses waits longer each time, which is said."""
    warehouse: Warehouse = request.app.state.warehouse
    sender, target = address(request), inside(para)
    with warehouse.transaction() as connection:
        wait = people.seconds_to_wait(connection, email, sender)
        user_id, known = people.user_by_email(connection, email.replace("\0", "")) or (None, None)
    if wait:
        f = formats_of(request)
        again = f.count("Confira e tente de novo em %(n)s segundo.", "Confira e tente de novo em %(n)s segundos.", wait)
        failure = f"{f.say(WRONG)} {again}"
        response = sign_in_page(request, failure=failure, email=email, target=target, status=429)
        response.headers["retry-after"] = str(wait)
        return response
    right = passwords.matches(known, password)
    with warehouse.transaction() as connection:
        people.note_attempt(connection, email, sender, succeeded=right)
        session = people.open_session(connection, user_id) if right else None
        viewer = people.by_session(connection, session) if session else None
        people.note(connection, viewer, "sign-in" if viewer else "sign-in refused", people.email_key(email), sender)
    if session is None:
        return sign_in_page(request, failure=WRONG, email=email, target=target, status=401)
    return let_in(request, session, target)


@router.post("/sair")
def out(request: Request) -> Response:
    """Ends the session, here and in the database."""
    session = request.cookies.get(request.app.state.cookie)
    if session:
        warehouse: Warehouse = request.app.state.warehouse
        with warehouse.transaction() as connection:
            people.end_session(connection, session)
    response = RedirectResponse("/entrar", 303)
    response.delete_cookie(request.app.state.cookie, path="/", secure=request.app.state.https, httponly=True)
    response.headers["clear-site-data"] = '"cache"'
    return response


@router.post("/idioma")
def language(request: Request, idioma: Annotated[str, Form(max_length=10)] = "") -> Response:
    """Another language from here on, for this browser; back to the page where it was asked for."""
    # From the page itself and not from a field in it: the list of customers changes its address without being loaded.
    came_from = urlsplit(request.headers.get("referer", ""))
    target = inside(came_from.path + (f"?{came_from.query}" if came_from.query else ""))
    response = RedirectResponse(target, 303)
    if idioma in languages.LOCALES:
        year = 365 * 24 * 3600
        secure = request.app.state.https
        response.set_cookie(languages.COOKIE, idioma, max_age=year, path="/", secure=secure, samesite="lax")
    return response


@router.get("/primeiro-acesso")
def first_user_form(request: Request, viewer: Annotated[Viewer, Depends(signed_in)]) -> Response:
    if viewer.user_id is not None:
        return RedirectResponse("/", 303)
    return first_user_page(request)


@router.post("/primeiro-acesso")
def first_user(
    request: Request,
    viewer: Annotated[Viewer, Depends(in_person)],
    name: Field = "",
    email: Field = "",
    password: Field = "",
) -> Response:
    """The first visitor makes himself an admin with a password; what let him in is worth nothing from then on."""
    warehouse: Warehouse = request.app.state.warehouse
    name, email = name.replace("\0", "").strip(), email.replace("\0", "").strip()
    failure = passwords.weakness(password, email, name)
    if failure is None:
        password_hash = passwords.hashed(password)
        try:
            with warehouse.transaction() as connection:
                user_id = people.add_first_user(connection, email, name)
                people.set_password(connection, user_id, password_hash)
                session = people.open_session(connection, user_id)
                people.note(connection, people.by_session(connection, session), "first user", address=address(request))
            return let_in(request, session, "/")
        except Unacceptable:
            failure = marked(
                "Confira o e-mail: escreva-o como nome@empresa.com.br. Se já há um usuário, entre com ele."
            )
    return first_user_page(request, failure=failure, email=email, name=name, status=422)


@router.get("/senha")
def password_form(request: Request, viewer: Annotated[Viewer, Depends(in_person)]) -> Response:
    if viewer.user_id is None:
        return RedirectResponse("/primeiro-acesso", 303)
    return password_page(request, viewer, asks_current=_to_prove(request) is not None)


@router.post("/senha")
def set_password(
    request: Request, viewer: Annotated[Viewer, Depends(in_person)], password: Field = "", current: Field = ""
) -> Response:
    """Another password: every other session of the user ends, this one is replaced."""
    if viewer.user_id is None:
        return problems.problem(request, 403)
    to_prove = _to_prove(request)
    failure = passwords.weakness(password, viewer.email, viewer.name)
    if to_prove is not None and not passwords.matches(to_prove, current):
        failure = marked("A senha atual não confere.")
    if failure is not None:
        return password_page(request, viewer, failure=failure, status=422, asks_current=to_prove is not None)
    password_hash = passwords.hashed(password)
    warehouse: Warehouse = request.app.state.warehouse
    with warehouse.transaction() as connection:
        people.set_password(connection, viewer.user_id, password_hash)
        session = people.open_session(connection, viewer.user_id)
        people.note(connection, viewer, "password set", address=address(request))
    return let_in(request, session, "/")


def _to_prove(request: Request) -> str | None:
    warehouse: Warehouse = request.app.state.warehouse
    with warehouse.transaction() as connection:
        return people.password_to_prove(connection, request.cookies.get(request.app.state.cookie, ""))


def address(request: Request) -> str:
    """Where a request comes from; a proxy in the same network is believed about who is behind it.

    A proxy that was taken for the visitor would make everybody wait for the one who guesses; a neighbour who lies about
    where he is still waits for the account that he tries.
    """
    peer = request.client.host if request.client else ""
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return (forwarded if forwarded and _is_near(peer) else peer)[:64]


def _is_near(peer: str) -> bool:
    try:
        return ip_address(peer).is_private
    except ValueError:
        return False


def inside(target: str) -> str:
    """A path of ours to go on to, `/` for anything that could lead elsewhere."""
    parts = urlsplit(target)
    ours = target.startswith("/") and not parts.netloc and target.isprintable() and not target.startswith(("//", "/\\"))
    return target if ours else "/"


def let_in(request: Request, session: str, target: str) -> Response:
    before = request.cookies.get(request.app.state.cookie)
    if before:
        warehouse: Warehouse = request.app.state.warehouse
        with warehouse.transaction() as connection:
            people.end_session(connection, before)
    response = RedirectResponse(target, 303)
    response.set_cookie(
        request.app.state.cookie,
        session,
        max_age=int(people.SESSION_LIFE.total_seconds()),
        path="/",
        secure=request.app.state.https,
        httponly=True,
        samesite="lax",
    )
    return response
