"""What an ID token proves: signed by the provider, made for us and for this journey, still good, and for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jws import JWSRegistry

from carteira.web.openid.refusal import UNKNOWN, UNVERIFIED, NotLetIn, unproven

# Signed with a key that only the provider has: neither "none", nor HS256, whose key is also ours.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
# How much the clocks may differ.
LEEWAY_SECONDS = 60
LONGEST_SUBJECT = 255
# Microsoft has another claim for whether an address is its owner's, and its e-mail addresses alone prove nothing.
ENTRA = "https://login.microsoftonline.com/"


class UnknownKey(Exception):
    """No key that is known made the signature: perhaps a newer one did."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is to a provider, with an e-mail address that it vouches for."""

    issuer: str
    subject: str
    email: str


class _Keys(msgspec.Struct):
    keys: list[dict[str, Any]]


def key_set(body: bytes) -> KeySet:
    """The keys of a JWKS that can be understood; others may be of a kind that is yet to come."""
    keys = []
    for one in msgspec.json.decode(body, type=_Keys).keys:
        try:
            keys.append(JWKRegistry.import_key(one))
        except (JoseError, ValueError, KeyError, TypeError):
            continue
    return KeySet(keys)


def claims_of(
    token: str, keys: KeySet, *, issuer: str, client_id: str, nonce: str, access_token: str | None
) -> dict[str, Any]:
    """The claims of an ID token, every one that decides anything checked; UnknownKey where another key may prove it."""
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    try:
        decoded = jwt.decode(token, keys, ALGORITHMS, registry)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": issuer},
                "aud": {"essential": True, "value": client_id},
                "sub": {"essential": True},
            },
            params={"nonce": nonce, "client_id": client_id, "access_token": access_token},
        )
        claims.validate(leeway=LEEWAY_SECONDS)
    except (InvalidKeyIdError, BadSignatureError) as error:
        raise UnknownKey from error
    except (JoseError, ValueError, TypeError, AttributeError) as error:
        # Its own words may repeat what is in the token.
        claim = getattr(error, "claim", "")
        raise unproven(f"the ID token does not hold: {type(error).__name__}{claim and f' of {claim}'}") from error
    return dict(claims)


def identity(claims: Mapping[str, Any]) -> Identity:
    """Who it is, if the provider vouches for the e-mail address."""
    issuer, subject, email = claims["iss"], claims["sub"], claims.get("email")
    if len(subject) > LONGEST_SUBJECT or not subject.isprintable():
        raise unproven("the ID token's subject is none")
    if not isinstance(email, str) or not _verified(claims):
        raise NotLetIn(UNVERIFIED, "the provider does not vouch for the e-mail address")
    # Letters that look alike, or become alike in lower case, are not the same address.
    if not (email.isascii() and email.isprintable()):
        raise NotLetIn(UNKNOWN, "the e-mail address has letters that no user's is compared by")
    return Identity(issuer, subject, email)


def _verified(claims: Mapping[str, Any]) -> bool:
    if claims.get("email_verified") is True:
        return True
    return claims["iss"].startswith(ENTRA) and claims.get("xms_edov") in (True, "1", "true")
