"""The bare steps in a flat script: fetch, decode, COPY, merge, aggregate. The floor that `carteira sync` is held to.

    python bench/bare.py PLOOMES_URL DATABASE_URL [incremental]

It checks nothing, resumes nothing and would lose edits; what it uses (urllib3, msgspec, psycopg) and what it fills
are what Carteira uses and fills.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

import msgspec
import psycopg
import urllib3

URL, DATABASE, INCREMENTAL = sys.argv[1], sys.argv[2], len(sys.argv) > 3
DEAL_FIELDS = (
    "Id,ContactId,Amount,StatusId,FinishDate,LastUpdateDate,CreateDate,ContactName,Title,CurrencyId,OwnerId,"
    "PipelineId,StageId,LossReasonId"
)
CONTACT_FIELDS = "Id,TypeId,Name,LastUpdateDate,CreateDate,LegalName,CNPJ,CPF,Register,CityId,StateId,OwnerId"
STATUS = {1: "open", 2: "won", 3: "lost"}


class Deal(msgspec.Struct):
    Id: int
    ContactId: int | None
    Amount: Decimal | None
    StatusId: int | None
    FinishDate: datetime | None
    LastUpdateDate: datetime
    CreateDate: datetime | None
    ContactName: str | None
    Title: str | None
    CurrencyId: int | None
    OwnerId: int | None
    PipelineId: int | None
    StageId: int | None
    LossReasonId: int | None


class Contact(msgspec.Struct):
    Id: int
    TypeId: int | None
    Name: str | None
    LastUpdateDate: datetime
    CreateDate: datetime | None
    LegalName: str | None
    CNPJ: str | None
    CPF: str | None
    Register: str | None
    OwnerId: int | None


class Deals(msgspec.Struct):
    value: list[Deal]


class Contacts(msgspec.Struct):
    value: list[Contact]


class Count(msgspec.Struct):
    count: int = msgspec.field(name="@odata.count")


http = urllib3.PoolManager(maxsize=4)
count, deals = msgspec.json.Decoder(Count).decode, msgspec.json.Decoder(Deals).decode
contacts = msgspec.json.Decoder(Contacts).decode


def null(value: object) -> object:
    return r"\N" if value is None else value


def text(value: str | None) -> str:
    return (value or "").replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def deal_line(d: Deal) -> str:
    return (
        f"{d.Id}\t{null(d.ContactId)}\t{text(d.ContactName)}\t{text(d.Title)}\t{null(d.Amount)}\t{null(d.CurrencyId)}\t"
        f"{STATUS.get(d.StatusId or 0, 'other')}\t{null(d.OwnerId)}\t{null(d.PipelineId)}\t{null(d.StageId)}\t"
        f"{null(d.LossReasonId)}\t{null(d.CreateDate)}\t{null(d.FinishDate)}\t{d.LastUpdateDate}\n"
    )


def contact_line(c: Contact) -> str:
    name = text(c.Name)
    return (
        f"{c.Id}\t{name}\t{name.lower()}\t{text(c.LegalName)}\t{'person' if c.TypeId == 2 else 'company'}\t"
        f"{null(c.CNPJ)}\t{null(c.CPF)}\t{null(c.Register)}\t{null(c.OwnerId)}\t{null(c.CreateDate)}\t{c.LastUpdateDate}\n"
    )


def deal_page(query: str) -> str:
    return "".join(map(deal_line, deals(http.request("GET", URL + query).data).value))


def contact_page(query: str) -> str:
    return "".join(map(contact_line, contacts(http.request("GET", URL + query).data).value))


def queries(path: str, fields: str, condition: str) -> list[str]:
    rows = count(http.request("GET", f"{URL}{path}?$top=1&$select=Id&$count=true{condition}").data).count
    asked = f"{path}?$select={fields}&$orderby=Id&$top=300{condition}&$skip="
    return [f"{asked}{skip}" for skip in range(0, rows, 300)]


with psycopg.connect(DATABASE) as connection, ThreadPoolExecutor(4) as pool:
    condition = ""
    if INCREMENTAL:
        (newest,) = connection.execute("select max(updated_at) from sales").fetchall()[0]
        since = (newest - timedelta(seconds=120)).isoformat()
        condition = "&$filter=" + quote(f"LastUpdateDate ge {since}")
    connection.execute("create temp table new_sales (like sales) on commit drop")
    connection.execute("create temp table new_customers (like customers) on commit drop")
    copy = "copy new_sales (deal_id, customer_id, contact_name, title, total, currency_id, status, owner_id, "
    copy += "pipeline_id, stage_id, loss_reason_id, created_at, closed_at, updated_at) from stdin"
    with connection.cursor().copy(copy) as into:
        for lines in pool.map(deal_page, queries("/Deals", DEAL_FIELDS, condition)):
            into.write(lines)
    copy = "copy new_customers (customer_id, name, name_key, legal_name, kind, cnpj, cpf, document_raw, owner_id, "
    copy += "created_at, updated_at) from stdin"
    connection.execute("alter table new_customers alter placeholder set default false")
    connection.execute("alter table new_customers alter placeholder drop not null")
    with connection.cursor().copy(copy) as into:
        for lines in pool.map(contact_page, queries("/Contacts", CONTACT_FIELDS, condition)):
            into.write(lines)
    for table, key in (("customers", "customer_id"), ("sales", "deal_id")):
        columns = [row[0] for row in connection.execute(
            "select column_name from information_schema.columns where table_schema = 'public' and table_name = %s "
            "and column_name <> 'placeholder'", [table])]  # fmt: skip
        listed = ", ".join(columns)
        connection.execute(
            f"insert into {table} as old ({listed}) select {listed} from new_{table} on conflict ({key}) do update set "
            + ", ".join(f"{column} = excluded.{column}" for column in columns)
            + f" where ({', '.join(f'old.{c}' for c in columns)}) is distinct from "
            + f"({', '.join(f'excluded.{c}' for c in columns)})"
        )
    connection.execute("""
        insert into customer_sales as old (customer_id, customer_name, customer_cnpj, total_revenue, total_deals,
            average_deal_value, first_purchase_date, last_purchase_date, open_deals, lost_deals, last_sync_at)
        select c.customer_id, name, cnpj, coalesce(sum(total) filter (where won), 0), count(*) filter (where won),
            coalesce(round(avg(coalesce(total, 0)) filter (where won), 2), 0),
            min(closed_at) filter (where won), max(closed_at) filter (where won),
            count(*) filter (where s.status = 'open'), count(*) filter (where s.status = 'lost'), now()
        from customers c left join sales s using (customer_id) cross join lateral (select s.status = 'won') x (won)
        group by c.customer_id
        on conflict (customer_id) do update set total_revenue = excluded.total_revenue,
            total_deals = excluded.total_deals, average_deal_value = excluded.average_deal_value,
            first_purchase_date = excluded.first_purchase_date, last_purchase_date = excluded.last_purchase_date,
            open_deals = excluded.open_deals, lost_deals = excluded.lost_deals
        where (old.total_revenue, old.total_deals, old.open_deals, old.lost_deals, old.first_purchase_date,
               old.last_purchase_date)
            is distinct from (excluded.total_revenue, excluded.total_deals, excluded.open_deals, excluded.lost_deals,
                              excluded.first_purchase_date, excluded.last_purchase_date)
    """)
