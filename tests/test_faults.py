"""Whatever a CRM can answer, or fail to: the run reads on or says what to do, and published data stands."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from oracle import assert_agrees, published
from quick import QUICK, Run, last_run, one, snapshot, verdicts

from carteira.errors import DatabaseError, PloomesRefused, PloomesUnavailable, Refused
from carteira.settings import Secret, Settings
from carteira.simulator.answers import Habits
from carteira.simulator.faults import Fault
from carteira.simulator.server import Simulator
from carteira.sync.run import Outcome, sync
from carteira.warehouse import runs
from carteira.warehouse.connection import Warehouse

NOON = datetime(2026, 11, 24, 15, tzinfo=UTC)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """An account whose clock stands."""
    with Simulator(deals=600, customers=80, now=NOON) as ploomes:
        yield ploomes


@pytest.fixture
def run(settings: Settings, warehouse: Warehouse, simulator: Simulator) -> Run:
    """A full run with pages of few rows, a minute later than whatever happened last; one is done."""

    def later(**options: object) -> Outcome:
        simulator.clock.advance(60)
        simulator.requests.clear()
        given = {"full": True, "page": 50, **options}
        return sync(settings, warehouse, patience=QUICK, **given)  # type: ignore[arg-type]

    later()
    return later


PASSING = [
    *(Fault("status", status=status) for status in (500, 502, 503, 504, 408)),
    Fault("html"),
    Fault("quoted-html"),
    Fault("truncated"),
    Fault("empty"),
    Fault("content-type", every=1, times=None),
    Fault("no-value"),
    Fault("no-count"),
    Fault("overload"),
    Fault("short"),
    Fault("short", size=300),
    Fault("duplicate"),
    Fault("reset"),
    Fault("cut"),
    Fault("stall", seconds=1.0),
    Fault("drip", seconds=1.0),
    Fault("drip", seconds=0.1),
    Fault("status", status=403, nth=7),
    Fault("status", status=429),
    Fault("status", status=200, body="Too many request concurrently, max is 6"),
    Fault("rows", rewrite="seven-digits", times=None),
    Fault("rows", rewrite="utc", times=None),
    Fault("rows", rewrite="other-offset", times=None),
    Fault("rows", rewrite="number-strings", times=None),
    Fault("rows", set={"Novo": {"a": [1]}}, drop=["Title", "LegalName"]),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{fault.action}-{fault.status}{fault.rewrite}")
def test_a_fault_that_passes_costs_a_request_and_nothing_else(
    run: Run, simulator: Simulator, warehouse: Warehouse, fault: Fault
) -> None:
    """Every other request of a full run is struck, five times at most in a row; what is published is exact."""
    simulator.data.win_deal(simulator.data.ids()[0], Amount=Decimal("31.41"))
    times = fault.times and (1 if fault.status == 403 else 8)
    simulator.faults.add(replace(fault, every=2, times=times))

    assert run().state == "succeeded"
    assert_agrees(simulator, warehouse)


LASTING = [
    Fault("status", status=500, times=None),
    Fault("html", times=None),
    Fault("truncated", times=None),
    Fault("no-count", times=None),
    Fault("short", times=None),
    Fault("duplicate", times=None),
    Fault("reset", times=None),
    Fault("cut", times=None),
    Fault("stall", seconds=0.6, times=None),
    Fault("drip", seconds=2.0, times=None),
    Fault("overload", times=None),
    Fault("status", status=429, times=None),
]


@pytest.mark.parametrize("nth", [1, 9])
@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: f"{fault.action}-{fault.status}")
def test_a_fault_that_lasts_ends_the_run_and_changes_nothing(
    run: Run, simulator: Simulator, warehouse: Warehouse, fault: Fault, nth: int
) -> None:
    """Exit 6 with a sentence that says where and what to do; readers see what they saw."""
    simulator.data.edit_deals(simulator.data.ids(), Amount=Decimal("31.41"))
    before = snapshot(warehouse)
    simulator.faults.add(replace(fault, path="/[DC]*", nth=nth))

    with pytest.raises(PloomesUnavailable, match=r"ublished data is untouched|Nothing was concluded") as failure:
        run()
    assert failure.value.exit_code == 6
    assert snapshot(warehouse) == before
    assert last_run(warehouse).error == str(failure.value)
    assert "@odata" not in str(failure.value).replace("@odata.count None", "")


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key(settings: Settings, warehouse: Warehouse, status: int) -> None:
    """Exit 7; the sentence names the setting and where the key is found, and does not show it."""
    with Simulator(deals=40, customers=6, habits=Habits(bad_key_status=status)) as small:
        wrong = replace(settings, ploomes_base_url=small.url, ploomes_api_key=Secret("not-the-key"))
        with pytest.raises(PloomesRefused, match=r"PLOOMES_API_KEY.*Chave") as failure:
            sync(wrong, warehouse, patience=QUICK)

    assert failure.value.exit_code == 7
    assert "not-the-key" not in str(failure.value)
    assert last_run(warehouse).state == "failed"
    assert one(warehouse, "select count(*) from customers") == 0


@pytest.mark.parametrize(("path", "field"), [("Deals", "Amount"), ("Deals", "LastUpdateDate"), ("Contacts", "Name")])
def test_a_needed_field_that_is_refused_is_named(
    run: Run, simulator: Simulator, warehouse: Warehouse, path: str, field: str
) -> None:
    """Without it no sum would be right: exit 7, and nothing changes."""
    before = snapshot(warehouse)
    simulator.restrict(forbidden=[(path, field)])

    with pytest.raises(PloomesRefused, match=f"refuses .*{field}.* of /{path}") as failure:
        run()
    assert failure.value.exit_code == 7
    assert snapshot(warehouse) == before


def test_a_look_up_that_is_refused_is_done_without(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """Names of users and stages are enrichment."""
    simulator.restrict(forbidden=[("Users", "Name"), ("Deals@Stages", "Ordination")])
    run()

    assert "/Users" in one(warehouse, "select refused_fields from sync_state")
    assert verdicts(last_run(warehouse), "fields") == ["warning"]
    assert_agrees(simulator, warehouse)


class Elsewhere(BaseHTTPRequestHandler):
    """A host that sends everybody on to another address, and remembers which keys it was shown."""

    target = ""
    keys: list[str | None]

    def do_GET(self) -> None:
        self.keys.append(self.headers.get("User-Key"))
        self.send_response(302)
        self.send_header("Location", self.target + self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_redirect_is_not_followed(settings: Settings, warehouse: Warehouse, simulator: Simulator) -> None:
    """The key goes to the host that was set and to no other."""
    handler = type("Here", (Elsewhere,), {"target": simulator.url, "keys": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = replace(settings, ploomes_base_url=f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(PloomesRefused, match="HTTP 302"):
            sync(here, warehouse, patience=QUICK)
        server.shutdown()

    assert handler.keys
    assert len(simulator.requests) == 0


def test_no_host_and_nobody_there(settings: Settings, warehouse: Warehouse) -> None:
    """A name that does not exist, a port where nobody listens: exit 6 and the setting to look at."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        for url in (nobody, "https://ploomes.invalid"):
            with pytest.raises(PloomesUnavailable, match="PLOOMES_BASE_URL"):
                sync(replace(settings, ploomes_base_url=url), warehouse, patience=QUICK)


