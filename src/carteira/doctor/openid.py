"""The OpenID provider, where one is set: whether it can be reached from here, and is the one that it says it is."""

from __future__ import annotations

from collections.abc import Iterator

from carteira.doctor.finding import Finding, failed, ok
from carteira.settings import Settings


def examine(settings: Settings) -> Iterator[Finding]:
    """What it says of itself and the keys that it signs with; client and secret are only shown to it with a code."""
    if settings.oidc_issuer is None:
        return
    # Authlib and its cryptography take a while to load.
    from carteira.web.openid.provider import DISCOVERY, provider
    from carteira.web.openid.refusal import NotLetIn

    asked = provider(settings)
    description = f"{settings.oidc_issuer}{DISCOVERY}"
    remedy = f'Check CARTEIRA_OIDC_ISSUER: {description} has to answer this machine, with that address as "issuer".'
    try:
        keys = asked.keys()
    except NotLetIn as refusal:
        yield failed("openid", f"Nobody can sign in by OpenID Connect: {refusal.reason}.", remedy)
        return
    if not keys:
        yield failed("openid", "The OpenID provider publishes no key that it could sign with.", remedy)
        return
    yield ok("openid", f"The OpenID provider answers. The redirect address to register there is {asked.redirect}.")
