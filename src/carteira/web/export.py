"""`/clientes` as a file to keep: the same list under the same address, on all its pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import QueryParams
from starlette.responses import Response, StreamingResponse

from carteira.customer_sales import customers
from carteira.warehouse import people, stamp
from carteira.warehouse.connection import Warehouse
from carteira.web.entry import address
from carteira.web.pages.customer_query import asked
from carteira.web.session import Viewer, sight_of, signed_in
from carteira.web.spreadsheets import Format, columns_of, write
from carteira.web.templating import formats_of

router = APIRouter(include_in_schema=False)

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
IN_MEMORY = 1_000_000
CHUNK = 65_536


@router.get("/clientes/exportar.{format}")
def download(request: Request, viewer: Annotated[Viewer, Depends(signed_in)], format: Format) -> Response:
    """Exactly the customers and columns that `/clientes` lists under the same address, on all its pages."""
    warehouse: Warehouse = request.app.state.warehouse
    zone: ZoneInfo = request.app.state.zone
    # Written before it is sent: a slow reader holds a temporary file and no connection to the database.
    file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (it is closed when it is sent)
    with _closed_on_failure(file), warehouse.transaction(snapshot=True) as connection:
        read = stamp.read(connection, zone)
        today = read.today
        query = asked(request.query_params, today)
        order: Literal["asc", "desc"] = "asc" if query.order == "asc" else "desc"
        sight = sight_of(viewer)
        portfolio = request.app.state.portfolios.of(connection, read, sight)
        found = customers.everyone(
            connection,
            sight,
            zone,
            query.filters,
            sort=query.column,
            order=order,
            portfolio=portfolio,
            grouped=query.grouped,
        )
        names = ("cliente", *(["grupo"] if query.grouped else []), *query.shown)
        say = formats_of(request).say
        count = write(found, zone, format, file, columns_of(*names), say)
    with warehouse.transaction() as connection:
        people.note(
            connection,
            viewer,
            "export",
            f"{count} customers, {format}: {_told(request.query_params)}",
            address(request),
        )
    disposition = f'attachment; filename="{say("Clientes").lower()}-{today}.{format}"'
    headers = {"content-disposition": disposition, "content-length": str(file.tell())}
    return StreamingResponse(_chunks(file), media_type=TYPES[format], headers=headers)


@contextmanager
def _closed_on_failure(file: IO[bytes]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        file.close()
        raise


def _told(parameters: QueryParams) -> str:
    # Whoever is searched for may be a person, and may ask to be forgotten: the log tells that, and not whom.
    return urlencode(
        [(name, "***" if name == "busca" else value) for name, value in parameters.multi_items()], safe="*"
    )


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    with file:
        while chunk := file.read(CHUNK):
            yield chunk
