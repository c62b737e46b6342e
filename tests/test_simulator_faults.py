"""The simulator's limits, its faults by script, its log and its manners on the wire."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue

import pytest
import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from carteira.simulator.faults import Fault, read_faults
from carteira.simulator.limits import Allowance
from carteira.simulator.requests import Request, busiest
from carteira.simulator.server import Simulator, serve

Answer = urllib3.BaseHTTPResponse


@pytest.fixture
def ploomes() -> Iterator[Simulator]:
    with Simulator(deals=40, customers=8) as simulator:
        yield simulator


def get(ploomes: Simulator, path: str = "/Deals?$top=5&$count=true&$orderby=Id", *, wait: float = 5) -> Answer:
    """One request on a connection of its own."""
    with urllib3.PoolManager(headers={"User-Key": ploomes.key}, retries=False, timeout=wait) as pool:
        return pool.request("GET", ploomes.url + path)


def test_the_minute_is_shared_by_the_accounts_keys() -> None:
    with Simulator(deals=20, customers=5, per_minute=3) as ploomes:
        other = {"User-Key": ploomes.add_key("ANOTHER")}
        statuses = [get(ploomes).status, urllib3.request("GET", ploomes.url + "/Deals", headers=other).status]
        statuses += [get(ploomes).status, get(ploomes).status]
        refused = get(ploomes)

        assert statuses == [200, 200, 200, 429]
        assert refused.json()["value"] == "3 requests per minute exceeded"
        assert "Retry-After" not in refused.headers
        assert [each.key for each in ploomes.requests][:2] == ["key-1", "key-2"]


def test_refused_requests_do_not_use_up_the_next_minute() -> None:
    with Simulator(deals=20, customers=5, allowance=Allowance(per_minute=2, window=0.3)) as ploomes:
        first = time.monotonic()
        while get(ploomes).status == 200:
            pass
        while get(ploomes).status == 429:
            pass

        assert 0.29 < time.monotonic() - first < 2


def test_retry_after_in_its_forms() -> None:
    with Simulator(deals=20, customers=5, allowance=Allowance(per_minute=0, retry_after="seconds")) as ploomes:
        ploomes.limits.spend(1)
        assert get(ploomes).headers["Retry-After"] == "60"
    with Simulator(deals=20, customers=5, allowance=Allowance(per_minute=1, retry_after="date")) as ploomes:
        ploomes.limits.spend(1)
        ploomes.clock.set(datetime(2026, 3, 1, tzinfo=UTC))
        headers = get(ploomes).headers
        assert headers["Date"] == "Sun, 01 Mar 2026 00:00:00 GMT"
        assert headers["Retry-After"] == "Sun, 01 Mar 2026 00:01:00 GMT"


def test_others_can_use_up_the_minute() -> None:
    with Simulator(deals=20, customers=5, per_minute=60) as ploomes:
        ploomes.limits.spend(59)
        assert [get(ploomes).status, get(ploomes).status] == [200, 429]


def test_an_overloaded_account_can_answer_an_empty_list() -> None:
    """200 with nothing is not the end of the data."""
    with Simulator(deals=20, customers=5, allowance=Allowance(per_minute=1, overload=True)) as ploomes:
        assert len(get(ploomes).json()["value"]) == 5
        empty = get(ploomes)
        assert (empty.status, empty.json()["value"]) == (200, [])
        assert "@odata.count" not in empty.json()


def test_six_in_flight_are_the_most() -> None:
    with Simulator(deals=20, customers=5) as ploomes:
        together = threading.Barrier(7)

        @ploomes.before_request
        def gather(request: Request) -> None:
            together.wait(5)

        with ThreadPoolExecutor(7) as threads:
            answers = list(threads.map(lambda _: get(ploomes), range(7)))

        assert sorted(answer.status for answer in answers) == [200] * 6 + [429]
        (refused,) = [answer for answer in answers if answer.status == 429]
        assert refused.json()["value"] == "Too many request concurrently, max is 6"
        assert ploomes.requests.most_in_flight == 7


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_server_answers_html(ploomes: Simulator, status: int) -> None:
    ploomes.faults.add(Fault("status", status=status, path="/Deals", nth=2, times=2, retry_after=7))

    answers = [get(ploomes) for _ in range(4)]

    assert [answer.status for answer in answers] == [200, status, status, 200]
    assert answers[1].headers["Content-Type"].startswith("text/html")
    assert answers[1].headers["Retry-After"] == "7"
    assert answers[1].data.startswith(b"<!DOCTYPE")


def test_rules_meet_requests_by_path_text_and_number(ploomes: Simulator) -> None:
    ploomes.faults.add(Fault("status", path="/Contacts", times=None), Fault("empty", text="Id gt 5", every=2, times=2))
    by_id = "/Deals?$filter=Id+gt+5"

    assert [get(ploomes, path).status for path in ("/Contacts", "/Deals", "/Contacts")] == [500, 200, 500]
    assert [get(ploomes, by_id).data == b"" for _ in range(5)] == [True, False, True, False, False]
    ploomes.faults.clear()
    assert get(ploomes, "/Contacts").status == 200


def test_a_forbidden_answer_now_and_then(ploomes: Simulator) -> None:
    ploomes.faults.add(Fault("status", status=403))

    answer = get(ploomes)

    assert (answer.status, answer.json()["value"]) == (403, "Your request has been forbidden")


def test_any_status_with_any_text(ploomes: Simulator) -> None:
    """Nobody knows which status the concurrency answer has."""
    text = "Too many request concurrently, max is 6"
    ploomes.faults.add(Fault("status", status=400, body=text), Fault("status", status=429, nth=2, retry_after="date"))
    busy, throttled = get(ploomes), get(ploomes)

    assert (busy.status, busy.json()["value"]) == (400, text)
    assert (throttled.status, throttled.json()["value"]) == (429, "120 requests per minute exceeded")
    assert throttled.headers["Retry-After"].endswith(" GMT")


def test_bodies_that_are_not_what_they_should_be(ploomes: Simulator) -> None:
    actions = ("html", "quoted-html", "truncated", "empty", "content-type")
    ploomes.faults.add(*(Fault(action, nth=number) for number, action in enumerate(actions, 1)))
    html, quoted, truncated, empty, mistyped = (get(ploomes) for _ in actions)

    assert {answer.status for answer in (html, quoted, truncated, empty, mistyped)} == {200}
    assert html.data.startswith(b"<!DOCTYPE html PUBLIC")
    assert html.headers["Content-Type"] == "text/html; charset=utf-8"
    assert quoted.json().startswith("<!DOCTYPE html PUBLIC")
    with pytest.raises(json.JSONDecodeError):
        truncated.json()
    assert empty.data == b""
    assert mistyped.headers["Content-Type"] == "text/plain"
    assert len(mistyped.json()["value"]) == 5


def test_envelopes_that_lie(ploomes: Simulator) -> None:
    actions = ("no-value", "no-count", "overload", "short", "duplicate")
    ploomes.faults.add(*(Fault(action, nth=number) for number, action in enumerate(actions, 1)))
    right = ploomes.data.ids()[:5]
    no_value, no_count, overload, short, duplicate = (get(ploomes).json() for _ in actions)

    assert list(no_value) == ["@odata.context", "@odata.count"]
    assert list(no_count) == ["@odata.context", "value"]
    assert list(overload) == ["@odata.context", "value"] and overload["value"] == []
    assert [row["Id"] for row in short["value"]] == right[:4]
    assert [row["Id"] for row in duplicate["value"]] == [right[0], *right]


def test_rows_can_be_spoilt(ploomes: Simulator) -> None:
    first, second = ploomes.data.ids()[:2]
    ploomes.faults.add(
        Fault("rows", ids=[first], set={"Amount": "twelve", "New": 1}, drop=["StageId"]),
        Fault("rows", ids=[second], nth=2, rewrite="number-strings"),
    )

    one, other = get(ploomes).json()["value"][0], get(ploomes).json()["value"][1]

    assert (one["Amount"], one["New"], "StageId" in one) == ("twelve", 1, False)
    assert (other["Id"], other["Read"]) == (str(second), True)
    assert isinstance(other["Amount"], str)


@pytest.mark.parametrize(("rewrite", "end"), [("seven-digits", "0-03:00"), ("utc", "Z"), ("other-offset", "+05:30")])
def test_dates_can_be_written_otherwise(ploomes: Simulator, rewrite: str, end: str) -> None:
    """The moment stays."""
    ploomes.faults.add(Fault("rows", rewrite=rewrite))

    row = get(ploomes).json()["value"][0]

    assert row["LastUpdateDate"].endswith(end)
    assert datetime.fromisoformat(row["LastUpdateDate"]) == ploomes.data.deal(row["Id"])["LastUpdateDate"]


def test_amounts_keep_their_digits_when_rows_are_spoilt(ploomes: Simulator) -> None:
    key = ploomes.data.ids()[0]
    ploomes.data.edit_deal(key, Amount="90071992547409.91")
    ploomes.faults.add(Fault("duplicate"))

    assert get(ploomes).data.count(b'"Amount":90071992547409.91,') == 2
    assert get(ploomes).data.count(b'"Amount":90071992547409.91,') == 1


def test_a_reset_connection(ploomes: Simulator) -> None:
    ploomes.faults.add(Fault("reset"))

    with pytest.raises(ProtocolError, match="reset"):
        get(ploomes)
    assert get(ploomes).status == 200


def test_a_body_cut_short(ploomes: Simulator) -> None:
    ploomes.faults.add(Fault("cut"))

    with pytest.raises(ProtocolError, match="IncompleteRead"):
        get(ploomes)


def test_a_stall_ends_when_the_client_goes(ploomes: Simulator) -> None:
    """So a request given up is no longer in flight."""
    ploomes.faults.add(Fault("stall", seconds=30))

    with pytest.raises(ReadTimeoutError):
        get(ploomes, wait=0.1)
    assert ploomes.requests.wait_for(1)

    assert [(each.status, each.fault) for each in ploomes.requests] == [(0, "stall")]
    assert get(ploomes).status == 200
    assert ploomes.requests.most_in_flight == 1


def test_a_slow_drip_arrives_in_the_end(ploomes: Simulator) -> None:
    ploomes.faults.add(Fault("drip", seconds=0.2))
    started = time.monotonic()

    assert len(get(ploomes).json()["value"]) == 5
    assert time.monotonic() - started > 0.15


def test_latency() -> None:
    with Simulator(deals=20, customers=5, latency=(0.05, 0.1)) as ploomes:
        get(ploomes)

        (logged,) = ploomes.requests
        assert 0.05 <= logged.ended - logged.started < 0.5


def test_one_that_never_started_can_stop() -> None:
    Simulator(deals=20, customers=5).stop()


def test_serving_alone_with_a_file_of_rules(tmp_path: Path) -> None:
    """What `carteira simulator` does."""
    rules = tmp_path / "faults.json"
    rules.write_text('[{"action": "status", "status": 502}]')
    running: Queue[Simulator] = Queue()
    options = {"deals": 30, "customers": 5, "faults": rules, "per_minute": 2, "started": running.put}
    with ThreadPoolExecutor(1) as threads:
        served = threads.submit(serve, port=0, **options)
        ploomes = running.get(timeout=10)
        statuses = [get(ploomes).status for _ in range(3)]
        ploomes.stop()
        served.result(10)

    assert statuses == [502, 200, 429]


def test_a_taken_port_is_an_error(ploomes: Simulator) -> None:
    with pytest.raises(OSError, match="in use"):
        Simulator(deals=20, customers=5, port=int(ploomes.url.rsplit(":", 1)[1]))


def test_stopping_does_not_wait_for_stalled_answers() -> None:
    with Simulator(deals=20, customers=5, faults=[Fault("stall", times=None)]) as ploomes:
        arrived = threading.Event()
        ploomes.before_request(lambda request: arrived.set())
        with ThreadPoolExecutor(1) as threads:
            stalled = threads.submit(get, ploomes, wait=30)
            arrived.wait(5)
            started = time.monotonic()
            ploomes.stop()

            with pytest.raises(HTTPError):
                stalled.result(5)
            assert time.monotonic() - started < 2


def test_a_file_of_rules(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('[{"action": "status", "status": 503, "nth": 3, "times": null}]')

    assert read_faults(path) == [Fault("status", status=503, nth=3, times=None)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[", "not JSON"),
        ("{}", "no list"),
        ('[{"action": "empty"}, {"action": "burn"}]', "rule 2: 'burn' is no fault"),
        ('[{"action": "empty", "when": 1}]', "rule 1: needs an 'action' and may have"),
        ('[{"action": "rows", "rewrite": "x"}]', "'x' is no way to rewrite rows"),
    ],
)
def test_a_wrong_file_of_rules_is_explained(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(text)

    with pytest.raises(ValueError, match=complaint) as caught:
        read_faults(path)
    assert str(path) in str(caught.value)


def test_gzip_when_asked_for(ploomes: Simulator) -> None:
    headers = {"User-Key": ploomes.key, "Accept-Encoding": "gzip"}
    zipped = urllib3.request("GET", ploomes.url + "/Deals", headers=headers, decode_content=False)

    assert zipped.headers["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(zipped.data))["value"]) == 40
    assert "Content-Encoding" not in get(ploomes).headers


def test_the_date_header_is_the_accounts_clock(ploomes: Simulator) -> None:
    ploomes.clock.set(datetime(2026, 3, 1, 12, 30, 15, 900_000, tzinfo=UTC))

    assert get(ploomes).headers["Date"] == "Sun, 01 Mar 2026 12:30:15 GMT"
    ploomes.clock.advance(86_400)
    assert get(ploomes).headers["Date"] == "Mon, 02 Mar 2026 12:30:15 GMT"


def test_the_log_tells_what_was_asked(ploomes: Simulator) -> None:
    get(ploomes, "/Deals%40Pipelines?%24top=2&$filter=Id+gt+5")
    get(ploomes, "/Deals?$select=Nope")

    first, second = ploomes.requests
    assert (first.method, first.path, first.query) == ("GET", "/Deals@Pipelines", "$top=2&$filter=Id gt 5")
    assert (first.options["$filter"], first.key, first.status, first.rows) == ("Id gt 5", "key-1", 200, 2)
    assert first.bytes > 100 and first.started <= first.ended <= second.started
    assert (second.status, second.rows) == (403, None)
    assert ploomes.requests.count(path="/Deals") == ploomes.requests.count(status=403) == 1
    assert ploomes.requests.count(text="Id gt") == 1
    assert ploomes.key not in repr(first) + repr(first.headers)
    ploomes.requests.clear()
    assert len(ploomes.requests) == 0


def test_one_connection_serves_many_requests(ploomes: Simulator) -> None:
    pool = urllib3.HTTPConnectionPool(ploomes.url.removeprefix("http://").split(":")[0], int(ploomes.url.split(":")[2]))
    for _ in range(5):
        assert pool.request("GET", "/Deals?$top=1", headers={"User-Key": ploomes.key}).status == 200

    assert pool.num_connections == 1


def test_the_busiest_window() -> None:
    """Half open: two requests exactly a minute apart are not in one."""
    assert busiest([], 60) == 0
    assert busiest([0, 60, 120], 60) == 1
    assert busiest([0, 59.9, 60, 61, 200], 60) == 3
