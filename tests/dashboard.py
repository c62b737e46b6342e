"""A published dashboard for the tests of the web: a few customers that can be counted by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from carteira.customer_sales.rebuild import rebuild
from carteira.settings import Settings, load
from carteira.warehouse import people
from carteira.warehouse.connection import Connection, Warehouse
from carteira.web.app import create_app

ANA, BRUNO = 7, 8
PASSWORD = "abacaxi verde pula alto"
# id, name, key, cnpj, cpf, city, state, owner
CUSTOMERS = [
    (1, "Padaria São João Ltda", "padaria sao joao ltda", "11222333000181", None, "São Paulo", "SP", ANA),
    (2, "Açougue Boi & Cia", "acougue boi & cia", "12ABC34501DE35", None, "Campinas", "SP", BRUNO),
    (3, "Maria da Conceição", "maria da conceicao", None, "52998224725", "Recife", "PE", ANA),
    (4, "", "", None, None, None, None, None),
    (5, "100%_certo", "100%_certo", None, None, "São Paulo", "SP", BRUNO),
    (6, '=HYPERLINK("http://evil";"x")', '=hyperlink("http://evil";"x")', None, None, None, "RJ", BRUNO),
]
# id, customer, total, status, owner, closed (UTC)
SALES = [
    (10, 1, "90071992547409.91", "won", ANA, "2026-10-01T02:30:00Z"),
    (11, 1, "0.02", "won", ANA, "2026-10-01T03:00:00Z"),
    (12, 1, "500.00", "won", BRUNO, "2026-11-10T12:00:00Z"),
    (13, 2, "1000.00", "won", BRUNO, "2026-11-02T12:00:00Z"),
    (14, 2, "300.00", "lost", BRUNO, "2026-11-03T12:00:00Z"),
    (15, 3, "70.00", "won", ANA, "2025-11-20T12:00:00Z"),
    (16, 3, "80.00", "open", ANA, None),
    (17, 5, None, "won", BRUNO, None),
    (18, None, "33.00", "won", ANA, "2026-11-05T12:00:00Z"),
]


def publish(warehouse: Warehouse, at: datetime | None = None) -> None:
    """Put the rows where a full run puts them, as if one that opened `at` had published them."""
    at = at or datetime.now(UTC)
    with warehouse.transaction() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into customers (customer_id, name, name_key, cnpj, cpf, city, state, owner_id, kind)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, 'company')",
            CUSTOMERS,
        )
        cursor.executemany(
            "insert into sales (deal_id, customer_id, total, status, owner_id, closed_at, created_at, title)"
            " values (%s, %s, %s, %s, %s, %s, '2025-01-01T12:00:00Z', 'Pedido')",
            SALES,
        )
        cursor.execute("insert into owners (owner_id, name) values (%s, 'Ana'), (%s, 'Bruno')", [ANA, BRUNO])
        rebuild(connection, at)
        cursor.execute("update sync_state set publication = 1, last_full_at = %s", [at])
        succeed(connection, at)


def succeed(connection: Connection, at: datetime) -> None:
    """A run that opened `at` has succeeded."""
    connection.execute(
        "insert into sync_runs (mode, state, opened_at, finished_at) values ('full', 'succeeded', %s, %s)",
        [at, at + timedelta(seconds=5)],
    )


def settings_of(folder: Path, **given: str) -> Settings:
    return load({"CARTEIRA_HOME": str(folder)} | given, folder)


@contextmanager
def served(settings: Settings, warehouse: Warehouse, **manners: Any) -> Iterator[TestClient]:
    """The application with its pool, and a client that keeps cookies and follows nothing by itself."""
    with TestClient(create_app(settings, warehouse), follow_redirects=False, **manners) as client:
        yield client


def viewer(warehouse: Warehouse, role: str, owner_id: int | None = None) -> dict[str, str]:
    """Headers that show an API token of a new user with that role."""
    email = f"{role}-{owner_id}@example.com"
    with warehouse.transaction() as connection:
        people.add_user(connection, email, role.title(), role, owner_id)
        return {"authorization": f"Bearer {people.add_token(connection, role, email)}"}


def secure(settings: Settings, address: str = "https://carteira.example.com") -> Settings:
    return replace(settings, public_url=address)
