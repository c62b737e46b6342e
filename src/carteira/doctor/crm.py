"""Ploomes: whether it is there, lets the key in, shows the fields that are needed, and agrees on the time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta

import psycopg

from carteira.doctor.finding import Finding, failed, ok, warning
from carteira.errors import CarteiraError, PloomesError, PloomesRefused
from carteira.ploomes import pages, refusal, webhooks
from carteira.ploomes.client import Answer, Client, Patience
from carteira.ploomes.entities import ENTITIES, LOOK_UPS, Entity
from carteira.ploomes.odata import query
from carteira.ploomes.pacing import WINDOW_SECONDS, Ledger, OwnLedger, Pacer
from carteira.settings import Settings
from carteira.warehouse.bookings import Bookings
from carteira.warehouse.embedded import open_warehouse

PATIENCE = Patience(tries=2, give_up=20.0, throttled_tries=2, throttled_give_up=70.0)
CLOCK_TOLERANCE = timedelta(seconds=30)


def examine(settings: Settings) -> Iterator[Finding]:
    """A handful of requests; one for each field where a whole list of them was refused."""
    assert settings.ploomes_api_key is not None
    with ExitStack() as open_here:
        ledger = _ledger(settings, open_here)
        pacer = Pacer(settings.ploomes_requests_per_minute, settings.ploomes_concurrency, ledger, threading.Event())
        client = Client(settings.ploomes_base_url, settings.ploomes_api_key.reveal(), pacer, PATIENCE)
        open_here.enter_context(closing(client))
        try:
            yield from _account(client)
            for entity in ENTITIES:
                yield from _fields(client, entity)
            yield from _look_ups(client)
            yield from _webhooks(settings, client)
        except PloomesError as error:
            yield failed("ploomes", str(error), _remedy(settings, error))


def _ledger(settings: Settings, open_here: ExitStack) -> Ledger:
    """Where everybody books, if there is such a database: a run under way must not meet the limit because of this."""
    url = settings.database_url.reveal() if settings.database_url else None
    try:
        warehouse = open_here.enter_context(open_warehouse(url, settings.database_schema, settings.home))
        with warehouse.transaction() as connection:
            connection.execute("select from request_places")
    except (psycopg.Error, CarteiraError):
        return OwnLedger()
    return open_here.enter_context(closing(Bookings(warehouse, WINDOW_SECONDS, single=True)))


def _remedy(settings: Settings, error: PloomesError) -> str:
    if isinstance(error, PloomesRefused):
        return "Check PLOOMES_API_KEY and the rights of its user in Ploomes."
    return f"Check the network and PLOOMES_BASE_URL, which is {settings.ploomes_base_url}."


def _account(client: Client) -> Iterator[Finding]:
    try:
        user, _ = pages.identity(client)
        clock = client.ask("/Self?$select=Id", lambda answer: answer)
    except PloomesRefused as refused:
        raise refusal.explain(client, refused) from refused
    yield ok("ploomes", f"Ploomes answers on {client.base_url} and knows the key: user {user}.")
    yield _clock(clock)


def _clock(answer: Answer) -> Finding:
    apart = datetime.now(UTC) - answer.server_now
    if abs(apart) > CLOCK_TOLERANCE:
        ahead = "ahead of" if apart > timedelta(0) else "behind"
        return warning(
            "clock",
            f"This machine's clock is {abs(apart.total_seconds()):.0f} s {ahead} Ploomes'.",
            "Let it be set by the network (timedatectl set-ntp true). Syncs go by Ploomes' clock and stay right.",
        )
    return ok("clock", "This machine and Ploomes agree on the time.")


def _fields(client: Client, entity: Entity) -> Iterator[Finding]:
    whole = query(entity.path, top=1, select=entity.fields(), expand=entity.expand())
    check = f"fields of {entity.path}"
    try:
        client.ask(whole, lambda answer: answer)
    except PloomesRefused:
        yield _refused(client, entity, check)
    else:
        yield ok(check, f"The key may read every field of {entity.path} that is asked for.")


def _refused(client: Client, entity: Entity, check: str) -> Finding:
    try:
        refused = sorted(refusal.refused_fields(client, entity))
    except PloomesRefused as needed:
        return failed(check, str(needed))
    if not refused:
        return failed(
            check,
            f"Ploomes refuses the fields of {entity.path} together and none of them alone.",
            "Run `carteira doctor` again in a minute; if it stays so, report it.",
        )
    names = ", ".join(name.partition(":")[2] for name in refused)
    return warning(
        check,
        f"Ploomes refuses {names} of {entity.path} to this key; the columns stay empty, the sums are right.",
        "Let the integration user's profile see them, if you want them shown.",
    )


def _look_ups(client: Client) -> Iterator[Finding]:
    for look_ups in LOOK_UPS:
        try:
            client.ask(query(look_ups.path, top=1, select=look_ups.fields), lambda answer: answer)
        except PloomesRefused as refused:
            yield warning(
                "look-ups",
                f"{look_ups.path} cannot be read (HTTP {refused.status}): numbers are shown in place of names.",
                "Let the integration user's profile see it.",
            )


def _webhooks(settings: Settings, client: Client) -> Iterator[Finding]:
    if settings.webhook_key is None or settings.public_url is None:
        return
    address = settings.public_url + webhooks.ROUTE
    try:
        found = webhooks.look(client, address, settings.webhook_key.reveal())
    except PloomesRefused as refused:
        yield warning(
            "webhooks in Ploomes",
            f"Whether Ploomes calls cannot be seen: /Webhooks answers HTTP {refused.status}.",
            "Let the integration user's profile see it; until then only calls that come tell.",
        )
        return
    silent = [f"{one.entity} {one.action} ({one.state})" for one in found if not one.works]
    if silent:
        yield failed(
            "webhooks in Ploomes",
            f"Ploomes does not call {address} for {', '.join(silent)}.",
            "Run `carteira webhooks install`.",
        )
    else:
        yield ok("webhooks in Ploomes", f"Ploomes calls {address} for each of {len(found)} kinds of change.")
