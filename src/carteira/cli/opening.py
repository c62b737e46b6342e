"""The database of the settings, open while a command needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from carteira.cli.terminal import say
from carteira.errors import DatabaseError

if TYPE_CHECKING:
    from carteira.settings import Settings
    from carteira.warehouse.connection import Warehouse


@contextmanager
def opened(settings: Settings, *, any_schema: bool = False) -> Iterator[Warehouse]:
    """The database, its schema set up where there is none; `any_schema`: as it is, whatever that may be."""
    import psycopg

    from carteira.warehouse import migrate
    from carteira.warehouse.connection import away
    from carteira.warehouse.embedded import open_warehouse

    url = settings.database_url.reveal() if settings.database_url else None
    try:
        with open_warehouse(url, settings.database_schema, settings.home) as warehouse:
            if not any_schema:
                migrate.ensure(warehouse, say)
            yield warehouse
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"The database refused: {' '.join(str(error).split())}. Use a role in DATABASE_URL that owns the tables."
        ) from error
    except psycopg.OperationalError as error:
        raise away(error) from error
