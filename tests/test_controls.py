"""Controls: what the usual ways of reading lose under the very edits for which our sync stays exact.

If these readers lost nothing, the tests that ours loses nothing would prove nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest
from oracle import assert_agrees
from world import ROWS_A_PAGE, NewWarehouse, World, world

from carteira.simulator.faults import Fault
from carteira.simulator.requests import Request
from carteira.simulator.server import Simulator

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
Rows = dict[int, dict[str, Any]]


@pytest.fixture
def account(new_warehouse: NewWarehouse, tmp_path: Path) -> Iterator[World]:
    with world(new_warehouse, tmp_path, Simulator(deals=400, customers=40, now=NOW)) as made:
        yield made


def asked(ploomes: Simulator, **options: object) -> list[dict[str, Any]]:
    """What Ploomes answers to a query of deals, as anybody would ask it."""
    query = "&".join(f"${name}={quote(str(value))}" for name, value in options.items() if value is not None)
    with urlopen(HttpRequest(f"{ploomes.url}/Deals?{query}", headers={"User-Key": ploomes.key})) as answer:
        rows: list[dict[str, Any]] = json.loads(answer.read(), parse_float=Decimal)["value"]
    return rows


def skipping(ploomes: Simulator, orderby: str | None = "Id", where: str | None = None) -> Rows:
    """Page after page by `$skip`, until one is short: how most scripts read."""
    found: Rows = {}
    seen = 0
    while page := asked(ploomes, top=ROWS_A_PAGE, skip=seen, orderby=orderby, filter=where):
        found |= {row["Id"]: row for row in page}
        seen += len(page)
        if len(page) < ROWS_A_PAGE:
            break
    return found


def newest_seen(rows: Rows) -> str:
    """The watermark of the usual incremental reader: the newest date among the rows that it has read."""
    return max(row["LastUpdateDate"] for row in rows.values())


def changed_since(ploomes: Simulator, date: str) -> Rows:
    return skipping(ploomes, where=f"LastUpdateDate ge {date}")


@contextmanager
def between_pages(ploomes: Simulator, nth: int, change: Callable[[], None]) -> Iterator[None]:
    """Make a change before the nth request for full deals that comes in meanwhile."""
    left = [nth]

    def hook(request: Request) -> None:
        pages = request.path == "/Deals" and request.options.get("$top") == str(ROWS_A_PAGE)
        left[0] -= pages
        if pages and left[0] == 0:
            change()

    ploomes.before_request(hook)
    yield
    assert left[0] <= 0, "the change was never made"


def lost(ploomes: Simulator, copy: Rows) -> set[int]:
    """Deals that are not in the copy, or with another amount than they have."""
    return {deal["Id"] for deal in ploomes.data.deals() if copy.get(deal["Id"], {}).get("Amount") != deal["Amount"]}


def deleted_behind(ploomes: Simulator) -> Callable[[], None]:
    """Rows that were read already vanish: everything behind them moves up."""
    ids = ploomes.data.ids("Deals")

    def change() -> None:
        for deal_id in ids[:3]:
            ploomes.data.delete_deal(deal_id)

    return change


def edited_behind(ploomes: Simulator) -> Callable[[], None]:
    """Rows that were read already are edited; then a row that is read later is edited too, with a newer date."""
    ids = ploomes.data.ids("Deals")

    def change() -> None:
        ploomes.clock.advance(3_600)
        for deal_id in ids[:3]:
            ploomes.data.edit_deal(deal_id, Amount=777)
        ploomes.clock.advance(3_600)
        ploomes.data.edit_deal(ids[-1], Amount=888)

    return change


def test_a_skip_pager_loses_rows_where_others_are_deleted(account: World) -> None:
    """As many rows as vanished in front of it are jumped over, and the next incremental read does not bring them."""
    ploomes = account.ploomes
    with between_pages(ploomes, 4, deleted_behind(ploomes)):
        copy = skipping(ploomes)
    copy |= changed_since(ploomes, newest_seen(copy))

    assert len(lost(ploomes, copy)) == 3


def test_the_one_reader_loses_none_where_others_are_deleted(account: World) -> None:
    """The same deletions between the same pages: nothing is jumped over, and what vanished is gone here too."""
    ploomes = account.ploomes
    with between_pages(ploomes, 4, deleted_behind(ploomes)):
        account.sync()
    account.sync()

    assert_agrees(ploomes, account.warehouse)


def test_the_newest_date_seen_is_a_watermark_past_edits(account: World) -> None:
    """What was edited behind the reader is older than the newest date it saw: it is never asked for again."""
    ploomes = account.ploomes
    with between_pages(ploomes, 4, edited_behind(ploomes)):
        copy = skipping(ploomes)
    for _ in range(3):
        copy |= changed_since(ploomes, newest_seen(copy))

    assert len(lost(ploomes, copy)) == 3


def test_the_watermark_of_the_opening_is_past_no_edit(account: World) -> None:
    """The same edits between the same pages are right after that very run, and in an incremental one too."""
    ploomes = account.ploomes
    with between_pages(ploomes, 4, edited_behind(ploomes)):
        account.sync()
    assert_agrees(ploomes, account.warehouse)

    ploomes.data.edit_deals(ploomes.data.ids("Deals"), Amount=5)
    with between_pages(ploomes, 4, edited_behind(ploomes)):
        assert account.sync().mode == "incremental"

    assert_agrees(ploomes, account.warehouse)


def reading_by_newest_change(ploomes: Simulator) -> Rows:
    """Newest changes first, by `$skip`: how many incremental readers go."""
    return skipping(ploomes, orderby="LastUpdateDate desc")


def test_an_order_by_date_moves_rows_past_the_reader(account: World) -> None:
    """A row that is edited while pages are read jumps to the front, behind the reader."""
    ploomes = account.ploomes
    late = asked(ploomes, top=300, orderby="LastUpdateDate desc")[-3:]

    def change() -> None:
        ploomes.clock.advance(60)
        for row in late:
            ploomes.data.edit_deal(row["Id"], Amount=777)

    with between_pages(ploomes, 4, change):
        copy = reading_by_newest_change(ploomes)

    assert len(lost(ploomes, copy)) == 3


def overloaded() -> Fault:
    return Fault("overload", path="/Deals", nth=40, every=40, times=None)


def test_an_empty_answer_ends_a_pager_in_the_middle(account: World) -> None:
    """Every 40th answer is a 200 without rows: the usual reader takes the first for the end and reports success."""
    account.ploomes.faults.add(overloaded())

    copy = skipping(account.ploomes)

    assert len(copy) == 39 * ROWS_A_PAGE
    assert len(lost(account.ploomes, copy)) > 100


@pytest.mark.parametrize("action", ["overload", "nothing"])
def test_an_empty_answer_is_asked_again(account: World, action: str) -> None:
    """The same answers cost our sync requests and no rows, even where they claim to be counted."""
    account.ploomes.faults.add(Fault(action, nth=40, every=40, times=None))

    outcome = account.sync()
    assert outcome.state == "succeeded"
    assert_agrees(account.ploomes, account.warehouse)

    account.ploomes.clock.advance(3_600)
    account.ploomes.data.edit_deals(account.ploomes.data.ids("Deals")[::3], Amount=5)
    account.ploomes.clock.advance(timedelta(minutes=3).total_seconds())
    for nth in (3, 4):
        account.ploomes.faults.clear()
        account.ploomes.faults.add(Fault(action, nth=nth, times=2))
        account.ploomes.data.edit_deals(account.ploomes.data.ids("Deals")[nth::3], Amount=nth)
        account.sync()

        assert_agrees(account.ploomes, account.warehouse)


def test_a_row_that_appears_where_nothing_was(new_warehouse: NewWarehouse, tmp_path: Path) -> None:
    """A page is rightly empty, and before that is proved there is a row: the page is asked for again."""
    with world(new_warehouse, tmp_path, Simulator(deals=3, customers=3, now=NOW)) as account:
        ploomes = account.ploomes

        left = ploomes.data.ids("Deals")
        appeared: list[int] = []

        def meanwhile(request: Request) -> None:
            """The rows go before their page is asked for; one appears before anybody asks for anything else of them."""
            if request.path != "/Deals" or "Id gt 0" not in request.query or appeared:
                return
            if request.options["$top"] != str(ROWS_A_PAGE):
                appeared.append(ploomes.data.create_deal(Amount=5))
            while left:
                ploomes.data.delete_deal(left.pop())

        ploomes.before_request(meanwhile)
        account.sync()
        account.sync()

        assert appeared
        assert_agrees(ploomes, account.warehouse)
