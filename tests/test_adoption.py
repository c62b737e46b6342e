"""A database of the older system is taken over without losing a row, and given back as it was."""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from carteira.customer_sales.rebuild import all_is_adopted
from carteira.errors import SchemaMismatch
from carteira.settings import load
from carteira.simulator.server import Simulator
from carteira.sync.run import sync
from carteira.warehouse import migrate
from carteira.warehouse.connection import Warehouse
from carteira.warehouse.migrations import migrations

pytestmark = pytest.mark.every_postgres

OLD_COLUMNS = """
    create table customer_sales (
        customer_id {type} primary key,
        customer_name text not null,
        cnpj text,
        total_revenue decimal(15, 2) default 0,
        deal_count integer default 0,
        avg_deal_size decimal(15, 2) default 0,
        last_purchase_date timestamptz,
        last_sync_at timestamptz default now()
    );
    insert into customer_sales values
        ('1200000001', 'Aço & Cia', '11222333000181', 1234567890123.45, 3, 411522630041.15,
            '2025-03-31 23:59:59.123456-03', '2025-10-02'),
        ('7', 'José da Silva', '12345678909', 0.10, 1, 0.10, null, '2025-10-02'),
        ('400000002', '', null, null, null, null, null, null);
"""
NEW_COLUMNS = """
    create table customer_sales (
        customer_id {type} primary key,
        customer_name text not null,
        customer_cnpj text,
        total_sales integer default 0,
        total_deals integer default 0,
        won_deals integer default 0,
        open_deals integer default 0,
        lost_deals integer default 0,
        total_revenue decimal(15, 2) default 0,
        average_deal_value decimal(15, 2) default 0,
        products_purchased integer[],
        total_products integer default 0,
        first_purchase_date timestamptz,
        last_purchase_date timestamptz,
        days_since_last_purchase integer,
        has_custom_pricing boolean default false,
        pricing_history_count integer default 0,
        last_sync_at timestamptz default now(),
        created_at timestamptz default now(),
        updated_at timestamptz default now()
    );
    insert into customer_sales (customer_id, customer_name, customer_cnpj, total_deals, open_deals, lost_deals,
        total_revenue, average_deal_value, products_purchased, first_purchase_date, last_purchase_date) values
        ('1200000001', 'Aço & Cia', '11.222.333/0001-81', 3, 1, 2, 1234567890123.45, 411522630041.15, '{{1,2}}',
            '2023-01-01 12:00-03', '2025-03-31 23:59:59.123456-03'),
        ('7', 'José da Silva', '123.456.789-09', 1, 0, 0, 0.10, 0.10, null, null, null),
        ('400000002', '', null, null, null, null, null, null, null, null, null);
"""
SURROUNDINGS = """
    create index idx_customer_sales_revenue on customer_sales (total_revenue desc);
    create index customer_sales_by_revenue on customer_sales (customer_name);
    grant select on customer_sales to anon;
    grant select, insert, update, delete on customer_sales to authenticated with grant option;
    grant update (customer_name) on customer_sales to anon;
    create view best_customers as select customer_id, customer_name, total_revenue from customer_sales;
    create view best_of_best as select * from best_customers where total_revenue > 10;
    grant select on best_of_best to anon;
    create table notes (note text, customer_id {type} references customer_sales on delete cascade);
    insert into notes values ('call back', '7');
    comment on table customer_sales is 'aggregated by the cron job';
"""
PLAIN_SALES = """
    create table sales (
        id bigserial primary key, customer_id {type}, total numeric(15, 2), status text, created_at timestamptz
    );
    create index sales_by_customer on sales (customer_id);
    alter table sales enable row level security;
    create policy "everybody reads" on sales for select to anon using (true);
    grant select on sales to anon;
    grant usage on sequence sales_id_seq to authenticated;
    insert into sales (customer_id, total, status, created_at) values
        ('7', 0.10, 'won', '2025-01-01'), ('1200000001', null, null, null), (null, 5, 'abandoned', '2024-02-29');
"""
PLOOMES_SALES = """
    create table customers (id text primary key, name text, document text);
    insert into customers values ('7', 'José da Silva', '12345678909'), ('x', 'nobody', null);
    create table sales (
        id serial primary key, ploomes_deal_id text unique,
        customer_id text references customers (id) on delete cascade,
        deal_stage text not null, total numeric(15, 2),
        status text check (status in ('open', 'won', 'lost', 'abandoned')),
        products jsonb, created_at timestamptz default now()
    );
    grant all on sales, customers to anon, authenticated;
    insert into sales (ploomes_deal_id, customer_id, deal_stage, total, status, products)
    values ('900', '7', 'Fechado', 0.10, 'won', '[{{"id": 1}}]'), ('901', 'x', 'Aberto', 7, 'open', null);
"""
SALES = {"no sales": "", "plain sales": PLAIN_SALES, "sales of Ploomes": PLOOMES_SALES}


