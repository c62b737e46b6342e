"""A provider that lies, or that somebody pretends to be: what is not as it has to be in its answers lets nobody in."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dashboard
import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry
from starlette.testclient import TestClient

from carteira.doctor import openid
from carteira.settings import Settings
from carteira.warehouse import people
from carteira.warehouse.connection import Warehouse
from carteira.web.openid import identity
from carteira.web.openid.identity import Identity
from carteira.web.openid.journey import Journey
from carteira.web.openid.journey import begun as begin
from carteira.web.openid.provider import AT_ONCE, LARGEST_ANSWER, Provider, provider
from carteira.web.openid.refusal import AWAY, UNKNOWN, UNPROVEN, UNVERIFIED, NotLetIn

ADDRESS = "http://127.0.0.1:8000"
EMAIL = "ana@example.com"
SECRET = "a-secret-of-the-liar-32-characters"
KEY, ANOTHER = (RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}) for _ in range(2))
CURVE = ECKey.generate_key("P-256", {"kid": "2", "use": "sig"})

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Liar:
    """A provider whose every answer a test can change, by its path; `asked` is what came."""

    url: str = ""
    answers: dict[str, Callable[[], Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    def says(self, path: str, body: object, status: int = 200, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = lambda: (status, headers, content)

    def describes_itself(self, **otherwise: object) -> None:
        doors = {"authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token",
                 "jwks_uri": f"{self.url}/keys"}  # fmt: skip
        self.says("/.well-known/openid-configuration", {"issuer": self.url} | doors | otherwise)

    def signs_with(self, *keys: Any) -> None:
        self.says("/keys", {"keys": [key.as_dict(private=False) for key in keys]})

    def gives(self, token: str, **more: str) -> None:
        self.says("/token", {"id_token": token, "token_type": "Bearer"} | more)

    def claims(self, expected: str, **otherwise: object) -> dict[str, Any]:
        """What an honest one says of Ana; None takes a claim away."""
        now = int(time.time())
        honest = {"iss": self.url, "sub": "1", "aud": "carteira", "exp": now + 300, "iat": now, "nonce": expected,
                  "email": EMAIL, "email_verified": True}  # fmt: skip
        return {name: value for name, value in (honest | otherwise).items() if value is not None}


@contextmanager
def running() -> Iterator[Liar]:
    liar = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            path = self.path.partition("?")[0]
            liar.asked.append((path, {name.lower(): value for name, value in self.headers.items()}, body))
            status, headers, content = liar.answers.get(path, lambda: (404, {}, b""))()
            self.send_response(status)
            for name, value in ({"content-length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        liar.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield liar
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def liar() -> Iterator[Liar]:
    """One that is honest so far."""
    with running() as liar:
        liar.describes_itself()
        liar.signs_with(KEY, CURVE)
        yield liar


@pytest.fixture
def settings(liar: Liar, tmp_path: Path) -> Settings:
    return dashboard.settings_of(
        tmp_path,
        CARTEIRA_OIDC_ISSUER=liar.url,
        CARTEIRA_OIDC_CLIENT_ID="carteira",
        CARTEIRA_OIDC_CLIENT_SECRET=SECRET,
        CARTEIRA_PUBLIC_URL=ADDRESS,
    )


@pytest.fixture
def asking(settings: Settings) -> Provider:
    """What Carteira asks the liar with."""
    return provider(settings)


@pytest.fixture
def client(settings: Settings, warehouse: Warehouse) -> Iterator[TestClient]:
    with warehouse.transaction() as connection:
        people.add_user(connection, EMAIL, "Ana")
    with dashboard.served(settings, warehouse, base_url=ADDRESS) as client:
        yield client


def begun(client: TestClient) -> tuple[str, str]:
    """The state and the nonce of a journey."""
    asked = parse_qs(urlsplit(client.get("/openid/entrar").headers["location"]).query)
    return asked["state"][0], asked["nonce"][0]


def back(client: TestClient, state: str) -> httpx2.Response:
    return client.get("/openid/retorno", params={"state": state, "code": "a-code"})


def signed(claims: dict[str, Any], key: Any = KEY, algorithm: str = "RS256", **header: str) -> str:
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jwt.encode({"alg": algorithm, "kid": "1"} | header, claims, key, [algorithm], registry)


def found(asking: Provider, liar: Liar, made: Callable[[Liar, str], str], **more: str) -> str:
    """The subject whom a token proves, or what is said."""
    journey = begin("/")
    liar.gives(made(liar, journey.nonce), **more)
    return outcome(asking, journey)


def outcome(asking: Provider, journey: Journey) -> str:
    try:
        return asking.identity("a-code", journey).subject
    except NotLetIn as refusal:
        return refusal.failure


HONEST: list[tuple[str, Callable[[Liar, str], str]]] = [
    ("RS256", lambda liar, nonce: signed(liar.claims(nonce))),
    ("PS256", lambda liar, nonce: signed(liar.claims(nonce), algorithm="PS256")),
    ("ES256", lambda liar, nonce: signed(liar.claims(nonce), CURVE, "ES256", kid="2")),
    ("a header of its own", lambda liar, nonce: signed(liar.claims(nonce), tenant="x")),
    ("for several, and for us", lambda liar, nonce: signed(liar.claims(nonce, aud=["a", "carteira"], azp="carteira"))),
    ("a clock that is late", lambda liar, nonce: signed(liar.claims(nonce, exp=int(time.time()) - 30))),
]


@pytest.mark.parametrize("made", [made for _, made in HONEST], ids=[name for name, _ in HONEST])
def test_an_honest_token_proves_who_it_is(asking: Provider, liar: Liar, made: Callable[[Liar, str], str]) -> None:
    """Or the others would prove nothing."""
    assert found(asking, liar, made) == "1"


def none(liar: Liar, nonce: str) -> str:
    return f"{signed({}, algorithm='RS256').partition('.')[0]}.{signed(liar.claims(nonce)).split('.')[1]}."


def unsigned(liar: Liar, nonce: str) -> str:
    """Alg none, as a token says that needs no signature."""
    from base64 import urlsafe_b64encode

    parts = ({"alg": "none", "kid": "1"}, liar.claims(nonce))
    return ".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def by_public_key(liar: Liar, nonce: str) -> str:
    """HS256, with the public key as what is shared: everybody has it."""
    return signed(liar.claims(nonce), OctKey.import_key(KEY.as_pem(private=False).hex()), "HS256")


def embedded_key(liar: Liar, nonce: str) -> str:
    """A token that brings its own key along."""
    registry = JWSRegistry(algorithms=["RS256"])
    header = {"alg": "RS256", "kid": "1", "jwk": ANOTHER.as_dict(private=False)}
    return jwt.encode(header, liar.claims(nonce), ANOTHER, ["RS256"], registry)


def tampered(liar: Liar, nonce: str) -> str:
    first, second = (signed(liar.claims(nonce, sub=sub)).split(".") for sub in ("1", "2"))
    return f"{first[0]}.{second[1]}.{first[2]}"


FORGED: list[tuple[str, Callable[[Liar, str], str]]] = [
    ("no signature", none),
    ("alg none", unsigned),
    ("HS256 by the public key", by_public_key),
    ("HS256 by the secret", lambda liar, nonce: signed(liar.claims(nonce), OctKey.import_key(SECRET), "HS256")),
    ("another key", lambda liar, nonce: signed(liar.claims(nonce), ANOTHER)),
    ("a key of its own", embedded_key),
    ("no such key", lambda liar, nonce: signed(liar.claims(nonce), kid="9")),
    ("the key of another kind", lambda liar, nonce: signed(liar.claims(nonce), kid="2")),
    ("claims changed", tampered),
    ("another nonce", lambda liar, nonce: signed(liar.claims("another"))),
    ("no nonce", lambda liar, nonce: signed(liar.claims(nonce, nonce=None))),
    ("another issuer", lambda liar, nonce: signed(liar.claims(nonce, iss="https://accounts.google.com"))),
    ("no issuer", lambda liar, nonce: signed(liar.claims(nonce, iss=None))),
    ("for another", lambda liar, nonce: signed(liar.claims(nonce, aud="another"))),
    ("for nobody", lambda liar, nonce: signed(liar.claims(nonce, aud=None))),
    ("for us among others", lambda liar, nonce: signed(liar.claims(nonce, aud=["carteira", "another"]))),
    ("for another by our wish", lambda liar, nonce: signed(liar.claims(nonce, aud="another", azp="carteira"))),
    ("by another's wish", lambda liar, nonce: signed(liar.claims(nonce, azp="another"))),
    ("over", lambda liar, nonce: signed(liar.claims(nonce, exp=int(time.time()) - 120))),
    ("without an end", lambda liar, nonce: signed(liar.claims(nonce, exp=None))),
    ("of tomorrow", lambda liar, nonce: signed(liar.claims(nonce, nbf=int(time.time()) + 86400))),
    ("of nobody", lambda liar, nonce: signed(liar.claims(nonce, sub=None))),
    ("of an empty name", lambda liar, nonce: signed(liar.claims(nonce, sub=""))),
    ("of a number", lambda liar, nonce: signed(liar.claims(nonce, sub=1))),
    ("of a name with a nul", lambda liar, nonce: signed(liar.claims(nonce, sub="1\0"))),
    ("of a name without end", lambda liar, nonce: signed(liar.claims(nonce, sub="1" * 256))),
    ("another access token", lambda liar, nonce: signed(liar.claims(nonce, at_hash="AAAAAAAAAAAAAAAAAAAAAA"))),
    ("no token", lambda liar, nonce: "x"),
    ("dots", lambda liar, nonce: ".."),
    ("letters", lambda liar, nonce: "é.é.é"),
    ("a list", lambda liar, nonce: signed(liar.claims(nonce)).split(".")[0] + ".W10.AA"),
]  # fmt: skip


@pytest.mark.parametrize("made", [made for _, made in FORGED], ids=[name for name, _ in FORGED])
def test_a_forged_token_proves_nothing(asking: Provider, liar: Liar, made: Callable[[Liar, str], str]) -> None:
    """9.1.1, 9.1.2, 9.2.1, 9.2.3, 10.5.1, 10.5.4"""
    assert found(asking, liar, made, access_token="an-access-token") == UNPROVEN


def test_who_proves_nothing_is_not_let_in(client: TestClient, liar: Liar, warehouse: Warehouse) -> None:
    state, nonce = begun(client)
    liar.gives(signed(liar.claims(nonce), ANOTHER))
    answer = back(client, state)
    assert (answer.status_code, UNPROVEN in answer.text) == (401, True)
    assert client.get("/senha").status_code == 303
    with warehouse.transaction() as connection:
        assert people.audit_log(connection)[0].detail == "the ID token is signed with none of the provider's keys"

    state, nonce = begun(client)
    liar.gives(signed(liar.claims(nonce)))
    assert back(client, state).status_code == 303
    assert client.get("/senha").status_code == 200


@pytest.mark.parametrize(
    "claims",
    [{"email_verified": False}, {"email_verified": None}, {"email_verified": "true"}, {"email_verified": 1},
     {"email": None}, {"email": ["ana@example.com"]}, {"email_verified": None, "xms_edov": True}],
    ids=str,
)  # fmt: skip
def test_an_address_has_to_be_vouched_for(asking: Provider, liar: Liar, claims: dict[str, object]) -> None:
    assert found(asking, liar, lambda liar, nonce: signed(liar.claims(nonce, **claims))) == UNVERIFIED


@pytest.mark.parametrize(
    "email", ["ana@example.com\0", "ana@example.com\n", "an\u0430@example.com", "ana@e\u212aample.com"]
)
def test_an_address_that_only_looks_alike_is_nobodys(asking: Provider, liar: Liar, email: str) -> None:
    """In lower case, the sign for Kelvin is a k."""
    assert found(asking, liar, lambda liar, nonce: signed(liar.claims(nonce, email=email))) == UNKNOWN


@pytest.mark.parametrize(
    ("said", "expected"),
    [({"sub": "1", "email": EMAIL, "email_verified": True}, "1"), ({"sub": "2", "email": EMAIL}, UNPROVEN),
     ({"email": EMAIL, "email_verified": True}, UNPROVEN), ({"sub": "1", "email": EMAIL}, UNVERIFIED),
     ({"sub": "1", "iss": "https://accounts.google.com", "email": EMAIL, "email_verified": True}, "1"),
     ([], AWAY), (b"a.jwt.here", AWAY)],
    ids=str,
)  # fmt: skip
def test_the_user_info_speaks_of_the_same_person(asking: Provider, liar: Liar, said: object, expected: str) -> None:
    """Its issuer counts for nothing: only the token's does."""
    liar.describes_itself(userinfo_endpoint=f"{liar.url}/me")
    liar.says("/me", said)

    def silent(liar: Liar, nonce: str) -> str:
        return signed(liar.claims(nonce, email=None, email_verified=None))

    assert found(asking, liar, silent, access_token="an-access-token") == expected
    assert liar.asked[-1][1]["authorization"] == "Bearer an-access-token"
    assert found(asking, liar, silent) == UNVERIFIED, "without an access token it cannot be asked"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [(400, {"error": "invalid_grant"}, UNPROVEN), (401, {"error": "invalid_client"}, UNPROVEN), (400, b"<p>", UNPROVEN),
     (400, {"error": "<script>alert(1)</script>"}, UNPROVEN), (500, b"", AWAY), (429, b"", AWAY), (302, b"", AWAY),
     (200, b"<p>", AWAY), (200, {"access_token": "x"}, AWAY), (200, {"id_token": 1}, AWAY), (200, b"\xff", AWAY)],
    ids=str,
)  # fmt: skip
def test_an_answer_to_a_code_that_is_none(
    asking: Provider, liar: Liar, status: int, body: object, expected: str
) -> None:
    liar.says("/token", body, status, location=f"{liar.url}/elsewhere")

    with pytest.raises(NotLetIn) as refused:
        asking.identity("a-code", begin("/"))

    assert refused.value.failure == expected
    assert "script" not in refused.value.reason
    assert "/elsewhere" not in [path for path, _, _ in liar.asked], "the secret goes nowhere else"


