"""The customer list: searched, filtered, sorted and paged, for the page, the JSON API and the export alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial, reduce
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from carteira.brazil import name_key
from carteira.customer_sales.period import Period
from carteira.customer_sales.segments import UNJUDGED, Portfolio
from carteira.customer_sales.sight import EVERYTHING, Sight
from carteira.customer_sales.spans import Bought, bought
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("customers.sql"))

Order = Literal["asc", "desc"]
# How many customers, what they bought, in how many deals.
Totals = tuple[int, Decimal, int]
Once = Callable[..., Any]
Row = tuple[Any, ...]

# What may be sorted by, and the expressions that do it; {0} is the direction.
SORTS = {
    "customer_id": "customer_id {0}",
    "customer_name": "name_key {0}, lower(customer_name) {0}, customer_id",
    "customer_cnpj": "customer_cnpj {0} nulls last, customer_id",
    "total_revenue": "total_revenue {0}, customer_id",
    "total_deals": "total_deals {0}, customer_id",
    "average_deal_value": "average_deal_value {0}, customer_id",
    "first_purchase_date": "first_purchase_date {0} nulls last, customer_id",
    "last_purchase_date": "last_purchase_date {0} nulls last, customer_id",
    "open_deals": "open_deals {0}, customer_id",
    "lost_deals": "lost_deals {0}, customer_id",
    "last_sync_at": "last_sync_at {0}, customer_id",
    "city": "city {0} nulls last, name_key, customer_id",
    "state": "state {0} nulls last, name_key, customer_id",
    # Found once and not for every customer; sellers of the same name stay apart.
    "owner_name": "array_position((select array_agg(o.owner_id order by o.name, o.owner_id) from owners o),"
    " customer_sales.owner_id) {0} nulls last, name_key, customer_id",
}
CONTACT_SORTS = {"customer_name", "city", "state", "owner_name"}
DEFAULT_ORDER = "order by total_revenue desc, customer_id\n"
# What a period counts, and where each stands in a row.
COUNTED = {"total_revenue": 3, "total_deals": 4, "average_deal_value": 5}
MASK = re.compile(r"[\s./-]+")
# A shorter piece of a number is found in nearly every document.
DOCUMENT_PIECE = 3
EXPORT_CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; what is None or empty narrows nothing. `period` also sets what is counted.

    `root` is what the CNPJs of one company begin with.

    From `statuses` on it is the portfolio that is asked, so the list has to be given it: `quiet_days` are those since
    the last purchase, `due_until` means a purchase that is expected between today and that day.
    """

    search: str = ""
    with_sales: bool | None = None
    owner: int | None = None
    states: tuple[str, ...] = ()
    city: str | None = None
    minimum: Decimal | None = None
    root: str | None = None
    period: Period | None = None
    statuses: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    cells: tuple[int, ...] = ()
    quiet_days: int | None = None
    due_until: date | None = None

    @property
    def ask_the_portfolio(self) -> bool:
        return bool(self.statuses) or self._ask_for_purchases

    @property
    def mean_who_never_bought(self) -> bool:
        return "sem" in self.statuses and not self._ask_for_purchases

    @property
    def _ask_for_purchases(self) -> bool:
        return bool(self.classes or self.cells or self.quiet_days is not None or self.due_until)


EVERYBODY = Filters()


@dataclass(frozen=True, slots=True)
class Customer:
    """A row of customer_sales and what the contact says; the latter is None where an old database was taken over.

    `status` and the class, `letter`, are told by a list that was given the portfolio.
    """

    customer_id: int
    customer_name: str
    customer_cnpj: str | None
    total_revenue: Decimal
    total_deals: int
    average_deal_value: Decimal
    first_purchase_date: datetime | None
    last_purchase_date: datetime | None
    open_deals: int
    lost_deals: int
    last_sync_at: datetime
    kind: str | None = None
    cpf: str | None = None
    document_raw: str | None = None
    document_valid: bool | None = None
    city: str | None = None
    state: str | None = None
    owner_id: int | None = None
    owner_name: str | None = None
    deleted_at: datetime | None = None
    status: str | None = None
    letter: str | None = None