@pytest.fixture
def seeded(database: str, shape: str, type: str, sales: str) -> Warehouse:
    """A database as the older system left it."""
    with psycopg.connect(database, autocommit=True) as connection:
        _supabase(connection)
        for text in (shape, SURROUNDINGS, SALES[sales]):
            connection.execute(text.format(type=type).encode())
    return Warehouse(database)


@pytest.mark.parametrize(
    ("shape", "type", "sales"),
    [
        pytest.param(shape, type, sales, id=f"{name} {type} {sales}")
        for (name, shape), type, sales in itertools.product(
            [("old", OLD_COLUMNS), ("new", NEW_COLUMNS)], ["integer", "bigint", "text"], SALES
        )
    ],
)
def test_every_shape_is_adopted_and_comes_back_as_it_was(seeded: Warehouse) -> None:
    before = _everything(seeded)
    migrate.upgrade(seeded)

    assert migrate.drift(seeded) == []
    assert _published(seeded) == [
        (7, "José da Silva", None, Decimal("0.10"), 1, Decimal("0.10")),
        (400000002, "", None, Decimal("0.00"), 0, Decimal("0.00")),
        (1200000001, "Aço & Cia", "11222333000181", Decimal("1234567890123.45"), 3, Decimal("411522630041.15")),
    ]
    assert _strangers_read(seeded) == []

    migrate.downgrade(seeded, "0")

    assert _everything(seeded) == before


@pytest.mark.parametrize(("shape", "type", "sales"), [(OLD_COLUMNS, "integer", "plain sales")])
def test_the_old_columns_come_back_with_the_rows(seeded: Warehouse) -> None:
    """The seed's option B: back to the shape before the second migration."""
    before = _everything(seeded)
    migrate.upgrade(seeded)
    migrate.downgrade(seeded, "20251002000000")

    assert _everything(seeded) == before


@pytest.mark.parametrize(("shape", "type", "sales"), [(NEW_COLUMNS, "text", "no sales")])
def test_new_columns_get_the_old_names_where_the_old_shape_is_asked_for(seeded: Warehouse) -> None:
    before = _everything(seeded)
    migrate.upgrade(seeded)
    migrate.downgrade(seeded, "20251002000000")

    with seeded.transaction() as connection:
        old = connection.execute("select sum(deal_count), count(cnpj), max(avg_deal_size) from customer_sales")
        assert old.fetchone() == (4, 2, Decimal("411522630041.15"))
    migrate.upgrade(seeded)
    migrate.downgrade(seeded, "0")
    assert _everything(seeded) == before


