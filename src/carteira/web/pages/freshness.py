"""How old the data is and what went wrong last, as every page says it: the foot of the side bar, and the banner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from carteira.customer_sales.reports import Standing
from carteira.warehouse.stamp import Stamp
from carteira.web.formats import Formats
from carteira.web.languages import marked
from carteira.web.pages.failures import failure, refusals, remedies

# How a run that did not publish is called, beside its time and in a sentence.
ENDED = {
    "refused": (
        marked("A de %(when)s foi recusada"),
        marked("A sincronização de %(when)s foi recusada pela conferência."),
    ),
    "failed": (
        marked("A de %(when)s foi interrompida"),
        marked("A sincronização de %(when)s não chegou ao fim."),
    ),
}


@dataclass(frozen=True, slots=True)
class Fresh:
    """The foot of the side bar. `state` is ok, stale, failed or none."""

    state: str
    at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class Banner:
    """What happened, and what still holds; `kind` is warn or fail, and `again` is where another run may help."""

    kind: str
    what: str
    then: str
    again: bool = True


def fresh(standing: Standing, read: Stamp, f: Formats) -> Fresh:
    at = read.last_sync_at
    if standing.opened_at and standing.state in ENDED:
        return Fresh("failed", at, f.say(ENDED[standing.state][0], when=f.when(standing.opened_at, read.today)))
    if at is None:
        return Fresh(
            "none", None, f.say("Primeira leitura em curso") if standing.state else f.say("Nada sincronizado ainda")
        )
    if read.stale:
        return Fresh("stale", at, f.say("A sincronização está atrasada"))
    return Fresh("ok", at, f.say("Confere com o Ploomes"))


def banner(standing: Standing, read: Stamp, f: Formats, *, told: bool) -> Banner | None:
    """What every page begins with where something is wrong; whoever is `told` may know why, which names the account."""
    at = read.last_sync_at
    if standing.opened_at and standing.state in ENDED:
        still = (
            f.say("Nada mudou: você vê os dados de %(when)s.", when=f.when(at, read.today))
            if at
            else f.say("Ainda não há dados publicados.")
        )
        return _ended(standing, f.when(standing.opened_at, read.today), still, f, told=told)
    if at and read.stale_hours is not None:
        what = f.say("Os dados são de %(when)s.", when=f.when(at, read.today))
        then = f.count(
            "Nada foi publicado há %(n)s hora; os totais valem até aquele momento.",
            "Nada foi publicado há %(n)s horas; os totais valem até aquele momento.",
            read.stale_hours,
        )
        return Banner("warn", what, then)
    return None


def _ended(standing: Standing, when: str, still: str, f: Formats, *, told: bool) -> Banner:
    assert standing.state is not None
    what = f.say(ENDED[standing.state][1], when=when)
    if told and (reasons := refusals(standing.audit, f)):
        what = f.say("A sincronização de %(when)s foi recusada: %(reasons)s.", when=when, reasons=reasons)
        return Banner("fail", what, f"{still} {remedies(standing.audit, f)}", again=False)
    why = failure(standing.error, standing.audit, f) if told else None
    # What this version does not know is told on the page of the runs, as it is stored.
    return Banner("fail", what, f"{why.text} {still}" if why and why.stored else still)
