"""Merging: the latest reading wins, an older row never replaces a newer one, what does not differ is not written.

The last test says what a customer's line is for any deals at all: refreshed alone, rebuilt whole, or summed in Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from world import NewWarehouse

from carteira.customer_sales.rebuild import rebuild
from carteira.records import Contact, Deal, Rejection, Row
from carteira.settings import Settings
from carteira.simulator.server import Simulator
from carteira.sync.run import sync
from carteira.warehouse import publish, runs, staging
from carteira.warehouse.connection import Connection, Warehouse
from carteira.warehouse.publish import Merged
from carteira.warehouse.staging import Read, StagedPage

pytestmark = pytest.mark.every_postgres

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
REAL = 1


def deal(deal_id: int, **fields: Any) -> Deal:
    """A won deal of customer 1 over 10 reais, changed at NOW."""
    usual = {
        "customer_id": 1, "total": Decimal(10), "status_id": 2, "closed_at": NOW, "updated_at": NOW,
        "contact_name": "Antes", "currency_id": REAL,
    }  # fmt: skip
    return Deal(deal_id=deal_id, **(usual | fields))


def contact(customer_id: int, **fields: Any) -> Contact:
    """A company, changed at NOW."""
    return Contact(customer_id=customer_id, **({"type_id": 1, "name": "Agora", "updated_at": NOW} | fields))


@dataclass
class Publisher:
    """Publishes what it is given, the way a run does."""

    warehouse: Warehouse
    published: int = field(default=0)

    def stage(self, *readings: Row | Rejection, gone: Sequence[tuple[str, int]] = ()) -> None:
        """Each reading in a page of its own, in order."""
        with self.warehouse.transaction() as connection:
            for reading in readings:
                staging.stage(connection, [_page(reading)])
            for entity, key in gone:
                staging.queries.add_absences(connection, entity=entity, ids=[key])

    def publish(self, *, full: bool = False) -> tuple[Merged, int, int]:
        """What merging changed, how many lines of customer_sales, and the publication's number."""
        opened_at = NOW + timedelta(minutes=self.published)
        self.published += 1
        with self.warehouse.transaction() as connection:
            publish.alone(connection)
            run_id, _ = runs.queries.open_run(connection, mode="full", fingerprint="", accept_deletions=False)
            merged = publish.merge(connection, run_id, opened_at, full=full, usual_currency_id=REAL)
            rebuilt = rebuild(connection, opened_at, merged.touched)
            number = publish.close(
                connection, merged, full=full, hinted={"deals": 0, "contacts": 0},
                changed=merged.changed or bool(rebuilt), opened_at=opened_at, seconds=1.0,
                ploomes_user_id=None, ploomes_profile_id=None, refused_fields=[],
            )  # fmt: skip
            runs.queries.abandon_run(connection, run_id=run_id, error="")
        return merged, rebuilt.customer_sales, number

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        with self.warehouse.transaction() as connection:
            return connection.execute(sql).fetchall()


def _page(reading: Row | Rejection) -> StagedPage:
    if isinstance(reading, Rejection):
        return StagedPage(Read(reading.entity, "main", 0), b"", [reading], 1)
    entity = "deals" if isinstance(reading, Deal) else "contacts"
    return StagedPage(Read(entity, "main", 0), staging.lines([reading]), [], 1)


@pytest.fixture
def publisher(warehouse: Warehouse) -> Publisher:
    with warehouse.transaction() as connection:
        publish.queries.usual_currency_is(connection, usual_currency_id=REAL)
    return Publisher(warehouse)


def unreadable(deal_id: int) -> Rejection:
    return Rejection("deals", deal_id, "Amount", "is not a number", '{"Amount": "doze"}')


def test_the_latest_reading_wins(publisher: Publisher) -> None:
    """Of a row staged twice, what was read last, whatever order their dates are in."""
    publisher.stage(deal(1, total=Decimal(1), updated_at=NOW), deal(1, total=Decimal(2), updated_at=NOW))
    publisher.stage(contact(1, name="Antes"), contact(1, name="Depois"))
    publisher.publish()

    assert publisher.rows("select total from sales") == [(2,)]
    assert publisher.rows("select name, name_key from customers") == [("Depois", "depois")]


def test_an_older_row_never_replaces_a_newer_one(publisher: Publisher) -> None:
    """By LastUpdateDate; one of the same date does, for an edit may not have moved it."""
    publisher.stage(contact(1, name="Novo"), deal(1, total=Decimal(1)))
    publisher.publish()
    older = NOW - timedelta(milliseconds=3)
    publisher.stage(contact(1, name="Velho", updated_at=older), deal(1, total=Decimal(2), updated_at=older))
    merged, lines, _ = publisher.publish()

    assert (merged.customers, merged.deals, lines) == (0, 0, 0)
    assert publisher.rows("select total, updated_at from sales") == [(1, NOW)]
    assert publisher.rows("select customer_name, total_revenue from customer_sales") == [("Novo", 1)]

    publisher.stage(deal(1, total=Decimal(3)))
    publisher.publish()

    assert publisher.rows("select total_revenue from customer_sales") == [(3,)]


