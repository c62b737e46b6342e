"""`carteira serve`: the dashboard and its API, until somebody ends it."""

from __future__ import annotations

import threading
import time
from argparse import Namespace
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from carteira.cli.opening import opened
from carteira.cli.people import sign_in_address
from carteira.cli.stopping import interrupted_by_sigterm
from carteira.cli.terminal import say
from carteira.settings import Secret, Settings, load

if TYPE_CHECKING:
    from carteira.warehouse.connection import Warehouse

OPENING_SECONDS = 30


def serve(arguments: Namespace) -> None:
    """Serve; while there is no user, a link lets the first visitor in."""
    settings = load()
    port = free_port(arguments.host, arguments.port)
    with interrupted_by_sigterm(), opened(settings) as warehouse, _worker(arguments, settings, warehouse):
        serve_warehouse(settings, warehouse, arguments.host, port)


def _worker(arguments: Namespace, settings: Settings, warehouse: Warehouse) -> AbstractContextManager[None]:
    if not arguments.with_worker:
        return nullcontext()
    from carteira.cli.worker import working_beside

    return working_beside(settings, warehouse)


def free_port(host: str, port: int) -> int:
    """The port, if nobody listens there; for 0 one that is free. Asked first, before anything is made ready."""
    import socket

    from carteira.web.app import refuse_taken_port

    refuse_taken_port(host, port)
    if port:
        return port
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as free:
        found: int = free.getsockname()[1]
        return found


def serve_warehouse(settings: Settings, warehouse: Warehouse, host: str, port: int) -> None:
    """Serve until interrupted; say where once it answers, for people click faster than one thinks."""
    from carteira import log
    from carteira.alerts.watch import looking
    from carteira.warehouse import people
    from carteira.web.app import serve as run

    log.configure(value.reveal() for value in vars(settings).values() if isinstance(value, Secret))
    address = settings.public_url or f"http://{'[' + host + ']' if ':' in host else host}:{port}"
    with warehouse.transaction() as connection:
        link = None if people.has_users(connection) else people.add_link(connection)
    told = f"Carteira is at {address}"
    if link:
        told += f"\nThere is no user yet. This link lets you in, once: {sign_in_address(address, link)}"
    threading.Thread(target=_say_when_open, args=(host, port, told), daemon=True).start()
    with looking(settings, warehouse):
        run(settings, warehouse, host, port)


def _say_when_open(host: str, port: int, told: str) -> None:
    import socket

    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    until = time.monotonic() + OPENING_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection((here, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            break
    say(told)
