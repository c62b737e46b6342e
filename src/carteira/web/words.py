"""How statuses, classes and cells are called on the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from carteira.customer_sales.segments import Rules, Status
from carteira.web.formats import DASH, Formats

# A status' name; its icon and its chip carry the key.
STATUS: dict[str | None, str] = {
    "novo": "Novo",
    "ativo": "Ativo",
    "recuperado": "Recuperado",
    "quase": "Quase inativo",
    "inativo": "Inativo",
    "sem": "Sem compra",
}


@dataclass(frozen=True, slots=True)
class Segment:
    """Cells of the RFV grid that are spoken of together; `cells` are R and F as two digits."""

    name: str
    one: str
    where: str
    cells: tuple[int, ...]


def _cells(recency: Sequence[int], frequency: Sequence[int]) -> tuple[int, ...]:
    return tuple(r * 10 + f for r in recency for f in frequency)


SEGMENTS = (
    Segment("Campeões", "Campeão", f"R4{DASH}5, F4{DASH}5", _cells((4, 5), (4, 5))),
    Segment("Leais em risco", "Leal em risco", f"R2{DASH}3, F4{DASH}5", _cells((2, 3), (4, 5))),
    Segment("Promissores", "Promissor", f"R4{DASH}5, F2{DASH}3", _cells((4, 5), (2, 3))),
    Segment("Recentes", "Recente", f"R4{DASH}5, F1", _cells((4, 5), (1,))),
    Segment("Esfriando", "Esfriando", f"R3, F1{DASH}3", _cells((3,), (1, 2, 3))),
    Segment("Hibernando", "Hibernando", f"R2, F1{DASH}3", _cells((2,), (1, 2, 3))),
    Segment("Perdidos", "Perdido", "R1", _cells((1,), (1, 2, 3, 4, 5))),
)
OF_CELL = {cell: segment for segment in SEGMENTS for cell in segment.cells}


def reasons(rules: Rules, f: Formats) -> dict[Status, str]:
    """Why somebody has a status, in the company's own limits."""
    late, inactive = f.number(rules.late_factor.normalize(), 1), f.number(rules.inactive_factor.normalize(), 1)
    late, inactive = late.removesuffix(",0"), inactive.removesuffix(",0")
    return {
        "novo": f"Primeira compra há até {rules.new_days} dias",
        "ativo": f"Dentro do próprio ritmo, até {late} vez o intervalo",
        "recuperado": f"Voltou há até {rules.new_days} dias, depois de inativo",
        "quase": f"De {late} a {inactive} vezes o intervalo sem comprar",
        "inativo": f"Mais de {inactive} vezes o intervalo sem comprar",
        "sem": "Está no Ploomes, nunca comprou",
    }


def cells(chosen: Sequence[int]) -> str:
    """What a choice of cells is called: a segment's name, or the cells one by one."""
    for segment in SEGMENTS:
        if set(segment.cells) == set(chosen):
            return segment.name
    return ", ".join(f"R{cell // 10} F{cell % 10}" for cell in chosen)
