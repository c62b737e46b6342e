"""The columns that the customer list may have, on the page and in its files; `colunas` in the address names them."""

from __future__ import annotations

from carteira.web.languages import marked

# In the order in which they stand; the name of the customer is always the first.
COLUMNS = {
    "codigo": marked("Código"),
    "documento": marked("CNPJ ou CPF"),
    "status": marked("Status"),
    "classe": marked("Classe"),
    "vendedor": marked("Vendedor"),
    "uf": marked("Cidade e UF"),
    "faturamento": marked("Faturamento"),
    "tendencia": marked("Tendência"),
    "vendas": marked("Vendas"),
    "ticket": marked("Ticket médio"),
    "primeira": marked("Primeira compra"),
    "ultima": marked("Última compra"),
    "abertos": marked("Em aberto"),
    "perdidos": marked("Perdidas"),
}
DEFAULT = (
    "documento",
    "status",
    "classe",
    "vendedor",
    "uf",
    "faturamento",
    "tendencia",
    "vendas",
    "ticket",
    "ultima",
)


def chosen(text: str) -> tuple[str, ...]:
    """The columns that an address names, in their order; those of always where it names none."""
    named = set(text.split(","))
    return tuple(name for name in COLUMNS if name in named) or DEFAULT


def written(names: tuple[str, ...]) -> str:
    """How an address names them: not at all where they are those of always."""
    return "" if names == DEFAULT else ",".join(names)
