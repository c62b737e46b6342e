"""`carteira serve`: the dashboard and its API, until somebody ends it."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from carteira.cli.opening import opened
from carteira.cli.people import sign_in_address
from carteira.cli.stopping import interrupted_by_sigterm
from carteira.cli.terminal import say
from carteira.settings import Settings, load

if TYPE_CHECKING:
    from carteira.warehouse.connection import Warehouse


def serve(arguments: Namespace) -> None:
    """Serve; while there is no user, a link lets the first visitor in."""
    settings = load()
    with interrupted_by_sigterm(), opened(settings) as warehouse:
        serve_warehouse(settings, warehouse, arguments.host, arguments.port)


def serve_warehouse(settings: Settings, warehouse: Warehouse, host: str, port: int) -> None:
    """Say where it is and serve until interrupted."""
    from carteira.warehouse import people
    from carteira.web.app import serve as run

    address = settings.public_url or f"http://{'[' + host + ']' if ':' in host else host}:{port}"
    with warehouse.transaction() as connection:
        link = None if people.has_users(connection) else people.add_link(connection)
    say(f"Carteira is at {address}")
    if link:
        say(f"There is no user yet. This link lets you in, once: {sign_in_address(address, link)}")
    run(settings, warehouse, host, port)
