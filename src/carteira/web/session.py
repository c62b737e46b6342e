"""Who is asking: the session cookie or the API token of a request, and what they may see."""

from __future__ import annotations

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from carteira.customer_sales import sight
from carteira.customer_sales.sight import Sight
from carteira.warehouse.people import Viewer
from carteira.web import kept
from carteira.web.languages import marked

__all__ = ["Viewer", "admin", "in_person", "sight_of", "signed_in"]


class SignInNeeded(HTTPException):
    """Nobody is signed in: pages lead to /entrar, the API answers 401."""

    def __init__(self) -> None:
        super().__init__(401)


def cookie_name(*, secure: bool) -> str:
    # The prefix makes browsers refuse the cookie of a subdomain; without TLS they would refuse ours as well.
    return "__Host-carteira" if secure else "carteira"


async def signed_in(request: Request) -> Viewer:
    """The dependency of every page and route behind the sign-in."""
    # A coroutine, because it nearly always has the answer at hand: a plain function would cost a hop to a thread.
    state = request.scope["state"]
    viewer: Viewer | None = state["viewer"]
    if not state["looked"] and (credential := kept.credential_of(request.headers, request.app.state.cookie)):
        # The look before the routes failed: this one fails the same way, where it is told, or the fault has passed.
        look = await run_in_threadpool(kept.look_at, request.app, {credential})
        viewer = look.viewers[credential]
        state["viewer"] = viewer
    if viewer is None:
        raise SignInNeeded
    return viewer


async def admin(request: Request) -> Viewer:
    """As `signed_in`, for what only an admin may do."""
    viewer = await signed_in(request)
    if viewer.role != "admin":
        raise HTTPException(403, marked("Só um administrador pode fazer isto."))
    return viewer


async def in_person(request: Request) -> Viewer:
    """As `signed_in`, for what a token may not do in its maker's name."""
    viewer = await signed_in(request)
    if "authorization" in request.headers:
        raise HTTPException(403, marked("Isto se faz entrando com e-mail e senha, e não com um token."))
    return viewer


def sight_of(viewer: Viewer) -> Sight:
    return sight.of(viewer.role, viewer.owner_id)
