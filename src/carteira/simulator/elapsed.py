"""What went on at an account whose file was put away for days: trade as in the weeks before."""

from __future__ import annotations

from datetime import timedelta

from carteira.simulator.clock import moment, stored
from carteira.simulator.edits import Data
from carteira.simulator.store import Row, Store

_MONTH = timedelta(days=28)  # whole weeks, so that weekends stay weekends
_DATES = ("FinishDate", "CreateDate", "LastUpdateDate")


def catch_up(store: Store) -> int:
    """Repeat the latest deals until the clock's now, under new Ids; gives how many. Less than a day is left alone."""
    now = store.clock.now()
    until = moment(store.connection.execute("select until from made").fetchone()[0])
    if until > now - timedelta(days=1):
        return 0
    shift = -(-(now - until) // _MONTH) * _MONTH
    data = Data(store)
    again = data.deals_changed(until - shift, now - shift)
    with store.changing() as connection:
        for row in again:
            data.create_deal(**_shifted(row, shift, stored(now)))
        connection.execute("update made set until = ?", (stored(now),))
    return len(again)


def _shifted(row: Row, shift: timedelta, latest: str) -> Row:
    moved = {name: row[name] and min(row[name] + shift, moment(latest)) for name in _DATES}
    return {**row, **moved}