@pytest.mark.parametrize(
    "otherwise",
    [{"issuer": "https://accounts.google.com"}, {"issuer": None}, {"token_endpoint": "http://evil.example/token"},
     {"authorization_endpoint": "javascript:alert(1)"}, {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": None},
     {"userinfo_endpoint": "http://127.0.0.1:1/me"}, {"token_endpoint": "https://[::1"},
     {"service_documentation": "x" * LARGEST_ANSWER}],
    ids=lambda otherwise: str(otherwise)[:60],
)  # fmt: skip
def test_a_provider_that_describes_itself_otherwise_is_none(
    asking: Provider, liar: Liar, otherwise: dict[str, object]
) -> None:
    """10.5.3: one that calls itself by another's name, or would have the secret sent in the open."""
    liar.describes_itself(**otherwise)

    with pytest.raises(NotLetIn) as refused:
        asking.address(begin("/"))

    assert refused.value.failure == AWAY
    assert [path for path, _, _ in liar.asked] == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500])
def test_a_description_is_where_it_has_to_be(asking: Provider, liar: Liar, status: int) -> None:
    liar.says("/.well-known/openid-configuration", {}, status, location=f"{liar.url}/elsewhere")

    with pytest.raises(NotLetIn):
        asking.address(begin("/"))
    liar.describes_itself()
    assert asking.address(begin("/")).startswith(f"{liar.url}/authorize?"), "it is asked anew"
    assert "/elsewhere" not in [path for path, _, _ in liar.asked]