def test_a_web_page_where_an_api_should_be(settings: Settings, warehouse: Warehouse) -> None:
    """Another host's front page answers everything with HTML and 200."""
    with (
        Simulator(deals=40, customers=6, faults=[Fault("html", times=None)]) as site,
        pytest.raises(PloomesUnavailable, match="a web page instead of data"),
    ):
        sync(replace(settings, ploomes_base_url=site.url), warehouse, patience=QUICK)


def test_a_row_that_cannot_be_read_is_kept_counted_and_out_of_the_totals(
    run: Run, simulator: Simulator, warehouse: Warehouse
) -> None:
    """Its published version leaves the sums until it is readable again; a new one waits in rejected_rows."""
    won = [d for d in simulator.data.deals() if d["StatusId"] == 2 and d["ContactId"] and d["Amount"]]
    deal, contact = won[0], won[0]["ContactId"]
    new = simulator.data.create_deal(ContactId=contact, StatusId=2, Amount=Decimal("5.55"), FinishDate=NOON)
    before = published(warehouse)[contact]
    bad = Fault("rows", ids=[deal["Id"], new], set={"Amount": "twelve"}, times=None)
    simulator.faults.add(bad)
    simulator.data.edit_deal(deal["Id"], Amount=Decimal(12))

    outcome = run(full=False)

    assert "2 rows could not be read" in outcome.message
    after = published(warehouse)[contact]
    assert after[2:4] == (before[2] - deal["Amount"].quantize(Decimal("0.01")), before[3] - 1)
    with warehouse.transaction() as connection:
        rejections = runs.open_rejections(connection)
    assert {(r.id, r.field, r.reason) for r in rejections} == {
        (deal["Id"], "Amount", "is not a number"),
        (new, "Amount", "is not a number"),
    }
    assert all('"twelve"' in r.raw for r in rejections)
    assert last_run(warehouse).rejected == 2
    assert "warning" in verdicts(last_run(warehouse), "rejected")
    assert run(full=False).requests == 2

    run()
    assert one(warehouse, "select count(*) from rejected_rows") == 2
    simulator.faults.clear()
    run()
    assert one(warehouse, "select count(*) from rejected_rows where closed_at is null") == 0
    assert_agrees(simulator, warehouse)


