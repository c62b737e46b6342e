"""The webhooks of the simulated account: who is called, and how one whose calls fail is switched off in silence."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import urllib3
from listeners import Heard, web_server

from carteira.simulator.server import Simulator
from carteira.simulator.webhooks import Delivery

FAILURES = 3
QUICK = Delivery(patience=0.3, failures=FAILURES)
UPDATE = {"EntityId": 2, "ActionId": 2}


@pytest.fixture
def ploomes() -> Iterator[Simulator]:
    with Simulator(deals=20, customers=5, delivery=QUICK) as simulator:
        yield simulator


@pytest.fixture
def receiver() -> Iterator[Heard]:
    with web_server() as heard:
        yield heard


def ask(ploomes: Simulator, method: str, path: str, row: dict[str, Any] | None = None) -> Any:
    answer = urllib3.request(method, ploomes.url + path, json=row, headers={"User-Key": ploomes.key})
    return json.loads(answer.data)["value"] if answer.data else None


def register(ploomes: Simulator, url: str) -> int:
    (row,) = ask(ploomes, "POST", "/Webhooks", UPDATE | {"CallbackUrl": url, "ValidationKey": "a key"})
    return int(row["Id"])


def active(ploomes: Simulator) -> bool:
    (row,) = ask(ploomes, "GET", "/Webhooks")
    return bool(row["Active"])


def edited(ploomes: Simulator, calls: int = 1) -> None:
    """An edit after each of whose calls one waits."""
    for _ in range(calls):
        before = len(ploomes.webhooks.made)
        ploomes.data.edit_deal(ploomes.data.ids()[0], Title=f"Pedido {before}")
        assert ploomes.webhooks.wait_for(lambda before=before: len(ploomes.webhooks.made) > before)


def test_a_change_is_called_for(ploomes: Simulator, receiver: Heard) -> None:
    register(ploomes, receiver.url)

    edited(ploomes)

    ((_, body),) = receiver.calls
    assert json.loads(body)["New"]["Title"] == "Pedido 0"


def test_after_so_many_failures_in_a_row_nobody_is_called_any_more(ploomes: Simulator, receiver: Heard) -> None:
    register(ploomes, receiver.url)
    receiver.status = 500
    edited(ploomes, FAILURES - 1)
    assert active(ploomes)

    edited(ploomes)

    assert not active(ploomes)
    ploomes.data.edit_deal(ploomes.data.ids()[0], Title="Outro")
    assert not ploomes.webhooks.wait_for(lambda: len(ploomes.webhooks.made) > FAILURES, timeout=0.2)
    assert len(receiver.calls) == FAILURES


def test_a_call_that_is_answered_forgives_those_before(ploomes: Simulator, receiver: Heard) -> None:
    register(ploomes, receiver.url)
    for _ in range(2):
        receiver.status = 500
        edited(ploomes, FAILURES - 1)
        receiver.status = 202
        edited(ploomes)

    assert active(ploomes)


@contextmanager
def dripping(every: float) -> Iterator[str]:
    """A receiver that sends its answer byte by byte, and says that all is well in the end."""
    ended = threading.Event()

    def answer(server: socket.socket) -> None:
        while not ended.is_set():
            try:
                caller, _ = server.accept()
            except OSError:
                return
            with closing(caller):
                caller.recv(65536)
                for byte in b"HTTP/1.0 200 OK\r\n\r\n":
                    if ended.wait(every):
                        return
                    caller.sendall(bytes([byte]))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            ended.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_who_never_answers_is_switched_off(ploomes: Simulator) -> None:
    """The call ends when its patience does."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        register(ploomes, f"http://127.0.0.1:{mute.getsockname()[1]}/")
        began = time.monotonic()

        edited(ploomes, FAILURES)

    assert time.monotonic() - began < 5
    assert {made.status for made in ploomes.webhooks.made} == {0}
    assert not active(ploomes)


def test_who_answers_too_slowly_is_switched_off(ploomes: Simulator) -> None:
    """Though each byte comes in time, and the answer is a good one."""
    with dripping(0.03) as url:
        register(ploomes, url)

        edited(ploomes, FAILURES)

    assert {made.status for made in ploomes.webhooks.made} == {200}
    assert min(made.seconds for made in ploomes.webhooks.made) > QUICK.patience
    assert not active(ploomes)


def test_what_is_switched_on_again_is_called_again(ploomes: Simulator, receiver: Heard) -> None:
    """And has as many failures before it as at first."""
    number = register(ploomes, receiver.url)
    receiver.status = 500
    edited(ploomes, FAILURES)

    ask(ploomes, "PATCH", f"/Webhooks({number})", {"Active": True})
    edited(ploomes, FAILURES - 1)

    assert active(ploomes)
    assert len(receiver.calls) == 2 * FAILURES - 1


def test_ploomes_own_limits(ploomes: Simulator) -> None:
    """As they are without being set for a test: ten seconds, and several failures."""
    assert Delivery().patience == 10.0
    assert Delivery().failures > 1
