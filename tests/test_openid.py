"""Signing in with the company's account, by a real provider: who gets in, who does not, and what is said to them.

The numbers are those of OWASP's ASVS 5.0. What no honest provider would send is in test_openid_forgeries.py.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import dashboard
import httpx2
import provider
import pytest
from dashboard import PASSWORD
from msgspec import structs
from provider import CLIENT_ID, CLIENT_SECRET, Provider, consent
from starlette.testclient import TestClient

from carteira.settings import Secret, Settings
from carteira.warehouse import people, subjects
from carteira.warehouse.connection import Warehouse
from carteira.web import passwords
from carteira.web.openid import journey as journeys

ADDRESS = "http://127.0.0.1:8000"
CUSTOMERS = "/api/dashboard/customers"
COOKIE = "carteira-openid"

_numbers = itertools.count()


@pytest.fixture(scope="session")
def company() -> Iterator[Provider]:
    """The provider of a company's accounts, with Carteira registered."""
    with provider.running() as running:
        running.leads_back_to(f"{ADDRESS}/openid/retorno")
        running.leads_back_to("https://carteira.example.com/openid/retorno")
        yield running


@pytest.fixture
def email() -> str:
    """An address that nobody has at the provider yet."""
    return f"ana{next(_numbers)}@example.com"


@pytest.fixture
def ana(company: Provider, warehouse: Warehouse, email: str) -> str:
    """The name at the provider of somebody who is a user here too."""
    with warehouse.transaction() as connection:
        people.add_user(connection, email, "Ana", "gestor")
    return named(company, email)


def named(company: Provider, email: str, *, verified: bool = True) -> str:
    """A new account with an address, by its name there."""
    name = f"account{next(_numbers)}"
    company.person(name, email, verified=verified)
    return name


@pytest.fixture
def settings(company: Provider, tmp_path: Path) -> Settings:
    return settings_with(tmp_path, company.issuer)


def settings_with(folder: Path, issuer: str, **more: str) -> Settings:
    given = {
        "CARTEIRA_OIDC_ISSUER": issuer,
        "CARTEIRA_OIDC_CLIENT_ID": CLIENT_ID,
        "CARTEIRA_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "CARTEIRA_PUBLIC_URL": ADDRESS,
    }
    return dashboard.settings_of(folder, **given | more)


@pytest.fixture
def client(settings: Settings, warehouse: Warehouse) -> Iterator[TestClient]:
    dashboard.publish(warehouse)
    with served(settings, warehouse) as client:
        yield client


def served(settings: Settings, warehouse: Warehouse) -> AbstractContextManager[TestClient]:
    return dashboard.served(settings, warehouse, base_url=settings.public_url)


def there(client: TestClient, target: str = "/") -> str:
    """Where the button leads."""
    answer = client.get(f"/openid/entrar?para={quote(target, safe='')}")
    assert answer.status_code == 303
    return answer.headers["location"]


def back(client: TestClient, address: str) -> httpx2.Response:
    """As a browser follows the provider back."""
    assert address.startswith(f"{client.base_url}/openid/retorno?")
    return client.get(address)


def sign_in(client: TestClient, name: str, target: str = "/") -> httpx2.Response:
    return back(client, consent(there(client, target), name))


def status(client: TestClient) -> int:
    return client.get(CUSTOMERS).status_code


def log(warehouse: Warehouse) -> list[tuple[str, str, str]]:
    with warehouse.transaction() as connection:
        return [(entry.event, entry.email, entry.detail) for entry in people.audit_log(connection)]


def refused(client: TestClient, answer: httpx2.Response, said: str, code: int = 401) -> bool:
    """The page of the sign-in says why; there is no session."""
    return (
        answer.status_code == code
        and said in answer.text
        and 'action="/entrar"' in answer.text
        and "carteira=" not in answer.headers.get("set-cookie", "")
        and status(client) == 401
    )


