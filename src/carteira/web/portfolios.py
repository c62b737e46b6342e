"""What takes a look at every customer or at years of sales: found once for a publication and a day, then kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from carteira.customer_sales import segments
from carteira.customer_sales.segments import Month, Portfolio
from carteira.customer_sales.sight import Sight
from carteira.warehouse.connection import Connection
from carteira.warehouse.stamp import Stamp

T = TypeVar("T")

# Of so many rights of sight, sellers, views, periods and searches; what nobody asked for lately goes first.
MOST = 4096


@dataclass(slots=True)
class _Place:
    """Where an answer lies once it is found; one look serves all who wait for it."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    found: list[Any] = field(default_factory=list)


class Portfolios:
    """What was asked of the last publication, by the right of sight; nothing of another one is held."""

    def __init__(self) -> None:
        self.kept: OrderedDict[tuple[Any, ...], _Place] = OrderedDict()
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

    def report(self, read: Stamp, sight: Sight, look: Callable[[], T], *asked: object) -> T:
        """What `look` finds: a report, named by what is `asked`, of all that `sight` lets it read."""
        return self._once(_named(read, sight, asked), look)

    def known(self, read: Stamp, sight: Sight, *asked: object) -> Any:
        """What `report` found for what is `asked`, None where nobody has asked for it yet."""
        found = self._place(_named(read, sight, asked)).found
        return found[0] if found else None

    def _once(self, key: tuple[Any, ...], look: Callable[[], T]) -> T:
        place = self._place(key)
        with place.turn:
            if not place.found:
                place.found.append(look())
            found: T = place.found[0]
            return found

    def _place(self, key: tuple[Any, ...]) -> _Place:
        with self.turn:
            if next(iter(self.kept), key)[:2] != key[:2]:
                self.kept.clear()
            place = self.kept.setdefault(key, _Place())
            self.kept.move_to_end(key)
            if len(self.kept) > MOST:
                self.kept.popitem(last=False)
            return place


def _named(read: Stamp, sight: Sight, asked: tuple[object, ...]) -> tuple[Any, ...]:
    # Names of sellers and rejected rows may change with a run that publishes nothing. Two periods of the same days are
    # equal and yet have other predecessors, so it is their repr that tells.
    return read.publication, read.today, sight, read.last_run, read.last_sync_at, repr(asked)