@pytest.mark.parametrize(("shape", "type", "sales"), [(NEW_COLUMNS, "text", "no sales")])
def test_a_row_whose_id_is_no_number_stays_aside_and_is_reported(seeded: Warehouse) -> None:
    with seeded.connect() as connection:
        connection.execute(
            "insert into customer_sales (customer_id, customer_name) values ('abc', 'Who'), (' 07', 'Twice')"
        )
    before = _everything(seeded)
    notices: list[str] = []
    migrate.upgrade(seeded, notices.append)

    assert [row[0] for row in _published(seeded)] == [7, 400000002, 1200000001]
    assert len(notices) == 1 and notices[0].startswith("2 of 5 rows of customer_sales")
    migrate.downgrade(seeded, "0")
    assert _everything(seeded) == before


@pytest.mark.parametrize(("shape", "type", "sales"), [(OLD_COLUMNS, "bigint", "sales of Ploomes")])
def test_it_is_adopted_only_when_asked(seeded: Warehouse) -> None:
    """A sync must not rename the tables of somebody who only pointed it at the wrong database."""
    before = _everything(seeded)
    with pytest.raises(SchemaMismatch, match="carteira db upgrade"):
        migrate.ensure(seeded)

    assert _everything(seeded) == before


@pytest.mark.parametrize(("shape", "type", "sales"), [(OLD_COLUMNS, "integer", "no sales")])
def test_a_rebuild_does_not_wipe_what_was_adopted(seeded: Warehouse) -> None:
    migrate.upgrade(seeded)
    with seeded.transaction() as connection:
        assert all_is_adopted(connection)
        connection.execute("insert into customers (customer_id, kind) values (1, 'company')")
        assert not all_is_adopted(connection)


@pytest.mark.parametrize(("shape", "type", "sales"), [(OLD_COLUMNS, "integer", "no sales")])
def test_the_first_full_read_replaces_what_was_adopted(seeded: Warehouse, simulator: Simulator, tmp_path: Path) -> None:
    migrate.upgrade(seeded)
    given = {
        "PLOOMES_API_KEY": simulator.key,
        "PLOOMES_BASE_URL": simulator.url,
        "PLOOMES_REQUESTS_PER_MINUTE": "100000",
    }
    outcome = sync(load(given, tmp_path), seeded)

    assert outcome.state == "succeeded"
    with seeded.transaction() as connection:
        invented = "select count(*) from customer_sales where customer_id in (7, 400000002, 1200000001)"
        assert connection.execute(invented).fetchone() == (0,)
    assert len(_published(seeded)) >= 80


def test_what_carteira_published_stays_in_the_old_columns(database: str) -> None:
    """Where nothing was adopted, the way back keeps the rows of the first migration's table, and never drops them."""
    warehouse = Warehouse(database)
    migrate.upgrade(warehouse)
    with warehouse.connect() as connection:
        connection.execute("insert into customer_sales (customer_id, customer_name, total_deals) values (1, 'A', 2)")
    migrate.downgrade(warehouse, "20251002000000")
    with warehouse.connect() as connection:
        connection.execute("update customer_sales set deal_count = deal_count + 1")
    migrate.downgrade(warehouse, "0")

    with warehouse.transaction() as connection:
        assert connection.execute("select customer_name, deal_count from customer_sales").fetchall() == [("A", 3)]
    migrate.upgrade(warehouse)
    assert [row[:5] for row in _published(warehouse)] == [(1, "A", None, 0, 3)]


def test_a_fresh_database_comes_back_empty(database: str) -> None:
    warehouse = Warehouse(database)
    before = _everything(warehouse)
    migrate.upgrade(warehouse)
    with warehouse.transaction() as connection:
        aside = connection.execute(r"select relname from pg_class where relname like '%\_before\_carteira'").fetchall()
    assert aside == []
    migrate.downgrade(warehouse, "0")

    assert _everything(warehouse) == before


def test_a_view_on_the_empty_first_table_keeps_it(database: str) -> None:
    warehouse = Warehouse(database)
    for step in migrations()[:2]:
        migrate.apply(warehouse, step)
    with warehouse.connect() as connection:
        connection.execute("create view mine as select customer_name from customer_sales")
    before = _everything(warehouse)
    migrate.upgrade(warehouse)
    migrate.downgrade(warehouse, "20251002000001")

    assert _everything(warehouse) == before


