"""What the measured programs talk to: a PostgreSQL with default durability, and a page server."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import psycopg
from psycopg import sql

from carteira.warehouse import cluster, embedded, migrate
from carteira.warehouse.connection import Warehouse

POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")
TICKS = os.sysconf("SC_CLK_TCK")
_numbers = itertools.count()


@dataclass(frozen=True)
class Postgres:
    """A server; `pid` is its first process, which takes the CPU time of the others over when they end."""

    name: str
    dsn: str
    pid: int

    def cpu(self) -> float:
        """Seconds of processor time that its sessions have cost, once those of measured programs have ended."""
        # One that has let go of its memory and is not yet buried has no command line.
        while any(b" bench_" in command or not command for command in self._sessions()):
            time.sleep(0.005)
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / TICKS

    def _sessions(self) -> Iterator[bytes]:
        for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
            with suppress(OSError):
                yield Path(f"/proc/{child}/cmdline").read_bytes()

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """A fresh database: its DSN as a URL."""
        name = f"bench_{os.getpid()}_{next(_numbers)}"
        template = "carteira_template" if migrated else "template1"
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            made = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
            connection.execute(made)
            connection.execute("checkpoint")
        try:
            yield self.dsn.rpartition("/")[0] + f"/{name}"
        finally:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Debian's PostgreSQL 15 where there is one, else the embedded one; nothing about it is tuned."""
    with tempfile.TemporaryDirectory(prefix="carteira-bench-", dir="/tmp") as home:
        start = _debian if POSTGRES_15.exists() else _embedded
        with start(Path(home)) as server:
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                connection.execute("create database carteira_template")
            migrate.upgrade(Warehouse(server.dsn.rpartition("/")[0] + "/carteira_template"))
            yield server


@contextmanager
def _embedded(home: Path) -> Iterator[Postgres]:
    with embedded.running(home) as dsn:
        yield Postgres("embedded PostgreSQL 18", dsn, _pid(home / "postgres"))


@contextmanager
def _debian(home: Path) -> Iterator[Postgres]:
    data = home / "15"
    initdb: list[str | Path] = [POSTGRES_15 / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8"]
    control: list[str | Path] = [*cluster.identity(data), POSTGRES_15 / "pg_ctl", "-D", data, "-w", "-s"]
    options = f"-c listen_addresses= -c unix_socket_directories={data}"
    silent = subprocess.DEVNULL
    subprocess.run([*cluster.identity(data), *initdb, "--locale=C.UTF-8"], check=True, stdout=silent, cwd=home)
    subprocess.run([*control, "-l", data / "server.log", "-o", options, "start"], check=True, cwd=home)
    try:
        yield Postgres("PostgreSQL 15", f"postgresql://postgres@{quote(str(data), safe='')}:5432/postgres", _pid(data))
    finally:
        subprocess.run([*control, "-m", "fast", "stop"], check=True, cwd=home)


def _pid(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[0])


@dataclass(frozen=True)
class Pages:
    """A page server at `url`."""

    url: str

    def ask(self, what: str) -> Any:
        """`log`, `edit?deals=200&at=55`, `settle` or `truth`."""
        with urlopen(f"{self.url}/bench/{what}") as answer:
            return json.load(answer)


@contextmanager
def pages(folder: Path, latency: float = 0.0) -> Iterator[Pages]:
    """A page server on an account's files; edits last until it is stopped."""
    command = [sys.executable, "-m", "bench.pageserver", str(folder), str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Pages(process.stdout.readline().strip())
        finally:
            process.kill()


def vacuumed(database: str) -> None:
    """What autovacuum does within minutes of a first load."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("vacuum analyze")
