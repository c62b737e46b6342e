"""What people are told: what is wrong, since when, what to do about it and where to look; in CARTEIRA_LOCALE."""

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
    """Where the reader is: time zone, address of the pages, as of when the figures are, and the language."""

    zone: ZoneInfo
    public_url: str | None
    last_sync_at: datetime | None
    locale: str = "pt-BR"


@dataclass(frozen=True)
class Words:
    """The sentences of one language."""

    failed: str
    failed_todo: str
    stale: str
    stale_what: str
    stale_todo: str
    over: str
    over_what: str
    nothing_to_do: str
    what: str
    since: str
    lasted: str
    figures: str
    as_of: str
    none_yet: str
    todo: str
    details: str
    moment: str


WORDS = {
    "pt-BR": Words(
        failed="Carteira: a sincronização falhou",
        failed_todo="No servidor, rode `carteira doctor`: ele aponta o que está errado e o remédio.",
        stale="Carteira: os números estão desatualizados",
        stale_what="Nenhuma sincronização terminou bem há horas demais.",
        stale_todo="Veja se o agendamento ainda chama a sincronização (cron, timer ou `carteira worker`) e rode "
        "`carteira doctor` no servidor.",
        over="Carteira: a sincronização voltou ao normal",
        over_what="A sincronização voltou a terminar bem.",
        nothing_to_do="Nada.",
        what="O que houve: {}",
        since="Desde: {}",
        lasted="O problema durou: de {} até {}",
        figures="Números publicados: {}",
        as_of="os de {}, completos e intactos",
        none_yet="ainda nenhum",
        todo="O que fazer: {}",
        details="Detalhes: {}",
        moment="%d/%m/%Y %H:%M",
    ),
    "en": Words(
        failed="Carteira: syncing failed",
        failed_todo="Run `carteira doctor` on the server: it tells what is wrong, and the remedy.",
        stale="Carteira: the figures are old",
        stale_what="No sync has ended well for too many hours.",
        stale_todo="See that the schedule still starts syncs (cron, a timer or `carteira worker`), and run "
        "`carteira doctor` on the server.",
        over="Carteira: syncing is back to normal",
        over_what="A sync has ended well again.",
        nothing_to_do="Nothing.",
        what="What happened: {}",
        since="Since: {}",
        lasted="The trouble lasted from {} to {}",
        figures="Published figures: {}",
        as_of="those of {}, whole and untouched",
        none_yet="none yet",
        todo="What to do: {}",
        details="Details: {}",
        moment="%Y-%m-%d %H:%M",
    ),
}


def message(trouble: Trouble, place: Place) -> Message:
    """The one message about a trouble that has begun."""
    words = WORDS[place.locale]
    subject, what, todo = words.stale, words.stale_what, words.stale_todo
    if trouble.trouble == FAILURE:
        subject, what, todo = words.failed, trouble.reason, words.failed_todo
    since = words.since.format(_when(trouble.since, place))
    return Message(subject, _text([words.what.format(what), since], todo, place))


def all_clear(over: Sequence[Trouble], place: Place) -> Message:
    """The one message about troubles that are over."""
    words = WORDS[place.locale]
    began = min(trouble.since for trouble in over)
    ended = max(trouble.over_at or trouble.since for trouble in over)
    lasted = words.lasted.format(_when(began, place), _when(ended, place))
    return Message(words.over, _text([words.what.format(words.over_what), lasted], words.nothing_to_do, place))


def _when(moment: datetime, place: Place) -> str:
    return moment.astimezone(place.zone).strftime(WORDS[place.locale].moment)


def _text(lines: list[str], todo: str, place: Place) -> str:
    words = WORDS[place.locale]
    figures = words.as_of.format(_when(place.last_sync_at, place)) if place.last_sync_at else words.none_yet
    link = [words.details.format(f"{place.public_url}/sincronizacoes")] if place.public_url else []
    return "\n".join([*lines, words.figures.format(figures), words.todo.format(todo), *link]) + "\n"
