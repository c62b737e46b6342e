"""What the audit found, in the words of the pages: each verdict by its check and its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from carteira.web.formats import MINUS, Formats

KINDS = {"ok": ("ok", "check"), "warning": ("warn", "alert"), "refused": ("fail", "x")}
NAMES = {"contacts": "contatos", "deals": "negócios"}

# Why a row was rejected, as the reader of rows writes it down.
REASONS = {
    "is missing": "Falta, e é obrigatório",
    "is not a number": "Não é um número",
    "is 10^13 or more": "Valor acima do que um negócio comporta",
    "is not a possible date": "Data impossível",
    "cannot be read": "Não pôde ser lido",
}


@dataclass(frozen=True, slots=True)
class Said:
    """One verdict: `kind` is ok, warn or fail; `figures` are the numbers behind it."""

    kind: str
    mark: str
    text: str
    figures: str


def said(audit: list[dict[str, Any]], f: Formats) -> list[Said]:
    """The verdicts of a run; a check that this version does not know is told in its own words."""
    found = []
    for one in audit:
        kind, mark = KINDS[one["verdict"]]
        text, figures = _worded(one, f)
        found.append(Said(kind, mark, text, figures))
    return found


def reason(text: str) -> str:
    """Why a row was rejected; a reason that this version does not know is told in its own words."""
    return REASONS.get(text, text)


def _worded(one: dict[str, Any], f: Formats) -> tuple[str, str]:
    facts: dict[str, Any] = one.get("facts") or {}
    words = WORDS.get(one["check"])
    if words is None:
        return one["detail"], ""
    if not facts:
        return "Nada mudou no Ploomes desde a última", ""
    return words(one["verdict"], facts, f)


def _counts(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    name = NAMES[facts["entity"]]
    figures = f"{f.number(facts['here'])} aqui · {f.number(facts['closing'])} no Ploomes"
    if not facts["rest"]:
        return f"Contagem de {name} igual à do Ploomes", figures
    rest = f"{f.number(abs(facts['rest']))} {name} {'a mais' if facts['rest'] > 0 else 'a menos'} aqui"
    return rest, figures


def _shrinkage(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    name, gone, published = NAMES[facts["entity"]], facts["gone"], facts["published"]
    share = f.percent(Decimal(gone) / published) if published else "0%"
    if verdict == "ok":
        sign = MINUS if gone else ""
        return f"Encolhimento plausível de {name}", f"{sign}{f.number(gone)} de {f.number(published)} (limite 10%)"
    tail = ", aceito" if verdict == "warning" else ""
    return f"{f.number(gone)} {name} sumiriam ({share}){tail}", f"de {f.number(published)}"


def _identity(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    if verdict == "ok":
        return "A chave é do mesmo usuário, ou nada sumiu", ""
    return "A chave é de outro usuário ou perfil, e há linhas que ele não vê", ""


def _rejected(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    name = NAMES[facts["entity"]]
    if verdict == "ok":
        return f"Todos os {name} puderam ser lidos", f.number(facts["total"])
    rows = facts["rejected"]
    return f"{name.capitalize()} que não puderam ser lidos", f"{f.number(rows)} de {f.number(facts['total'])}"


def _future(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    return f"Alteração de {NAMES[facts['entity']]} com data no futuro", str(facts["newest"])[:19]


def _fields(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    return "Campos que esta chave não pode ler ficam vazios", ", ".join(facts["refused"])


def _sums(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    published = f.money(Decimal(facts["published"]))
    if verdict == "ok":
        return "Soma publicada = soma lida, ao centavo", published
    return "Linhas mais novas que as lidas foram mantidas", f"{f.money(Decimal(facts['read']))} lidos · {published}"


WORDS: dict[str, Callable[[str, dict[str, Any], Formats], tuple[str, str]]] = {
    "counts": _counts,
    "shrinkage": _shrinkage,
    "identity": _identity,
    "rejected": _rejected,
    "future": _future,
    "fields": _fields,
    "sums": _sums,
}
