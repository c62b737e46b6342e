"""A Ploomes, a warehouse, and what it takes to sync the one into the other: made anew for each example of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from carteira.ploomes.client import Patience
from carteira.settings import Settings, load
from carteira.simulator.server import Simulator
from carteira.sync.run import Outcome, sync
from carteira.warehouse.connection import Warehouse

NewWarehouse = Callable[[], AbstractContextManager[Warehouse]]

ROWS_A_PAGE = 7
EAGER = Patience(first_pause=0.001)


def settings_for(ploomes: Simulator, warehouse: Warehouse, folder: Path, **others: str) -> Settings:
    """Everything that is needed to sync `ploomes` into `warehouse`, and other variables by name."""
    given = {
        "PLOOMES_API_KEY": ploomes.key,
        "PLOOMES_BASE_URL": ploomes.url,
        "PLOOMES_REQUESTS_PER_MINUTE": "100000",
        "DATABASE_URL": _url(warehouse.dsn),
        "CARTEIRA_HOME": str(folder / "home"),
        "CRON_SECRET": "a-secret-of-the-tests",
    }
    return load(given | others, folder)


def _url(dsn: str) -> str:
    parts = {name: quote(str(value), safe="") for name, value in conninfo_to_dict(dsn).items()}
    return f"postgresql://{parts['user']}@{parts['host']}:{parts['port']}/{parts['dbname']}"


@dataclass(frozen=True)
class World:
    """An account and its copy."""

    ploomes: Simulator
    warehouse: Warehouse
    settings: Settings

    def sync(self, **options: Any) -> Outcome:
        """A run that reads few rows a page and waits neither between tries nor for runs of the same minute."""
        with self.warehouse.transaction() as connection:
            connection.execute("delete from request_bookings")
        return sync(self.settings, self.warehouse, **({"page": ROWS_A_PAGE, "patience": EAGER} | options))


@contextmanager
def world(new_warehouse: NewWarehouse, folder: Path, ploomes: Simulator, **others: str) -> Iterator[World]:
    """A running account with an empty warehouse beside it."""
    with ploomes, new_warehouse() as warehouse:
        yield World(ploomes, warehouse, settings_for(ploomes, warehouse, folder, **others))
