"""What is asked of the provider: where its doors are, which keys it signs with, who a code is for."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Semaphore
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec
import urllib3
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import KeySet
from urllib3.exceptions import HTTPError

from carteira.settings import Secret, Settings
from carteira.web.openid.identity import Identity, UnknownKey, claims_of, identity, key_set
from carteira.web.openid.journey import Journey
from carteira.web.openid.refusal import away, unproven

T = TypeVar("T")

# Where the provider leads back to; it has to be registered there to the letter.
BACK = "/openid/retorno"
DISCOVERY = "/.well-known/openid-configuration"
SCOPE = "openid email"
KEEP_SECONDS = 3600
TIMEOUT = urllib3.Timeout(connect=3, read=5)
LARGEST_ANSWER = 500_000
# More at once than people sign in: a provider that hangs must not take every thread with it.
AT_ONCE = 8


class Metadata(msgspec.Struct, frozen=True):
    """The provider's own description of itself, as far as it matters here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool = False


class Tokens(msgspec.Struct, frozen=True):
    """What a code is good for."""

    id_token: str
    access_token: str | None = None


class _Fault(msgspec.Struct):
    error: str = ""


@dataclass
class Provider:
    """One provider and what it knows us by; safe to use from several threads."""

    issuer: str
    client_id: str
    client_secret: Secret
    redirect: str
    _http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False), repr=False)
    _turns: Semaphore = field(default_factory=lambda: Semaphore(AT_ONCE), repr=False)
    _metadata: tuple[float, Metadata] | None = field(default=None, repr=False)
    _keys: tuple[float, KeySet] | None = field(default=None, repr=False)

    def address(self, journey: Journey) -> str:
        """Where the browser goes to, for somebody to say there who he is."""
        address: str = prepare_grant_uri(
            self.metadata().authorization_endpoint,
            self.client_id,
            "code",
            self.redirect,
            SCOPE,
            journey.state,
            nonce=journey.nonce,
            code_challenge=create_s256_code_challenge(journey.verifier),
            code_challenge_method="S256",
        )
        return address

    def identity(self, code: str, journey: Journey) -> Identity:
        """Who came back with a code from this journey."""
        tokens = self._redeemed(code, journey)
        claims = self._claims(tokens, journey)
        if "email" not in claims:
            claims = self._asked(tokens, claims["sub"]) | {key: claims[key] for key in ("iss", "sub")}
        return identity(claims)

    def metadata(self) -> Metadata:
        """The provider's description, an hour old at most."""
        kept = self._metadata
        if kept is None or kept[0] < time.monotonic():
            kept = self._metadata = (time.monotonic() + KEEP_SECONDS, self._discovered())
        return kept[1]

    def keys(self, *, anew: bool = False) -> KeySet:
        """The keys that the provider signs with, an hour old at most."""
        kept = self._keys
        if anew or kept is None or kept[0] < time.monotonic():
            keys = self._read("keys", self.metadata().jwks_uri, key_set)
            kept = self._keys = (time.monotonic() + KEEP_SECONDS, keys)
        return kept[1]

    def _discovered(self) -> Metadata:
        found = self._read("description", self.issuer + DISCOVERY, msgspec.json.Decoder(Metadata).decode)
        if found.issuer.rstrip("/") != self.issuer:
            raise away("the provider calls itself otherwise than CARTEIRA_OIDC_ISSUER does")
        doors = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint)
        if not all(self._is_safe(door) for door in doors if door is not None):
            raise away("the provider names an address that is not https")
        return found

    def _is_safe(self, address: str) -> bool:
        """Whether it is https, or where CARTEIRA_OIDC_ISSUER is, which is http only on this machine."""
        try:
            parts = urlsplit(address)
        except ValueError:
            return False
        return parts.scheme == "https" or parts[:2] == urlsplit(self.issuer)[:2]

    def _redeemed(self, code: str, journey: Journey) -> Tokens:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect,
            "code_verifier": journey.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if "client_secret_basic" in (self.metadata().token_endpoint_auth_methods_supported or ["client_secret_basic"]):
            headers["Authorization"] = self._basic()
        else:
            fields |= {"client_id": self.client_id, "client_secret": self.client_secret.reveal()}
        status, body = self._ask("POST", self.metadata().token_endpoint, headers, urlencode(fields))
        if status in (400, 401, 403):
            raise unproven(f"the provider refused the code: {_fault(body)}")
        if status != 200:
            raise away(f"the provider answered a code with HTTP {status}")
        return _decoded("answer to a code", body, msgspec.json.Decoder(Tokens).decode)

    def _basic(self) -> str:
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret.reveal())}"
        return f"Basic {b64encode(pair.encode()).decode()}"

    def _claims(self, tokens: Tokens, journey: Journey) -> dict[str, Any]:
        def checked(keys: KeySet) -> dict[str, Any]:
            return claims_of(
                tokens.id_token,
                keys,
                issuer=self.metadata().issuer,
                client_id=self.client_id,
                nonce=journey.nonce,
                access_token=tokens.access_token,
            )

        try:
            return checked(self.keys())
        except UnknownKey:
            pass
        try:
            return checked(self.keys(anew=True))
        except UnknownKey as error:
            raise unproven("the ID token is signed with none of the provider's keys") from error

    def _asked(self, tokens: Tokens, subject: str) -> dict[str, Any]:
        """What the provider says of a person where its ID token does not say it."""
        door = self.metadata().userinfo_endpoint
        if door is None or tokens.access_token is None:
            return {}
        headers = {"Authorization": f"Bearer {tokens.access_token}"}
        said = self._read("answer about a person", door, msgspec.json.Decoder(dict[str, Any]).decode, headers)
        if said.get("sub") != subject:
            raise unproven("the provider speaks of somebody else than its ID token does")
        return said

    def _read(self, what: str, address: str, read: Callable[[bytes], T], headers: dict[str, str] | None = None) -> T:
        status, body = self._ask("GET", address, headers or {})
        if status != 200:
            raise away(f"the provider's {what} came with HTTP {status}")
        return _decoded(what, body, read)

    def _ask(self, method: str, address: str, headers: dict[str, str], body: str | None = None) -> tuple[int, bytes]:
        if not self._turns.acquire(blocking=False):
            raise away("too many sign-ins at a time wait for the provider")
        try:
            # Where a redirect leads is not where the secret belongs.
            with self._http.request(
                method, address, body=body, headers={"Accept": "application/json"} | headers, timeout=TIMEOUT,
                redirect=False, preload_content=False,
            ) as answer:  # fmt: skip
                return answer.status, answer.read(LARGEST_ANSWER)
        except (HTTPError, OSError) as error:
            raise away(f"the provider could not be asked: {type(error).__name__}") from error
        finally:
            self._turns.release()


def provider(settings: Settings) -> Provider:
    """The provider of the settings, which are set altogether."""
    issuer, client_id, secret = settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret
    assert issuer is not None and client_id is not None and secret is not None
    return Provider(issuer, client_id, secret, f"{settings.public_url}{BACK}")


def _decoded(what: str, body: bytes, read: Callable[[bytes], T]) -> T:
    try:
        return read(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise away(f"the provider's {what} cannot be read") from error


def _fault(body: bytes) -> str:
    """The code of an error, which may be anything, as a word."""
    try:
        code = msgspec.json.decode(body, type=_Fault).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "in no form of OAuth"
    return code if re.fullmatch(r"[a-z_]{1,40}", code) else "with no code of OAuth"