def test_a_description_serves_many(asking: Provider, liar: Liar) -> None:
    for _ in range(3):
        assert found(asking, liar, lambda liar, nonce: signed(liar.claims(nonce))) == "1"

    asked = [path for path, _, _ in liar.asked]
    assert (asked.count("/.well-known/openid-configuration"), asked.count("/keys"), asked.count("/token")) == (1, 1, 3)


def test_a_key_of_a_kind_that_is_yet_to_come_hides_no_other(asking: Provider, liar: Liar) -> None:
    strange = [{"kty": "AKP", "kid": "3"}, {"kty": "RSA", "kid": "4"}, {"kty": "EC", "crv": "P-0", "x": ""}, {}]
    liar.says("/keys", {"keys": [*strange, KEY.as_dict(private=False)]})

    assert found(asking, liar, lambda liar, nonce: signed(liar.claims(nonce))) == "1"


@pytest.mark.parametrize("body", [{"keys": []}, {}, [], b"<p>", {"keys": [1]}], ids=str)
def test_without_a_key_nothing_is_proven(asking: Provider, liar: Liar, body: object) -> None:
    liar.says("/keys", body)

    assert found(asking, liar, lambda liar, nonce: signed(liar.claims(nonce))) in (UNPROVEN, AWAY)


@pytest.mark.parametrize(
    ("methods", "in_header"),
    [(None, True), (["client_secret_post", "client_secret_basic"], True), (["client_secret_post"], False)],
)
def test_the_secret_goes_out_as_the_provider_wants_it(
    asking: Provider, liar: Liar, methods: list[str] | None, in_header: bool
) -> None:
    liar.describes_itself(token_endpoint_auth_methods_supported=methods)
    assert found(asking, liar, lambda liar, nonce: signed(liar.claims(nonce))) == "1"

    _, headers, body = next(asked for asked in liar.asked if asked[0] == "/token")
    assert ("authorization" in headers, SECRET in body) == (in_header, not in_header)
    fields = parse_qs(body)
    assert fields["code"] == ["a-code"]
    assert fields["redirect_uri"] == [f"{ADDRESS}/openid/retorno"]


