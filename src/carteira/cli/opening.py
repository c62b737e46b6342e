"""The database of the settings, open while a command needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from carteira.cli.terminal import say

if TYPE_CHECKING:
    from carteira.settings import Settings
    from carteira.warehouse.connection import Warehouse


@contextmanager
def opened(settings: Settings, *, any_schema: bool = False) -> Iterator[Warehouse]:
    """The database, its schema set up where there is none; `any_schema`: as it is, whatever that may be."""
    import psycopg

    from carteira.warehouse import migrate
    from carteira.warehouse.connection import away

    try:
        with _warehouse(settings) as warehouse:
            if not any_schema:
                migrate.ensure(warehouse, say)
            yield warehouse
    except psycopg.Error as error:
        raise away(error) from error


def _warehouse(settings: Settings) -> AbstractContextManager[Warehouse]:
    if settings.database_url is None:
        from carteira.warehouse.embedded import open_warehouse

        return open_warehouse(None, settings.database_schema, settings.home)
    # What holds up a server of our own takes as long to import as a quiet run.
    from carteira.warehouse.connection import Warehouse

    return nullcontext(Warehouse(settings.database_url.reveal(), settings.database_schema))
