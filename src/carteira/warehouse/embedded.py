"""A PostgreSQL of one's own: the server that comes in a wheel, started by the first process and stopped by the last.

In `home` lie the data folder `postgres`, and two lock files. `gate` is held while a server is started or stopped;
`users` is shared by everybody who uses it. Whoever gets `users` for himself on leaving is the last. The kernel lets go
of both when a process dies, however it dies, so nothing has to be repaired after a kill -9: a server that was left
behind is found by the next user and stopped when that one leaves.

Anybody may connect without a password, so the socket lies in a folder that only its owner can enter, and there is no
TCP port.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import fasteners

from carteira.errors import DatabaseError
from carteira.warehouse import cluster
from carteira.warehouse.cluster import psql_path

if TYPE_CHECKING:
    from carteira.warehouse.connection import Warehouse

__all__ = ["open_warehouse", "psql_path", "running"]


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


@dataclass
class _Handle:
    users: fasteners.InterProcessReaderWriterLock
    dsn: str
    count: int = 0


# File locks belong to the process, not to the thread or the object: a process has one handle on a home and counts.
_handles: dict[Path, _Handle] = {}
_guard = threading.RLock()


def _forget() -> None:
    """A child of fork has neither the locks of its parent nor the threads that may have held the guard."""
    global _guard
    _guard = threading.RLock()
    _handles.clear()


os.register_at_fork(after_in_child=_forget)


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
            dsn = cluster.start(home / "postgres")
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
    last = users.acquire_write_lock(blocking=False)
    try:
        if last:
            cluster.stop(home / "postgres")
    finally:
        # Also where it was not got: a handle left open would, when it is closed one day, drop a lock taken since.
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
