"""The points of OWASP's ASVS 5.0 that bite here, each by its number, over every route and header that there is."""

from __future__ import annotations

import ast
import csv
import io
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dashboard
import pytest
from dashboard import ANA, PASSWORD
from dump import dump
from fastapi.routing import APIRoute
from listeners import web_server
from routes import address, all_routes
from starlette.testclient import TestClient
from world import EAGER

from carteira.cli.parser import parser
from carteira.errors import PloomesRefused, SettingsError
from carteira.settings import Settings, load
from carteira.sync.run import sync
from carteira.warehouse import embedded, people
from carteira.warehouse.connection import Warehouse
from carteira.web import passwords
from carteira.web.spreadsheets import harmless

SOURCE = Path(__file__).parents[1] / "src" / "carteira"
ADDRESS = "https://carteira.example.com"
SECRET = "a-secret-of-the-tests"
CUSTOMERS = "/api/dashboard/customers"
EMAIL = "ana@example.com"
ROUTES = all_routes()
# Who has no account yet, or is no person, can reach these; each has a lock of its own, or tells nothing.
OPEN = {
    "/healthz", "/readyz", "/metrics", "/entrar", "/entrar/{link}", "/sair", "/idioma",
    "/api/cron/sync-customer-sales",
    "/api/webhooks/ploomes", "/openid/entrar", "/openid/retorno",
}  # fmt: skip
INJECTIONS = ["1'; drop table sales; --", "customer_id) union select 1, version() --", "%00", "\\", "{{7*7}}", "${7*7}"]


@pytest.fixture
def settings_of_all(tmp_path: Path) -> Settings:
    """Everything that can be closed has a key."""
    return dashboard.settings_of(
        tmp_path, CARTEIRA_PUBLIC_URL=ADDRESS, CRON_SECRET=SECRET, METRICS_TOKEN=SECRET, PLOOMES_WEBHOOK_KEY=SECRET
    )


@pytest.fixture
def client(warehouse: Warehouse, settings_of_all: Settings) -> Iterator[TestClient]:
    dashboard.publish(warehouse)
    with dashboard.served(settings_of_all, warehouse, base_url=ADDRESS, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def ana(warehouse: Warehouse) -> str:
    with warehouse.transaction() as connection:
        user_id = people.add_user(connection, EMAIL, "Ana", "admin")
        people.set_password(connection, user_id, passwords.hashed(PASSWORD))
    return EMAIL


def sign_in(client: TestClient, password: str = PASSWORD) -> Any:
    return client.post("/entrar", data={"email": EMAIL, "password": password})


# 8.2.1, 13.4.5: nothing without a sign-in, and no description of the API or figures of the process in public


@pytest.mark.parametrize("route", [route for route in ROUTES if route.path not in OPEN], ids=lambda route: route.path)
def test_a_stranger_is_led_to_the_sign_in(client: TestClient, route: APIRoute) -> None:
    for method in sorted(route.methods):
        answer = client.request(method, address(route))
        if route.path.startswith("/api/"):
            assert answer.status_code == 401
        else:
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/entrar")
        assert "Padaria" not in answer.text


def test_what_is_open_is_open_on_purpose() -> None:
    assert {route.path for route in ROUTES} >= OPEN


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/.env", "/.git/config", "/static/../app.py"])
def test_there_is_nothing_else_to_find(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/cron/sync-customer-sales"), ("GET", "/metrics"), ("POST", "/api/webhooks/ploomes")],
)
def test_what_has_a_lock_of_its_own_is_shut(
    client: TestClient, warehouse: Warehouse, settings_of_all: Settings, method: str, path: str
) -> None:
    """With the wrong key, with an admin's token, and with no key set at all."""
    for headers in ({}, {"authorization": f"Bearer {SECRET}x", "x-ploomes-validation-key": SECRET + "x"},
                    dashboard.viewer(warehouse, "admin")):  # fmt: skip
        assert client.request(method, path, headers=headers, content=b"{}").status_code == 401
    unlocked = replace(settings_of_all, cron_secret=None, metrics_token=None, webhook_key=None)
    with dashboard.served(unlocked, warehouse) as unset:
        for secret in ("", "None", SECRET):
            headers = {"authorization": f"Bearer {secret}", "x-ploomes-validation-key": secret}
            assert unset.request(method, path, headers=headers, content=b"{}").status_code in (404, 503)


# 3.4: what every answer carries


@pytest.mark.parametrize("path", [*sorted({address(route) for route in ROUTES}), "/none", "/static/none", "/api/none"])
def test_every_answer_is_armoured(client: TestClient, warehouse: Warehouse, path: str) -> None:
    for headers in ({}, dashboard.viewer(warehouse, "admin")):
        answer = client.get(path, headers=headers)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] in ("same-origin", "no-referrer")
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
        assert "public" not in answer.headers["cache-control"]
        assert "server" not in answer.headers and "x-powered-by" not in answer.headers


