"""Every route of the application, those of included routers too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute

from carteira.settings import load
from carteira.warehouse.connection import Warehouse
from carteira.web.app import create_app


def all_routes() -> list[APIRoute]:
    """Of an application with nothing set, which has them all."""
    app = create_app(load({"HOME": "/home/ana"}, Path("/nowhere")), Warehouse("postgresql://nobody@127.0.0.1:1/none"))
    return list(_walk(app.routes))


def _walk(routes: Iterable[Any]) -> Iterator[APIRoute]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _walk(included.routes)
        elif isinstance(route, APIRoute):
            yield route


def address(route: APIRoute) -> str:
    """One that the route answers."""
    return route.path.replace("{customer_id}", "1").replace("{link}", "none").replace("{format}", "csv")
