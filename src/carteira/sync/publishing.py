"""The publishing half of a run: the audit, then one transaction that readers see whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from carteira.customer_sales.rebuild import Rebuilt, Totals, rebuild, totals
from carteira.errors import Refused
from carteira.ploomes.pages import Opening
from carteira.sync import audit, plan, reading
from carteira.sync.audit import Verdict
from carteira.sync.reading import Closed
from carteira.sync.stage import Slice
from carteira.warehouse import hints, publish, runs, staging
from carteira.warehouse.connection import Connection
from carteira.warehouse.publish import Merged
from carteira.warehouse.runs import EntityState, State


@dataclass(frozen=True)
class Published:
    """What a publication changed, and its number."""

    publication: int
    customers: int
    deals: int
    deleted: int
    rejected: int


def verdicts(
    run: Slice, state: State, before: dict[str, EntityState], found: dict[str, Opening], closed: list[Closed]
) -> tuple[list[Verdict], tuple[int | None, int | None]]:
    """The audit of what is staged, and who the key's user is where that was asked for."""
    with run.lease.transaction(run.connection) as connection:
        gone = dict(zip(("deals", "contacts"), staging.queries.absences(connection), strict=True))
        rejected = dict(zip(("deals", "contacts"), staging.queries.rejections(connection, full=run.full), strict=True))
    who = reading.identity(run) if run.full or any(gone.values()) else (None, None)
    said = [
        audit.counts(one.entity.name, one.opening.count, one.closing, one.closing + one.rest, one.changed)
        for one in closed
    ]
    for name, opening in found.items():
        said.append(audit.shrinkage(name, before[name].live_rows, gone[name], accepted=run.accept_deletions))
        said.append(audit.rejected(name, rejected[name], opening.count))
        late = audit.future(name, str(opening.newest), str(opening.server_now), ahead=plan.ahead(opening))
        said += [late] if late else []
    said.append(
        audit.identity(
            (state.ploomes_user_id, state.ploomes_profile_id),
            who,
            gone=sum(gone.values()),
            accepted=run.accept_deletions,
        )
    )
    left_out = audit.fields(run.refused)
    return said + ([left_out] if left_out else []), who


def publish_run(run: Slice, state: State, said: list[Verdict], who: tuple[int | None, int | None]) -> Published:
    """Publish what is staged, or raise Refused and change nothing."""
    run.audit = [one.as_dict() for one in said]
    reason = audit.refusal(said)
    if reason:
        raise Refused(f"Refused to publish run {run.run_id}: {reason} What was published before still stands.")
    run.at_step("publishing")
    with run.lease.transaction(run.connection, publishing=True) as connection:
        publish.alone(connection)
        read_total = publish.read_total(connection) if run.full else None
        merged = publish.merge(
            connection, run.run_id, run.opened_at, full=run.full, usual_currency_id=state.usual_currency_id
        )
        sums, changed = _derive(connection, run, merged)
        if read_total is not None and merged.won_total is not None:
            said = [*said, audit.sums(read_total, merged.won_total)]
        publication = publish.close(
            connection,
            merged,
            full=run.full,
            hinted=run.hinted,
            changed=merged.changed or bool(changed),
            opened_at=run.opened_at,
            seconds=run.seconds,
            ploomes_user_id=who[0],
            ploomes_profile_id=who[1],
            refused_fields=sorted(run.refused),
        )
        _succeed(connection, run, merged, said, sums, changed)
        run.at_step("published, not committed")
    run.at_step("published")
    return Published(
        publication,
        merged.customers + merged.customers_deleted,
        merged.deals + merged.deals_deleted,
        merged.customers_deleted + merged.deals_deleted,
        merged.rejected,
    )


def _derive(connection: Connection, run: Slice, merged: Merged) -> tuple[dict[str, Any], Rebuilt]:
    hinted = any(entity.hinted for entity in runs.entities(connection).values())
    # The last run's totals are no longer what is published: all is added up again.
    before = totals(connection) if hinted else _last_totals(connection)
    touched_before = totals(connection, merged.touched)
    changed = rebuild(connection, run.opened_at, merged.touched, run.timezone)
    touched_after = totals(connection, merged.touched)
    if merged.touched is None or before is None:
        return {"before": _as_dict(touched_before), "after": _as_dict(totals(connection))}, changed
    after = Totals(
        before.customers + touched_after.customers - touched_before.customers,
        before.revenue + touched_after.revenue - touched_before.revenue,
        before.deals + touched_after.deals - touched_before.deals,
    )
    return {"before": _as_dict(before), "after": _as_dict(after)}, changed


def _last_totals(connection: Connection) -> Totals | None:
    row = runs.queries.last_totals(connection)
    if row is None or not row[0]:
        return None
    return Totals(row[0]["customers"], Decimal(row[0]["revenue"]), row[0]["deals"])


def _as_dict(these: Totals) -> dict[str, Any]:
    return {"customers": these.customers, "revenue": str(these.revenue), "deals": these.deals}


def _succeed(
    connection: Connection, run: Slice, merged: Merged, said: list[Verdict], sums: dict[str, Any], changed: Rebuilt
) -> None:
    hints.queries.covered(connection, opened_at=run.opened_at)
    runs.queries.succeed(
        connection,
        run_id=run.run_id,
        requests=run.requests,
        throttled=run.client.pacer.throttled,
        seconds=run.seconds,
        audit=json.dumps([one.as_dict() for one in said]),
        sums=json.dumps(sums),
        rejected=merged.rejected,
        customers_changed=merged.customers,
        deals_changed=merged.deals,
        customers_deleted=merged.customers_deleted,
        deals_deleted=merged.deals_deleted,
        customer_sales_changed=changed.customer_sales,
    )


def publish_quiet(run: Slice, publication: int) -> int:
    """Nothing changed in Ploomes: the run is on record, and with it that all is as fresh as it.

    Only the 12 months that the portfolio counts may have moved on. Gives the publication's number, the old or the next.
    """
    with run.lease.transaction(run.connection, publishing=True) as connection:
        publish.alone(connection)
        changed = rebuild(connection, run.opened_at, [], run.timezone)
        if changed:
            publish.queries.republished(connection)
        row = runs.queries.last_totals(connection)
        sums = {"before": row[0], "after": row[0]} if row and row[0] else {}
        quiet = Verdict("counts", audit.OK, "Newest change and count of every entity are those of the last run.")
        nothing = Merged([], 0, 0, 0, 0, 0, 0, 0, None, changed=False)
        _succeed(connection, run, nothing, [quiet], sums, changed)
    return publication + bool(changed)
