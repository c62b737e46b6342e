"""The web application, put together: what stands before the routes, the routes, and the server under them."""

from __future__ import annotations

import asyncio
import select
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg
from fastapi import FastAPI
from psycopg_pool import ConnectionPool
from starlette.middleware.gzip import GZipMiddleware

from carteira import __version__
from carteira.errors import CarteiraError
from carteira.warehouse.connection import CONNECT_SECONDS, Warehouse
from carteira.web import adjustments, api, cron, entry, export, health, metrics, pages, problems, webhooks
from carteira.web.cron import Runs
from carteira.web.headers import SameOrigin, SecurityHeaders, SmallBodies
from carteira.web.kept import Kept
from carteira.web.openid import routes as openid
from carteira.web.portfolios import Portfolios
from carteira.web.session import cookie_name
from carteira.web.statics import FOLDER, Statics
from carteira.web.templating import templates
from carteira.web.warming import kept_warm

if TYPE_CHECKING:
    from carteira.settings import Settings

POOL_SIZE = 8
GZIP_FROM = 1000


def create_app(settings: Settings, warehouse: Warehouse) -> FastAPI:
    """The application over one database; its pool of connections lives as long as it is served."""
    https = (settings.public_url or "").startswith("https://")
    app = FastAPI(title="Carteira", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_pooled)
    app.state.settings = settings
    app.state.warehouse = warehouse
    app.state.zone = ZoneInfo(settings.timezone)
    app.state.edition = _edition(settings)
    app.state.https = https
    app.state.cookie = cookie_name(secure=https)
    app.state.runs = Runs()
    app.state.portfolios = Portfolios()
    app.state.openid = None
    app.state.templates = templates(settings)
    problems.install(app)
    _include_routes(app)
    app.mount("/static", Statics(directory=FOLDER), name="static")
    # The last one added is the first to see a request.
    app.add_middleware(SmallBodies)
    app.add_middleware(SameOrigin, public_url=settings.public_url)
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM, compresslevel=6)
    app.add_middleware(Kept)
    app.add_middleware(SecurityHeaders, https=https)
    if settings.metrics_token is not None:
        metrics.measure(app)
    return app


def _include_routes(app: FastAPI) -> None:
    for routes in (adjustments, api, cron, entry, export, health, metrics, openid, pages, webhooks):
        app.include_router(routes.router)


def _edition(settings: Settings) -> str:
    """What an answer depends on besides data and question: the program, its bundled files and its settings."""
    manifest = FOLDER / "dist" / "manifest.json"
    bundle = manifest.read_bytes() if manifest.exists() else b""
    # The repr of a Secret shows nothing of it.
    return blake2b(repr((__version__, settings, bundle)).encode(), digest_size=8).hexdigest()


@asynccontextmanager
async def _pooled(app: FastAPI) -> AsyncIterator[None]:
    alone: Warehouse = app.state.warehouse
    with open_pool(alone.dsn) as pool:
        app.state.warehouse = replace(alone, pool=pool)
        yield
        app.state.runs.stop()
    app.state.warehouse = alone


def open_pool(dsn: str) -> ConnectionPool[psycopg.Connection[Any]]:
    """A small pool whose connections work behind a transaction pooler as well."""
    return ConnectionPool(
        dsn,
        min_size=1,
        max_size=POOL_SIZE,
        timeout=CONNECT_SECONDS,
        kwargs={"autocommit": True, "prepare_threshold": None, "connect_timeout": CONNECT_SECONDS},
        check=_check,
        open=False,
    )


def _check(connection: psycopg.Connection[Any]) -> None:
    # An idle connection is silent unless the server closed it: no round trip for those that are.
    readable, _, _ = select.select([connection.fileno()], [], [], 0)
    if readable:
        ConnectionPool.check_connection(connection)


def serve(settings: Settings, warehouse: Warehouse, host: str, port: int) -> None:
    """Serve in this process until SIGINT or SIGTERM: open requests are answered, a run on the way is left partial."""
    refuse_taken_port(host, port)
    app = create_app(settings, warehouse)
    with kept_warm(app):
        _loop()(_serve(app, host, port))


def _loop() -> Callable[[Coroutine[Any, Any, None]], None]:
    """What runs the server: uvloop answers a tenth more, and has no Windows."""
    if sys.platform == "win32":
        return asyncio.run
    import uvloop

    return uvloop.run


async def _serve(app: FastAPI, host: str, port: int) -> None:
    # Half as fast again as uvicorn for kept answers, and as quick to start. In this process, since the embedded
    # database lives as long as the process that holds it.
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.embed import Server

    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_access=False,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    await server.serve()


def refuse_taken_port(host: str, port: int) -> None:
    """Say now what would else be found out when everything is ready."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CarteiraError(
                f"Nothing can be served at {host} port {port}: {error.strerror}. End what uses it, or choose another "
                "with --port."
            ) from error
