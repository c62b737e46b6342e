"""The way to the OpenID provider and back. Whoever comes back has to be a user here already: nobody becomes one."""

from __future__ import annotations

import hmac
import logging
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import RedirectResponse, Response

from carteira.settings import Settings
from carteira.warehouse import people, subjects
from carteira.warehouse.connection import Warehouse
from carteira.web.entry import address, inside, let_in
from carteira.web.openid import journey as journeys
from carteira.web.openid.journey import Journey
from carteira.web.openid.refusal import ANOTHERS, DENIED, LOST, TOO_OFTEN, UNKNOWN, NotLetIn, unproven
from carteira.web.pages.sign_in import sign_in_page

if TYPE_CHECKING:
    from carteira.web.openid.identity import Identity
    from carteira.web.openid.provider import Provider

log = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)

Answer = Annotated[str, Query(max_length=4096)]


@router.get("/openid/entrar")
def there(request: Request, para: Answer = "/") -> Response:
    """Off to the provider, with a cookie to be known by on the way back."""
    provider = _provider(request)
    journey = journeys.begun(inside(para))
    try:
        response = RedirectResponse(provider.address(journey), 303)
    except NotLetIn as refusal:
        log.warning("Nobody can sign in by OpenID Connect: %s.", refusal.reason)
        return sign_in_page(request, failure=refusal.failure, target=journey.target, status=refusal.status)
    response.set_cookie(
        _cookie(request),
        journeys.sealed(journey, provider.client_secret),
        max_age=journeys.LIFE_SECONDS,
        path="/",
        secure=request.app.state.https,
        httponly=True,
        # Not strict: the provider's page leads back here, and the cookie has to come along.
        samesite="lax",
    )
    return response


@router.get("/openid/retorno")
def back(request: Request, state: Answer = "", code: Answer = "", error: Answer = "", iss: Answer = "") -> Response:
    """Back from the provider: a session for the user whom it means, or a sentence on the page of the sign-in."""
    provider = _provider(request)
    journey = _journey(request, provider, state)
    if journey is None:
        # Another window's may still be on its way: its cookie stays.
        return sign_in_page(request, failure=LOST, status=401)
    try:
        response = let_in(request, _session(request, provider, journey, code, error, iss), journey.target)
    except NotLetIn as refusal:
        response = sign_in_page(request, failure=refusal.failure, target=journey.target, status=refusal.status)
    # Good for one way back only.
    response.delete_cookie(_cookie(request), path="/", secure=request.app.state.https, httponly=True)
    return response


def _journey(request: Request, provider: Provider, state: str) -> Journey | None:
    """The journey that this browser is on, if it is the one of which somebody comes back."""
    journey = journeys.opened(request.cookies.get(_cookie(request), ""), provider.client_secret)
    if journey is None or not hmac.compare_digest(journey.state.encode(), state.encode("utf-8", "replace")):
        return None
    return journey


def _session(request: Request, provider: Provider, journey: Journey, code: str, error: str, iss: str) -> str:
    """The secret of a session for whoever came back, or NotLetIn; either is written down."""
    warehouse: Warehouse = request.app.state.warehouse
    sender = address(request)
    with warehouse.transaction() as connection:
        if people.seconds_to_wait(connection, sender, sender):
            raise NotLetIn(TOO_OFTEN, "too many from one address", 429)
    email = ""
    try:
        identity = _identity(provider, journey, code, error, iss)
        email = identity.email
        return _opened(warehouse, identity, sender)
    except NotLetIn as refusal:
        log.warning("Somebody was not let in by OpenID Connect: %s.", refusal.reason)
        detail = ": ".join(filter(None, (people.email_key(email), refusal.reason)))
        with warehouse.transaction() as connection:
            people.note(connection, None, "sign-in by OpenID Connect refused", detail, sender)
            if refusal.guess:
                people.note_attempt(connection, sender, sender, succeeded=False)
        raise


def _identity(provider: Provider, journey: Journey, code: str, error: str, iss: str) -> Identity:
    if error == "access_denied":
        raise NotLetIn(DENIED, "cancelled at the provider")
    if error or not code:
        raise unproven("the provider led back without a code")
    metadata = provider.metadata()
    # Another provider may have led here, to be given a code of this one's.
    if iss != metadata.issuer and (iss or metadata.authorization_response_iss_parameter_supported):
        raise unproven("it was another provider that led back")
    return provider.identity(code, journey)


def _opened(warehouse: Warehouse, identity: Identity, sender: str) -> str:
    with warehouse.transaction() as connection:
        user_id = subjects.user_of(connection, identity.issuer, identity.subject, identity.email)
        if user_id is None:
            if people.user_by_email(connection, identity.email):
                raise NotLetIn(ANOTHERS, "the user is bound to another account")
            raise NotLetIn(UNKNOWN, "no user who may sign in has the e-mail address")
        people.note_attempt(connection, sender, sender, succeeded=True)
        session = people.open_session(connection, user_id)
        viewer = people.by_session(connection, session)
        people.note(connection, viewer, "sign-in by OpenID Connect", identity.issuer, sender)
    return session


def _provider(request: Request) -> Provider:
    settings: Settings = request.app.state.settings
    if settings.oidc_issuer is None:
        raise HTTPException(404)
    if request.app.state.openid is None:
        # Authlib and its cryptography take longer to come than a page: only for those who sign in this way.
        from carteira.web.openid.provider import provider

        request.app.state.openid = provider(settings)
    found: Provider = request.app.state.openid
    return found


def _cookie(request: Request) -> str:
    return f"{request.app.state.cookie}-openid"
