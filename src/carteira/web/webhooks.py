"""What Ploomes calls when a deal or a contact changes: a hint is put down and the call is answered at once.

Ploomes switches a webhook off, and tells nobody, after a few calls that failed or took ten seconds. So whatever has the
right key is answered 202, be it about something that is not kept here; only what is no JSON at all is refused.
"""

from __future__ import annotations

import hmac
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request
from msgspec import field
from starlette.responses import JSONResponse, Response

from carteira.records import BigInt
from carteira.settings import Settings
from carteira.warehouse import hints
from carteira.warehouse.connection import Warehouse

router = APIRouter(include_in_schema=False)

KEY_HEADER = "x-ploomes-validation-key"
# In the plural or not, as Ploomes sends both.
ENTITIES = {"deal": "deals", "contact": "contacts"}
LARGEST_CALL = 512_000


class _Row(msgspec.Struct, gc=False):
    id: BigInt | None = field(name="Id", default=None)


class Call(msgspec.Struct, gc=False):
    """Either shape of a webhook: the row before and after the change, without its nulls, or only its Id."""

    entity: str | None = field(name="Entity", default=None)
    new: _Row | None = field(name="New", default=None)
    old: _Row | None = field(name="Old", default=None)
    resource_id: BigInt | None = field(name="ResourceId", default=None)
    id: BigInt | None = field(name="Id", default=None)

    @property
    def named(self) -> tuple[str, int] | None:
        """The entity and the Id of the row; None where it is nothing that is kept here."""
        entity = ENTITIES.get((self.entity or "").strip().lower().removesuffix("s"))
        told = (self.new.id if self.new else None, self.old.id if self.old else None, self.resource_id, self.id)
        key = next((one for one in told if one is not None and one > 0), None)
        return (entity, key) if entity and key else None


_decoder = msgspec.json.Decoder(Call, strict=False)


def allowed(request: Request) -> None:
    """Let in who knows PLOOMES_WEBHOOK_KEY; nobody while it is not set."""
    settings: Settings = request.app.state.settings
    if settings.webhook_key is None:
        raise HTTPException(503, "PLOOMES_WEBHOOK_KEY is not set, so no webhook can be believed: set it, and run "
                                 "`carteira webhooks install`.")  # fmt: skip
    given = request.headers.get(KEY_HEADER, "").encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(given, settings.webhook_key.reveal().encode()):
        raise HTTPException(401, "Send X-Ploomes-Validation-Key with the value of PLOOMES_WEBHOOK_KEY.")


async def called(request: Request, _: Annotated[None, Depends(allowed)]) -> Call:
    """The call, read only from those who are let in."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_CALL:
            raise HTTPException(413, f"A webhook of more than {LARGEST_CALL} bytes is none of Ploomes'.")
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError:
        # JSON of another shape: it has the key, and nothing in it could be acted upon.
        return Call()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HTTPException(400, "A webhook has to be JSON.") from error


@router.post("/api/webhooks/ploomes")
def ploomes(request: Request, call: Annotated[Call, Depends(called)]) -> Response:
    """202 once the hint is put down; a worker reads the row from the API, whatever this call says of it."""
    warehouse: Warehouse = request.app.state.warehouse
    with warehouse.transaction() as connection:
        hints.called(connection, [call.named] if call.named else [])
    return JSONResponse({"state": "noted" if call.named else "ignored"}, 202)
