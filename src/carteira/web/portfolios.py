"""The portfolio, judged once for a publication and a day: to judge it is to look at every customer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from carteira.customer_sales import segments
from carteira.customer_sales.segments import Month, Portfolio
from carteira.customer_sales.sight import Sight
from carteira.warehouse.connection import Connection
from carteira.warehouse.stamp import Stamp

T = TypeVar("T")

# Of so many rights of sight, sellers and views; who asks for more of them waits again.
MOST = 256


class Portfolios:
    """What was asked of the last publication, by the right of sight; nothing of another one is held."""

    def __init__(self) -> None:
        self.kept: dict[tuple[Any, ...], Any] = {}
        # One look at everybody serves all who wait for it.
        self.turn = threading.Lock()

    def of(self, connection: Connection, read: Stamp, sight: Sight, owner: int | None = None) -> Portfolio:
        """The portfolio in sight, or of one seller in it; `read` is the stamp of the snapshot that is looked into."""
        return self._once(
            (read.publication, read.today, sight, owner),
            lambda: segments.portfolio(connection, read.today, sight, owner),
        )

    def balance(
        self, connection: Connection, read: Stamp, months: int, sight: Sight, owner: int | None = None
    ) -> list[Month]:
        """How it moved in the last months, of the same customers."""
        return self._once(
            (read.publication, read.today, sight, owner, months),
            lambda: segments.balance(connection, read.today, months, sight, owner),
        )

    def counted(self, read: Stamp, sight: Sight, query: str, count: Callable[[], int]) -> int:
        """How many customers a saved view has, counted once."""
        return self._once((read.publication, read.today, sight, query), count)

    def _once(self, key: tuple[Any, ...], look: Callable[[], T]) -> T:
        with self.turn:
            if key not in self.kept:
                if next(iter(self.kept), key)[:2] != key[:2]:
                    self.kept.clear()
                elif len(self.kept) >= MOST:
                    self.kept.pop(next(iter(self.kept)))
                self.kept[key] = look()
            found: T = self.kept[key]
            return found