@dataclass(frozen=True, slots=True)
class Company(Customer):
    """The customers who share a CNPJ root, added up; who shares it with nobody is a company too.

    `members` are their ids, the biggest first. Of several, `customer_cnpj` is the root, and what differs is None.
    """

    members: tuple[int, ...] | list[int] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of customers or of companies, and the totals of all that match, on whatever page they are."""

    rows: list[Customer] | list[Company]
    total: int
    revenue: Decimal
    deals: int


@dataclass(frozen=True, slots=True)
class Question:
    """The two statements of a listing, and the parameters of both.

    `buyers` gives the page as well, as long as its last row is more than 0 in the `counted` column: who bought nothing
    in the period comes later then, and need not be sorted. `both` is the page with the totals at the end of each row:
    what was bought in a period is found but once.
    """

    totals: str
    page: str
    parameters: dict[str, Any]
    buyers: str = ""
    counted: int = 0
    both: str = ""


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal of one customer; `total` exactly as received, None where Ploomes holds no amount."""

    deal_id: int
    title: str
    status: str
    total: Decimal | None
    currency_id: int | None
    owner_id: int | None
    owner_name: str | None
    pipeline_id: int | None
    pipeline_name: str | None
    stage_name: str | None
    loss_reason: str | None
    created_at: datetime | None
    closed_at: datetime | None
    updated_at: datetime | None


def _every_time(look: Callable[[], Any], *asked: object) -> Any:
    return look()


def listing(
    connection: Connection,
    sight: Sight,
    zone: ZoneInfo,
    filters: Filters,
    *,
    sort: str = "total_revenue",
    order: Order = "desc",
    limit: int = 50,
    page: int = 1,
    portfolio: Portfolio | None = None,
    grouped: bool = False,
    once: Once = _every_time,
) -> Listing:
    """The customers that match, `limit` of them from page `page` (from 1), ties in the order of customer_id.

    `grouped`: a row is a Company.
    `once` may give the totals from where it keeps them: they are the same on every page and in every order.
    """
    shared = once(partial(shared_roots, connection), "shared roots") if grouped else None
    asked = question(
        connection,
        sight,
        zone,
        filters,
        sort=sort,
        order=order,
        limit=limit,
        offset=(page - 1) * limit,
        portfolio=portfolio,
        grouped=grouped,
        shared=shared,
    )
    rows, (total, revenue, deals) = _answer(connection, asked, once, totals_asked(filters, grouped=grouped))
    made: type[Customer] = Company if grouped else Customer
    return Listing([made(*row) for row in rows], total, revenue, deals)


def figures(
    connection: Connection,
    sight: Sight,
    zone: ZoneInfo,
    filters: Filters,
    *,
    sort: str,
    order: Order,
    limit: int,
    page: int,
    portfolio: Portfolio | None = None,
    once: Once = _every_time,
) -> tuple[list[Row], int]:
    """As `listing`, and only what stands in customer_sales, in the order of its columns; with how many match.

    What the contact says is not read, which takes half the time, nor is a Customer made of a row.
    """
    asked = question(
        connection,
        sight,
        zone,
        filters,
        sort=sort,
        order=order,
        limit=limit,
        offset=(page - 1) * limit,
        portfolio=portfolio,
        figures_only=True,
    )
    rows, (total, _, _) = _answer(connection, asked, once, totals_asked(filters))
    return rows, total


def figures_alone(
    sight: Sight, filters: Filters, *, sort: str, order: Order, limit: int, page: int
) -> tuple[str, dict[str, Any]] | None:
    """The statement of `figures` and its values, where nothing has to be looked up to write it; else None."""
    if not _is_table_itself(sight, filters, sort):
        return None
    return _ordered(queries.page_of_figures.sql, sort, order), {"limit": limit, "offset": (page - 1) * limit}


def totals_asked(filters: Filters, *, grouped: bool = False) -> tuple[object, ...]:
    """What the totals of a list are kept under."""
    return "totals", filters, grouped


def _is_table_itself(sight: Sight, filters: Filters, sort: str) -> bool:
    return sight.sees_all and filters == EVERYBODY and sort not in CONTACT_SORTS


def _ordered(page: str, sort: str, order: Order) -> str:
    direction = {"asc": "asc", "desc": "desc"}[order]
    return page.replace(DEFAULT_ORDER, f"order by {SORTS[sort].format(direction)}\n")


def _answer(
    connection: Connection, asked: Question, once: Once, kept_as: tuple[object, ...]
) -> tuple[list[Row], Totals]:
    rows: list[Row] = []

    def look() -> Totals:
        totals, page = _at_once(connection, asked) if asked.both else (None, [])
        rows.extend(page)
        return totals or _totals(connection, asked)

    totals = once(look, *kept_as)
    return rows or _rows(connection, asked, totals[0]), totals


def _at_once(connection: Connection, asked: Question) -> tuple[Totals | None, list[Row]]:
    """The totals, if the page has a row that could tell them, and the page, if it is one that they may stand on."""
    rows = connection.execute(asked.both, asked.parameters).fetchall()
    if not rows:
        return None, []
    total, revenue, deals = rows[0][-3:]
    page = [row[:-3] for row in rows]
    return (total, revenue, deals), page if not asked.buyers or _is_of_buyers(asked, page) else []


