"""Whether the process lives, and whether it can be used: for whatever watches over it."""

from __future__ import annotations

from typing import Any

import psycopg
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from carteira.errors import CarteiraError, SchemaMismatch
from carteira.warehouse import migrate, stamp
from carteira.warehouse.connection import Warehouse

router = APIRouter(include_in_schema=False)


@router.api_route("/healthz", methods=["GET", "HEAD"])
def lives() -> Response:
    """The process answers; nothing else is asked."""
    return JSONResponse({"status": "ok"})


@router.api_route("/readyz", methods=["GET", "HEAD"])
def ready(request: Request) -> Response:
    """200 when database and schema are there; how old the data is is told and keeps nobody out."""
    warehouse: Warehouse = request.app.state.warehouse
    state: dict[str, Any] = {"status": "ok", "database": "ok", "schema": "ok"}
    try:
        migrate.check(warehouse)
        with warehouse.transaction() as connection:
            read = stamp.read(connection, request.app.state.zone)
    except SchemaMismatch:
        return JSONResponse({"status": "not ready", "database": "ok", "schema": "mismatch"}, 503)
    except (psycopg.Error, CarteiraError):
        # What is wrong with it is for the log and for doctor: anybody may ask here.
        return JSONResponse({"status": "not ready", "database": "unreachable"}, 503)
    last = read.last_sync_at.isoformat() if read.last_sync_at else None
    return JSONResponse(state | {"freshness": "stale" if read.stale else "ok", "last_sync_at": last})