def test_a_row_that_returned_may_be_older(publisher: Publisher) -> None:
    """A tombstone says nothing of dates: what Ploomes shows again lives again, as it shows it."""
    publisher.stage(contact(1), deal(1))
    publisher.publish()
    publisher.stage(gone=[("deals", 1), ("contacts", 1)])
    publisher.publish()
    assert publisher.rows("select count(*) from customer_sales") == [(0,)]

    older = NOW - timedelta(days=1)
    publisher.stage(contact(1, name="Voltou", updated_at=older), deal(1, total=Decimal(7), updated_at=older))
    publisher.publish()

    assert publisher.rows("select customer_name, total_revenue from customer_sales") == [("Voltou", 7)]


VERSIONS = """
    select 'customers' as kind, customer_id, xmin::text from customers
    union all select 'sales', deal_id, xmin::text from sales
    union all select 'customer_sales', customer_id, xmin::text from customer_sales"""


@pytest.mark.parametrize("full", [False, True])
def test_what_does_not_differ_is_not_written(publisher: Publisher, full: bool) -> None:
    """Not one row version is made, and the publication keeps its number."""
    rows = [contact(1), contact(2), deal(1), deal(2, customer_id=2), deal(3, customer_id=9, contact_name="Oculto")]
    publisher.stage(*rows)
    _, _, number = publisher.publish(full=full)
    before = publisher.rows(VERSIONS)
    publisher.stage(*rows)
    merged, lines, number_after = publisher.publish(full=full)

    assert publisher.rows(VERSIONS) == before
    assert (merged.changed, lines, number_after) == (False, 0, number)


@pytest.mark.parametrize(
    "change",
    [
        {"readings": [deal(1, title="Outro título")]},
        {"readings": [deal(1, owner_id=5)]},
        {"readings": [contact(1, name="Outro")]},
        {"readings": [contact(1, city=None, legal_name="Outra Ltda")]},
        {"readings": [unreadable(1)]},
        {"readings": [unreadable(99)]},
        {"readings": [], "gone": [("deals", 1)]},
        {"readings": [], "gone": [("contacts", 2)]},
        {"readings": [deal(3, customer_id=9)]},
        {"readings": [deal(3, customer_id=None)]},
    ],
    ids=str,
)
def test_the_publication_number_moves_when_published_rows_do(publisher: Publisher, change: dict[str, Any]) -> None:
    """Whichever table it is that changed: pages are kept by that number."""
    publisher.stage(contact(1), contact(2), deal(1), deal(2, customer_id=2))
    _, _, number = publisher.publish()
    publisher.stage(*change["readings"], gone=change.get("gone", ()))

    assert publisher.publish()[2] == number + 1


def test_last_sync_at_moves_only_for_lines_that_changed(publisher: Publisher) -> None:
    """It is the opening time of the run that last changed the line."""
    publisher.stage(contact(1), contact(2), deal(1), deal(2, customer_id=2))
    publisher.publish()
    publisher.stage(contact(1), contact(2), deal(1), deal(2, customer_id=2, total=Decimal(11)))
    publisher.publish(full=True)

    lines = publisher.rows("select customer_id, last_sync_at from customer_sales order by customer_id")
    assert lines == [(1, NOW), (2, NOW + timedelta(minutes=1))]


def test_an_unreadable_version_takes_the_row_out_until_it_is_readable(publisher: Publisher) -> None:
    """One open rejection for a row, however often it is met; closed when it can be read or is gone."""
    open_ones = "select id, field from rejected_rows where closed_at is null"
    publisher.stage(contact(1), deal(1), deal(2, total=Decimal(5)))
    publisher.publish()
    for _ in range(2):
        publisher.stage(unreadable(1))
        publisher.publish()
    assert publisher.rows("select total_revenue, total_deals from customer_sales") == [(5, 1)]
    assert publisher.rows(open_ones) == [(1, "Amount")]

    publisher.stage(unreadable(1), deal(1))
    publisher.publish()
    assert publisher.rows("select total_revenue, total_deals from customer_sales") == [(15, 2)]
    assert publisher.rows(open_ones) == []

    publisher.stage(deal(2), unreadable(2))
    publisher.publish()
    publisher.stage(gone=[("deals", 2)])
    publisher.publish()
    assert publisher.rows("select total_revenue, total_deals from customer_sales") == [(10, 1)]
    assert publisher.rows(open_ones) == []


def test_a_placeholder_is_called_what_its_newest_deal_calls_it(publisher: Publisher) -> None:
    """Not what the deal that was read last calls it, nor one that is gone."""
    name = "select customer_name from customer_sales"
    publisher.stage(
        deal(1, contact_name="Velho", updated_at=NOW - timedelta(days=9)),
        deal(2, contact_name="Novo", updated_at=NOW - timedelta(days=1)),
    )
    publisher.publish()
    assert publisher.rows(name) == [("Novo",)]

    publisher.stage(deal(1, contact_name="Velho", total=Decimal(3), updated_at=NOW - timedelta(days=2)))
    publisher.publish()
    assert publisher.rows(name) == [("Novo",)]

    publisher.stage(gone=[("deals", 2)])
    publisher.publish()
    assert publisher.rows(name) == [("Velho",)]