def test_a_provider_that_hangs_takes_no_more_than_its_share(
    client: TestClient, liar: Liar, warehouse: Warehouse
) -> None:
    """Whoever comes while others wait is told at once, and everything else goes on."""
    waiting, go_on = threading.Semaphore(0), threading.Event()

    def hangs() -> Answer:
        waiting.release()
        assert go_on.wait(10)
        return 500, {}, b""

    liar.answers["/.well-known/openid-configuration"] = hangs
    others = [threading.Thread(target=client.get, args=("/openid/entrar",)) for _ in range(AT_ONCE)]
    for other in others:
        other.start()
    for _ in others:
        assert waiting.acquire(timeout=10)

    assert client.get("/openid/entrar").status_code == 503
    assert len(liar.asked) == AT_ONCE
    assert client.get("/entrar").status_code == 200
    go_on.set()
    for other in others:
        other.join()


def test_doctor_finds_a_provider_that_is_none(settings: Settings, liar: Liar) -> None:
    (found,) = openid.examine(settings)
    assert (found.state, found.remedy) == ("ok", "")
    assert f"{ADDRESS}/openid/retorno" in found.text

    liar.says("/keys", {"keys": []})
    (found,) = openid.examine(settings)
    assert (found.state, "no key" in found.text) == ("failed", True)
    liar.describes_itself(issuer="https://accounts.google.com")
    (found,) = openid.examine(settings)
    assert (found.state, "calls itself otherwise" in found.text) == ("failed", True)
    assert f"{liar.url}/.well-known/openid-configuration has to answer" in found.remedy
    assert list(openid.examine(replace(settings, oidc_issuer=None))) == []


@pytest.mark.parametrize(
    ("issuer", "more", "verified"),
    [
        ("https://login.microsoftonline.com/t/v2.0", {"xms_edov": True}, True),
        ("https://login.microsoftonline.com/t/v2.0", {"xms_edov": "1"}, True),
        ("https://login.microsoftonline.com/t/v2.0", {"xms_edov": False}, False),
        ("https://login.microsoftonline.com/t/v2.0", {}, False),
        ("https://login.microsoftonline.com.evil.example/", {"xms_edov": True}, False),
        ("https://accounts.google.com", {"email_verified": True}, True),
    ],
)
def test_microsoft_says_it_by_a_claim_of_its_own(issuer: str, more: dict[str, object], verified: bool) -> None:
    claims = {"iss": issuer, "sub": "1", "email": EMAIL} | more

    if verified:
        assert identity.identity(claims) == Identity(issuer, "1", EMAIL)
    else:
        with pytest.raises(NotLetIn):
            identity.identity(claims)
