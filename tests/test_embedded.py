"""The embedded server: shared, stopped by the last, and none the worse for a kill -9 of anybody."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from carteira.errors import DatabaseError
from carteira.warehouse import cluster, embedded

HOLD = """
import sys
from pathlib import Path
from carteira.warehouse.embedded import running
with running(Path(sys.argv[1])) as dsn:
    print(dsn, flush=True)
    sys.stdin.read()
"""


class Process:
    """A process that holds up the server in `home` until it is told to leave."""

    def __init__(self, home: Path, *before: str) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [*before, sys.executable, "-c", HOLD, str(home)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def dsn(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip() or self._failed()

    def _failed(self) -> str:
        assert self.process.stderr is not None
        raise AssertionError(self.process.stderr.read())

    def leave(self) -> int:
        self.process.communicate("")
        return self.process.returncode

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        self.process.communicate()
        return self.process.returncode


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that is left without a server."""
    with tempfile.TemporaryDirectory(prefix="carteira-home-", dir="/tmp") as folder:
        yield Path(folder)
        assert _postmaster(Path(folder)) is None


def _postmaster(home: Path) -> int | None:
    """The pid of the server in `home`, if it is alive."""
    try:
        pid = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    except FileNotFoundError:
        return None
    return pid if cluster.answering(home / "postgres") else None


def _one(dsn: str, query: str = "select 1") -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def test_it_is_set_up_as_promised(home: Path) -> None:
    with embedded.running(home) as dsn, psycopg.connect(dsn) as connection:
        settings: dict[str, str] = dict(connection.execute("select name, setting from pg_settings").fetchall())
        assert settings["listen_addresses"] == ""
        assert (settings["TimeZone"], settings["jit"], settings["fsync"]) == ("UTC", "off", "on")
        sorted_as = (
            "select format('%s %s %s', datlocprovider, datlocale, pg_encoding_to_char(encoding)) from pg_database"
        )
        assert set(connection.execute(sorted_as.encode())) == {("b C.UTF-8 UTF8",)}
        assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700


def test_a_thread_and_a_caller_share_one_server(home: Path) -> None:
    with embedded.running(home) as dsn:
        with embedded.running(home) as again:
            assert again == dsn
        found: list[str] = []

        def hold() -> None:
            with embedded.running(home) as third:
                found.append(third)

        thread = threading.Thread(target=hold)
        thread.start()
        thread.join()
        assert found == [dsn]
        assert _one(dsn) == 1


def test_the_last_of_two_processes_stops_it(home: Path) -> None:
    first, second = Process(home), Process(home)
    dsn = first.dsn()
    assert second.dsn() == dsn
    pid = _postmaster(home)
    assert first.leave() == 0

    assert _postmaster(home) == pid
    assert _one(dsn) == 1
    assert second.leave() == 0


def test_data_outlive_the_server(home: Path) -> None:
    with embedded.running(home) as dsn, psycopg.connect(dsn) as connection:
        connection.execute("create table t as select 7 as n")
    with embedded.running(home) as dsn:
        assert _one(dsn, "select n from t") == 7


def test_a_killed_process_leaves_the_server_to_the_next(home: Path) -> None:
    killed = Process(home)
    killed.dsn()
    assert killed.end(signal.SIGKILL) == -signal.SIGKILL
    pid = _postmaster(home)

    with embedded.running(home) as dsn:
        assert _postmaster(home) == pid
        assert _one(dsn) == 1


def test_a_killed_process_does_not_stop_it_for_others(home: Path) -> None:
    with embedded.running(home) as dsn:
        killed = Process(home)
        killed.dsn()
        killed.end(signal.SIGKILL)
        assert _one(dsn) == 1


def test_a_killed_server_is_started_anew(home: Path) -> None:
    first = Process(home)
    dsn = first.dsn()
    with psycopg.connect(dsn) as connection:
        connection.execute("create table t as select 7 as n")
    pid = _postmaster(home)
    assert pid is not None
    # A backend in the middle of its work holds on to the shared memory for a while.
    with psycopg.connect(dsn, autocommit=True) as busy:
        os.kill(pid, signal.SIGKILL)
        with embedded.running(home) as again:
            assert again == dsn
            assert _postmaster(home) not in (pid, None)
            assert _one(again, "select n from t") == 7
        with pytest.raises(psycopg.OperationalError):
            busy.execute("select 1")
    assert first.leave() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_orderly_signal_stops_it(home: Path, number: signal.Signals) -> None:
    held = Process(home)
    held.dsn()

    assert held.end(number) in (-number, 128 + number)
    assert _postmaster(home) is None


