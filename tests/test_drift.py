"""`carteira db check` names what differs from the migrations, and nothing else."""

from __future__ import annotations

import psycopg
import pytest

from carteira.warehouse import migrate
from carteira.warehouse.connection import Warehouse
from carteira.warehouse.migrations import functions

pytestmark = pytest.mark.every_postgres

# A change, and the sentences it is told by, a line each.
CHANGES = {
    "drop table sessions": "sessions: the table is missing",
    "alter table customer_sales add note text": "customer_sales: column note is foreign (text)",
    "alter table customers drop column city": "customers: column city is missing (text)",
    "alter table customer_sales alter total_deals type bigint": (
        "customer_sales: column total_deals is bigint not null default 0 and must be integer not null default 0"
    ),
    "alter table customer_sales alter total_revenue type numeric(15, 2)": (
        "customer_sales: column total_revenue is numeric(15,2) not null default 0 "
        "and must be numeric(18,2) not null default 0"
    ),
    "alter table sales alter status drop not null": "sales: column status is text and must be text not null",
    "alter table sales alter total set default 0": "sales: column total is numeric default 0 and must be numeric",
    "alter table users alter user_id drop identity": (
        "users: column user_id is bigint not null and must be bigint not null generated always as identity"
    ),
    'alter table customers alter state type text collate "C"': (
        'customers: column state is text collate "C" and must be text'
    ),
    "drop index customers_by_root": (
        "customers: index customers_by_root is missing "
        "(CREATE INDEX customers_by_root ON customers USING btree (cnpj_root) WHERE cnpj_root IS NOT NULL)"
    ),
    "drop index customers_by_root; create index customers_by_root on customers (cnpj_root)": (
        "customers: index customers_by_root is "
        "CREATE INDEX customers_by_root ON customers USING btree (cnpj_root) and must be "
        "CREATE INDEX customers_by_root ON customers USING btree (cnpj_root) WHERE cnpj_root IS NOT NULL"
    ),
    "alter table customers drop constraint customers_kind_check": (
        "customers: constraint customers_kind_check is missing "
        "(CHECK (kind = ANY (ARRAY['company'::text, 'person'::text])))"
    ),
    "alter table sales add constraint real_customer foreign key (customer_id) references customers": (
        "sales: constraint real_customer is foreign (FOREIGN KEY (customer_id) REFERENCES customers(customer_id))"
    ),
    "alter table owners set unlogged": "owners: table is unlogged and must be logged",
    "alter table sales disable row level security": "sales: row-level security is off and must be on",
    "alter table sales force row level security": "sales: row-level security is forced on the owner too and must be on",
    "grant select on sales to public": "sales: public has SELECT on sales and must have none",
    "grant update (name) on customers to anon": "customers: anon has UPDATE on customers.name and must have none",
    "grant usage on sequence users_user_id_seq to authenticated": (
        "users: authenticated has USAGE on users_user_id_seq and must have none"
    ),
    "create table sales_before_carteira (n int); grant select on sales_before_carteira to anon": (
        "sales_before_carteira: anon has SELECT on sales_before_carteira and must have none\n"
        "sales_before_carteira: row-level security is off and must be on"
    ),
}


@pytest.fixture
def strangers(warehouse: Warehouse) -> None:
    with warehouse.connect() as connection:
        for name in ("anon", "authenticated"):
            if connection.execute("select from pg_roles where rolname = %s", (name,)).fetchone() is None:
                connection.execute(f"create role {name} nologin".encode())


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.usefixtures("strangers")
def test_every_drift_is_named(warehouse: Warehouse, change: str) -> None:
    with warehouse.connect() as connection:
        connection.execute(change.encode())

    assert "\n".join(map(str, migrate.drift(warehouse))) == CHANGES[change]


@pytest.mark.usefixtures("strangers")
@pytest.mark.parametrize("name", functions())
def test_functions_are_ours_too(warehouse: Warehouse, name: str) -> None:
    with warehouse.connect() as connection:
        connection.execute(f"grant execute on function {name} to anon".encode())
        assert [str(each) for each in migrate.drift(warehouse)] == [
            f"{name}: anon has EXECUTE on {name} and must have none"
        ]
        connection.execute(f"drop function {name}".encode())

    (missing,) = migrate.drift(warehouse)
    assert (missing.table, missing.kind, missing.found) == (name, "function", None)


def test_what_is_a_users_own_is_no_drift(warehouse: Warehouse) -> None:
    with warehouse.connect() as connection:
        connection.execute("create table mine (customer_id bigint references customers)")
        connection.execute("create index mine_by_city on customers (city)")
        connection.execute("create unique index mine_by_name on customers (customer_id, name)")
        connection.execute("create view big as select * from customer_sales where total_revenue > 1000")
        connection.execute("create policy everybody on customers for select using (true)")
        connection.execute("create schema other create table sales (n int)")

    assert migrate.drift(warehouse) == []


def test_looking_changes_nothing(warehouse: Warehouse) -> None:
    relations = "select count(*) from pg_class where relnamespace <> 'pg_toast'::regnamespace"
    with warehouse.connect() as connection:
        before = connection.execute(relations).fetchall()
        migrate.drift(warehouse)
        assert connection.execute(relations).fetchall() == before


def test_a_temporary_table_of_the_session_is_not_taken_for_ours(warehouse: Warehouse) -> None:
    """Behind a pooler the session may have served somebody who left one."""
    connection = warehouse.connect()
    connection.execute("create temp table customer_sales (n int)")
    one = Warehouse(warehouse.dsn, warehouse.schema, _Pool(connection))

    assert migrate.drift(one) == []
    connection.close()


class _Pool:
    """A pool of one connection."""

    def __init__(self, only: psycopg.Connection[object]) -> None:
        self.only = only

    def connection(self) -> _Pool:
        return self

    def __enter__(self) -> psycopg.Connection[object]:
        return self.only

    def __exit__(self, *_: object) -> None:
        pass
