"""The webhooks that Ploomes keeps for us: one row for each entity and action, all calling the same address.

Ploomes switches off a webhook whose calls failed and says so to nobody: what is not active is renewed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from carteira.ploomes import decode
from carteira.ploomes.client import Client

PATH = "/Webhooks"
ROUTE = "/api/webhooks/ploomes"
ENTITIES = {"contacts": 1, "deals": 2}
ACTIONS = {"create": 1, "update": 2, "delete": 3, "win": 4, "lose": 5, "reopen": 6}
OF_DEALS_ALONE = ("win", "lose", "reopen")


class Webhook(msgspec.Struct, frozen=True):
    """A row of /Webhooks. Its key is kept out of sight."""

    Id: int
    EntityId: int | None = None
    ActionId: int | None = None
    CallbackUrl: str | None = None
    Active: bool | None = None
    ValidationKey: str | None = None

    def __repr__(self) -> str:
        return f"Webhook({self.Id}, entity {self.EntityId}, action {self.ActionId})"


@dataclass(frozen=True)
class Wanted:
    """What Ploomes should call for, by our names, and the row that does it: None where there is none."""

    entity: str
    action: str
    webhook: Webhook | None
    works: bool

    @property
    def state(self) -> str:
        """missing, switched off, or active."""
        if self.webhook is None:
            return "missing"
        return "active" if self.works else "switched off or with another key"


def wanted(there: Sequence[Webhook], address: str, key: str) -> list[Wanted]:
    """What there should be beside what there is; of two rows for one thing the one that works counts."""
    return [
        _beside(entity, action, [one for one in there if one.CallbackUrl == address], key)
        for entity in ENTITIES
        for action in ACTIONS
        if entity == "deals" or action not in OF_DEALS_ALONE
    ]


def _beside(entity: str, action: str, there: Sequence[Webhook], key: str) -> Wanted:
    ours = [one for one in there if (one.EntityId, one.ActionId) == (ENTITIES[entity], ACTIONS[action])]
    working = [one for one in ours if _works(one, key)]
    return Wanted(entity, action, next(iter(working or ours), None), bool(working))


def _works(webhook: Webhook, key: str) -> bool:
    # A Ploomes that does not show the key cannot be asked whether it is the right one.
    return bool(webhook.Active) and webhook.ValidationKey in (key, None)


def look(client: Client, address: str, key: str) -> list[Wanted]:
    """What Ploomes calls now."""
    there = client.ask(f"{PATH}?$top=300", lambda answer: decode.envelope(answer.body, Webhook).value)
    return wanted(there, address, key)


def install(client: Client, address: str, key: str, *, add: bool = True) -> list[Wanted]:
    """Make Ploomes call for everything that is wanted; what was changed. Without `add`, only renew what is there."""
    changed = [one for one in look(client, address, key) if not one.works and (add or one.webhook)]
    for one in changed:
        given = {"CallbackUrl": address, "ValidationKey": key, "Active": True}
        if one.webhook is not None:
            client.send("PATCH", f"{PATH}({one.webhook.Id})", given)
        else:
            client.send("POST", PATH, given | {"EntityId": ENTITIES[one.entity], "ActionId": ACTIONS[one.action]})
    return changed
