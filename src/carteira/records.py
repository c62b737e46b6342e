"""What a row of the CRM means once it has been read: frozen, money exact, dates aware.

The names on the wire stand beside the names that the rest of the program uses, once, here.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta, field

BigInt = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
STATUSES = {1: "open", 2: "won", 3: "lost"}


class Deal(msgspec.Struct, frozen=True, gc=False):
    """A Ploomes Deal. `total` is its Amount, exactly as received; the dates are aware."""

    deal_id: BigInt = field(name="Id")
    customer_id: BigInt | None = field(name="ContactId")
    total: Decimal | None = field(name="Amount")
    status_id: BigInt | None = field(name="StatusId")
    closed_at: datetime | None = field(name="FinishDate")
    updated_at: datetime = field(name="LastUpdateDate")
    created_at: datetime | None = field(name="CreateDate", default=None)
    contact_name: str | None = field(name="ContactName", default=None)
    title: str | None = field(name="Title", default=None)
    currency_id: BigInt | None = field(name="CurrencyId", default=None)
    owner_id: BigInt | None = field(name="OwnerId", default=None)
    pipeline_id: BigInt | None = field(name="PipelineId", default=None)
    stage_id: BigInt | None = field(name="StageId", default=None)
    loss_reason_id: BigInt | None = field(name="LossReasonId", default=None)

    @property
    def status(self) -> str:
        """open, won, lost; other for a status that is unknown here or null: in no total."""
        return STATUSES.get(self.status_id, "other") if self.status_id is not None else "other"


class Named(msgspec.Struct, frozen=True, gc=False):
    """A city or a state as it comes along with a contact; `Short` is the state's two letters."""

    name: str | None = field(name="Name", default=None)
    short: str | None = field(name="Short", default=None)


class Contact(msgspec.Struct, frozen=True, gc=False):
    """A Ploomes Contact, company or person."""

    customer_id: BigInt = field(name="Id")
    type_id: BigInt | None = field(name="TypeId")
    name: str | None = field(name="Name")
    updated_at: datetime = field(name="LastUpdateDate")
    created_at: datetime | None = field(name="CreateDate", default=None)
    legal_name: str | None = field(name="LegalName", default=None)
    cnpj: str | None = field(name="CNPJ", default=None)
    cpf: str | None = field(name="CPF", default=None)
    register: str | None = field(name="Register", default=None)
    owner_id: BigInt | None = field(name="OwnerId", default=None)
    city: Named | None = field(name="City", default=None)
    state: Named | None = field(name="State", default=None)

    @property
    def kind(self) -> str:
        """company or person (TypeId 2)."""
        return "person" if self.type_id == 2 else "company"


class LookUp(msgspec.Struct, frozen=True, gc=False):
    """A user, pipeline, stage or loss reason: the name behind a number, suspended and archived ones too."""

    id: BigInt = field(name="Id")
    name: str | None = field(name="Name", default=None)
    pipeline_id: BigInt | None = field(name="PipelineId", default=None)
    position: BigInt | None = field(name="Ordination", default=None)
    suspended: bool | None = field(name="Suspended", default=None)
    integration: bool | None = field(name="Integration", default=None)
    archived: bool | None = field(name="Archived", default=None)


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """A row that could not be read: which, what about it, and the row itself as it came."""

    entity: str
    id: BigInt
    field: str
    reason: str
    raw: str


Row = Deal | Contact
