"""What the audit found, in the words of the pages: each verdict by its check and its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from carteira.web.formats import MINUS, Formats, capitalized
from carteira.web.languages import marked

KINDS = {"ok": ("ok", "check"), "warning": ("warn", "alert"), "refused": ("fail", "x")}
NAMES = {"contacts": marked("contatos"), "deals": marked("negócios")}

# Why a row was rejected, as the reader of rows writes it down.
REASONS = {
    "is missing": marked("Falta, e é obrigatório"),
    "is not a number": marked("Não é um número"),
    "is 10^13 or more": marked("Valor acima do que um negócio comporta"),
    "is not a possible date": marked("Data impossível"),
    "cannot be read": marked("Não pôde ser lido"),
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


def reason(text: str, f: Formats) -> str:
    """Why a row was rejected; a reason that this version does not know is told in its own words."""
    return f.say(REASONS[text]) if text in REASONS else text


def _worded(one: dict[str, Any], f: Formats) -> tuple[str, str]:
    facts: dict[str, Any] = one.get("facts") or {}
    words = WORDS.get(one["check"])
    if words is None:
        return one["detail"], ""
    if not facts:
        return f.say("Nada mudou no Ploomes desde a última"), ""
    return words(one["verdict"], facts, f)


def _name(facts: dict[str, Any], f: Formats) -> str:
    entity: str = facts["entity"]
    return f.say(NAMES[entity])


def _counts(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    name = _name(facts, f)
    figures = f.say(
        "%(here)s aqui · %(there)s no Ploomes", here=f.number(facts["here"]), there=f.number(facts["closing"])
    )
    if not facts["rest"]:
        return f.say("Contagem de %(name)s igual à do Ploomes", name=name), figures
    rest = {"number": f.number(abs(facts["rest"])), "name": name}
    if facts["rest"] > 0:
        return f.say("%(number)s %(name)s a mais aqui", **rest), figures
    return f.say("%(number)s %(name)s a menos aqui", **rest), figures


def _shrinkage(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    name, gone, published = _name(facts, f), facts["gone"], facts["published"]
    share = f.percent(Decimal(gone) / published) if published else "0%"
    if verdict == "ok":
        sign = MINUS if gone else ""
        figures = {"gone": f"{sign}{f.number(gone)}", "published": f.number(published)}
        return (
            f.say("Encolhimento plausível de %(name)s", name=name),
            f.say("%(gone)s de %(published)s (limite 10%%)", **figures),
        )
    tail = ", " + f.say("aceito") if verdict == "warning" else ""
    said = f.say("%(gone)s %(name)s sumiriam (%(share)s)", gone=f.number(gone), name=name, share=share)
    return said + tail, f.say("de %(published)s", published=f.number(published))


def _identity(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    if verdict == "ok":
        return f.say("A chave é do mesmo usuário, ou nada sumiu"), ""
    return f.say("A chave é de outro usuário ou perfil, e há linhas que ele não vê"), ""


def _rejected(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    name = _name(facts, f)
    if verdict == "ok":
        return f.say("Todos os %(name)s puderam ser lidos", name=name), f.number(facts["total"])
    rows = facts["rejected"]
    told = f.say("%(rows)s de %(total)s", rows=f.number(rows), total=f.number(facts["total"]))
    return f.say("%(name)s que não puderam ser lidos", name=capitalized(name)), told


def _future(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    return f.say("Alteração de %(name)s com data no futuro", name=_name(facts, f)), str(facts["newest"])[:19]


def _fields(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    return f.say("Campos que esta chave não pode ler ficam vazios"), ", ".join(facts["refused"])


def _sums(verdict: str, facts: dict[str, Any], f: Formats) -> tuple[str, str]:
    published = f.money(Decimal(facts["published"]))
    if verdict == "ok":
        return f.say("Soma publicada = soma lida, ao centavo"), published
    read = f.say("%(total)s lidos", total=f.money(Decimal(facts["read"])))
    return f.say("Linhas mais novas que as lidas foram mantidas"), f"{read} · {published}"


WORDS: dict[str, Callable[[str, dict[str, Any], Formats], tuple[str, str]]] = {
    "counts": _counts,
    "shrinkage": _shrinkage,
    "identity": _identity,
    "rejected": _rejected,
    "future": _future,
    "fields": _fields,
    "sums": _sums,
}