def test_who_is_a_user_gets_in_and_where_he_wanted_to(
    client: TestClient, warehouse: Warehouse, company: Provider, ana: str, email: str
) -> None:
    answer = sign_in(client, ana, "/clientes?uf=SP")

    assert (answer.status_code, answer.headers["location"]) == (303, "/clientes?uf=SP")
    assert status(client) == 200
    (cookie,) = (one for one in answer.headers.get_list("set-cookie") if one.startswith("carteira="))
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert log(warehouse) == [("sign-in by OpenID Connect", email, company.issuer)]
    assert COOKIE not in client.cookies, "what was taken along is of no use any more"
    assert sign_in(client, ana).status_code == 303, "and again, now that the account is known"


def test_what_the_browser_is_sent_with(client: TestClient, company: Provider) -> None:
    """10.1.2, 10.2.1, 10.4.6: state, nonce and a challenge that is no plain text, all new each time."""
    first, second = (urlsplit(there(client)) for _ in range(2))
    asked, again = (parse_qs(address.query) for address in (first, second))

    assert f"{first.scheme}://{first.netloc}" == company.issuer.removesuffix("/o")
    assert asked["redirect_uri"] == [f"{ADDRESS}/openid/retorno"]
    assert asked["response_type"] == ["code"]
    assert asked["scope"] == ["openid email"]
    assert asked["code_challenge_method"] == ["S256"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name][0]) >= 43, "256 bits"
        assert asked[name] != again[name]
    assert CLIENT_SECRET not in first.query


