"""Verdicts from numbers alone: where each begins to warn and to refuse, and that it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from quick import QUICK, last_run

from carteira.ploomes.pages import Opening
from carteira.settings import Settings
from carteira.sync import audit, plan
from carteira.sync.run import sync
from carteira.warehouse.connection import Warehouse

NOON = datetime(2026, 11, 24, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("here", "closing", "changed", "expected"),
    [
        (600, 600, 0, "ok"),
        (605, 600, 0, "warning"),
        (595, 600, 0, "warning"),
        (606, 600, 0, "refused"),
        (594, 600, 0, "refused"),
        (640, 600, 40, "warning"),
        (641, 600, 40, "refused"),
        (100_100, 100_000, 0, "warning"),
        (100_101, 100_000, 0, "refused"),
        (0, 600, 0, "refused"),
    ],
)
def test_counts(here: int, closing: int, changed: int, expected: str) -> None:
    """What cannot be explained by five rows, one in a thousand or what changed meanwhile is refused."""
    verdict = audit.counts("deals", 600, closing, here, changed)

    assert verdict.verdict == expected
    assert verdict.facts["rest"] == here - closing


@pytest.mark.parametrize(
    ("published", "gone", "expected"),
    [
        (600, 0, "ok"),
        (600, 60, "ok"),
        (600, 61, "refused"),
        (100, 20, "ok"),
        (100, 21, "refused"),
        (10_000, 1_000, "ok"),
        (4, 4, "ok"),
        (5, 4, "ok"),
        (5, 5, "refused"),
        (20, 20, "refused"),
        (0, 0, "ok"),
    ],
)
def test_shrinkage(published: int, gone: int, expected: str) -> None:
    """More than 10 % and more than 20, or all of five and more; accepted, it is a warning."""
    assert audit.shrinkage("deals", published, gone, accepted=False).verdict == expected
    accepted = audit.shrinkage("deals", published, gone, accepted=True).verdict
    assert accepted == ("warning" if expected == "refused" else "ok")


@pytest.mark.parametrize(
    ("before", "now", "gone", "expected"),
    [
        ((1, 2), (1, 2), 5, "ok"),
        ((None, None), (1, 2), 5, "ok"),
        ((1, 2), (1, 3), 0, "ok"),
        ((1, 2), (1, 3), 1, "refused"),
        ((1, 2), (9, 2), 1, "refused"),
        ((1, 2), (None, None), 1, "refused"),
    ],
)
def test_identity(
    before: tuple[int | None, int | None], now: tuple[int | None, int | None], gone: int, expected: str
) -> None:
    """Somebody else's eyes prove no absence."""
    assert audit.identity(before, now, gone=gone, accepted=False).verdict == expected
    assert audit.identity(before, now, gone=gone, accepted=True).verdict != "refused"


@pytest.mark.parametrize(
    ("rows", "total", "expected"),
    [(0, 600, "ok"), (1, 600, "warning"), (10, 600, "warning"), (11, 600, "refused"), (11, 1_100, "warning")],
)
def test_rejected(rows: int, total: int, expected: str) -> None:
    """Ten or one in a hundred are a warning; more is another kind of trouble."""
    assert audit.rejected("deals", rows, total).verdict == expected


@pytest.mark.parametrize(("seconds", "ahead"), [(-1.0, False), (0.0, False), (0.999, False), (1.0, True), (1e9, True)])
def test_future(seconds: float, ahead: bool) -> None:
    """The clock of a Date header stands for the whole second."""
    assert plan.ahead(Opening(NOON + timedelta(seconds=seconds), 1, 1, NOON)) is ahead
    assert (audit.future("deals", "", "", ahead=ahead) is not None) is ahead


def test_fields_and_sums() -> None:
    """What was left out by name, and the two sums that should be one."""
    assert audit.fields(frozenset()) is None
    left_out = audit.fields(frozenset({"/Deals:Title", "/Contacts:CPF"}))
    assert left_out is not None
    assert left_out.facts == {"refused": ["/Contacts:CPF", "/Deals:Title"]}
    assert audit.sums(Decimal("1.10"), Decimal("1.1")).verdict == "ok"
    assert audit.sums(Decimal("1.10"), Decimal("1.11")).verdict == "warning"


def test_one_refusal_is_enough() -> None:
    """All reasons are told at once; warnings publish."""
    warning = audit.rejected("deals", 1, 600)
    refused = [audit.shrinkage("deals", 600, 61, accepted=False), audit.counts("deals", 600, 600, 0, 0)]

    assert audit.refusal([warning]) is None
    reason = audit.refusal([warning, *refused])
    assert reason is not None
    assert all(verdict.detail in reason for verdict in refused)


def test_the_verdict_is_kept(settings: Settings, warehouse: Warehouse) -> None:
    """With the numbers behind it, and the sums before and after."""
    sync(settings, warehouse, patience=QUICK)
    run = last_run(warehouse)

    assert {"counts", "shrinkage", "rejected", "identity", "sums"} <= {verdict["check"] for verdict in run.audit}
    counted = next(v for v in run.audit if v["check"] == "counts" and v["facts"]["entity"] == "deals")
    assert (counted["facts"]["here"], counted["facts"]["closing"]) == (600, 600)
    assert run.sums["before"]["deals"] == 0
    assert Decimal(run.sums["after"]["revenue"]) > 0