def test_a_page_runs_no_script_that_stands_in_it(client: TestClient, ana: str) -> None:
    """3.4.3: the policy would stop them, so there may be none."""
    sign_in(client)
    for route in ROUTES:
        if "GET" in route.methods and not route.path.startswith(("/api/", "/metrics", "/healthz", "/readyz")):
            page = client.get(address(route)).text
            assert not any(trick in page for trick in ("<script>", "onclick=", "onload=", "javascript:", ' style="'))


def test_a_name_is_text_and_never_markup(client: TestClient, warehouse: Warehouse) -> None:
    """1.2.1"""
    with warehouse.transaction() as connection:
        for column in ("name", "legal_name", "city"):
            connection.execute(f"update customers set {column} = '<img src=x onerror=alert(1)>' where customer_id = 1")
        connection.execute("update customer_sales set customer_name = '<img src=x onerror=alert(1)>'")
        connection.execute("update sales set title = '<script>alert(1)</script>'")
        connection.execute("update sync_state set publication = 2")
    who = dashboard.viewer(warehouse, "admin")

    for path in ("/", "/clientes", "/clientes/1", "/carteira", "/clientes?busca=<script>alert(1)</script>"):
        page = client.get(path, headers=who).text
        assert "<img src=x" not in page and "<script>alert" not in page


# 3.3: cookies


def test_the_cookie_is_locked(client: TestClient, ana: str) -> None:
    cookie = sign_in(client).headers["set-cookie"]

    assert cookie.startswith("__Host-carteira=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(attribute.startswith("domain") for attribute in attributes)


# 3.5: requests that other sites send


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.methods - {"GET", "HEAD"}], ids=lambda route: route.path
)
@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"},
     {"origin": "null"}, {"origin": "https://carteira.example.com.evil.example"}],
    ids=str,
)  # fmt: skip
def test_another_site_changes_nothing(
    client: TestClient, warehouse: Warehouse, ana: str, route: APIRoute, headers: dict[str, str]
) -> None:
    sign_in(client)

    answer = client.post(address(route), headers=headers, data={"email": EMAIL, "password": PASSWORD})

    assert answer.status_code == 403
    assert client.get(CUSTOMERS).status_code == 200, "it has signed the user out"


def test_nothing_is_changed_by_reading(client: TestClient, warehouse: Warehouse) -> None:
    """3.5.3: a link or an image that leads here does no harm."""
    who = dashboard.viewer(warehouse, "admin")
    before = dump(warehouse, but=("audit_log", "sessions", "api_tokens"))

    for route in ROUTES:
        client.get(address(route), headers=who)

    assert dump(warehouse, but=("audit_log", "sessions", "api_tokens")) == before


# 6.2, 6.3: passwords and guessing


@pytest.mark.parametrize("password", ["curta", "1234567890", "senha12345", "carteira2026", EMAIL, "flamengo10"])
def test_a_weak_password_is_refused(password: str) -> None:
    assert passwords.weakness(password, EMAIL, "Ana") is not None