def _totals(connection: Connection, asked: Question) -> Totals:
    # Only the order of the page asks for a contact; without that, nothing has to be joined to be counted.
    ((total, revenue, deals),) = connection.execute(asked.totals, asked.parameters | {"contact_missing": True})
    return total, revenue, deals


def _rows(connection: Connection, asked: Question, total: int) -> list[Row]:
    if total <= asked.parameters["offset"]:
        return []
    if asked.buyers:
        rows = connection.execute(asked.buyers, asked.parameters).fetchall()
        if _is_of_buyers(asked, rows):
            return rows
    return connection.execute(asked.page, asked.parameters).fetchall()


def _is_of_buyers(asked: Question, page: list[Row]) -> bool:
    return len(page) == asked.parameters["limit"] and bool(page[-1][asked.counted] > 0)


def count(
    connection: Connection,
    sight: Sight,
    zone: ZoneInfo,
    filters: Filters,
    *,
    portfolio: Portfolio | None = None,
    grouped: bool = False,
) -> int:
    """How many customers or companies match."""
    asked = question(
        connection,
        sight,
        zone,
        filters,
        sort="total_revenue",
        order="desc",
        limit=0,
        offset=0,
        portfolio=portfolio,
        grouped=grouped,
    )
    ((total, _, _),) = connection.execute(asked.totals, asked.parameters)
    return int(total)


def everyone(
    connection: Connection,
    sight: Sight,
    zone: ZoneInfo,
    filters: Filters,
    *,
    sort: str = "total_revenue",
    order: Order = "desc",
    portfolio: Portfolio | None = None,
    grouped: bool = False,
) -> Iterator[Customer]:
    """All customers or companies that match, in order and in constant memory; the transaction stays open meanwhile."""
    asked = question(
        connection,
        sight,
        zone,
        filters,
        sort=sort,
        order=order,
        limit=None,
        offset=0,
        portfolio=portfolio,
        grouped=grouped,
    )
    made: type[Customer] = Company if grouped else Customer
    with connection.cursor("everyone") as cursor:
        cursor.itersize = EXPORT_CHUNK
        cursor.execute(asked.page, asked.parameters)
        for row in cursor:
            yield made(*row)


def customer(connection: Connection, sight: Sight, customer_id: int) -> Customer | None:
    """One customer with the totals of always, None where there is none or it is out of sight."""
    statement = queries.one_customer.sql
    if not sight.sees_all:
        statement = _over(queries.customer_sales_of_owner.sql, statement)
    parameters = {"customer_id": customer_id, "since": None, "until": None} | sight.parameters
    row = connection.execute(statement, parameters).fetchone()
    return Customer(*row) if row else None


def deals(connection: Connection, sight: Sight, customer_id: int) -> list[Deal]:
    """The deals of a customer that are in sight, the newest first."""
    return [Deal(*row) for row in queries.deals_of_customer(connection, customer_id=customer_id, **sight.parameters)]


def question(
    connection: Connection,
    sight: Sight,
    zone: ZoneInfo,
    filters: Filters,
    *,
    sort: str,
    order: Order,
    limit: int | None,
    offset: int,
    portfolio: Portfolio | None = None,
    figures_only: bool = False,
    grouped: bool = False,
    shared: list[str] | None = None,
) -> Question:
    """What is asked of the database for a page of the list; `shared` are the `shared_roots`, where they are known."""
    asks_contacts = bool(filters.search) or sort in CONTACT_SORTS
    adopted = asks_contacts and queries.is_adopted(connection)[0]
    sold = bought(connection, filters.period, zone, EVERYTHING) if filters.period and sight.sees_all else None
    parameters = (
        sight.parameters
        | _parameters(zone, filters)
        | (sold.parameters if sold else {})
        | (portfolio.parameters if portfolio else UNJUDGED)
        | {
            "adopted": adopted,
            # An index of contacts can give the order only where every row has one.
            "contact_missing": adopted or sort not in CONTACT_SORTS,
            "limit": limit,
            "offset": offset,
            "shared": shared_roots(connection) if grouped and shared is None else shared,
        }
    )
    block = queries.page_of_groups if grouped else queries.page_of_figures if figures_only else queries.page
    page = _ordered(block.sql, sort, order)
    totals = (queries.totals_of_groups if grouped else queries.totals).sql
    if _is_table_itself(sight, filters, sort):
        # The table itself: to plan the conditions that narrow nothing takes longer than to read a page.
        return Question(totals, page, parameters)
    if sold and not grouped:
        return _of_period(filters, sold, totals, page, parameters, sort, order)
    matching = _matching(_source(sight, sold), filters)
    totals = _over(matching, totals)
    return Question(totals, _over(matching, page, once=not sight.sees_all or _is_rare(filters)), parameters)


