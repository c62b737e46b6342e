"""What people are told: what is wrong, since when, what to do about it and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

FAILURE, STALENESS = "failure", "staleness"


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong since a moment, or was until `over_at`; `reason` is the run's own sentence."""

    trouble: str
    since: datetime
    reason: str
    over_at: datetime | None


@dataclass(frozen=True)
class Message:
    """A subject of one line, and a text."""

    subject: str
    text: str


@dataclass(frozen=True)
class Place:
    """Where the reader is: his time zone, the address of the pages, and as of when the figures are."""

    zone: ZoneInfo
    public_url: str | None
    last_sync_at: datetime | None


def message(trouble: Trouble, place: Place) -> Message:
    """The one message about a trouble that has begun."""
    if trouble.trouble == FAILURE:
        subject, what = "Carteira: a sincronização falhou", trouble.reason
        todo = "No servidor, rode `carteira doctor`: ele aponta o que está errado e o remédio."
    else:
        subject = "Carteira: os números estão desatualizados"
        what = "Nenhuma sincronização terminou bem há horas demais."
        todo = (
            "Veja se o agendamento ainda chama a sincronização (cron, timer ou `carteira worker`) e rode "
            "`carteira doctor` no servidor."
        )
    lines = [
        f"O que houve: {what}",
        f"Desde: {_when(trouble.since, place.zone)}",
        f"Números publicados: {_published(place)}",
        f"O que fazer: {todo}",
    ]
    return Message(subject, _text(lines, place))


def all_clear(over: Sequence[Trouble], place: Place) -> Message:
    """The one message about troubles that are over."""
    since = min(trouble.since for trouble in over)
    lines = [
        "O que houve: a sincronização voltou a terminar bem.",
        f"O problema durou: de {_when(since, place.zone)} até {_when(_end(over), place.zone)}",
        f"Números publicados: {_published(place)}",
        "O que fazer: nada.",
    ]
    return Message("Carteira: a sincronização voltou ao normal", _text(lines, place))


def _end(over: Sequence[Trouble]) -> datetime:
    return max(trouble.over_at or trouble.since for trouble in over)


def _published(place: Place) -> str:
    if place.last_sync_at is None:
        return "ainda nenhum"
    return f"os de {_when(place.last_sync_at, place.zone)}, completos e intactos"


def _when(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%d/%m/%Y %H:%M}"


def _text(lines: list[str], place: Place) -> str:
    link = [f"Detalhes: {place.public_url}/sincronizacoes"] if place.public_url else []
    return "\n".join(lines + link) + "\n"