@pytest.mark.parametrize("version", ["20251002000000", "20251002000001"])
def test_each_early_shape_is_the_same_up_and_down(database: str, version: str) -> None:
    """Down to one of the first two migrations is where going up had been."""
    warehouse = Warehouse(database)
    migrate.upgrade(warehouse)
    migrate.downgrade(warehouse, version)
    down = _everything(warehouse)
    migrate.downgrade(warehouse, "0")
    for step in migrations():
        if step.version <= version:
            migrate.apply(warehouse, step)

    assert _everything(warehouse) == down


def _supabase(connection: psycopg.Connection[Any]) -> None:
    """The roles and the default rights of a Supabase project."""
    for role in ("anon", "authenticated"):
        if connection.execute("select from pg_roles where rolname = %s", (role,)).fetchone() is None:
            connection.execute(f"create role {role} nologin noinherit".encode())
    connection.execute("alter default privileges in schema public grant all on tables to anon, authenticated")
    connection.execute("alter default privileges in schema public grant all on sequences to anon, authenticated")


def _published(warehouse: Warehouse) -> list[Any]:
    with warehouse.transaction() as connection:
        return connection.execute(
            "select customer_id, customer_name, customer_cnpj, total_revenue, total_deals, average_deal_value "
            "from customer_sales order by customer_id"
        ).fetchall()


def _strangers_read(warehouse: Warehouse) -> list[Any]:
    """What anon and authenticated may still read, but for tables that were never ours to close."""
    with warehouse.transaction() as connection:
        return connection.execute(
            "select r.rolname, c.relname from pg_class c cross join pg_roles r "
            "where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v') and c.relname <> 'notes' "
            "and r.rolname in ('anon', 'authenticated') "
            "and has_any_column_privilege(r.rolname, c.oid, 'select, insert, update')"
        ).fetchall()


FACTS = r"""
    with relations as (
        select c.* from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'S', 'i')
            and c.relname not like 'before\_carteira%'
    )
    select relname, 'relation', relkind::text, relrowsecurity::text, obj_description(oid, 'pg_class') from relations
    union all
    select c.relname, 'right', r.grantee::regrole::text, r.privilege_type, r.is_grantable::text
    from relations c cross join aclexplode(c.relacl) r
    union all
    select c.relname, 'column right', r.grantee::regrole::text, r.privilege_type, a.attname
    from relations c join pg_attribute a on a.attrelid = c.oid cross join aclexplode(a.attacl) r
    union all
    select c.relname, 'column', row_number() over (partition by c.oid order by a.attnum) || ' ' || a.attname,
        format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
    from relations c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    union all
    select c.relname, 'index', pg_get_indexdef(c.oid), null, null from relations c where relkind = 'i'
    union all
    select c.relname, 'constraint', k.conname, pg_get_constraintdef(k.oid), null
    from relations c join pg_constraint k on k.conrelid = c.oid
    union all
    select c.relname, 'view', pg_get_viewdef(c.oid), null, null from relations c where relkind = 'v'
    union all
    select tablename, 'policy', policyname, roles::text, coalesce(qual, '') || cmd
    from pg_policies where schemaname = 'public'
    order by 1, 2, 3, 4, 5
"""


def _everything(warehouse: Warehouse) -> tuple[list[Any], dict[str, list[Any]]]:
    """All that the catalogue says of schema public, but for our memory of it, and all rows as text."""
    with warehouse.connect() as connection:
        facts = connection.execute(FACTS.encode()).fetchall()
        names = [name for name, kind, relkind, *_ in facts if kind == "relation" and relkind in ("r", "v")]
        return facts, {
            name: connection.execute(f"select t::text from {name} t order by 1".encode()).fetchall() for name in names
        }
