"""`carteira serve` over a database of the tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from carteira.warehouse.connection import Warehouse

START_SECONDS = 20


@contextmanager
def served(warehouse: Warehouse, **given: str) -> Iterator[str]:
    """`carteira serve` in a process of its own, on a free port, until the block ends.

    `given` are more settings; `{address}` in one stands for where it is served.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        **{name: value.format(address=address) for name, value in given.items()},
        "DATABASE_URL": _url(warehouse.dsn),
        "PLOOMES_CONTACT_URL": "https://app10.ploomes.example/contact/{id}",
        "PLOOMES_DEAL_URL": "https://app10.ploomes.example/deal/{id}",
    }
    command = [str(Path(sys.executable).with_name("carteira")), "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _wait_until_it_answers(process, address)
            yield address
        finally:
            process.terminate()
            process.wait(10)


def _url(dsn: str) -> str:
    parts = conninfo_to_dict(dsn)
    host = quote(str(parts["host"]), safe="")
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={host}&port={parts.get('port', 5432)}"


def _wait_until_it_answers(process: subprocess.Popen[bytes], address: str) -> None:
    for _ in range(START_SECONDS * 20):
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    assert process.stderr is not None
    pytest.fail(f"carteira serve did not answer at {address}: {process.stderr.read1().decode()}")
