"""A run from Ploomes to customer_sales: exact after a first read, cheap when quiet, right after every kind of edit."""

from __future__ import annotations

import pytest
from oracle import assert_agrees

from carteira.settings import Settings
from carteira.simulator.server import Simulator
from carteira.sync.run import sync
from carteira.warehouse import runs
from carteira.warehouse.connection import Warehouse

pytestmark = pytest.mark.every_postgres


def test_a_first_run_is_exact(settings: Settings, warehouse: Warehouse, simulator: Simulator) -> None:
    """Every customer and every sum is what Ploomes holds, and the run says so."""
    outcome = sync(settings, warehouse)

    assert (outcome.state, outcome.mode) == ("succeeded", "full")
    assert_agrees(simulator, warehouse)
    with warehouse.transaction() as connection:
        run = runs.recent(connection)[0]
    assert {verdict["verdict"] for verdict in run.audit} == {"ok"}
    # Customers, though each who buys has rows in customer_rhythm that changed as well.
    assert run.customer_sales_changed == outcome.customers