def test_signals_are_given_back(home: Path) -> None:
    # The server of the other tests, where this process holds it up already, has taken them.
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with embedded.running(home):
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_pid_file_that_names_another_process_is_no_obstacle(home: Path) -> None:
    with embedded.running(home):
        lines = (home / "postgres" / "postmaster.pid").read_text().splitlines()
    bystander = subprocess.Popen([*cluster.identity(home / "postgres"), "cat"], stdin=subprocess.PIPE)
    lines[0] = str(bystander.pid)
    (home / "postgres" / "postmaster.pid").write_text("\n".join(lines) + "\n")
    (home / "postgres" / ".s.PGSQL.5432.lock").write_text("\n".join(lines[:5]) + "\n")
    with embedded.running(home) as dsn:
        assert _one(dsn) == 1

    assert bystander.poll() is None
    bystander.communicate()
    assert bystander.returncode == 0


def test_a_half_made_data_folder_is_made_anew(home: Path) -> None:
    (home / "postgres.new").mkdir()
    (home / "postgres.new" / "PG_VERSION").write_text("18\n")
    with embedded.running(home) as dsn:
        assert _one(dsn) == 1
    assert not (home / "postgres.new").exists()


def test_many_processes_race(home: Path) -> None:
    """Each finds a server that answers, whoever came first and whoever is just leaving."""
    script = (
        "import sys, psycopg; from pathlib import Path; from carteira.warehouse.embedded import running\n"
        "with running(Path(sys.argv[1])) as dsn: print(psycopg.connect(dsn).execute('select 1').fetchone())"
    )
    racing = [
        subprocess.Popen([sys.executable, "-c", script, str(home)], stdout=subprocess.PIPE, text=True)
        for _ in range(12)
    ]
    assert [each.communicate()[0].strip() for each in racing] == ["(1,)"] * 12


def test_a_fork_does_not_stop_what_its_parent_uses(home: Path) -> None:
    forking = subprocess.run([sys.executable, "-c", FORK, str(home)], capture_output=True, text=True, check=True)
    assert forking.stdout.split() == ["child", "1", "parent", "1"]


FORK = """
import os, sys, psycopg
from pathlib import Path
from carteira.warehouse.embedded import running
with running(Path(sys.argv[1])) as dsn:
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
    print("parent" if pid else "child", psycopg.connect(dsn).execute("select 1").fetchone()[0], flush=True)
"""


def test_a_long_path_gets_a_short_socket(home: Path) -> None:
    far = home.joinpath(*["a folder with a rather long name, é"] * 4)
    with embedded.running(far) as dsn:
        sockets = Path(str(psycopg.conninfo.conninfo_to_dict(dsn)["host"]))
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert _one(dsn) == 1
    shutil.rmtree(sockets)


def test_somebody_elses_folder_gets_no_socket(home: Path) -> None:
    far = home.joinpath(*["a folder with a rather long name"] * 4)
    sockets = cluster.socket_folder(far / "postgres")
    sockets.chmod(0o755)
    with pytest.raises(DatabaseError, match="not a private folder"), embedded.running(far):
        pass
    shutil.rmtree(sockets)


def test_data_of_another_version_are_left_alone(home: Path) -> None:
    (home / "postgres").mkdir()
    (home / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(DatabaseError, match="made by PostgreSQL 17"), embedded.running(home):
        pass
    assert (home / "postgres" / "PG_VERSION").read_text() == "17\n"


def test_a_home_that_cannot_be_used_is_a_sentence(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(DatabaseError, match="Set CARTEIRA_HOME"), embedded.running(home / "file"):
        pass


def test_a_data_folder_that_does_not_start_says_where_to_look(home: Path) -> None:
    with embedded.running(home):
        pass
    (home / "postgres" / "postgresql.conf").write_text("nonsense = 1\n")
    with pytest.raises(DatabaseError, match=r"does not start.*server\.log"), embedded.running(home):
        pass


def test_psql_is_there(home: Path) -> None:
    with embedded.running(home) as dsn:
        asked = subprocess.run(
            [embedded.psql_path(), "-Atc", "select 6 * 7", dsn], capture_output=True, text=True, check=True
        )
    assert asked.stdout == "42\n"


def test_it_runs_without_being_root(home: Path) -> None:
    """And root, who becomes its owner, can use what another account made."""
    as_user = cluster.identity(home / "postgres")
    own = home / "own"
    own.mkdir()
    if as_user:
        os.chown(own, cluster.NOBODY, cluster.NOBODY)
        # The capability to pass root's folders is for the path to the interpreter only.
        home.chmod(0o755)
    user = Process(own, *as_user)
    dsn = user.dsn()
    assert _one(dsn) == 1
    assert user.leave() == 0
    assert _postmaster(own) is None
    with embedded.running(own) as dsn:
        assert _one(dsn) == 1


def test_a_platform_without_the_wheel_is_told_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PACKAGE", "a_package_that_nobody_installed")
    with pytest.raises(DatabaseError, match="set DATABASE_URL"), embedded.running(home):
        pass


def test_a_given_url_starts_no_server(home: Path) -> None:
    with embedded.open_warehouse("postgresql://elsewhere/db", "other", home) as warehouse:
        assert (warehouse.dsn, warehouse.schema) == ("postgresql://elsewhere/db", "other")
    assert list(home.iterdir()) == []
