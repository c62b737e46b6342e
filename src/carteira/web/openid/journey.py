"""What a browser takes along to the provider and has to bring back: one signed cookie, good for ten minutes."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

import msgspec

from carteira.settings import Secret
from carteira.warehouse.people import new_secret

LIFE_SECONDS = 600
# A browser drops a cookie above 4096 bytes, and with it the sign-in.
LONGEST_TARGET = 2000


class Journey(msgspec.Struct, frozen=True):
    """One way there and back: `state` is whose it is, `nonce` and `verifier` prove that token and code are of it."""

    state: str
    nonce: str
    verifier: str
    target: str
    until: float


def begun(target: str) -> Journey:
    """A journey that begins now and leads to a path of ours in the end."""
    return Journey(
        state=new_secret(),
        nonce=new_secret(),
        verifier=new_secret(),
        target=target if len(target) <= LONGEST_TARGET else "/",
        until=time.time() + LIFE_SECONDS,
    )


def sealed(journey: Journey, secret: Secret) -> str:
    """What goes into the cookie."""
    content = msgspec.json.encode(journey)
    return ".".join(urlsafe_b64encode(part).decode() for part in (content, _seal(content, secret)))


def opened(cookie: str, secret: Secret) -> Journey | None:
    """The journey of a cookie; None where it is none of ours or its time is over."""
    try:
        content, seal = (urlsafe_b64decode(part) for part in cookie.split("."))
        journey = msgspec.json.decode(content, type=Journey)
    except (ValueError, msgspec.MsgspecError):
        return None
    ours = hmac.compare_digest(seal, _seal(content, secret))
    return journey if ours and journey.until > time.time() else None


def _seal(content: bytes, secret: Secret) -> bytes:
    return hmac.digest(_key(secret), content, "sha256")


@lru_cache(1)
def _key(secret: Secret) -> bytes:
    # Whoever has a cookie can try secrets on it: slow, for a provider that lets people choose theirs.
    return hashlib.scrypt(secret.reveal().encode(), salt=b"carteira openid journey", n=2**14, r=8, p=1)
