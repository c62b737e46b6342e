"""The account that the simulator invents."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from carteira.simulator.clock import Clock, stored
from carteira.simulator.store import Store


@dataclass(frozen=True)
class World:
    """How large the account is and how its dice fall."""

    deals: int
    customers: int
    seed: int

    integration_user_id: int = 10_000_012


def open_store(path: Path | None, clock: Clock, world: World) -> Store:
    """The world's store."""
    store = Store(path, clock)
    store.create_tables()
    _fill(store, clock, world)
    store.create_indexes()
    return store


def _fill(store: Store, clock: Clock, world: World) -> None:
    dice, now = random.Random(world.seed), clock.now()
    day = lambda days: stored(now - timedelta(days=days, seconds=dice.randrange(86400)))  # noqa: E731
    store.fill("Users", [[10_000_000 + n, f"Vendedor {n}", f"v{n}@example.com", 1, n == 12, n == 0, 0, day(900), day(9)]
                         for n in range(13)])
    store.fill("Users@Profiles", [[1, "Administrador"]])
    store.fill("Account", [[1, "Conta de demonstração"]])
    store.fill("Deals@Pipelines", [[60_000_001 + n, f"Funil {n + 1}", 0, n, day(90)] for n in range(4)])
    store.fill("Deals@Stages", [[61_000_001 + n, f"Etapa {n + 1}", 60_000_001 + n // 4, n % 4 == 3, n % 4] for n in range(16)])
    store.fill("Deals@Status", [[1, "Em aberto"], [2, "Ganha"], [3, "Perdida"]])
    store.fill("Deals@LossReasons", [[62_000_001, "Preço", 60_000_001, day(90)]])
    store.fill("Cities@Countries", [[76, "Brasil", "BRA"]])
    store.fill("Cities@Countries@States", [[1, "São Paulo", "SP", 76], [2, "Paraná", "PR", 76]])
    store.fill("Cities", [[1, "Campinas", 1, 76], [2, "Curitiba", 2, 76]])
    store.fill("Currencies", [[1, "Real", "BRL", "R$"], [2, "Dólar", "USD", "US$"]])
    contacts = [400_100_000 + 3 * n + (800_000_000 if n % 3 == 0 else 0) for n in range(world.customers)]
    store.fill("Contacts", [[key, 1, f"Cliente {n}", f"Cliente {n} Ltda", "11222333000181", "11222333000181", None, 1, None, None,
                             10_000_000 + n % 10, None, 13010000, 1 + n % 2, 1 + n % 2, 76, 10_000_000, None, day(1000), day(300)]
                            for n, key in enumerate(contacts)])
    rows = []
    for n in range(world.deals):
        status, closed = dice.choice((1, 2, 2, 3)), day(dice.randrange(0, 1500))
        contact = dice.choice(contacts)
        rows.append([400_868_361 + 2 * n + (800_000_000 if n % 3 == 0 else 0), f"Pedido {n}", contact, "Cliente", None, 60_000_001, 61_000_001, status,
                     62_000_001 if status == 3 else None, None, 10_000_000 + n % 10, closed if status > 1 else None, 1,
                     int(dice.lognormvariate(8.4, 1.5) * 100) * 100, 10_000_000, None, closed, closed])
    store.fill("Deals", rows)
