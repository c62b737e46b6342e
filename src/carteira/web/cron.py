"""Runs that are started over HTTP: by a scheduler that knows CRON_SECRET, or by an admin on a page."""

from __future__ import annotations

import hmac
import logging
import threading
from typing import Any

import psycopg
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, Response

from carteira.errors import CarteiraError, LeaseHeld, Refused
from carteira.settings import Settings
from carteira.warehouse.connection import Warehouse, away

router = APIRouter(include_in_schema=False)
log = logging.getLogger(__name__)

STATUS = {"succeeded": 200, "partial": 202}
LEAVING_SECONDS = 30


@router.get("/api/cron/sync-customer-sales")
def sync_customer_sales(request: Request) -> Response:
    """One slice of a run: 200 done, 202 call again; it fails closed while CRON_SECRET is not set."""
    settings: Settings = request.app.state.settings
    if settings.cron_secret is None:
        return _told(503, "failed", "CRON_SECRET is not set, so nobody can start a run: set it, 16 characters or more.")
    if not _is_right(request.headers.get("authorization", ""), settings.cron_secret.reveal()):
        return _told(401, "failed", "Send Authorization: Bearer with the value of CRON_SECRET.")
    # It brings the client and the reader with it, which no page needs.
    from carteira.sync import run

    try:
        outcome = run.sync(settings, request.app.state.warehouse, deadline=settings.sync_deadline_seconds)
    except CarteiraError as error:
        return _told(error.http_status, _state(error), str(error))
    except psycopg.OperationalError as error:
        return _told(503, "failed", str(away(error)))
    return _told(
        STATUS[outcome.state],
        outcome.state,
        outcome.message,
        mode=outcome.mode,
        customers=outcome.customers,
        deals=outcome.deals,
        requests=outcome.requests,
        seconds=round(outcome.seconds, 3),
        run_id=outcome.run_id,
    )


class Runs:
    """The run that this process does in the background, if it does one."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None

    def start(self, app: FastAPI, *, full: bool = False, accept_deletions: bool = False) -> bool:
        """Start a run and return at once; False where one is under way here. The log of runs tells the rest."""
        if self.thread is not None and self.thread.is_alive():
            return False
        arguments = (app.state.settings, app.state.warehouse, full, accept_deletions)
        self.thread = threading.Thread(target=self._run, args=arguments, name="sync")
        self.thread.start()
        return True

    def stop(self) -> None:
        """Let the run end where it is: it is partial, and the next one goes on."""
        self.stopping.set()
        if self.thread is not None:
            self.thread.join(LEAVING_SECONDS)

    def _run(self, settings: Settings, warehouse: Warehouse, full: bool, accept_deletions: bool) -> None:
        from carteira.sync import run

        try:
            run.sync(settings, warehouse, full=full, accept_deletions=accept_deletions, stopping=self.stopping)
        except CarteiraError as error:
            log.warning("the run that was started on a page has failed: %s", error)


def _is_right(header: str, secret: str) -> bool:
    scheme, _, given = header.partition(" ")
    same = hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode("utf-8", "surrogatepass"))
    return same and scheme.lower() == "bearer"


def _state(error: CarteiraError) -> str:
    if isinstance(error, LeaseHeld):
        return "running"
    return "refused" if isinstance(error, Refused) else "failed"


def _told(status: int, state: str, message: str, **outcome: Any) -> Response:
    nothing = dict.fromkeys(("mode", "customers", "deals", "requests", "seconds", "run_id"))
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"state": state} | nothing | outcome | {"message": message}, status, headers)
