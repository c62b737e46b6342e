"""`carteira webhooks`: what Ploomes calls when something changes, put in order and looked at."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from carteira.cli.opening import opened
from carteira.cli.terminal import out, out_json, out_table, say
from carteira.errors import SettingsError
from carteira.settings import Settings, checks, load

if TYPE_CHECKING:
    from carteira.ploomes.client import Client
    from carteira.ploomes.webhooks import Wanted
    from carteira.warehouse.connection import Warehouse
    from carteira.warehouse.hints import Health

NEEDED = ("PLOOMES_API_KEY", "PLOOMES_WEBHOOK_KEY")
FAILED = 1


def install(arguments: Namespace) -> None:
    """Add what is missing and renew what was switched off; what works stays as it is."""
    from carteira.ploomes import webhooks

    settings = load(required=NEEDED)
    address = _address(arguments, settings)
    with opened(settings) as warehouse:
        changed = _asked(settings, warehouse, address, webhooks.install)
    if arguments.json:
        out_json([_told(one) for one in changed])
    else:
        out(f"{len(changed)} webhooks added or renewed; Ploomes calls {address}")


def check(arguments: Namespace) -> int:
    """1 when one is missing or was switched off."""
    from carteira.ploomes import webhooks
    from carteira.warehouse import hints

    settings = load(required=NEEDED)
    with opened(settings) as warehouse:
        found = _asked(settings, warehouse, _address(arguments, settings), webhooks.look)
        with warehouse.transaction() as connection:
            health = hints.health(connection)
    if arguments.json:
        out_json({"webhooks": [_told(one) for one in found], "calls": health})
    else:
        out_table(("entity", "action", "state"), [(one.entity, one.action, one.state) for one in found])
        say(_calls(health))
    if all(one.works for one in found):
        return 0
    say("Not everything is called: run `carteira webhooks install`.")
    return FAILED


def _address(arguments: Namespace, settings: Settings) -> str:
    from carteira.ploomes.webhooks import ROUTE

    if arguments.url is None:
        settings.require("CARTEIRA_PUBLIC_URL")
    url = arguments.url or settings.public_url or ""
    try:
        # The key travels with each call, as ours does with each request.
        return checks.base_url(url) + ROUTE
    except ValueError as fault:
        raise SettingsError([f"{'--url' if arguments.url else 'CARTEIRA_PUBLIC_URL'} {fault}"]) from None


def _asked(
    settings: Settings, warehouse: Warehouse, address: str, what: Callable[[Client, str, str], list[Wanted]]
) -> list[Wanted]:
    from carteira.ploomes import client as http
    from carteira.ploomes.pacing import WINDOW_SECONDS, Pacer
    from carteira.warehouse.bookings import Bookings

    assert settings.ploomes_api_key is not None and settings.webhook_key is not None
    with closing(Bookings(warehouse, WINDOW_SECONDS, single=True)) as ledger:
        pacer = Pacer(settings.ploomes_requests_per_minute, settings.ploomes_concurrency, ledger, threading.Event())
        with closing(http.Client(settings.ploomes_base_url, settings.ploomes_api_key.reveal(), pacer)) as client:
            return what(client, address, settings.webhook_key.reveal())


def _told(one: Wanted) -> dict[str, object]:
    return {"entity": one.entity, "action": one.action, "state": one.state}


def _calls(health: Health) -> str:
    if health.received_at is None:
        return "Ploomes has not called yet."
    return f"{health.calls:,} calls, the last at {health.received_at:%Y-%m-%d %H:%M:%S %Z}; {health.waiting} rows wait."
