"""From the staging to what everybody reads, inside the caller's one transaction: merge, tombstone, flag, close.

customer_sales is derived between `merge` and `close` by its own room; nothing here knows what a sale is worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from carteira import brazil
from carteira.warehouse import forget, staging
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("publish.sql"))

SETTLING_SECONDS = 2.0
MANY_CUSTOMERS = 20_000
MANY_DEALS = 10_000


@dataclass(frozen=True)
class Merged:
    """What merging changed; `touched`: whose customer_sales to derive anew, None for all.

    `customers_live` and `deals_live` tell how many more there are; of a full read, `deals_live` tells how many, and
    `won_total` what the won ones add up to.
    """

    touched: list[int] | None
    customers: int
    deals: int
    customers_deleted: int
    deals_deleted: int
    customers_live: int
    deals_live: int
    rejected: int
    usual_currency_id: int | None
    changed: bool
    won_total: Decimal | None = None


def alone(connection: Connection) -> None:
    """Wait until no other writer of published tables is at work."""
    queries.alone(connection)


def merge(
    connection: Connection,
    run_id: int,
    opened_at: datetime,
    *,
    full: bool,
    usual_currency_id: int | None,
    look_ups: bool = True,
) -> Merged:
    """The staging into customers, sales, look-ups and rejected_rows.

    `look_ups` False leaves numbers without a name unknown, so that the next run asks for their names. What names the
    forgotten is emptied first, whatever it was read by.
    """
    forget.queries.empty_staged(connection)
    (queries.all_days_change if full else queries.days_change)(connection)
    touched = None if full else queries.touched(connection)[0]
    customers_live, deals_live = (0, 0) if full else queries.becoming_live(connection)
    (named,) = queries.merge_look_ups(connection) if look_ups else (0,)
    customers = queries.merge_customers(connection)
    (first,) = queries.nothing_published(connection)
    deals = (queries.first_sales if first else queries.merge_sales)(connection)
    if deals > MANY_DEALS:
        queries.count_anew(connection)
    customers_deleted, deals_deleted = queries.tombstone(connection, opened_at=opened_at)
    rejected, flagged = queries.flag_rejected(connection, run_id=run_id, opened_at=opened_at, full=full)
    placeholders = _placeholders(connection, touched)
    usual, won_total, live = _held(connection, full, usual_currency_id)
    if touched is not None and (usual != usual_currency_id or len(touched) > MANY_CUSTOMERS):
        touched = None
    return Merged(
        touched=touched,
        customers=customers + placeholders,
        deals=deals,
        customers_deleted=customers_deleted,
        deals_deleted=deals_deleted,
        customers_live=customers_live - customers_deleted,
        deals_live=live if full else deals_live - deals_deleted,
        rejected=rejected,
        usual_currency_id=usual,
        changed=any((named, customers, deals, customers_deleted, deals_deleted, flagged, placeholders)),
        won_total=won_total,
    )


def _placeholders(connection: Connection, touched: list[int] | None) -> int:
    if touched is None:
        nameless = queries.nameless_contacts(connection)
    else:
        nameless = queries.nameless_among(connection, customer_ids=touched)
    rows = [
        {"customer_id": customer_id, "name": name, "name_key": brazil.name_key(name)} for customer_id, name in nameless
    ]
    if rows:
        queries.put_placeholder(connection, rows)
    return len(rows)


def _held(connection: Connection, full: bool, before: int | None) -> tuple[int | None, Decimal | None, int]:
    """The usual currency; where it is looked for, what the won deals add up to and how many deals there are too."""
    if not full and before is not None:
        return before, None, 0
    found, won_total, live = queries.deals_held(connection)
    if found is None or found == before:
        return before, won_total, live
    queries.usual_currency_is(connection, usual_currency_id=found)
    return found, won_total, live


def read_total(connection: Connection) -> Decimal:
    """What the won deals that were read add up to: of a full read, the whole account."""
    return Decimal(queries.read_total(connection)[0])


def close(connection: Connection, merged: Merged, *, full: bool, hinted: Mapping[str, int], **state: Any) -> int:
    """Move the watermarks, empty the staging, and give the publication's number.

    `hinted`: the rows of each entity that hints had published when the run took its counts.
    """
    queries.close_entities(
        connection,
        full=full,
        deals=merged.deals_live,
        customers=merged.customers_live,
        settling=SETTLING_SECONDS,
        hinted_deals=hinted["deals"],
        hinted_contacts=hinted["contacts"],
    )
    (publication,) = queries.close_state(connection, full=full, usual_currency_id=merged.usual_currency_id, **state)
    staging.clear(connection)
    return int(publication)