def test_a_rejected_row_that_is_deleted_is_closed(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """Gone from Ploomes, it is no open question any more, in an incremental run too."""
    contact = simulator.data.ids("Contacts")[0]
    new = simulator.data.create_deal(ContactId=contact, StatusId=2, Amount=5)
    old = simulator.data.ids()[3]
    simulator.faults.add(Fault("rows", ids=[new, old], set={"FinishDate": "amanhã"}, times=None))
    simulator.data.edit_deal(old, Amount=Decimal(4))
    run(full=False)
    assert one(warehouse, "select count(*) from rejected_rows where closed_at is null") == 2
    simulator.data.delete_deal(new)
    simulator.data.delete_deal(old)
    run(full=False)

    assert one(warehouse, "select count(*) from rejected_rows where closed_at is null") == 0
    assert_agrees(simulator, warehouse)


def test_too_many_unreadable_rows_are_refused(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """More than one in a hundred: something else is wrong, and nothing is published of it."""
    before = snapshot(warehouse)
    simulator.faults.add(Fault("rows", path="/Deals", ids=simulator.data.ids()[:11], drop=["Amount"], times=None))

    with pytest.raises(Refused, match="11 of 600 deals cannot be read"):
        run()
    assert snapshot(warehouse) == before
    assert verdicts(last_run(warehouse), "rejected").count("refused") == 1


def test_a_contact_that_cannot_be_read_keeps_its_last_name(
    run: Run, simulator: Simulator, warehouse: Warehouse
) -> None:
    """Its deals still count: only what it is called now is not known."""
    contact = next(d["ContactId"] for d in simulator.data.deals() if d["StatusId"] == 2 and d["ContactId"])
    before = published(warehouse)[contact]
    simulator.faults.add(Fault("rows", path="/Contacts", ids=[contact], set={"LastUpdateDate": None}, times=None))
    run()

    assert published(warehouse)[contact] == before
    assert one(warehouse, "select rejected_at is not null from customers where customer_id = %s", contact)


def test_amounts_and_texts_at_their_edges(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """0, negative, four decimals, twelve digits; tabs, line breaks, backslashes, halves of characters, NUL."""
    won = [d["Id"] for d in simulator.data.deals() if d["StatusId"] == 2 and d["ContactId"]]
    amounts = ("0", "-0.01", "0.0001", "999999999999.99", "-12345.6789")
    for deal, amount in zip(won, amounts, strict=False):
        simulator.data.edit_deal(deal, Amount=Decimal(amount), Title="\\N\t\n\\.\r\n" + "ç" * 190)
    contact = simulator.data.ids("Contacts")[0]
    simulator.data.rename_contact(contact, 'Tab\there, \\ and "quotes" \\N')
    odd = simulator.data.create_contact(Name="x")
    simulator.faults.add(Fault("rows", path="/Contacts", ids=[odd], set={"Name": "a\0b"}, times=None))
    run()

    assert one(warehouse, "select name from customers where customer_id = %s", odd) == "ab"
    simulator.faults.clear()
    run()
    assert_agrees(simulator, warehouse)


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00", "2026-01-01T10:00:00", "9999-12-31T23:59:59-03:00", 5, None])
def test_a_newest_change_that_cannot_be_read_stops_nobody(
    run: Run, simulator: Simulator, warehouse: Warehouse, date: object
) -> None:
    """The opening meets the odd date first; the row is rejected or read and the rest goes on."""
    deal, other = simulator.data.ids()[:2]
    simulator.data.edit_deal(deal, Amount=Decimal(4))
    simulator.faults.add(Fault("rows", path="/Deals", ids=[deal], set={"LastUpdateDate": date}, times=None))
    run(full=False)
    simulator.data.edit_deal(other, Amount=Decimal(5))
    simulator.data.edit_deal(deal, Amount=Decimal(6))
    run(full=False)
    assert one(warehouse, "select total from sales where deal_id = %s", other) == 5

    simulator.faults.clear()
    run()
    assert_agrees(simulator, warehouse)


def test_a_statement_that_the_database_refuses(run: Run, simulator: Simulator, warehouse: Warehouse) -> None:
    """Rights or tables that go away in the middle of a run: exit 8, what the database said, and where to look."""
    before = snapshot(warehouse)

    def take_away(name: str) -> None:
        if name == "opened":
            with warehouse.transaction() as connection:
                connection.execute("alter table staged_reads rename to elsewhere")

    with pytest.raises(DatabaseError, match=r"database refused: .*staged_reads.*`carteira db check`") as failure:
        run(at_step=take_away)

    assert failure.value.exit_code == 8
    assert snapshot(warehouse) == before
    assert one(warehouse, "select holder from sync_lease") is None


def test_no_thread_outlives_a_run(run: Run, simulator: Simulator) -> None:
    """Succeeded or failed: the pool, the lease and the timer are gone."""
    before = {thread.name for thread in threading.enumerate() if not thread.name.startswith("Thread")}
    run(deadline=60.0)
    simulator.faults.add(Fault("status", status=500, times=None, nth=5))
    with pytest.raises(PloomesUnavailable):
        run(deadline=60.0)

    left = {t.name for t in threading.enumerate() if "process_request" not in t.name and not t.name.startswith("Thr")}
    assert left <= before | {"simulator", "MainThread"}
    assert not [t for t in threading.enumerate() if isinstance(t, threading.Timer) or "_renew" in t.name]
