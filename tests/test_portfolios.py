"""What is found once for a publication: never for another right of sight, period, day or publication."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count

import pytest

from carteira.customer_sales.period import Period
from carteira.customer_sales.sight import EVERYTHING, Sight
from carteira.warehouse.stamp import Stamp
from carteira.web import portfolios
from carteira.web.portfolios import Portfolios

READ = Stamp(
    publication=1,
    last_sync_at=datetime(2026, 11, 24, 12, tzinfo=UTC),
    last_run="1 succeeded 1",
    today=date(2026, 11, 24),
    stale_hours=None,
    views=0,
)
NOVEMBER = (date(2026, 11, 1), date(2026, 11, 24))


def test_a_report_is_found_once() -> None:
    looks, held = count(1), Portfolios()
    assert [held.report(READ, EVERYTHING, looks.__next__, "figures", Period(*NOVEMBER)) for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("read", "sight", "asked"),
    [
        (replace(READ, publication=2), EVERYTHING, Period(*NOVEMBER)),
        (replace(READ, today=date(2026, 11, 25)), EVERYTHING, Period(*NOVEMBER)),
        (replace(READ, last_run="2 succeeded 1"), EVERYTHING, Period(*NOVEMBER)),
        (READ, Sight(sees_all=False, owner_id=7), Period(*NOVEMBER)),
        (READ, EVERYTHING, Period(*NOVEMBER, "month")),
    ],
)
def test_another_question_is_looked_up(read: Stamp, sight: Sight, asked: Period) -> None:
    looks, held = count(1), Portfolios()
    held.report(READ, EVERYTHING, looks.__next__, "figures", Period(*NOVEMBER))
    assert held.report(read, sight, looks.__next__, "figures", asked) == 2


def test_a_look_that_failed_is_not_kept() -> None:
    held = Portfolios()
    with pytest.raises(ZeroDivisionError):
        held.report(READ, EVERYTHING, lambda: 1 // 0, "figures")
    assert held.report(READ, EVERYTHING, lambda: 5, "figures") == 5


def test_one_look_serves_all_who_wait_and_holds_up_nobody_else() -> None:
    looks, held, begun, may_end = count(1), Portfolios(), threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert may_end.wait(30)
        return next(looks)

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(held.report, READ, EVERYTHING, slow, "figures") for _ in range(3)]
        assert begun.wait(30)
        assert held.report(READ, EVERYTHING, lambda: "other", "ledger") == "other"
        may_end.set()
        assert [one.result() for one in waiting] == [1, 1, 1]


def test_what_nobody_asked_for_lately_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portfolios, "MOST", 2)
    looks, held = count(1), Portfolios()
    for name in ("a", "b", "a", "c"):
        held.report(READ, EVERYTHING, looks.__next__, name)
    assert held.report(READ, EVERYTHING, looks.__next__, "a") == 1
    assert held.report(READ, EVERYTHING, looks.__next__, "b") == 4
