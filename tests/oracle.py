"""What customer_sales must be, summed up in plain Python from what the simulator holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from carteira.simulator.server import Simulator
from carteira.warehouse.connection import Warehouse

CENT = Decimal("0.01")
COLUMNS = (
    "customer_id, customer_name, total_revenue, total_deals, average_deal_value, first_purchase_date, "
    "last_purchase_date, open_deals, lost_deals"
)


@dataclass
class Sums:
    name: str
    exists: bool
    amounts: list[Decimal] = field(default_factory=list)
    dates: list[datetime] = field(default_factory=list)
    open: int = 0
    lost: int = 0
    live: int = 0


def usual_currency(deals: list[dict[str, Any]]) -> int | None:
    won: dict[int, int] = defaultdict(int)
    for deal in deals:
        if deal["StatusId"] == 2 and deal["CurrencyId"] is not None:
            won[deal["CurrencyId"]] += 1
    return min(won, key=lambda currency: (-won[currency], currency)) if won else None


def expected(
    ploomes: Simulator, usual: int | None, unreadable: AbstractSet[int] = frozenset()
) -> dict[int, tuple[Any, ...]]:
    """customer_sales by customer, as tuples of COLUMNS; `unreadable` deals are in no total."""
    hidden = set(ploomes.data.hidden_contact_ids())
    sums = {c["Id"]: Sums(c["Name"] or "", exists=True) for c in ploomes.data.contacts() if c["Id"] not in hidden}
    latest: dict[int, tuple[datetime, int]] = {}
    for deal in ploomes.data.deals():
        if deal["ContactId"] is None or deal["Id"] in unreadable:
            continue
        named = sums.setdefault(deal["ContactId"], Sums("", exists=False))
        stamp = (_moment(deal["LastUpdateDate"]), deal["Id"])
        if not named.exists and stamp > latest.get(
            deal["ContactId"], (datetime.min.replace(tzinfo=stamp[0].tzinfo), 0)
        ):
            latest[deal["ContactId"]] = stamp
            named.name = deal["ContactName"] or ""
        _add(named, deal, usual)
    return {customer_id: _row(customer_id, s) for customer_id, s in sums.items() if s.exists or s.live}


def _add(sums: Sums, deal: dict[str, Any], usual: int | None) -> None:
    sums.live += 1
    sums.open += deal["StatusId"] == 1
    sums.lost += deal["StatusId"] == 3
    ours = usual is None or deal["CurrencyId"] is None or deal["CurrencyId"] == usual
    if deal["StatusId"] == 2 and ours:
        sums.amounts.append(Decimal(str(deal["Amount"] or 0)))
        if deal["FinishDate"]:
            sums.dates.append(_moment(deal["FinishDate"]))


def _row(customer_id: int, sums: Sums) -> tuple[Any, ...]:
    total = sum(sums.amounts, Decimal(0))
    average = (total / len(sums.amounts)).quantize(CENT, ROUND_HALF_UP) if sums.amounts else Decimal(0)
    return (
        customer_id,
        sums.name,
        total.quantize(CENT, ROUND_HALF_UP),
        len(sums.amounts),
        average,
        min(sums.dates, default=None),
        max(sums.dates, default=None),
        sums.open,
        sums.lost,
    )


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def published(warehouse: Warehouse) -> dict[int, tuple[Any, ...]]:
    """customer_sales as it is."""
    with warehouse.transaction() as connection:
        return {row[0]: row for row in connection.execute(f"select {COLUMNS} from customer_sales")}


def assert_agrees(ploomes: Simulator, warehouse: Warehouse) -> None:
    """Published is what Ploomes holds, to the cent."""
    with warehouse.transaction() as connection:
        (usual,) = connection.execute("select usual_currency_id from sync_state").fetchone()
    want, have = expected(ploomes, usual), published(warehouse)
    assert want.keys() - have.keys() == set()
    assert have.keys() - want.keys() == set()
    differing = {key: (want[key], have[key]) for key in want if want[key] != have[key]}
    assert differing == {}
