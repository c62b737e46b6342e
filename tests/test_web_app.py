"""What every answer carries, what is kept in memory, and the server under it all."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dashboard
import pytest
from starlette.testclient import TestClient

from carteira.errors import CarteiraError
from carteira.warehouse.connection import Warehouse
from carteira.web import kept
from carteira.web.app import create_app, serve
from carteira.web.kept import Credential, Lookout, Shelf
from carteira.web.statics import FOLDER


@pytest.fixture
def client(warehouse: Warehouse, tmp_path: Path) -> Iterator[TestClient]:
    dashboard.publish(warehouse)
    with dashboard.served(dashboard.settings_of(tmp_path), warehouse, raise_server_exceptions=False) as client:
        client.headers.update(dashboard.viewer(warehouse, "gestor"))
        yield client


@pytest.mark.parametrize("path", ["/", "/entrar", "/nowhere", "/api/nowhere", "/api/dashboard/customers", "/healthz"])
def test_every_answer_is_armoured(client: TestClient, path: str) -> None:
    headers = client.get(path).headers

    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "strict-transport-security" not in headers, "over http it would mean nothing"
    assert headers["cache-control"] in ("no-store", "private, no-cache")


def test_errors_are_a_page_for_people_and_a_problem_for_programs(client: TestClient) -> None:
    page = client.get("/nowhere")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Página não encontrada" in page.text
    problem = client.get("/api/nowhere")
    assert (problem.status_code, problem.json()["title"]) == (404, "Not Found")
    assert client.delete("/clientes").status_code == 405


def test_what_nobody_foresaw_is_told_without_its_details(client: TestClient, warehouse: Warehouse) -> None:
    """A table is gone: nothing of the statement or of the schema is shown."""
    with warehouse.transaction() as connection:
        connection.execute("drop table customer_sales cascade")

    for path in ("/clientes", "/api/dashboard/customers"):
        answer = client.get(path)
        assert answer.status_code == 500
        assert "customer_sales" not in answer.text
        assert "content-security-policy" in answer.headers


def test_bundled_files_are_kept_for_good_and_others_are_asked_for(client: TestClient) -> None:
    bundled = next(path for path in sorted((FOLDER / "dist").iterdir()) if path.suffix == ".css")

    answer = client.get(f"/static/dist/{bundled.name}", headers={"accept-encoding": "gzip"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == bundled.read_bytes()
    assert client.get("/static/dist/manifest.json").headers["cache-control"] == "no-cache"
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/dist/", "/static/dist/none.js"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("in_pieces", [False, True])
def test_nobody_fills_the_memory(client: TestClient, in_pieces: bool) -> None:
    body = b"email=" + b"x" * 1_000_000
    content = (body[start : start + 65536] for start in range(0, len(body), 65536)) if in_pieces else body

    answer = client.post("/entrar", content=content, headers={"content-type": "application/x-www-form-urlencoded"})

    assert answer.status_code == 413


class Watched(Warehouse):
    """A warehouse that counts the looks at it, and holds the first one until it is let go."""

    began = threading.Event()
    go_on = threading.Event()
    looks = 0

    def at_once(self, *asked: tuple[str, Mapping[str, object]]) -> list[list[tuple[Any, ...]]]:
        Watched.looks += 1
        self.began.set()
        assert self.go_on.wait(10)
        return super().at_once(*asked)


def test_requests_that_come_during_a_look_share_the_next_one(warehouse: Warehouse, tmp_path: Path) -> None:
    """A look that had begun before a request came may not answer it: hence two for nine, and not one."""
    app = create_app(dashboard.settings_of(tmp_path), Watched(warehouse.dsn))

    async def ask() -> None:
        lookout = Lookout()
        first = asyncio.create_task(lookout.look(app, Credential("token", "a")))
        await asyncio.to_thread(Watched.began.wait, 10)
        others = [asyncio.create_task(lookout.look(app, Credential("token", str(n)))) for n in range(8)]
        await asyncio.sleep(0)
        Watched.go_on.set()
        looks = [await look for look in (first, *others)]
        assert looks[1] is looks[8]
        assert looks[0] is not looks[1]
        assert set(looks[1].viewers.values()) == {None}

    # In a thread of its own: a test with a browser before this one leaves the loop of its driver running in this one.
    with ThreadPoolExecutor(1) as alone:
        alone.submit(lambda: asyncio.run(ask())).result()
    assert Watched.looks == 2


def test_the_shelf_is_bounded() -> None:
    """The one that was not asked for longest goes first; what is too large is not kept at all."""
    shelf = Shelf(size=100)
    for name in "abc":
        shelf.put((name, False), {}, b"x" * 40)
        shelf.find(("a", False))

    assert shelf.find(("a", False)) and shelf.find(("c", False))
    assert shelf.find(("b", False)) is None
    assert shelf.held == 80
    shelf.put(("d", False), {}, b"x" * (kept.LARGEST_KEPT + 1))
    assert shelf.find(("d", False)) is None


def test_a_port_that_is_taken_is_a_sentence(warehouse: Warehouse, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CarteiraError, match="--port"):
            serve(dashboard.settings_of(tmp_path), warehouse, "127.0.0.1", taken.getsockname()[1])


SERVER = """
    import sys
    from pathlib import Path
    from carteira.settings import load
    from carteira.warehouse.connection import Warehouse
    from carteira.web.app import serve
    print("here", flush=True)
    dsn, home, port = sys.argv[1:]
    serve(load({"CARTEIRA_HOME": home}, Path(home)), Warehouse(dsn), "127.0.0.1", int(port))
    print("left", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_answers_and_leaves_when_it_is_told_to(
    warehouse: Warehouse, tmp_path: Path, number: signal.Signals
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", textwrap.dedent(SERVER), warehouse.dsn, str(tmp_path), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        answer = _answer(port, "/entrar")
        process.send_signal(number)
        assert process.stdout.read() == "left\n"
        assert process.wait(10) == 0
    assert answer.startswith(b"<!doctype html>")


def _answer(port: int, path: str) -> bytes:
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", path, headers={"accept-encoding": "gzip"})
        except ConnectionRefusedError:
            # It is importing; a connection that is refused costs nothing.
            continue
        answer = connection.getresponse()
        assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
        body = gzip.decompress(answer.read())
        connection.close()
        return body
