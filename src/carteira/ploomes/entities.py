"""What is read from Ploomes, and what of it one could do without.

`needed` fields make a run fail when the key may not read them, with their names; `wanted` ones and expansions are
enrichment: refused ones are remembered and their columns stay empty. Names as confirmed in public integrations; a
field that does not exist answers 403 for the whole page, so nothing is asked for on a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

from carteira.records import Contact, Deal


@dataclass(frozen=True)
class Entity:
    """An entity set that is kept row by row: its name here, its path there, its fields."""

    name: str
    path: str
    record: type[Deal] | type[Contact]
    key: str
    needed: tuple[str, ...]
    wanted: tuple[str, ...]
    expansions: tuple[str, ...] = ()

    def fields(self, refused: frozenset[str] = frozenset()) -> str:
        """The `$select` list without what the key was refused."""
        return ",".join(f for f in (*self.needed, *self.wanted) if f"{self.path}:{f}" not in refused)

    def expand(self, refused: frozenset[str] = frozenset()) -> str | None:
        """The `$expand` list without what the key was refused; None when nothing is left."""
        return ",".join(e for e in self.expansions if f"{self.path}:{e}" not in refused) or None


DEALS = Entity(
    "deals",
    "/Deals",
    Deal,
    "deal_id",
    needed=("Id", "ContactId", "Amount", "StatusId", "FinishDate", "LastUpdateDate"),
    wanted=(
        "CreateDate", "ContactName", "Title", "CurrencyId", "OwnerId", "PipelineId", "StageId", "LossReasonId",
    ),
)  # fmt: skip
CONTACTS = Entity(
    "contacts",
    "/Contacts",
    Contact,
    "customer_id",
    needed=("Id", "TypeId", "Name", "LastUpdateDate"),
    wanted=("CreateDate", "LegalName", "CNPJ", "CPF", "Register", "CityId", "StateId", "OwnerId"),
    expansions=("City($select=Name)", "State"),
)
ENTITIES = (CONTACTS, DEALS)


@dataclass(frozen=True)
class LookUpSet:
    """An entity set that gives names to numbers: read whole, as an enrichment."""

    kind: str
    path: str
    fields: str


LOOK_UPS = (
    LookUpSet("owners", "/Users", "Id,Name,Suspended,Integration"),
    LookUpSet("pipelines", "/Deals@Pipelines", "Id,Name,Archived"),
    LookUpSet("stages", "/Deals@Stages", "Id,Name,PipelineId,Ordination"),
    LookUpSet("loss_reasons", "/Deals@LossReasons", "Id,Name"),
)
