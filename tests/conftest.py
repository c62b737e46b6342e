"""Fixtures on real parts: PostgreSQL servers, a fresh database for each test that wants one, a Ploomes.

A test is run on the embedded PostgreSQL, or on what CARTEIRA_TEST_POSTGRES names: `embedded`, `15` (Debian's) or
`pgbouncer` (the embedded one behind a transaction pooler). Where none is named, one with the marker `every_postgres` is
run on the first two.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from quick import QUICK, Run
from servers import Server
from world import NewWarehouse, settings_for

from carteira.settings import Settings
from carteira.simulator.server import Simulator
from carteira.sync.run import Outcome, sync
from carteira.warehouse import cluster, embedded, migrate
from carteira.warehouse.connection import Warehouse

POSTGRES_15 = next(
    (
        folder
        for root in ("/usr/lib/postgresql/15", "/opt/homebrew/opt/postgresql@15", "/usr/local/opt/postgresql@15")
        if (folder := Path(root, "bin")).joinpath("postgres").exists()
    ),
    None,
)
PGBOUNCERS = ("/usr/sbin/pgbouncer", "/opt/homebrew/bin/pgbouncer", "/usr/local/bin/pgbouncer")
NAMED = os.environ.get("CARTEIRA_TEST_POSTGRES")
EVERY = ["embedded", "15"] if POSTGRES_15 else ["embedded"]
TEMPLATE = "carteira_template"

_numbers = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "every_postgres: run on the embedded PostgreSQL and on PostgreSQL 15")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames and metafunc.definition.get_closest_marker("every_postgres"):
        metafunc.parametrize("server", [NAMED] if NAMED else EVERY, indirect=True, scope="session")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A running PostgreSQL; what is written to it need not survive the machine."""
    name = getattr(request, "param", NAMED or "embedded")
    with _home() as home, _postgres(name, home) as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("alter system set fsync = off")
            connection.execute("select pg_reload_conf()")
        if name != "pgbouncer":
            yield Server(name, dsn, dsn)
            return
        with _pgbouncer(dsn, home) as way:
            yield Server(name, dsn, way)


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """The name of a database that is migrated once and cloned for each test."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(TEMPLATE)))
    migrate.upgrade(Warehouse(make_conninfo(server.dsn, dbname=TEMPLATE)))
    return TEMPLATE


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """The DSN of an empty database."""
    with _database(server, "template1") as name:
        yield make_conninfo(server.way, dbname=name)


@pytest.fixture
def warehouse(server: Server, template: str) -> Iterator[Warehouse]:
    """A fresh migrated database."""
    with _database(server, template) as name:
        yield Warehouse(make_conninfo(server.way, dbname=name))


@pytest.fixture(scope="session")
def new_warehouse(server: Server, template: str) -> NewWarehouse:
    """What makes a fresh migrated database for as long as a block lasts: for tests that need one for each example."""

    @contextmanager
    def made() -> Iterator[Warehouse]:
        with _database(server, template) as name:
            yield Warehouse(make_conninfo(server.way, dbname=name))

    return made


@pytest.fixture
def pgbouncer(server: Server, template: str) -> Iterator[Warehouse]:
    """A fresh migrated database behind a pgbouncer in transaction mode."""
    with _home() as home, _database(server, template) as name, _pgbouncer(server.dsn, home) as way:
        yield Warehouse(make_conninfo(way, dbname=name))


@pytest.fixture
def pooled_at(server: Server, template: str) -> Callable[[str], AbstractContextManager[Warehouse]]:
    """What makes a fresh database that machines elsewhere reach through a transaction pooler at an address."""

    @contextmanager
    def made(address: str) -> Iterator[Warehouse]:
        with _home() as home, _database(server, template) as name, _pgbouncer(server.dsn, home, address) as way:
            yield Warehouse(make_conninfo(way, dbname=name))

    return made


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A small Ploomes without a minute limit; a test that needs another makes its own."""
    with Simulator(deals=600, customers=80) as ploomes:
        yield ploomes


@pytest.fixture
def settings(simulator: Simulator, warehouse: Warehouse, tmp_path: Path) -> Settings:
    """Everything that is needed to sync `simulator` into `warehouse`; change one with `dataclasses.replace`."""
    return settings_for(simulator, warehouse, tmp_path)


@pytest.fixture
def run(settings: Settings, warehouse: Warehouse, simulator: Simulator) -> Run:
    """Sync a minute later than whatever happened last; the first, full run is done."""

    def later(**options: object) -> Outcome:
        simulator.clock.advance(60)
        simulator.requests.clear()
        return sync(settings, warehouse, patience=QUICK, **options)  # type: ignore[arg-type]

    assert later().mode == "full"
    return later


@contextmanager
def _home() -> Iterator[Path]:
    # Under /tmp and short: the path of a socket may have some hundred bytes only.
    with tempfile.TemporaryDirectory(prefix="carteira-test-", dir="/tmp") as home:
        yield Path(home)


@contextmanager
def _database(server: Server, template: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        made = sql.SQL("create database {} template {} strategy file_copy")
        connection.execute(made.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield name
    finally:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def _postgres(name: str, home: Path) -> Iterator[str]:
    if name != "15":
        with embedded.running(home) as dsn:
            yield dsn
        return
    assert POSTGRES_15 is not None, "CARTEIRA_TEST_POSTGRES=15 needs PostgreSQL 15: apt-get install postgresql-15"
    data = home / "15"
    subprocess.run(
        [*cluster.identity(data), POSTGRES_15 / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8",
         "--locale=C.UTF-8"],
        check=True, stdout=subprocess.DEVNULL, cwd=home,
    )  # fmt: skip
    control: list[str | Path] = [*cluster.identity(data), POSTGRES_15 / "pg_ctl", "-D", data, "-w", "-s"]
    options = f"-c listen_addresses= -c unix_socket_directories={data} -c timezone=UTC"
    subprocess.run([*control, "-l", data / "server.log", "-o", options, "start"], check=True, cwd=home)
    try:
        yield f"postgresql://postgres@{quote(str(data), safe='')}:5432/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd=home)


@contextmanager
def _pgbouncer(dsn: str, home: Path, address: str = "") -> Iterator[str]:
    """A pgbouncer before a server; few connections, so that clients have to share them as on a busy day.

    It listens on a socket, or at an address.
    """
    parts = conninfo_to_dict(dsn)
    folder = home / "pgbouncer"
    folder.mkdir(mode=0o700)
    users = folder / "users"
    users.write_text(f'"{parts["user"]}" ""\n"reader" ""\n')
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host={parts['host']} port={parts['port']}\n"
        "[pgbouncer]\npool_mode = transaction\nlisten_port = 6543\ndefault_pool_size = 4\n"
        f"auth_type = trust\nauth_file = {users}\nunix_socket_dir = {folder}\nlogfile = {folder}/log\n"
        + (f"listen_addr = {address}\n" if address else "")
    )
    program = next(path for path in PGBOUNCERS if Path(path).exists())
    process = subprocess.Popen([*cluster.identity(folder), program, "--quiet", config])
    try:
        way = make_conninfo(dsn, host=address or str(folder), port=6543)
        _answers(way)
        yield way
    finally:
        process.kill()
        process.wait()


def _answers(dsn: str) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
        else:
            return
