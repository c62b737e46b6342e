"""Two weeks of runs as they would have been logged: most published, one cut short, one refused, one row rejected."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import Any

from carteira.sync import audit
from carteira.sync.audit import Verdict
from carteira.warehouse.connection import Connection

RUNS = 56
INSERT = """
insert into sync_runs (mode, state, opened_at, finished_at, slices, seconds, requests, pages, customers_expected,
    deals_expected, customers_read, deals_read, customers_changed, deals_changed, deals_deleted, customer_sales_changed,
    rejected, error, audit)
values (%(mode)s, %(state)s, %(opened_at)s, %(opened_at)s, %(slices)s, %(seconds)s, %(requests)s, %(pages)s,
    %(customers)s, %(deals)s, %(customers_read)s, %(deals_read)s, %(customers_changed)s, %(deals_changed)s,
    %(gone)s, %(changed)s, 0,
    %(error)s, %(audit)s)
returning id
"""


def write(connection: Connection, *, latest: datetime, customers: int, deals: int, rejects: bool = True) -> None:
    """A run every six hours up to `latest`, which is the one that the data is as fresh as."""
    chance = random.Random(11)
    run_id = 0
    for number in range(RUNS):
        opened_at = latest - timedelta(hours=6 * (RUNS - 1 - number))
        state = {21: "refused", 47: "failed"}.get(number, "succeeded")
        row = _run(chance, number, state, opened_at, customers, deals)
        found = connection.execute(INSERT, row).fetchone()
        assert found is not None
        run_id = found[0]
    for entity, count in (("contacts", customers), ("deals", deals)):
        connection.execute(
            "update sync_entities set remote_count = %s, live_rows = %s where entity = %s", (count, count, entity)
        )
    connection.execute("update sync_state set last_full_at = %s", (latest - timedelta(hours=6),))
    if rejects:
        _reject(connection, run_id, latest)


def _run(
    chance: random.Random, number: int, state: str, opened_at: datetime, customers: int, deals: int
) -> dict[str, Any]:
    full = number % 4 == 2
    seconds = chance.uniform(6, 10) if full else chance.uniform(1.1, 2.6)
    changed, gone = chance.randint(4, 60), int(chance.random() < 0.2)
    refused = audit.shrinkage("deals", deals, 3412, accepted=False)
    return {
        "mode": "full" if full else "incremental",
        "state": state,
        "opened_at": opened_at,
        "slices": 2 if number == 50 else 1,
        "seconds": round(58.2 if number == 50 else seconds, 3),
        "requests": 113 if full else chance.randint(6, 9),
        "pages": 109 if full else 4,
        "customers": customers,
        "deals": deals,
        "customers_read": customers if full else chance.randint(0, 9),
        "deals_read": deals if full else changed,
        "customers_changed": chance.randint(0, 9),
        "deals_changed": changed,
        "gone": gone,
        "changed": changed + 3,
        "error": {
            "refused": f"Refused to publish run {number + 1}: {refused.detail} What was published before still stands.",
            "failed": "Ploomes did not answer /Deals on https://api2.ploomes.com after 7 tries in 61 s: HTTP 503."
            " Published data is untouched; check the network and PLOOMES_BASE_URL, or try again later.",
        }.get(state),
        "audit": json.dumps([one.as_dict() for one in _verdicts(state, customers, deals, gone, refused)]),
    }


def _verdicts(state: str, customers: int, deals: int, gone: int, refused: Verdict) -> list[Verdict]:
    if state == "failed":
        return []
    return [
        audit.counts("contacts", customers, customers, customers, 0),
        audit.counts("deals", deals, deals, deals, 0),
        audit.rejected("contacts", 0, customers),
        refused if state == "refused" else audit.shrinkage("deals", deals + gone, gone, accepted=False),
        audit.rejected("deals", 0, deals),
        audit.identity((1, 1), (1, 1), gone=gone, accepted=False),
    ]


def _reject(connection: Connection, run_id: int, latest: datetime) -> None:
    rows = [
        (
            874551,
            "FinishDate",
            "is not a possible date",
            '{"Id": 874551, "FinishDate": "0001-01-01T00:00:00"}',
            5,
        ),
        (881027, "Amount", "is 10^13 or more", '{"Id": 881027, "Amount": 1e18}', 1),
    ]
    for deal_id, field, reason, raw, days in rows:
        connection.execute(
            "insert into rejected_rows (run_id, entity, id, field, reason, raw, seen_at)"
            " values (%s, 'deals', %s, %s, %s, %s, %s)",
            (run_id, deal_id, field, reason, raw, latest - timedelta(days=days)),
        )