def test_guessing_gets_slower(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    statuses = [sign_in(client, f"wrong {n}").status_code for n in range(5)]

    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert sign_in(client).status_code == 429, "the right one too, or a guess could be told by its answer"
    with warehouse.transaction() as connection:
        connection.execute("update sign_in_attempts set attempted_at = attempted_at - interval '1 minute'")
    assert sign_in(client).status_code == 303


def test_a_wrong_address_and_a_wrong_password_look_the_same(client: TestClient, ana: str) -> None:
    """6.3.8"""
    known = sign_in(client, "wrong")
    unknown = client.post("/entrar", data={"email": "ana@example.org", "password": "wrong"})

    assert known.status_code == unknown.status_code
    assert known.text.replace(EMAIL, "") == unknown.text.replace("ana@example.org", "")


# 7: sessions


def test_a_session_is_new_with_every_sign_in_and_gone_with_leaving(
    client: TestClient, warehouse: Warehouse, ana: str
) -> None:
    client.cookies.set("__Host-carteira", "fixed-by-somebody-else", domain="carteira.example.com", path="/")
    sign_in(client)
    first = {cookie.value for cookie in client.cookies.jar} - {"fixed-by-somebody-else"}
    assert len(first) == 1
    (session,) = first
    assert len(session) >= 43, "256 bits"

    client.post("/sair")
    client.cookies.clear()
    assert client.get(CUSTOMERS, headers={"cookie": f"__Host-carteira={session}"}).status_code == 401


def test_a_session_ends_by_itself_and_with_its_user(client: TestClient, warehouse: Warehouse, ana: str) -> None:
    sign_in(client)
    assert timedelta(days=7) >= people.SESSION_IDLE and timedelta(days=30) >= people.SESSION_LIFE
    with warehouse.transaction() as connection:
        people.disable_user(connection, EMAIL)

    assert client.get(CUSTOMERS).status_code == 401


# 8.2.2: rows


def test_a_vendedor_sees_his_own_customers_by_no_way_another(client: TestClient, warehouse: Warehouse) -> None:
    """Customer 2 is Bruno's, and so is the name that would tell him."""
    who = dashboard.viewer(warehouse, "vendedor", ANA)

    for path in ("/clientes/2", f"{CUSTOMERS}/2"):
        assert client.get(path, headers=who).status_code == 404
    for path in ("/", "/clientes", "/carteira", CUSTOMERS, "/clientes/exportar.csv", f"{CUSTOMERS}?owner=8",
                 f"{CUSTOMERS}?search=boi", "/clientes?vendedor=8", "/clientes/1"):  # fmt: skip
        answer = client.get(path, headers=who)
        assert answer.status_code == 200
        assert "Açougue" not in answer.text
    assert client.post("/sincronizacoes", headers=who).status_code == 403


# 1.2.4: SQL


@pytest.mark.parametrize("attack", INJECTIONS)
@pytest.mark.parametrize("name", ["sort", "order", "search", "status", "owner", "state", "period", "page", "limit"])
def test_a_parameter_is_a_value(client: TestClient, warehouse: Warehouse, name: str, attack: str) -> None:
    who = dashboard.viewer(warehouse, "admin")

    answer = client.get(CUSTOMERS, params={name: attack}, headers=who)

    assert answer.status_code in (200, 422)
    assert "syntax" not in answer.text and "PostgreSQL" not in answer.text
    assert client.get(CUSTOMERS, headers=who).json()["pagination"]["total"] == len(dashboard.CUSTOMERS)


@pytest.mark.parametrize("column", ["cnpj", "password_hash", "name_key", "1", "customer_id desc", "total_revenue,1"])
def test_only_columns_that_are_shown_can_be_sorted_by(client: TestClient, warehouse: Warehouse, column: str) -> None:
    answer = client.get(CUSTOMERS, params={"sort": column}, headers=dashboard.viewer(warehouse, "admin"))

    assert answer.status_code == 422


def test_no_sql_is_put_together_from_text() -> None:
    """f-strings and formatting in what is executed; names go through psycopg's own quoting."""
    found = []
    for path in SOURCE.rglob("*.py"):
        if "simulator" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("execute", "executemany", "copy")
            if called and node.args and isinstance(node.args[0], ast.JoinedStr | ast.BinOp):
                found.append(f"{path.name}:{node.lineno}")
    assert found == []


# 1.2.10: spreadsheets


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＠"])
def test_no_cell_begins_a_formula(start: str) -> None:
    assert harmless(f"{start}HYPERLINK(1)").startswith("'")


def test_no_cell_of_an_export_begins_a_formula(client: TestClient, warehouse: Warehouse) -> None:
    text = client.get("/clientes/exportar.csv", headers=dashboard.viewer(warehouse, "admin")).text.lstrip("\ufeff")

    cells = [cell for row in csv.reader(io.StringIO(text), delimiter=";") for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r")] == []


# 1.3.6: where the key is sent


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest", "http://ploomes.example.com", "ftp://ploomes.example.com", "file:///etc/passwd",
     "https://user:pass@ploomes.example.com", "https://ploomes.example.com?x=1", "https://ploomes.example.com#@127.0.0.1",
     "http://127.0.0.1.evil.example", "http://localhost.evil.example", "//ploomes.example.com", "gopher://127.0.0.1"],
)  # fmt: skip
def test_the_key_goes_out_encrypted_or_not_at_all(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="PLOOMES_BASE_URL"):
        load({"PLOOMES_BASE_URL": url, "HOME": str(tmp_path)}, tmp_path)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_does_not_follow_a_redirect(settings: Settings, warehouse: Warehouse, status: int) -> None:
    """An address within the network that only this machine reaches is not asked either."""
    with web_server() as ploomes, web_server() as elsewhere:
        ploomes.status, ploomes.location = status, elsewhere.url
        with pytest.raises(PloomesRefused):
            sync(replace(settings, ploomes_base_url=ploomes.url), warehouse, patience=EAGER)
        assert ploomes.calls
        assert elsewhere.calls == []


