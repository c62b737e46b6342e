"""What the OpenAPI says of the routes holds for whatever is asked of them: schemathesis tries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dashboard
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from routes import all_routes
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from starlette.testclient import TestClient

from carteira.settings import load
from carteira.warehouse.connection import Warehouse
from carteira.web.app import create_app

app = create_app(load({"HOME": "/home/ana"}, Path("/nowhere")), Warehouse("postgresql://nobody@127.0.0.1:1/none"))
schema = schemathesis.openapi.from_dict(app.openapi())
PROGRAMS = {path: methods for path, methods in app.openapi()["paths"].items() if path.startswith("/api/")}
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def client(new_warehouse: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Signed in by a token, over figures that can be counted by hand."""
    with new_warehouse() as warehouse:
        dashboard.publish(warehouse)
        with dashboard.served(dashboard.settings_of(tmp_path_factory.mktemp("home")), warehouse) as client:
            client.headers.update(dashboard.viewer(warehouse, "admin"))
            yield client


@schema.include(path_regex="^/api/").parametrize()
@settings(
    max_examples=30, derandomize=True, database=None, deadline=timedelta(seconds=20),
    phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_whatever_is_asked_is_answered_as_described(case: schemathesis.Case, client: TestClient) -> None:
    answer = client.request(case.method, case.formatted_path, params=case.query or None)

    assert answer.status_code in (200, 404, 405, 422)
    expected = "application/json" if answer.status_code == 200 else "application/problem+json"
    assert answer.headers["content-type"].startswith(expected)
    if answer.status_code == 200:
        case.validate_response(schemathesis.Response.from_httpx(answer, verify=False), checks=CHECKS)


def test_the_description_is_for_who_is_signed_in(client: TestClient) -> None:
    assert client.get("/api/openapi.json").status_code == 200
    assert client.get("/api/openapi.json", headers={"authorization": "Bearer none"}).status_code == 401


def test_every_route_for_programs_is_described() -> None:
    routes = {route.path for route in all_routes() if route.path.startswith("/api/dashboard/")}

    assert routes == set(PROGRAMS)
