"""Why Ploomes said no: the key itself, or which fields the key may not read. Asked only after a refusal."""

from __future__ import annotations

from carteira.errors import PloomesRefused
from carteira.ploomes import decode
from carteira.ploomes.client import Client
from carteira.ploomes.entities import Entity
from carteira.ploomes.odata import query
from carteira.records import LookUp

REFUSALS = (400, 401, 403, 404)


def explain(client: Client, refusal: PloomesRefused) -> PloomesRefused:
    """The refusal of a key as a sentence; the refusal itself where the key is good."""
    try:
        client.ask("/Account?$top=1&$select=Id", lambda answer: decode.envelope(answer.body, LookUp))
    except PloomesRefused as again:
        if again.status in (401, 403):
            return PloomesRefused(
                f"Ploomes refused the key (HTTP {again.status} on {client.base_url}/Account). Check PLOOMES_API_KEY: "
                "it is under Administração > Usuários de Integração > Chave da API; published data is untouched.",
                status=again.status,
                path="/Account",
            )
    return refusal


def refused_fields(client: Client, entity: Entity) -> frozenset[str]:
    """The fields and expansions of an entity that the key may not read, as `/Deals:Amount`; one request for each.

    Raises PloomesRefused naming them when one that is needed is among them.
    """
    explained = [f for f in (*entity.needed, *entity.wanted) if not _allowed(client, entity, select=f)]
    needed = [f for f in explained if f in entity.needed]
    if needed:
        raise PloomesRefused(
            f"Ploomes refuses {', '.join(needed)} of {entity.path} to this key, and without it no sum would be right. "
            "Let the integration user's profile see the field; published data is untouched.",
            path=entity.path,
        )
    explained += [e for e in entity.expansions if not _allowed(client, entity, select="Id", expand=e)]
    return frozenset(f"{entity.path}:{one}" for one in explained)


def _allowed(client: Client, entity: Entity, **options: str) -> bool:
    try:
        client.ask(query(entity.path, top=1, **options), lambda answer: answer)
    except PloomesRefused as refusal:
        if refusal.status not in REFUSALS:
            raise
        return False
    return True