def test_no_request_makes_the_server_ask_another() -> None:
    """No parameter of any route is an address that is then opened: none is called so."""
    named = {field for route in ROUTES for field in _parameters(route)}

    assert {
        name for name in named if any(word in name for word in ("url", "uri", "host", "callback", "link_to"))
    } == set()


def _parameters(route: APIRoute) -> set[str]:
    dependant = route.dependant
    return {field.alias for field in (*dependant.query_params, *dependant.body_params)}


# 11.2.4: secrets are compared in constant time


def test_a_secret_is_compared_in_constant_time() -> None:
    """`==` on what `.reveal()` gives would tell by its time how much of a guess is right."""
    found = [
        f"{path.name}:{node.lineno}"
        for path in (SOURCE / "web").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Compare) and "reveal" in ast.dump(node)
    ]
    assert found == []
    for module in ("cron", "metrics", "webhooks"):
        assert "hmac.compare_digest(" in (SOURCE / "web" / f"{module}.py").read_text("utf-8")


# 14.2, 16.2: nothing listens that need not


def test_it_listens_on_this_machine_unless_it_is_told_otherwise() -> None:
    for command in ("serve", "demo", "simulator"):
        assert parser().parse_args([command]).host == "127.0.0.1"


def test_the_embedded_database_has_no_port() -> None:
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as home,
        embedded.running(Path(home)) as dsn,
        Warehouse(dsn).transaction() as connection,
    ):
        assert connection.execute("show listen_addresses").fetchone() == ("",)


@pytest.mark.parametrize(
    ("said", "ended", "status"),
    [
        ("No known vulnerabilities found", 0, 0),
        ("Found 2 known vulnerabilities in 1 package", 1, 1),
        ("ERROR:pip_audit._cli:aiosql: Dependency not found on PyPI and could not be audited", 1, 2),
        ("error: Failed to fetch: connection refused", 2, 2),
    ],
)
def test_an_audit_that_could_not_be_made_is_told_from_one_that_found_something(
    tmp_path: Path, said: str, ended: int, status: int
) -> None:
    uv = tmp_path / "uv"
    uv.write_text(f"#!/bin/sh\necho '{said}'\nexit {ended}\n")
    uv.chmod(0o700)

    audit = subprocess.run(
        ["sh", "scripts/audit.sh"], cwd=SOURCE.parents[1], env={"UV": str(uv), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert audit.returncode == status
    assert said in audit.stdout
    assert ("was not made" in audit.stderr) == (status == 2)