def test_behind_https_the_cookie_is_locked_to_the_host(
    warehouse: Warehouse, company: Provider, tmp_path: Path, ana: str
) -> None:
    """3.3: and the session that comes of it, too."""
    settings = settings_with(tmp_path, company.issuer, CARTEIRA_PUBLIC_URL="https://carteira.example.com")
    with served(settings, warehouse) as client:
        answer = client.get("/openid/entrar")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-carteira-openid=")
        assert {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax", "Secure"} <= set(cookie.split("; "))

        answer = sign_in(client, ana)
        assert any(one.startswith("__Host-carteira=") for one in answer.headers.get_list("set-cookie"))


def test_a_new_session_ends_the_one_before(client: TestClient, ana: str) -> None:
    """7.2.4"""
    sign_in(client, ana)
    before = client.cookies["carteira"]
    sign_in(client, ana)

    client.cookies.clear()
    client.cookies.set("carteira", before)
    assert status(client) == 401


def test_an_address_is_the_same_in_capitals(client: TestClient, warehouse: Warehouse, company: Provider) -> None:
    number = next(_numbers)
    with warehouse.transaction() as connection:
        people.add_user(connection, f"Bruno.{number}@Example.com", "Bruno")

    assert sign_in(client, named(company, f"bruno.{number}@example.COM")).status_code == 303


def test_an_address_that_only_the_user_info_tells_is_as_good(client: TestClient, company: Provider, ana: str) -> None:
    company.tell_in_token(False)
    try:
        assert sign_in(client, ana).status_code == 303
    finally:
        company.tell_in_token(True)
    assert status(client) == 200


def test_nobody_becomes_a_user(client: TestClient, warehouse: Warehouse, company: Provider, email: str) -> None:
    answer = sign_in(client, named(company, email))

    assert refused(client, answer, "Nenhum usuário ativo daqui tem o e-mail")
    with warehouse.transaction() as connection:
        assert people.users(connection) == []
    reason = "no user who may sign in has the e-mail address"
    assert log(warehouse) == [("sign-in by OpenID Connect refused", "", f"{email}: {reason}")]


def test_who_is_disabled_stays_out(client: TestClient, warehouse: Warehouse, ana: str, email: str) -> None:
    """Before the first sign-in and after it, and his session ends."""
    for _ in range(2):
        with warehouse.transaction() as connection:
            people.disable_user(connection, email)
        assert refused(client, sign_in(client, ana), "Nenhum usuário ativo")
        with warehouse.transaction() as connection:
            people.enable_user(connection, email)
        assert sign_in(client, ana).status_code == 303


def test_who_is_disabled_is_bound_to_nothing(warehouse: Warehouse, email: str) -> None:
    """Whoever came with the address meanwhile is not the one whom an admin lets in again."""
    with warehouse.transaction() as connection:
        user_id = people.add_user(connection, email)
        people.disable_user(connection, email)
        assert subjects.user_of(connection, "https://accounts.example", "another", email) is None
        people.enable_user(connection, email)
        assert subjects.user_of(connection, "https://accounts.example", "ana", email) == user_id
        assert subjects.user_of(connection, "https://accounts.example", "another", email) is None
        connection.execute("update users set disabled_at = now()")
        assert subjects.user_of(connection, "https://accounts.example", "ana", email) is None


def test_an_address_that_nobody_vouches_for_is_none(
    client: TestClient, warehouse: Warehouse, company: Provider, ana: str, email: str
) -> None:
    """Whoever may write any address into his account would be anybody here."""
    company.tell_in_token(False)
    assert refused(client, sign_in(client, named(company, email, verified=False)), "não confirma que o e-mail é seu")
    company.tell_in_token(True)

    assert refused(client, sign_in(client, named(company, email, verified=False)), "não confirma que o e-mail é seu")
    assert sign_in(client, ana).status_code == 303, "it has bound nothing"


def test_whoever_gets_an_old_address_is_not_taken_for_its_owner(
    client: TestClient, warehouse: Warehouse, company: Provider, ana: str, email: str
) -> None:
    """10.5.2: the account is what counts, and who had the address first keeps the user."""
    sign_in(client, ana)
    client.post("/sair")
    another = named(company, email)

    assert refused(client, sign_in(client, another), "já entrou aqui com outra conta da empresa")
    assert sign_in(client, ana).status_code == 303
    client.post("/sair")
    with warehouse.transaction() as connection:
        people.disable_user(connection, email)
        people.enable_user(connection, email)
    assert sign_in(client, another).status_code == 303, "an admin has said that it is another now"
    client.post("/sair")
    assert refused(client, sign_in(client, ana), "já entrou aqui com outra conta da empresa")


def test_a_password_lets_in_as_before(client: TestClient, warehouse: Warehouse, ana: str, email: str) -> None:
    with warehouse.transaction() as connection:
        user_id, _ = people.user_by_email(connection, email) or (0, None)
        people.set_password(connection, user_id, passwords.hashed(PASSWORD))

    assert client.post("/entrar", data={"email": email, "password": PASSWORD}).status_code == 303


def test_who_cancels_is_told_and_can_go_on(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    answer = back(client, consent(there(client, "/clientes"), ana, allow=False))

    assert refused(client, answer, "A entrada foi cancelada")
    assert 'href="/openid/entrar?para=/clientes"' in answer.text
    assert log(warehouse)[0][2] == "cancelled at the provider"


def test_a_way_back_of_another_browser_leads_nowhere(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    """10.2.1: nobody is signed in as somebody else by a link that he follows."""
    way = consent(there(client), ana)
    with served(client.app.state.settings, warehouse) as victim:  # type: ignore[attr-defined]
        assert refused(victim, back(victim, way), "começou em outra janela")
        there(victim)
        assert refused(victim, back(victim, way), "começou em outra janela")
    assert back(client, way).status_code == 303, "the code was not used up by it"


@pytest.mark.parametrize("state", ["", "wrong", "é\ud800"])
def test_a_wrong_state_leads_nowhere(client: TestClient, ana: str, state: str) -> None:
    way = consent(there(client), ana)
    (right,) = parse_qs(urlsplit(way).query)["state"]

    answer = client.get(way.replace(right, quote(state, errors="surrogatepass")))

    assert refused(client, answer, "começou em outra janela")
    assert back(client, way).status_code == 303, "and ends no journey"


def test_of_two_windows_the_later_one_gets_in(client: TestClient, ana: str) -> None:
    first = consent(there(client), ana)
    second = consent(there(client, "/clientes"), ana)

    assert refused(client, back(client, first), "começou em outra janela")
    assert back(client, second).headers["location"] == "/clientes"


def test_a_code_is_good_once(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    way = consent(there(client), ana)
    taken = client.cookies[COOKIE]
    assert back(client, way).status_code == 303
    client.post("/sair")

    assert refused(client, back(client, way), "começou em outra janela")
    client.cookies.set(COOKIE, taken)
    assert refused(client, back(client, way), "não passou na conferência"), "not even with what was taken along"
    assert log(warehouse)[0][2] == "the provider refused the code: invalid_grant"


def test_a_code_of_another_journey_is_none(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    """10.4.6: somebody's code, put into one's own way back; the verifier is not its."""
    code = parse_qs(urlsplit(consent(there(client), ana)).query)["code"][0]
    way = consent(there(client), ana)

    answer = client.get(way.replace(parse_qs(urlsplit(way).query)["code"][0], code))

    assert refused(client, answer, "não passou na conferência")
    assert log(warehouse)[0][2] == "the provider refused the code: invalid_grant"


def test_a_way_back_from_another_provider_leads_nowhere(client: TestClient, company: Provider, ana: str) -> None:
    """10.2.2, for a provider that names itself on the way back."""
    way = consent(there(client), ana)
    assert f"iss={quote(company.issuer, safe='')}" in way

    assert refused(client, client.get(way.replace("iss=http", "iss=https")), "não passou na conferência")
    way = consent(there(client), ana)
    assert refused(client, client.get(way.replace("iss=", "not=")), "não passou na conferência")


@pytest.mark.parametrize(
    "change",
    [lambda cookie: "", lambda cookie: "x", lambda cookie: cookie[:-6] + "AAAA==", lambda cookie: "A" + cookie,
     lambda cookie: cookie.partition(".")[0] + ".", lambda cookie: journeys.sealed(journeys.begun("/"), Secret("x"))],
)  # fmt: skip
def test_a_cookie_that_was_changed_is_none(client: TestClient, ana: str, change) -> None:  # type: ignore[no-untyped-def]
    way = consent(there(client), ana)
    changed = change(client.cookies[COOKIE])
    client.cookies.clear()
    client.cookies.set(COOKIE, changed)

    assert refused(client, back(client, way), "começou em outra janela")


def test_a_journey_ends_after_ten_minutes(client: TestClient, ana: str) -> None:
    """Here too, for a browser that keeps its cookies for longer."""
    way = consent(there(client), ana)
    taken, secret = client.cookies[COOKIE], Secret(CLIENT_SECRET)
    journey = journeys.opened(taken, secret)
    assert journey and 590 < journey.until - time.time() <= 600

    client.cookies.clear()
    client.cookies.set(COOKIE, journeys.sealed(structs.replace(journey, until=time.time() - 1), secret))
    assert refused(client, back(client, way), "venceu")
    client.cookies.set(COOKIE, taken)
    assert back(client, way).status_code == 303


def test_a_key_that_signs_from_now_on_is_found(client: TestClient, company: Provider, ana: str) -> None:
    assert sign_in(client, ana).status_code == 303

    company.rotate()

    assert sign_in(client, ana).status_code == 303


def test_while_the_provider_is_away_a_sentence_says_so(
    warehouse: Warehouse, tmp_path: Path, settings: Settings, ana: str
) -> None:
    with provider.running() as going:
        going.leads_back_to(f"{ADDRESS}/openid/retorno")
        going.person("ana", "ana@example.com")
        with served(settings_with(tmp_path, going.issuer), warehouse) as client:
            way = consent(there(client, "/clientes"), "ana")
            going.process.terminate()
            going.process.wait(10)
            answer = back(client, way)

            assert refused(client, answer, "não respondeu", 503)
            assert 'href="/openid/entrar?para=/clientes"' in answer.text
        with served(settings_with(tmp_path, going.issuer), warehouse) as client:
            answer = client.get("/openid/entrar")
            assert refused(client, answer, "não respondeu", 503)
            assert "set-cookie" not in answer.headers


def test_whoever_tries_codes_has_to_wait(client: TestClient, warehouse: Warehouse, company: Provider, ana: str) -> None:
    """6.3.1: each of them is a request to the provider."""
    way = consent(there(client), ana)
    taken = client.cookies[COOKIE]
    (state,) = parse_qs(urlsplit(there(client)).query)["state"]
    answer = client.get("/openid/retorno", params={"code": "guess", "iss": company.issuer, "state": state})
    assert refused(client, answer, "não passou na conferência")
    with warehouse.transaction() as connection:
        ((sender, succeeded),) = connection.execute("select address, succeeded from sign_in_attempts").fetchall()
        assert not succeeded
        # So many that the wait is longer than this machine may take.
        for _ in range(people.FREE_FAILURES_OF_ACCOUNT + 10):
            people.note_attempt(connection, sender, sender, succeeded=False)

    client.cookies.set(COOKIE, taken)
    assert refused(client, back(client, way), "Espere um pouco", 429)
    with warehouse.transaction() as connection:
        connection.execute("update sign_in_attempts set attempted_at = attempted_at - interval '1 minute'")
    assert sign_in(client, ana).status_code == 303


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "x"])
def test_it_leads_to_no_other_site(client: TestClient, ana: str, target: str) -> None:
    assert sign_in(client, ana, target).headers["location"] == "/"


def test_an_address_too_long_for_a_cookie_is_let_go(client: TestClient, ana: str) -> None:
    assert sign_in(client, ana, "/clientes?busca=" + "x" * 3000).headers["location"] == "/"
    assert client.get("/openid/retorno", params={"code": "x" * 5000}).status_code == 422


def test_the_button_says_what_the_company_calls_it(client: TestClient, warehouse: Warehouse, tmp_path: Path) -> None:
    page = client.get("/entrar?para=%2Fclientes%3Fuf%3DSP").text
    assert '<a class="btn btn--wide" href="/openid/entrar?para=/clientes%3Fuf%3DSP">Continuar com a conta da em' in page
    english = client.get("/entrar", headers={"accept-language": "en"}).text
    assert '<a class="btn btn--wide" href="/openid/entrar">Continue with the company account</a>' in english
    named = settings_with(tmp_path, "https://accounts.example", CARTEIRA_OIDC_LABEL="Conta <Boi & Cia>")
    with served(named, warehouse) as client:
        assert ">Conta &lt;Boi &amp; Cia&gt;</a>" in client.get("/entrar").text


def test_a_failure_is_told_in_english_too(client: TestClient) -> None:
    answer = client.get("/openid/retorno", headers={"accept-language": "en"})

    assert "was begun in another window" in answer.text


def test_without_its_settings_there_is_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    with dashboard.served(dashboard.settings_of(tmp_path), warehouse) as client:
        assert "/openid" not in client.get("/entrar").text
        for path in ("/openid/entrar", "/openid/retorno?state=x&code=y"):
            assert client.get(path).status_code == 404


def test_nothing_of_it_is_loaded_before_somebody_goes_there() -> None:
    script = (
        "import sys; from pathlib import Path; from carteira.settings import load;"
        "from carteira.warehouse.connection import Warehouse; from carteira.web.app import create_app;"
        "create_app(load({'HOME': '/home/ana', 'CARTEIRA_PUBLIC_URL': 'https://carteira.example',"
        "'CARTEIRA_OIDC_ISSUER': 'https://accounts.example', 'CARTEIRA_OIDC_CLIENT_ID': 'carteira',"
        "'CARTEIRA_OIDC_CLIENT_SECRET': 'secret'}, Path('/nowhere')), Warehouse('postgresql://nobody@127.0.0.1:1/n'));"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert "carteira.web.openid.routes" in loaded
    assert {"authlib", "joserfc", "cryptography", "urllib3"} & set(loaded) == set()
