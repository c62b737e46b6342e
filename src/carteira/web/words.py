"""How statuses, classes and cells are called on the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from carteira.customer_sales.segments import Rules, Status
from carteira.web.formats import DASH, Formats
from carteira.web.languages import marked

# A status' name; its icon and its chip carry the key.
STATUS: dict[str | None, str] = {
    "novo": marked("Novo"),
    "ativo": marked("Ativo"),
    "recuperado": marked("Recuperado"),
    "quase": marked("Quase inativo"),
    "inativo": marked("Inativo"),
    "sem": marked("Sem compra"),
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
    Segment(marked("Campeões"), marked("Campeão"), f"R4{DASH}5, F4{DASH}5", _cells((4, 5), (4, 5))),
    Segment(marked("Leais em risco"), marked("Leal em risco"), f"R2{DASH}3, F4{DASH}5", _cells((2, 3), (4, 5))),
    Segment(marked("Promissores"), marked("Promissor"), f"R4{DASH}5, F2{DASH}3", _cells((4, 5), (2, 3))),
    Segment(marked("Recentes"), marked("Recente"), f"R4{DASH}5, F1", _cells((4, 5), (1,))),
    Segment(marked("Esfriando"), marked("Esfriando"), f"R3, F1{DASH}3", _cells((3,), (1, 2, 3))),
    Segment(marked("Hibernando"), marked("Hibernando"), f"R2, F1{DASH}3", _cells((2,), (1, 2, 3))),
    Segment(marked("Perdidos"), marked("Perdido"), "R1", _cells((1,), (1, 2, 3, 4, 5))),
)
OF_CELL = {cell: segment for segment in SEGMENTS for cell in segment.cells}


def reasons(rules: Rules, f: Formats) -> dict[Status, str]:
    """Why somebody has a status, in the company's own limits."""
    late, inactive = f.number(rules.late_factor.normalize(), 1), f.number(rules.inactive_factor.normalize(), 1)
    late, inactive = (text.removesuffix(",0").removesuffix(".0") for text in (late, inactive))
    say, days = f.say, rules.new_days
    return {
        "novo": say("Primeira compra há até %(days)s dias", days=days),
        "ativo": say("Dentro do próprio ritmo, até %(late)s vez o intervalo", late=late),
        "recuperado": say("Voltou há até %(days)s dias, depois de inativo", days=days),
        "quase": say("De %(late)s a %(inactive)s vezes o intervalo sem comprar", late=late, inactive=inactive),
        "inativo": say("Mais de %(inactive)s vezes o intervalo sem comprar", inactive=inactive),
        "sem": say("Está no Ploomes, nunca comprou"),
    }


def cells(chosen: Sequence[int], f: Formats) -> str:
    """What a choice of cells is called: a segment's name, or the cells one by one."""
    for segment in SEGMENTS:
        if set(segment.cells) == set(chosen):
            return f.say(segment.name)
    return ", ".join(f"R{cell // 10} F{cell % 10}" for cell in chosen)
