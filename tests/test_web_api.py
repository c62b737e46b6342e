"""The JSON API over HTTP: its contract to the letter, its refusals, and what is kept for how long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import dashboard
import pytest
from dashboard import ANA, BRUNO
from starlette.testclient import TestClient

from carteira.customer_sales import customers
from carteira.customer_sales.customers import Filters
from carteira.customer_sales.segments import STATUSES
from carteira.customer_sales.sight import EVERYTHING
from carteira.warehouse import people
from carteira.warehouse.connection import Warehouse
from carteira.web.api import Question

CUSTOMERS = "/api/dashboard/customers"


@pytest.fixture
def published(warehouse: Warehouse) -> Warehouse:
    dashboard.publish(warehouse)
    return warehouse


@pytest.fixture
def client(published: Warehouse, tmp_path: Path) -> Iterator[TestClient]:
    with dashboard.served(dashboard.settings_of(tmp_path), published) as client:
        client.headers.update(dashboard.viewer(published, "gestor"))
        yield client


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def test_customers_answers_as_agreed(client: TestClient, published: Warehouse) -> None:
    answer = client.get(CUSTOMERS, params={"limit": 2})

    assert answer.status_code == 200
    body = exact(answer.text)
    assert body["pagination"] == {"page": 1, "limit": 2, "total": 6, "total_pages": 3}
    assert set(body) == {"data", "pagination", "metadata"}
    assert set(body["metadata"]) == {"last_sync_at", "stale"}
    with published.transaction() as connection:
        rows = connection.execute("select * from customer_sales order by total_revenue desc, customer_id limit 2")
        columns = [column.name for column in rows.description or ()]
        expected = [dict(zip(columns, row, strict=True)) for row in rows]
    for found, row in zip(body["data"], expected, strict=True):
        assert list(found) == columns
        for name in columns:
            told = datetime.fromisoformat(found[name]) if isinstance(row[name], datetime) else found[name]
            assert told == row[name], name


@pytest.mark.parametrize("sort", get_args(Question.model_fields["sort"].annotation))
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_page_is_the_same_whatever_is_known(client: TestClient, published: Warehouse, sort: str, order: str) -> None:
    """Once it is known how many they are, a page of everybody takes one round trip and not four."""
    asked = [{"limit": 2, "page": page, "sort": sort, "order": order} for page in (1, 2, 3, 4)]
    first = [client.get(CUSTOMERS, params=params).json() for params in asked]
    # Spaces mean nothing, and make a question that was not asked before.
    assert [client.get(CUSTOMERS, params=params | {"search": "  "}).json() for params in asked] == first
    assert [len(page["data"]) for page in first] == [2, 2, 2, 0]
    ids = [row["customer_id"] for page in first for row in page["data"]]
    with published.transaction() as connection:
        rows, total = customers.figures(
            connection, EVERYTHING, ZoneInfo("America/Sao_Paulo"), Filters(), sort=sort, order=order, limit=9, page=1
        )
    assert (ids, total) == ([row[0] for row in rows], 6)


def test_money_has_all_its_digits(client: TestClient) -> None:
    """90071992547409.91 + 0.02 + 500.00 is no double: the digits themselves are looked at."""
    assert '"total_revenue":90071992547909.93,' in client.get(CUSTOMERS).text


def test_the_query_is_answered(client: TestClient) -> None:
    def ids(**question: Any) -> list[int]:
        return [row["customer_id"] for row in client.get(CUSTOMERS, params=question).json()["data"]]

    assert ids(search="SÃO joão") == [1]
    assert ids(search="11.222.333/0001-81") == [1]
    assert ids(with_sales="true", sort="customer_id", order="desc") == [5, 3, 2, 1]
    assert ids(owner=BRUNO, sort="customer_name", order="asc") == [5, 6, 2]
    assert ids(state=["PE", "RJ"]) == [3, 6]
    assert ids(page=2, limit=4) == [5, 6]
    assert ids(page=99) == []
    assert ids(minimum_revenue="1000.01") == [1]
    assert ids(status="sem", sort="customer_id", order="asc") == [4, 5, 6], "a sale without a date is in no rhythm"
    assert ids(status=[status for status in STATUSES if status != "sem"]) == [1, 2, 3]
    assert ids(search="\0") == [1, 2, 3, 4, 5, 6]
    assert ids(city="\0") == []


def test_a_period_sets_revenue_deals_and_average(client: TestClient) -> None:
    answer = client.get(CUSTOMERS, params={"period": "2026-09-30..2026-11-10", "limit": 1})

    (row,) = exact(answer.text)["data"]
    assert row["total_deals"] == 3
    assert row["average_deal_value"] == Decimal("30023997515969.98")


@pytest.mark.parametrize(
    "query",
    ["limit=501", "limit=0", "limit=x", "page=0", "page=99999999999999999999", "sort=name;drop", "sort=city",
     "order=sideways", "status=lost", "with_sales=perhaps", "owner=9223372036854775808", "owner=-1",
     "period=2026-01-01",
     "period=2026-02-30..2026-03-01", "period=2026-03-01..2026-02-01", "minimum_revenue=NaN", "minimum_revenue=1e99",
     "serch=padaria", "search=" + "x" * 201],
)  # fmt: skip
def test_what_cannot_be_asked_is_422_and_named(client: TestClient, query: str) -> None:
    answer = client.get(f"{CUSTOMERS}?{query}")

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 422
    assert [error["parameter"].split(".")[0] for error in problem["errors"]] == [query.split("=")[0]]


def test_one_customer_comes_with_its_deals(client: TestClient) -> None:
    answer = client.get(f"{CUSTOMERS}/1")

    customer = exact(answer.text)["data"]
    assert (customer["customer_id"], customer["state"], customer["owner_name"]) == (1, "SP", "Ana")
    assert [(deal["deal_id"], deal["total"]) for deal in customer["deals"]] == [
        (12, Decimal("500.00")),
        (11, Decimal("0.02")),
        (10, Decimal("90071992547409.91")),
    ]


@pytest.mark.parametrize(("customer", "status"), [("99", 404), ("x", 422), ("9" * 30, 422), ("1/2", 404), ("", 404)])
def test_a_customer_that_is_not_there_is_a_problem(client: TestClient, customer: str, status: int) -> None:
    answer = client.get(f"{CUSTOMERS}/{customer}", follow_redirects=True)

    assert answer.status_code == (200 if customer == "" else status)
    if customer:
        assert answer.headers["content-type"] == "application/problem+json"


def test_summary_has_the_periods_it_is_compared_with(client: TestClient) -> None:
    body = exact(client.get("/api/dashboard/summary", params={"period": "2026-11-01..2026-11-30"}).text)["data"]

    assert body["total_revenue"] == Decimal("1533.00"), "the deal without a customer counts in the total"
    assert (body["total_deals"], body["customers_with_sales"], body["lost_deals"]) == (3, 2, 1)
    assert body["average_deal_value"] == Decimal("511.00")
    assert body["previous"]["period"] == {"first": "2026-10-01", "last": "2026-10-31"}
    assert body["previous"]["total_revenue"] == Decimal("0.02")
    assert body["year_before"]["total_revenue"] == Decimal("70.00")


def test_revenue_is_told_by_local_month(client: TestClient) -> None:
    body = exact(client.get("/api/dashboard/revenue", params={"period": "2026-09-15..2026-11-30"}).text)["data"]

    assert [(month["month"], month["total_revenue"]) for month in body] == [
        ("2026-09", Decimal("90071992547409.91")),
        ("2026-10", Decimal("0.02")),
        ("2026-11", Decimal("1533.00")),
    ]


@pytest.mark.parametrize("path", [CUSTOMERS, f"{CUSTOMERS}/1", "/api/dashboard/summary", "/api/dashboard/revenue"])
def test_nobody_gets_nothing(client: TestClient, path: str) -> None:
    del client.headers["authorization"]

    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer "}, {"authorization": "Basic x"}):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_vendedor_is_told_of_his_own_only(client: TestClient, published: Warehouse) -> None:
    hers = dashboard.viewer(published, "vendedor", ANA)

    body = exact(client.get(CUSTOMERS, headers=hers).text)
    assert [row["customer_id"] for row in body["data"]] == [1, 3]
    assert body["data"][0]["total_deals"] == 2
    assert client.get(f"{CUSTOMERS}/2", headers=hers).status_code == 404
    deals = client.get(f"{CUSTOMERS}/1", headers=hers).json()["data"]["deals"]
    assert [deal["deal_id"] for deal in deals] == [11, 10]
    summary = exact(client.get("/api/dashboard/summary?period=2026-11-01..2026-11-30", headers=hers).text)["data"]
    assert summary["total_revenue"] == Decimal("33.00")
    assert client.get(CUSTOMERS, params={"owner": BRUNO}, headers=hers).json()["pagination"]["total"] == 0


def test_the_same_answer_is_not_sent_twice(client: TestClient) -> None:
    first = client.get(CUSTOMERS)

    assert first.headers["cache-control"] == "private, no-cache"
    assert {"Cookie", "Authorization"} <= {name.strip() for name in first.headers["vary"].split(",")}
    again = client.get(CUSTOMERS, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert (
        client.get(CUSTOMERS, params={"limit": 1}, headers={"if-none-match": first.headers["etag"]}).status_code == 200
    )


def test_a_kept_answer_is_the_same_with_and_without_gzip(client: TestClient) -> None:
    plain = [client.get(CUSTOMERS, headers={"accept-encoding": "identity"}) for _ in range(2)]
    zipped = [client.get(CUSTOMERS, headers={"accept-encoding": "gzip"}) for _ in range(2)]

    assert {answer.text for answer in plain + zipped} == {plain[0].text}
    for first, kept in (plain, zipped):
        assert sorted(first.headers.multi_items()) == sorted(kept.headers.multi_items())
    assert [answer.headers.get("content-encoding") for answer in plain + zipped] == [None, None, "gzip", "gzip"]


def test_a_publication_is_seen_by_the_next_request(client: TestClient, published: Warehouse) -> None:
    before = client.get(CUSTOMERS)
    with published.transaction() as connection:
        connection.execute("update customer_sales set total_revenue = 1 where customer_id = 1")
        connection.execute("update sync_state set publication = publication + 1")

    after = client.get(CUSTOMERS, headers={"if-none-match": before.headers["etag"]})

    assert after.status_code == 200
    assert '"total_revenue":1.00,' in after.text


def test_a_quiet_run_makes_the_data_fresh(client: TestClient, published: Warehouse) -> None:
    """Freshness is the opening of the last run that succeeded, also when nothing had changed."""
    old = datetime.now(UTC) - timedelta(hours=14)
    with published.transaction() as connection:
        connection.execute("update sync_runs set opened_at = %s", [old])
    stale = client.get(CUSTOMERS)
    assert stale.json()["metadata"] == {"last_sync_at": old.isoformat().replace("+00:00", "Z"), "stale": True}

    now = datetime.now(UTC)
    with published.transaction() as connection:
        dashboard.succeed(connection, now)
    fresh = client.get(CUSTOMERS, headers={"if-none-match": stale.headers["etag"]})

    assert fresh.status_code == 200
    assert fresh.json()["metadata"]["stale"] is False
    assert datetime.fromisoformat(fresh.json()["metadata"]["last_sync_at"]) == now


def test_one_roles_answer_is_never_anothers(client: TestClient, published: Warehouse) -> None:
    everything = client.get(CUSTOMERS)
    hers = dashboard.viewer(published, "vendedor", ANA)
    his = dashboard.viewer(published, "vendedor", BRUNO)

    answers = [
        client.get(CUSTOMERS, headers=who | {"if-none-match": everything.headers["etag"]}) for who in (hers, his)
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({everything.headers["etag"], *(answer.headers["etag"] for answer in answers)}) == 3
    assert [row["customer_id"] for row in answers[1].json()["data"]] == [2, 5, 6]


def test_a_revoked_token_and_a_disabled_user_are_out_at_once(client: TestClient, published: Warehouse) -> None:
    """Also for what is kept, and for a 304."""
    etag = client.get(CUSTOMERS).headers["etag"]
    with published.transaction() as connection:
        people.disable_user(connection, "gestor-None@example.com")
    assert client.get(CUSTOMERS, headers={"if-none-match": etag}).status_code == 401

    with published.transaction() as connection:
        people.enable_user(connection, "gestor-None@example.com")
    assert client.get(CUSTOMERS).status_code == 200
    with published.transaction() as connection:
        people.revoke_token(connection, "gestor")
    assert client.get(CUSTOMERS).status_code == 401


def test_the_description_of_the_api_is_for_admins(client: TestClient, published: Warehouse) -> None:
    assert client.get("/api/openapi.json").status_code == 403
    described = client.get("/api/openapi.json", headers=dashboard.viewer(published, "admin"))
    assert sorted(described.json()["paths"]) == [
        CUSTOMERS,
        f"{CUSTOMERS}/{{customer_id}}",
        "/api/dashboard/revenue",
        "/api/dashboard/summary",
    ]
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 404


def test_a_database_that_is_away_is_a_problem(tmp_path: Path, warehouse: Warehouse) -> None:
    """The address of the database is in no answer, and nobody is taken for signed in."""
    away = Warehouse("host=/nowhere dbname=secret-name")
    client = TestClient(dashboard.create_app(dashboard.settings_of(tmp_path), away))

    answer = client.get(CUSTOMERS, headers={"authorization": "Bearer x"})

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "database" in answer.json()["detail"]
    assert "nowhere" not in answer.text
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
