"""The account's look-up rows: people, pipelines, stages, reasons, places, currencies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from carteira.simulator.words import CITIES, LOSSES, STATES

Rows = Sequence[Sequence[Any]]

ADMIN = 10_000_001
SELLERS = tuple(range(10_000_002, 10_000_012))
SUSPENDED = (10_000_012, 10_000_013)
INTEGRATION_USER = 10_000_014
REAL, DOLLAR = 1, 2
BRAZIL = 76
_PEOPLE = (
    "Helena Vasconcelos", "Ana Paula Ribeiro", "Bruno Queiroz", "Camila Nóbrega", "Diego Falcão", "Fernanda Assunção",
    "Gustavo Moreira", "Juliana Sá", "Marcos Vinícius Leão", "Patrícia Guimarães", "Thiago Corrêa", "Rogério Damasceno",
    "Sônia Caldeira",
)  # fmt: skip
_PIPELINES = {
    "Vendas novas": ("Prospecção", "Qualificação", "Proposta enviada", "Negociação", "Fechamento"),
    "Carteira": ("Contato", "Pedido em montagem", "Proposta enviada", "Aprovação"),
    "Licitações": ("Edital", "Habilitação", "Disputa", "Homologação"),
    "Pós-venda": ("Chamado", "Orçamento", "Aprovação", "Execução"),
}
PIPELINES = tuple(60_000_101 + 7 * number for number in range(len(_PIPELINES)))
STAGES = {
    pipeline: tuple(61_000_000 + pipeline % 1000 * 10 + place for place in range(len(names)))
    for pipeline, names in zip(PIPELINES, _PIPELINES.values(), strict=True)
}
LOSS_REASONS = {
    pipeline: tuple(62_000_000 + pipeline % 1000 * 10 + place for place in range(len(LOSSES))) for pipeline in PIPELINES
}
ORIGINS = {63_000_001: "Indicação", 63_000_002: "Site", 63_000_003: "Feira", 63_000_004: "Prospecção ativa"}
CITY_IDS = tuple(5_000 + 3 * number for number in range(len(CITIES)))
STATE_IDS = {short: 100 + number for number, short in enumerate(STATES)}


def rows(long_ago: str, lately: str) -> Iterator[tuple[str, Rows]]:
    """Set by set; the two moments date their creation and last change."""
    yield "Account", [[9_001, "Demonstração Comércio e Indústria Ltda"]]
    yield "Users@Profiles", [[1, "Administrador"], [2, "Vendedor"], [3, "Integração"]]
    yield "Users", [_user(number, name, long_ago, lately) for number, name in enumerate([*_PEOPLE, "Integração ERP"])]
    yield "Deals@Pipelines", [[key, name, 0, n, lately] for n, (key, name) in enumerate(_named_pipelines())]
    yield "Deals@Stages", [stage for key, name in _named_pipelines() for stage in _stages(key, name)]
    yield "Deals@Status", [[1, "Em aberto"], [2, "Ganha"], [3, "Perdida"]]
    yield (
        "Deals@LossReasons",
        [
            [key, name, pipeline, long_ago]
            for pipeline, keys in LOSS_REASONS.items()
            for key, name in zip(keys, LOSSES, strict=True)
        ],
    )
    yield "Contacts@Types", [[1, "Empresa"], [2, "Pessoa"]]
    yield "Contacts@Status", [[1, "Ativo"], [2, "Inativo"]]
    yield "Contacts@Origins", list(ORIGINS.items())
    yield "Tags", [[64_000_001, "Cliente"], [64_000_002, "Estratégico"], [64_000_003, "Inadimplente"]]
    yield "Currencies", [[REAL, "Real", "BRL", "R$"], [DOLLAR, "Dólar americano", "USD", "US$"]]
    yield "Cities@Countries", [[BRAZIL, "Brasil", "BRA"]]
    yield "Cities@Countries@States", [[STATE_IDS[short], name, short, BRAZIL] for short, name in STATES.items()]
    yield (
        "Cities",
        [[key, name, STATE_IDS[short], BRAZIL] for key, (name, short, _) in zip(CITY_IDS, CITIES, strict=True)],
    )


def _named_pipelines() -> Iterator[tuple[int, str]]:
    return zip(PIPELINES, _PIPELINES, strict=True)


def _stages(pipeline: int, name: str) -> list[list[Any]]:
    keys, names = STAGES[pipeline], _PIPELINES[name]
    last = len(keys) - 1
    return [[key, each, pipeline, n == last, n] for n, (key, each) in enumerate(zip(keys, names, strict=True))]


def _user(number: int, name: str, long_ago: str, lately: str) -> list[Any]:
    key = ADMIN + number
    integration = key == INTEGRATION_USER
    profile = 3 if integration else 1 if key == ADMIN else 2
    mail = f"usuario{number + 1}@demonstracao.example"
    return [key, name, mail, profile, integration, key == ADMIN, key in SUSPENDED, long_ago, lately]