def test_a_placeholder_becomes_real(publisher: Publisher) -> None:
    """And keeps its deals and its number; it counts as live from then on."""
    publisher.stage(deal(1))
    assert publisher.publish()[0].customers_live == 0
    publisher.stage(contact(1, cnpj="11222333000181"))

    assert publisher.publish()[0].customers_live == 1
    line = publisher.rows("select customer_name, customer_cnpj, total_revenue from customer_sales")
    assert line == [("Agora", "11222333000181", 10)]


CENT = Decimal("0.01")
EXACT = Context(prec=60)
amounts = st.one_of(
    st.none(),
    st.decimals(Decimal("-9999999999999.9999"), Decimal("9999999999999.9999"), places=4, allow_nan=False),
    st.sampled_from([Decimal(text) for text in ("0", "0.005", "-0.005", "0.0049", "0.015", "-0.015", "2.675", "1E-7")]),
)
moments = st.datetimes(datetime(2009, 1, 1), datetime(2026, 11, 20), timezones=st.just(UTC))
deals = st.builds(
    deal,
    deal_id=st.integers(1, 30),
    customer_id=st.one_of(st.none(), st.integers(1, 4)),
    total=amounts,
    status_id=st.sampled_from([1, 2, 2, 2, 3, 7, None]),
    closed_at=st.one_of(st.none(), moments),
    currency_id=st.sampled_from([REAL, REAL, 2, None]),
)
LINES = """
    select customer_id, total_revenue, total_deals, average_deal_value, first_purchase_date, last_purchase_date,
        open_deals, lost_deals
    from customer_sales order by customer_id"""


def summed(latest: dict[int, Deal]) -> list[tuple[Any, ...]]:
    """customer_sales of customers 1 to 4 in plain Python, without their names."""
    return [
        _line(customer, [one for one in latest.values() if one.customer_id == customer]) for customer in range(1, 5)
    ]


def _line(customer: int, theirs: list[Deal]) -> tuple[Any, ...]:
    sold = [one for one in theirs if one.status == "won" and one.currency_id in (REAL, None)]
    total = Decimal(0)
    for one in sold:
        total = EXACT.add(total, one.total or Decimal(0))
    dates = [one.closed_at for one in sold if one.closed_at is not None]
    average = EXACT.divide(total, Decimal(len(sold))) if sold else Decimal(0)
    return (
        customer, _to_the_cent(total), len(sold), _to_the_cent(average), min(dates, default=None),
        max(dates, default=None), sum(one.status == "open" for one in theirs),
        sum(one.status == "lost" for one in theirs),
    )  # fmt: skip


def _to_the_cent(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP, EXACT)


@pytest.fixture(scope="module")
def shared(new_warehouse: NewWarehouse) -> Iterator[Publisher]:
    """One database for all examples: each ends by rolling back."""
    with new_warehouse() as warehouse:
        with warehouse.transaction() as connection:
            publish.queries.usual_currency_is(connection, usual_currency_id=REAL)
        yield Publisher(warehouse)


class RollBack(Exception):
    """The example is over."""


@given(batches=st.lists(st.lists(deals, max_size=12), min_size=1, max_size=3))
@profile(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_line_is_the_same_refreshed_rebuilt_or_summed(shared: Publisher, batches: list[list[Deal]]) -> None:
    """Whatever the amounts: negative, with four decimals, huge; half a cent is rounded away from zero."""
    connection = shared.warehouse.connect()
    try:
        with shared.warehouse.transaction(connection):
            _publish_batches(connection, batches)
            raise RollBack
    except RollBack:
        pass
    finally:
        connection.close()


def _publish_batches(connection: Connection, batches: list[list[Deal]]) -> None:
    publish.alone(connection)
    run_id, _ = runs.queries.open_run(connection, mode="full", fingerprint="", accept_deletions=False)
    staging.stage(connection, [_page(contact(number)) for number in range(1, 5)])
    latest: dict[int, Deal] = {}
    for batch in batches:
        staging.stage(connection, [_page(one) for one in batch])
        latest |= {one.deal_id: one for one in batch}
        merged = publish.merge(connection, run_id, NOW, full=False, usual_currency_id=REAL)
        rebuild(connection, NOW, merged.touched)
        staging.clear(connection)

        assert connection.execute(LINES).fetchall() == summed(latest)
        assert not rebuild(connection, NOW + timedelta(days=1))


def test_a_run_that_finds_nothing_new_writes_nothing(
    settings: Settings, warehouse: Warehouse, simulator: Simulator
) -> None:
    """A full read of what is published already: the same row versions, the same publication."""
    publication = sync(settings, warehouse).publication
    publisher = Publisher(warehouse)
    before = sorted(publisher.rows(VERSIONS))
    outcome = sync(settings, warehouse, full=True)

    assert (outcome.publication, outcome.customers, outcome.deals) == (publication, 0, 0)
    assert sorted(publisher.rows(VERSIONS)) == before
