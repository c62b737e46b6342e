"""The portfolio, judged once for a publication and a day: to judge it is to look at every customer."""

from __future__ import annotations

from datetime import date

from carteira.customer_sales import segments
from carteira.customer_sales.segments import Portfolio
from carteira.customer_sales.sight import Sight
from carteira.warehouse.connection import Connection
from carteira.warehouse.stamp import Stamp


class Portfolios:
    """The portfolios of the last publication, by the right of sight; nothing of another one is held."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, date, Sight, int | None], Portfolio] = {}

    def of(self, connection: Connection, read: Stamp, sight: Sight, owner: int | None = None) -> Portfolio:
        """The portfolio in sight, or of one seller in it; `read` is the stamp of the snapshot that is looked into."""
        key = (read.publication, read.today, sight, owner)
        found = self.kept.get(key)
        if found is None:
            found = segments.portfolio(connection, read.today, sight, owner)
            # Bound anew and never changed, since several threads read it.
            same = {known: one for known, one in self.kept.items() if known[:2] == key[:2]}
            self.kept = same | {key: found}
        return found
