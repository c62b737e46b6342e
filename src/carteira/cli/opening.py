"""The database of the settings, open while a command needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carteira.settings import Settings
    from carteira.warehouse.connection import Warehouse


@contextmanager
def opened(settings: Settings, *, any_schema: bool = False) -> Iterator[Warehouse]:
    """The database, its schema set up where there is none; `any_schema` leaves it as it is and asks for none."""
    from carteira.warehouse import migrate
    from carteira.warehouse.embedded import open_warehouse

    url = settings.database_url.reveal() if settings.database_url else None
    with open_warehouse(url, settings.database_schema, settings.home) as warehouse:
        if not any_schema:
            migrate.ensure(warehouse)
        yield warehouse
