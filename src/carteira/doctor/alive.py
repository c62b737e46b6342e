"""Whether what should happen by itself still does: runs, webhooks, alerts; and how much of the pace is left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from carteira.doctor.finding import Finding, failed, ok, warning
from carteira.settings import Settings
from carteira.warehouse import bookings, hints, runs
from carteira.warehouse.connection import Connection
from carteira.warehouse.runs import Run
from carteira.warehouse.stamp import STALE_AFTER

WINDOW_SECONDS = 60
NEARLY_ALL = 0.9
SILENT_AFTER = timedelta(hours=1)


def examine(settings: Settings, connection: Connection) -> Iterator[Finding]:
    """Everything that can be told from the database."""
    recent = runs.recent(connection, limit=1)
    if recent:
        yield _schedule(recent[0])
        yield _pace(settings, connection, recent[0])
    if settings.webhook_key is not None:
        yield _webhooks(connection)
    yield from _alerts(settings)


def _schedule(run: Run) -> Finding:
    last = run.finished_at or run.opened_at
    if datetime.now(UTC) - last > STALE_AFTER:
        return failed(
            "schedule",
            f"Nothing has run since {last:%Y-%m-%d %H:%M} UTC.",
            "Look at what should start runs: the timer, cron, `carteira worker`, or whatever calls the cron route.",
        )
    return ok("schedule", f"The last run was at work at {last:%Y-%m-%d %H:%M} UTC.")


def _pace(settings: Settings, connection: Connection, run: Run) -> Finding:
    booked, *_ = bookings.queries.booked(connection, window=WINDOW_SECONDS, holder="")
    limit = settings.ploomes_requests_per_minute
    text = f"{booked} of {limit} requests of the last minute are booked."
    if booked >= NEARLY_ALL * limit:
        return warning("pace", text, "A run is at work, or was just: the next one waits until requests are left.")
    if run.throttled:
        return warning(
            "pace",
            f"{text} Ploomes throttled the last run {run.throttled} times.",
            "Something else uses the account's requests: lower PLOOMES_REQUESTS_PER_MINUTE.",
        )
    return ok("pace", text)


def _webhooks(connection: Connection) -> Finding:
    health = hints.health(connection)
    if health.received_at is None:
        return warning(
            "webhooks",
            "Ploomes has never called a webhook here.",
            "Run `carteira webhooks install`; if that was done, change something in Ploomes and look again.",
        )
    changes = [entity.newest for entity in runs.entities(connection).values() if entity.newest]
    if changes and max(changes) - health.received_at > SILENT_AFTER:
        return failed(
            "webhooks",
            f"Ploomes called last at {health.received_at:%Y-%m-%d %H:%M} UTC, and something changed at "
            f"{max(changes):%Y-%m-%d %H:%M} UTC without a call.",
            "Ploomes switches webhooks off without a word: `carteira webhooks check` tells, `carteira webhooks "
            "install` renews them. Until then the schedule brings the changes.",
        )
    if health.waiting_since and datetime.now(UTC) - health.waiting_since > SILENT_AFTER:
        return failed(
            "webhooks",
            f"{health.waiting} changes that Ploomes named wait since {health.waiting_since:%Y-%m-%d %H:%M} UTC.",
            "Let `carteira worker` run: it reads them.",
        )
    return ok("webhooks", f"Ploomes called last at {health.received_at:%Y-%m-%d %H:%M} UTC.")


def _alerts(settings: Settings) -> Iterator[Finding]:
    if settings.alert_email_to and settings.smtp_url is None:
        yield failed("alerts", "ALERT_EMAIL_TO is set and SMTP_URL is not: no e-mail can go out.", "Set SMTP_URL.")
    elif settings.smtp_url and not settings.alert_email_to:
        yield warning("alerts", "SMTP_URL is set and ALERT_EMAIL_TO is not: nobody is told.", "Set ALERT_EMAIL_TO.")