def shared_roots(connection: Connection) -> list[str]:
    """The CNPJ roots of more than one customer; to find them takes a look at all."""
    return list(queries.shared_roots(connection)[0])


def search_patterns(text: str) -> tuple[str | None, str | None]:
    """LIKE patterns for the folded name and for the bare document that a search means; None: it means none."""
    key = name_key(text).strip()
    if not key:
        return None, None
    bare = MASK.sub("", text).upper()
    is_document = len(bare) >= DOCUMENT_PIECE and bare.isascii() and bare.isalnum() and not bare.isalpha()
    return f"%{_literally(key)}%", f"%{bare}%" if is_document else None


def _literally(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


def _is_rare(filters: Filters) -> bool:
    """Nobody can tell how many a search will find: to walk an index until there are enough may take for ever."""
    return bool(filters.search) or filters.ask_the_portfolio


def _of_period(
    filters: Filters, sold: Bought, totals: str, page: str, parameters: dict[str, Any], sort: str, order: Order
) -> Question:
    """Only whom to show is chosen with the period, where that tells; then each who is shown is added up alone."""
    source = queries.customer_sales_of_period.sql
    totals = _over(_matching(source, filters), totals)
    counted = sort in COUNTED
    if not counted and filters.with_sales is None and filters.minimum is None:
        return Question(sold.over(totals), _shown(page, "", filters), parameters)
    every = _shown(page, source, filters)
    if not counted or order == "asc" or not parameters["limit"]:
        return Question(sold.over(totals), sold.over(every), parameters, both=sold.over(_with(totals, every)))
    buyers = _shown(page, source.replace("left join", "join"), filters)
    return Question(
        sold.over(totals),
        sold.over(every),
        parameters,
        sold.over(buyers),
        COUNTED[sort],
        sold.over(_with(totals, buyers)),
    )


def _with(totals: str, page: str) -> str:
    """The page, with the totals at the end of each row."""
    beside = f", totals.*\nfrom ({totals.rstrip().removesuffix(';')}) totals\ncross join unnest(array("
    return page.replace("\nfrom unnest(array(", beside, 1)


def _shown(page: str, source: str, filters: Filters) -> str:
    chosen = _matching(source, filters)
    if _is_rare(filters):
        chosen = _over(chosen, "select * from customer_sales", once=True)
    chosen, each = (text.rstrip().removesuffix(";") for text in (chosen, queries.customer_sales_of_each.sql))
    page = page.replace("from customer_sales\n", f"from ({chosen}) customer_sales\n")
    return page.replace("join customer_sales cs on", f"join ({each}) cs on")


def _source(sight: Sight, sold: Bought | None) -> str:
    """What stands in the place of customer_sales; nothing, where it is the table itself."""
    if not sight.sees_all:
        return str(queries.customer_sales_of_owner.sql)
    return sold.over(queries.customer_sales_of_period.sql) if sold else ""


def _matching(source: str, filters: Filters) -> str:
    statements = [source] if source else []
    if filters.ask_the_portfolio:
        statements.append(queries.judged.sql)
    statements.append(queries.matching.sql)
    return reduce(_over, statements)


def _over(source: str, statement: str, *, once: bool = False) -> str:
    """`statement` with `source` in the place of customer_sales; `once`: its rows are kept, not asked for again."""
    kept = "materialized" if once else "not materialized"
    return f"with customer_sales as {kept} ({source.rstrip().removesuffix(';')}) {statement}"


def _parameters(zone: ZoneInfo, filters: Filters) -> dict[str, Any]:
    name_pattern, document_pattern = search_patterns(filters.search)
    since, until = filters.period.instants(zone) if filters.period else (None, None)
    return {
        "name_pattern": name_pattern,
        "document_pattern": document_pattern,
        "has_sales": filters.with_sales,
        "owner": filters.owner,
        "states": list(filters.states) or None,
        "city": filters.city,
        "minimum": filters.minimum,
        "root": filters.root,
        "since": since,
        "until": until,
        "never_bought": filters.mean_who_never_bought,
        "statuses": list(filters.statuses) or None,
        "classes": list(filters.classes) or None,
        "cells": list(filters.cells) or None,
        "quiet_days": filters.quiet_days,
        "due_until": filters.due_until,
    }
