"""An invented company with years of customers and deals, written straight into the published tables.

The same seed and day give the same rows. A few customers buy most, many once, some never; some have stopped; prices and
volume grow a little every year. Odd rows are among them on purpose, and names that mean harm where they are asked for.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from carteira.brazil import document, name_key
from carteira.customer_sales.rebuild import rebuild
from carteira.warehouse.connection import Connection

ZONE = ZoneInfo("America/Sao_Paulo")
YEARS = 5
TRADES = (
    "Metalúrgica",
    "Plásticos",
    "Distribuidora",
    "Comercial",
    "Autopeças",
    "Gráfica",
    "Embalagens",
    "Usinagem",
    "Cerâmica",
    "Frigorífico",
    "Supermercados",
    "Refrigeração",
    "Madeireira",
    "Engenharia",
    "Laticínios",
    "Transportes",
    "Ferragens",
    "Móveis",
    "Calçados",
    "Moinho",
    "Tintas",
    "Papelaria",
    "Confecções",
    "Agropecuária",
)
FAMILIES = (
    "Ipê Amarelo",
    "Irmãos Brandão",
    "Boa Vereda",
    "Três Pontes",
    "Araucária",
    "Vale Sereno",
    "Pedra Lisa",
    "Sabiá",
    "Guará",
    "Marques & Teles",
    "Novo Horizonte",
    "Rio Manso",
    "Jatobá",
    "Cruz de Malta",
    "Bela Aurora",
    "Serra Clara",
    "Ponta Porã",
    "Campo Largo",
    "Tuiuti",
    "Moreira Lins",
    "Águas Claras",
    "Cachoeira Alta",
    "Figueira",
    "Monte Verde",
    "Santa Rita",
    "Oliveira Pinho",
    "Capim Santo",
    "Barra Funda",
    "Curió",
    "Lagoa Rasa",
)
TAILS = ("", "", "", " do Vale", " Central", " Sul", " Paulista", " Mineira", " Norte", " Nordeste", " & Filhos")
PLACES = (
    ("São Paulo", "SP", 18),
    ("Campinas", "SP", 10),
    ("Ribeirão Preto", "SP", 6),
    ("São José do Rio Preto", "SP", 4),
    ("Belo Horizonte", "MG", 9),
    ("Uberlândia", "MG", 7),
    ("Rio de Janeiro", "RJ", 8),
    ("Porto Alegre", "RS", 6),
    ("Caxias do Sul", "RS", 4),
    ("Joinville", "SC", 6),
    ("Chapecó", "SC", 3),
    ("Curitiba", "PR", 6),
    ("Londrina", "PR", 3),
    ("Goiânia", "GO", 4),
    ("Feira de Santana", "BA", 3),
    ("Recife", "PE", 3),
    ("Vitória", "ES", 2),
    ("Cuiabá", "MT", 2),
)
OWNERS = (
    "Aline Farias",
    "Bernardo Quintela",
    "Carla Meireles",
    "Davi Antunes",
    "Eduarda Sales",
    "Felipe Norberto",
    "Giovana Reis",
    "Hugo Valadares",
    "Isis Camargo",
    "Jonas Pimentel",
    "Karen Duarte",
    "Luan Teixeira",
)
PIPELINES = ("Vendas diretas", "Revenda", "Licitações", "Pós-venda")
REASONS = ("Preço", "Prazo de entrega", "Comprou do concorrente", "Sem verba", "Desistiu do projeto")
GOODS = (
    "Rolamentos",
    "Motores 5 cv",
    "Linha hidráulica",
    "EPI e consumíveis",
    "Parafusos e fixadores",
    "Reposição trimestral",
    "Contrato de fornecimento",
    "Kit ferramentas",
    "Correias",
    "Bombas",
    "Painéis elétricos",
    "Abrasivos",
)
HOSTILE = (
    "<script>document.title='roubado'</script>",
    '=HYPERLINK("http://mal.example","clique")',
    "\u202eLTDA odahnitravI",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} Empresa",
    "Comércio de Peças e Equipamentos Industriais Agrícolas e de Construção Civil " * 2
    + "Irmãos Albuquerque de Vasconcelos",
)


@dataclass
class Company:
    """What was written, for tests that count for themselves."""

    customers: list[tuple[Any, ...]] = field(default_factory=list)
    sales: list[tuple[Any, ...]] = field(default_factory=list)


def invent(*, customers: int = 2100, deals: int = 30000, today: date, seed: int = 7, hostile: bool = True) -> Company:
    """Customers with ids from 40,200,001 and about so many deals, the newest closed yesterday or today."""
    chance = random.Random(seed)
    company = Company()
    for number in range(customers):
        company.customers.append(_customer(chance, number, today, hostile))
    _deals(chance, company, deals, today)
    return company


def _cnpj(chance: random.Random, number: int) -> str:
    root = f"{10_000_000 + number * 41_113 % 89_000_000:08d}"
    branch = "0001" if number % 37 else f"{chance.randint(2, 9):04d}"
    for check in range(100):
        if document(candidate := f"{root}{branch}{check:02d}", None, None, "company").valid:
            return candidate
    raise AssertionError("one of a hundred pairs of check digits is right")


def _customer(chance: random.Random, number: int, today: date, hostile: bool) -> tuple[Any, ...]:
    person = number % 19 == 5
    name = f"{chance.choice(TRADES)} {chance.choice(FAMILIES)}{chance.choice(TAILS)}"
    if person:
        name = (
            f"{chance.choice(OWNERS).split()[0]} {chance.choice(('Souza', 'Ramos', 'Tavares', 'Lacerda', 'Peixoto'))}"
        )
    if hostile and number < len(HOSTILE) * 9 and number % 9 == 4:
        name = HOSTILE[number // 9]
    valid: bool | None = number % 51 != 7
    cnpj = (
        None if person else (_cnpj(chance, number if number % 60 != 9 else number - 1) if valid else "11111111111111")
    )
    cpf = "11144477735" if person and valid else None
    city, state, _ = chance.choices(PLACES, [place[2] for place in PLACES])[0]
    created = datetime.combine(today - timedelta(days=chance.randint(200, 365 * YEARS)), datetime.min.time(), ZONE)
    return (
        40_200_001 + number, name, name_key(name), "" if person else f"{name} Ltda", "person" if person else "company",
        cnpj, cnpj[:8] if cnpj and valid else None, cpf, cnpj or cpf, valid, city, state, 700 + number % len(OWNERS),
        created, datetime.combine(today - timedelta(days=chance.randint(1, 90)), datetime.min.time(), UTC), None, False,
    )  # fmt: skip


def _deals(chance: random.Random, company: Company, wanted: int, today: date) -> None:
    weights = [1 / (rank + 6) ** 0.82 if rank % 8 else 0.0 for rank in range(len(company.customers))]
    scale = wanted / sum(weights)
    deal_id = 60_000_001
    for rank, customer in enumerate(company.customers):
        count = round(weights[rank] * scale)
        stopped = chance.choice((0,) * 14 + (20, 60, 150, 400))
        span = chance.choice((365 * YEARS,) * 3 + (chance.randint(stopped + 8, 365 * YEARS),))
        # Who came late has had less time to buy.
        for _ in range(-(-count * span // (365 * YEARS))):
            closed = _close(chance, today, stopped, span)
            company.sales.append(_sale(chance, deal_id, customer, closed, today, len(company.sales)))
            deal_id += 1


def _close(chance: random.Random, today: date, stopped: int, span: int) -> datetime:
    while True:
        # More was sold lately than years ago, and less in summer and at weekends.
        age = stopped + int((span - stopped) * (1 - chance.random() ** 0.62))
        day = today - timedelta(days=age)
        if chance.random() > (0.7 if day.month in (1, 2) else 1.0) * (1.0 if day.weekday() < 5 else 0.06):
            continue
        moment = datetime.combine(day, datetime.min.time(), ZONE)
        return moment + timedelta(minutes=chance.randint(8 * 60, 19 * 60))


def _sale(
    chance: random.Random, deal_id: int, customer: tuple[Any, ...], closed: datetime, today: date, number: int
) -> tuple[Any, ...]:
    status = chance.choices(("won", "lost", "open"), (752, 185, 63))[0]
    growth = Decimal(str(1.13 ** ((closed.date() - today).days / 365)))
    total: Decimal | None = (Decimal(str(round(chance.lognormvariate(8.55, 0.95), 2))) * growth).quantize(
        Decimal("0.01")
    )
    total = None if number % 997 == 13 else total
    pipeline = chance.choices(range(len(PIPELINES)), (52, 26, 13, 9))[0]
    lost = 1 + chance.randrange(len(REASONS)) if status == "lost" else None
    closed_at = None if status == "open" or number % 5999 == 17 else closed
    owner = customer[12] if chance.random() < 0.86 else 700 + chance.randrange(len(OWNERS))
    return (
        deal_id, None if number % 251 == 3 else customer[0], customer[1], chance.choice(GOODS), total,
        2 if number % 4001 == 9 else 1, status, owner, 30 + pipeline, 300 + pipeline, lost,
        closed - timedelta(days=chance.randint(2, 60)), closed_at, closed, None,
    )  # fmt: skip


def write(connection: Connection, company: Company, *, synced_at: datetime) -> None:
    """Everything a publication would have left, customer_sales and two runs among it."""
    _copy(connection, "customers", (
        "customer_id, name, name_key, legal_name, kind, cnpj, cnpj_root, cpf, document_raw, document_valid, city, "
        "state, owner_id, created_at, updated_at, deleted_at, placeholder"), company.customers)  # fmt: skip
    _copy(connection, "sales", (
        "deal_id, customer_id, contact_name, title, total, currency_id, status, owner_id, pipeline_id, stage_id, "
        "loss_reason_id, created_at, closed_at, updated_at, deleted_at"), company.sales)  # fmt: skip
    _copy(
        connection, "owners", "owner_id, name, suspended", [(700 + n, name, n == 11) for n, name in enumerate(OWNERS)]
    )
    _copy(connection, "pipelines", "pipeline_id, name", [(30 + n, name) for n, name in enumerate(PIPELINES)])
    _copy(
        connection, "stages", "stage_id, pipeline_id, name", [(300 + n, 30 + n, "Proposta enviada") for n in range(4)]
    )
    _copy(connection, "loss_reasons", "loss_reason_id, name", list(enumerate(REASONS, 1)))
    connection.execute("update sync_state set usual_currency_id = 1, publication = publication + 1")
    rebuild(connection, synced_at)
    connection.execute("analyze")


def _copy(connection: Connection, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"copy {table} ({columns}) from stdin") as copy:
        for row in rows:
            copy.write_row(row)
