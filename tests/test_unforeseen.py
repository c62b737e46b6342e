"""A fault of our own, which no error class foresees: the run ends with its class name and without what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from listeners import web_server
from oracle import assert_agrees
from quick import QUICK, last_run, one

from carteira.settings import Secret, Settings
from carteira.simulator.server import Simulator
from carteira.sync.run import sync
from carteira.warehouse import staging
from carteira.warehouse.connection import Warehouse

SAID = "canary of a fault"
ROWS = 50


def failing_at(step: str, nth: int = 1) -> Callable[[str], None]:
    seen = []

    def fail(reached: str) -> None:
        seen.append(reached)
        if seen.count(step) == nth:
            raise RuntimeError(SAID)

    return fail


@pytest.mark.parametrize(
    ("step", "nth", "state"),
    [("opened", 1, "failed"), ("staged", 3, "partial"), ("read", 1, "partial"), ("publishing", 1, "failed")],
)
def test_the_run_is_over_and_says_why_without_what_the_fault_said(
    settings: Settings, warehouse: Warehouse, simulator: Simulator, step: str, nth: int, state: str
) -> None:
    with pytest.raises(RuntimeError):
        sync(settings, warehouse, patience=QUICK, page=ROWS, at_step=failing_at(step, nth))

    run = last_run(warehouse)
    assert run.state == state
    assert run.error is not None and "unexpected RuntimeError" in run.error
    assert SAID not in run.error
    with warehouse.transaction() as connection:
        kept = staging.reads(connection)
    assert bool(kept) == (state == "partial")
    assert sync(settings, warehouse, patience=QUICK).state == "succeeded"
    assert_agrees(simulator, warehouse)
    assert (last_run(warehouse).id == run.id) == (state == "partial")


def test_what_was_read_is_not_asked_for_again(settings: Settings, warehouse: Warehouse, simulator: Simulator) -> None:
    with pytest.raises(RuntimeError):
        sync(settings, warehouse, patience=QUICK, page=ROWS, at_step=failing_at("read"))
    read = len(simulator.requests)
    simulator.requests.clear()

    sync(settings, warehouse, patience=QUICK, page=ROWS)

    assert len(simulator.requests) < read / 2


def test_a_publication_that_fails_is_undone(settings: Settings, warehouse: Warehouse, simulator: Simulator) -> None:
    sync(settings, warehouse, patience=QUICK)
    before = one(warehouse, "select sum(total_revenue) from customer_sales")
    simulator.clock.advance(60)
    simulator.data.win_deal(next(deal["Id"] for deal in simulator.data.deals() if deal["StatusId"] == 1), Amount=5)

    with pytest.raises(RuntimeError):
        sync(settings, warehouse, patience=QUICK, at_step=failing_at("published, not committed"))

    assert last_run(warehouse).state == "failed"
    assert one(warehouse, "select sum(total_revenue) from customer_sales") == before


def test_a_database_that_refuses_is_put_on_record_too(
    settings: Settings, warehouse: Warehouse, simulator: Simulator
) -> None:
    """As a trigger or a constraint of somebody else's does."""
    with warehouse.transaction() as connection:
        connection.execute("alter table sales add constraint of_somebody check (false) not valid")

    with pytest.raises(Exception, match="The database refused"):
        sync(settings, warehouse, patience=QUICK)

    run = last_run(warehouse)
    assert run.state == "partial"
    assert run.error is not None and "of_somebody" in run.error


def test_people_are_told_of_it(settings: Settings, warehouse: Warehouse) -> None:
    with web_server() as hook:
        watched = replace(settings, alert_webhook_url=Secret(hook.url))
        with pytest.raises(RuntimeError):
            sync(watched, warehouse, patience=QUICK, at_step=failing_at("read"))

        ((_, told),) = hook.calls

    assert "RuntimeError" in told and SAID not in told
