"""Coming in, staying, being thrown out: links, passwords, cookies, and requests that other sites send."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dashboard
import httpx2
import pytest
from dashboard import PASSWORD
from starlette.testclient import TestClient

from carteira.errors import Unacceptable
from carteira.warehouse import people
from carteira.warehouse.connection import Warehouse
from carteira.web import passwords
from carteira.web.app import create_app
from carteira.web.entry import inside

EMAIL = "ana@example.com"
CUSTOMERS = "/api/dashboard/customers"


@pytest.fixture
def client(warehouse: Warehouse, tmp_path: Path) -> Iterator[TestClient]:
    dashboard.publish(warehouse)
    with dashboard.served(dashboard.settings_of(tmp_path), warehouse) as client:
        yield client


@pytest.fixture
def ana(warehouse: Warehouse) -> str:
    """The e-mail address of a user with a password."""
    with warehouse.transaction() as connection:
        user_id = people.add_user(connection, EMAIL, "Ana", "gestor")
        people.set_password(connection, user_id, passwords.hashed(PASSWORD))
    return EMAIL


def link(warehouse: Warehouse, email: str | None = None) -> str:
    with warehouse.transaction() as connection:
        return f"/entrar/{people.add_link(connection, email)}"


def sign_in(client: TestClient, email: str = EMAIL, password: str = PASSWORD, **more: str) -> httpx2.Response:
    return client.post("/entrar", data={"email": email, "password": password} | more)


def status(client: TestClient) -> int:
    return client.get(CUSTOMERS).status_code


def test_the_first_visitors_link_works_once(client: TestClient, warehouse: Warehouse) -> None:
    way = link(warehouse)

    answer = client.get(way)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert status(client) == 200
    client.cookies.clear()
    assert client.get(way).status_code == 401
    assert status(client) == 401


def test_the_first_visitor_becomes_the_first_user(client: TestClient, warehouse: Warehouse) -> None:
    """Then his own session goes on, and every other that had no user is over, as is every such link."""
    other, unused = link(warehouse), link(warehouse)
    client.get(link(warehouse))
    with_other = TestClient(client.app, follow_redirects=False)
    with_other.get(other)
    assert status(with_other) == 200

    answer = client.post("/primeiro-acesso", data={"name": "Ana", "email": EMAIL, "password": PASSWORD})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert status(client) == 200
    assert status(with_other) == 401
    assert with_other.get(unused).status_code == 401
    assert with_other.post("/primeiro-acesso", data={"email": "b@example.com"}).status_code == 303
    with warehouse.transaction() as connection:
        assert [(user.email, user.role) for user in people.users(connection)] == [(EMAIL, "admin")]


@pytest.mark.parametrize(
    ("email", "password"),
    [(EMAIL, "curta"), (EMAIL, "senha123456"), (EMAIL, "x" * 201), (EMAIL, EMAIL), ("no address", PASSWORD), ("", "")],
)
def test_a_first_user_needs_an_address_and_a_good_password(
    client: TestClient, warehouse: Warehouse, email: str, password: str
) -> None:
    client.get(link(warehouse))

    answer = client.post("/primeiro-acesso", data={"email": email, "password": password})

    assert answer.status_code == 422
    with warehouse.transaction() as connection:
        assert not people.has_users(connection)


def test_a_users_link_leads_to_a_password(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    """Setting it ends every other session, and the one that set it goes on."""
    elsewhere = TestClient(client.app, follow_redirects=False)
    assert sign_in(elsewhere).status_code == 303
    answer = client.get(link(warehouse, ana))
    assert answer.headers["location"] == "/senha"
    assert client.get("/senha").status_code == 200

    assert client.post("/senha", data={"password": "flamengo"}).status_code == 422
    assert client.post("/senha", data={"password": "outra frase bem diferente"}).status_code == 303

    assert status(client) == 200
    assert status(elsewhere) == 401
    assert sign_in(elsewhere).status_code == 401
    assert sign_in(elsewhere, password="outra frase bem diferente").status_code == 303


def test_another_password_asks_for_the_old_one(client: TestClient, ana: str) -> None:
    """A screen that was left alone, or a token, must not be enough to take an account over."""
    sign_in(client)
    assert 'name="current"' in client.get("/senha").text
    other = {"password": "outra frase bem diferente"}

    assert client.post("/senha", data=other).status_code == 422
    assert client.post("/senha", data=other | {"current": "wrong"}).status_code == 422
    assert client.post("/senha", data=other | {"current": PASSWORD}).status_code == 303
    assert status(client) == 200


def test_a_token_sets_no_password(client: TestClient, warehouse: Warehouse) -> None:
    headers = dashboard.viewer(warehouse, "admin")

    assert client.post("/senha", headers=headers, data={"password": PASSWORD}).status_code == 403
    assert client.post("/primeiro-acesso", headers=headers, data={"password": PASSWORD}).status_code == 403


def test_a_new_session_ends_the_one_before(client: TestClient, ana: str) -> None:
    sign_in(client)
    before = client.cookies["carteira"]
    sign_in(client)
    assert status(client) == 200

    client.cookies.clear()
    client.cookies.set("carteira", before)
    assert status(client) == 401


def test_email_and_password_open_a_session(client: TestClient, ana: str) -> None:
    answer = sign_in(client, " ANA@example.com".strip(), para="/clientes?uf=SP")

    assert (answer.status_code, answer.headers["location"]) == (303, "/clientes?uf=SP")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("carteira=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert status(client) == 200


def test_behind_https_the_cookie_is_locked_to_the_host(warehouse: Warehouse, ana: str, tmp_path: Path) -> None:
    settings = dashboard.secure(dashboard.settings_of(tmp_path))
    with dashboard.served(settings, warehouse, base_url="https://carteira.example.com") as client:
        answer = sign_in(client)

        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-carteira=")
        assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        assert status(client) == 200


def test_every_sign_in_has_a_session_of_its_own(client: TestClient, ana: str) -> None:
    first = sign_in(client).headers["set-cookie"]
    second = sign_in(client).headers["set-cookie"]

    assert first != second


@pytest.mark.parametrize(
    ("email", "password"),
    [(EMAIL, "wrong"), (EMAIL, ""), ("nobody@example.com", PASSWORD), ("", ""), (EMAIL, PASSWORD + "\0"), ("\0", "x")],
)
def test_a_wrong_password_tells_nothing(client: TestClient, ana: str, email: str, password: str) -> None:
    answer = sign_in(client, email, password)

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "E-mail ou senha não conferem." in answer.text


def test_guessing_costs_time_and_locks_nobody_out(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    assert sign_in(client, password="wrong").status_code == 401
    with warehouse.transaction() as connection:
        for _ in range(people.FREE_FAILURES_OF_ACCOUNT + 10):
            people.note_attempt(connection, ana, "192.0.2.1", succeeded=False)

    answer = sign_in(client)
    assert answer.status_code == 429, "the right password has to wait as well"
    assert 1 <= int(answer.headers["retry-after"]) <= people.LONGEST_WAIT_OF_ACCOUNT

    with warehouse.transaction() as connection:
        connection.execute("update sign_in_attempts set attempted_at = attempted_at - interval '16 seconds'")
    assert sign_in(client).status_code == 303
    assert sign_in(client, password="wrong").status_code == 401, "one who signed in starts anew"


def test_an_address_that_tries_many_accounts_has_to_wait(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    with warehouse.transaction() as connection:
        for number in range(people.FREE_FAILURES_OF_ADDRESS + 1):
            people.note_attempt(connection, f"{number}@example.com", "192.0.2.1", succeeded=False)
        assert people.seconds_to_wait(connection, EMAIL, "192.0.2.1") > 0
        assert people.seconds_to_wait(connection, EMAIL, "192.0.2.2") == 0


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.0.0.5", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "8.8.8.8, 203.0.113.9", "203.0.113.9"),
        ("8.8.4.4", "198.51.100.1", "8.8.4.4"),
        ("::1", "", "::1"),
    ],
)
def test_a_proxy_nearby_says_who_is_behind_it(
    warehouse: Warehouse, tmp_path: Path, peer: str, forwarded: str, expected: str
) -> None:
    client = TestClient(create_app(dashboard.settings_of(tmp_path), warehouse), client=(peer, 50000))

    client.post("/entrar", data={}, headers={"x-forwarded-for": forwarded})

    with warehouse.transaction() as connection:
        assert people.audit_log(connection)[0].address == expected


def test_a_preview_does_not_use_a_link_up(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    way = link(warehouse, ana)

    for program in ("WhatsApp/2.24", "Slackbot-LinkExpanding 1.0", "TelegramBot (like TwitterBot)", "SkypeUriPreview"):
        assert "set-cookie" not in client.get(way, headers={"user-agent": program}).headers
    assert client.get(way).status_code == 303


def test_leaving_ends_the_session_in_the_database(client: TestClient, ana: str) -> None:
    sign_in(client)
    cookie = client.cookies["carteira"]

    answer = client.post("/sair")

    assert (answer.status_code, answer.headers["location"]) == (303, "/entrar")
    client.cookies.set("carteira", cookie)
    assert status(client) == 401


def test_a_disabled_user_is_out_with_the_next_request(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    sign_in(client)
    etag = client.get(CUSTOMERS).headers["etag"]
    with warehouse.transaction() as connection:
        people.disable_user(connection, ana.upper())

    assert client.get(CUSTOMERS, headers={"if-none-match": etag}).status_code == 401
    assert sign_in(client).status_code == 401
    with warehouse.transaction() as connection:
        people.enable_user(connection, ana)
    assert status(client) == 401, "the old session does not come back"
    assert sign_in(client).status_code == 303


@pytest.mark.parametrize("column", ["expires_at = now()", "seen_at = now() - interval '8 days'"])
def test_a_session_ends_by_itself(client: TestClient, warehouse: Warehouse, ana: str, column: str) -> None:
    sign_in(client)
    with warehouse.transaction() as connection:
        connection.execute(f"update sessions set {column}")

    assert status(client) == 401


def test_a_session_in_use_stays(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    sign_in(client)
    with warehouse.transaction() as connection:
        connection.execute("update sessions set seen_at = now() - interval '6 days'")
    assert status(client) == 200

    with warehouse.transaction() as connection:
        (idle,) = connection.execute("select now() - seen_at from sessions").fetchone() or ()
    assert idle < timedelta(minutes=1)


def test_a_link_ends_after_a_day_and_with_its_user(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    late, orphaned = link(warehouse, ana), link(warehouse, ana)
    with warehouse.transaction() as connection:
        digest = people.digest(late.removeprefix("/entrar/"))
        connection.execute("update sign_in_links set expires_at = now() where link_hash = %s", [digest])
    assert client.get(late).status_code == 401

    with warehouse.transaction() as connection:
        people.disable_user(connection, ana)
        people.enable_user(connection, ana)
    assert client.get(orphaned).status_code == 401


def test_nothing_that_opens_is_kept_in_the_database(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    way = link(warehouse, ana)
    client.get(way)
    secrets = [way.removeprefix("/entrar/"), client.cookies["carteira"], PASSWORD]
    with warehouse.transaction() as connection:
        secrets.append(people.add_token(connection, "t", ana))
        tables = [f"select t::text from {table} t" for table in
                  ("users", "sign_in_links", "sessions", "api_tokens", "sign_in_attempts", "audit_log")]  # fmt: skip
        kept = " ".join(row for (row,) in connection.execute(" union all ".join(tables)))

    assert not [secret for secret in secrets if secret in kept]


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "http://testserver"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://testserver"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://testserver.evil.example"}, False),
        ({"origin": "null"}, False),
    ],
)
def test_no_other_site_can_act(client: TestClient, ana: str, headers: dict[str, str], allowed: bool) -> None:
    sign_in(client)

    assert client.post("/sair", headers=headers).status_code == (303 if allowed else 403)
    assert status(client) == (401 if allowed else 200)


def test_pages_lead_to_the_sign_in_and_back(client: TestClient) -> None:
    assert client.get("/").headers["location"] == "/entrar"
    assert client.get("/clientes?uf=SP").headers["location"] == "/entrar?para=%2Fclientes%3Fuf%3DSP"
    part = client.get("/clientes", headers={"hx-request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (204, "/entrar?para=%2Fclientes")


@pytest.mark.parametrize(
    "target",
    ["", "evil", "//evil.example", "https://evil.example", "javascript:alert(1)", "/\\evil.example", "\\\\evil.example",
     "/\t/evil", "/\n//evil.example"],
)  # fmt: skip
def test_a_sign_in_leads_to_no_other_site(target: str) -> None:
    assert inside(target) == "/"


def test_roles_are_kept_apart(client: TestClient, warehouse: Warehouse) -> None:
    for role, owner, expected in (("admin", None, 200), ("gestor", None, 403), ("vendedor", 7, 403)):
        headers = dashboard.viewer(warehouse, role, owner)
        assert client.get("/api/openapi.json", headers=headers).status_code == expected


def test_sign_ins_are_written_down(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    sign_in(client, password="wrong")
    sign_in(client)

    with warehouse.transaction() as connection:
        log = [(entry.event, entry.email, entry.address) for entry in people.audit_log(connection)]
    assert log == [("sign-in", ana, "testclient"), ("sign-in refused", "", "testclient")]


@pytest.mark.parametrize(
    ("email", "role", "owner"),
    [("", "admin", None), ("ana", "admin", None), ("a b@example.com", "admin", None),
     ("a\0@example.com", "admin", None), ("b@example.com", "owner", None),
     ("b@example.com", "vendedor", None), ("ANA@example.com", "admin", None)],
)  # fmt: skip
def test_a_user_that_cannot_be_is_refused_with_a_reason(
    warehouse: Warehouse, ana: str, email: str, role: str, owner: int | None
) -> None:
    with warehouse.transaction() as connection, pytest.raises(Unacceptable):
        people.add_user(connection, email, role=role, owner_id=owner)


def test_a_token_needs_somebody_whose_rights_it_has(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        with pytest.raises(Unacceptable):
            people.add_token(connection, "t")
        with pytest.raises(Unacceptable):
            people.add_token(connection, "t", "nobody@example.com")
        with pytest.raises(Unacceptable):
            people.revoke_token(connection, "t")
        people.add_user(connection, EMAIL)
        people.add_token(connection, "t")
        assert [(token.name, token.email, token.role) for token in people.tokens(connection)] == [("t", EMAIL, "admin")]
        assert people.revoke_token(connection, "t") == 1


@pytest.mark.parametrize(
    "password", ["1234567890", "senha123456", "qwertyuiop12", "flamengo1981", "ana@example.com", "aaaaaaaaaaaa"]
)
def test_passwords_that_anybody_tries_are_refused(password: str) -> None:
    assert passwords.weakness(password, EMAIL, "Ana") is not None


def test_good_passwords_are_taken_and_kept_as_argon2id() -> None:
    assert passwords.weakness(PASSWORD, EMAIL) is None
    kept = passwords.hashed(PASSWORD)
    assert kept.startswith("$argon2id$")
    assert passwords.matches(kept, PASSWORD)
    assert not passwords.matches(kept, PASSWORD + " ")
    assert not passwords.matches(None, PASSWORD)
    assert not any(passwords.matches(nothing, "the password of nobody") for nothing in (None, ""))
    assert not passwords.matches("not a hash", PASSWORD)
