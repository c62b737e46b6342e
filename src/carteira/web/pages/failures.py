"""Why a run failed, in the words of the pages: each sentence that the sync stores, and what it is here.

The log keeps what the command line said, in English and with its commands. A page says the same to somebody who has
buttons, and keeps the stored text beside it. That what was published before still stands is said where it is not seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from carteira.web.formats import Formats
from carteira.web.languages import marked
from carteira.web.pages.verdicts import said

# The verdicts of a run, as its log has them.
Audit = list[dict[str, Any]]
# The sentence as it is stored, and as the pages say it. tests/test_failures.py holds them against the sources.
REFUSED = "Refused to publish run {run}: {reasons} What was published before still stands."
THROWN_AWAY = "Its staging was thrown away: {why}."
SENTENCES = {
    "Ploomes answered {path} on {base} with nothing where it holds rows, again and again: it is probably overloaded."
    " Nothing was concluded from it; run again later.": marked(
        "O Ploomes respondeu a %(path)s várias vezes sem nada, onde há registros: deve estar sobrecarregado. Sincronize"
        " de novo mais tarde."
    ),
    "Ploomes answered {path} with HTTP {status}": marked(
        "O Ploomes respondeu a %(path)s com HTTP %(status)s. Confira PLOOMES_BASE_URL e o que o usuário da chave pode"
        " ver."
    ),
    "Ploomes did not answer {path} on {base} after {tries} tries in {seconds} s: {reason}. Published data is untouched;"
    " check the network and PLOOMES_BASE_URL, or try again later.": marked(
        "O Ploomes não respondeu a %(path)s em %(base)s, depois de %(tries)s tentativas em %(seconds)s s. Confira a"
        " rede e PLOOMES_BASE_URL, ou sincronize de novo mais tarde."
    ),
    "Ploomes kept answering {path} with its request limit for {seconds} s. Something else uses the account's 120"
    " requests a minute: lower PLOOMES_REQUESTS_PER_MINUTE, or try again later; published data is untouched.": marked(
        "O Ploomes respondeu a %(path)s com o limite de requisições durante %(seconds)s s. Outro programa usa as 120"
        " requisições por minuto da conta: diminua PLOOMES_REQUESTS_PER_MINUTE, ou sincronize de novo mais tarde."
    ),
    "Ploomes refused the key (HTTP {status} on {base}/Account). Check PLOOMES_API_KEY: it is under Administração >"
    " Usuários de Integração > Chave da API; published data is untouched.": marked(
        "O Ploomes recusou a chave (HTTP %(status)s em %(base)s/Account). Confira PLOOMES_API_KEY: fica em"
        " Administração > Usuários de Integração > Chave da API."
    ),
    "Ploomes refuses {fields} of {path} to this key, and without it no sum would be right. Let the integration user's"
    " profile see the field; published data is untouched.": marked(
        "O Ploomes não deixa esta chave ler %(fields)s de %(path)s, e sem isso nenhuma soma estaria certa. Libere o"
        " campo no perfil do usuário de integração."
    ),
    "The database refused: {reason}. Use a role in DATABASE_URL that owns the tables, and look at `carteira db check`;"
    " what was published before is untouched.": marked(
        "O banco de dados recusou uma operação. Use em DATABASE_URL um usuário que seja dono das tabelas, e veja"
        " `carteira db check`."
    ),
    "The database cannot be reached: {reason}. Check DATABASE_URL, that the server runs, and that this machine may"
    " connect; what was published before is untouched.": marked(
        "Não foi possível chegar ao banco de dados. Confira DATABASE_URL, se o servidor está no ar e se esta máquina"
        " pode se conectar."
    ),
    "An unexpected {kind}, a fault of Carteira's own, ended the run; what was published before still stands. Run again;"
    " if it comes back, report it with the trace that is in the log.": marked(
        "Um erro inesperado da própria Carteira (%(kind)s) encerrou a sincronização. Sincronize de novo; se voltar a"
        " acontecer, avise, com o registro que está no log."
    ),
    REFUSED: marked("A sincronização %(run)s não foi publicada: %(reasons)s."),
    THROWN_AWAY: marked("O que ela tinha lido foi descartado: %(why)s."),
}
WHY_THROWN_AWAY = {
    "it was read with another key, address, field list or version": marked(
        "a chave, o endereço, a lista de campos ou a versão mudou"
    ),
    "it got no page for 24 hours": marked("ela passou 24 horas sem ler nada"),
    "it was 7 days old": marked("ela já tinha 7 dias"),
    "a full read was asked for": marked("foi pedida uma leitura completa"),
}
# What to do where the audit refused, by its check.
REMEDIES = {
    "counts": marked("Sincronize de novo."),
    "shrinkage": marked(
        "Se foram excluídos no Ploomes de propósito, aceite as exclusões; se não, confira o que o usuário da chave pode"
        " ver."
    ),
    "identity": marked(
        "Elas podem estar lá, escondidas: use uma chave que veja o que a anterior via, ou aceite as exclusões."
    ),
    "rejected": marked("Corrija no Ploomes as linhas rejeitadas, que estão em Sincronizações."),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """`text` in the language of the page; `stored` is what the log holds, None where `text` is that already."""

    text: str
    stored: str | None


def failure(error: str | None, audit: Audit, f: Formats) -> Failure | None:
    """Why a run failed, None where it did not; a sentence that this version does not know is told as it is stored."""
    for pattern, sentence in PATTERNS if error else ():
        if error and (found := pattern.fullmatch(error)):
            text = f.say(sentence, **_facts(found.groupdict(), audit, f))
            return Failure(" ".join(filter(None, [text, remedies(audit, f)])), error)
    return Failure(error, None) if error else None


def refusals(audit: Audit, f: Formats) -> str:
    """What the audit would not publish, as part of a sentence; empty where it refused nothing."""
    return "; ".join(one.text for one in said(audit, f) if one.kind == "fail")


def remedies(audit: Audit, f: Formats) -> str:
    """What to do about it, in sentences."""
    refused = {one["check"] for one in audit if one["verdict"] == "refused"}
    return " ".join(f.say(remedy) for check, remedy in REMEDIES.items() if check in refused)


def _pattern(stored: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", stored)
    pieces[::2] = [re.escape(piece) for piece in pieces[::2]]
    pieces[1::2] = [rf"(?P<{name}>{r'[0-9]+' if name == 'status' else '.+?'})" for name in pieces[1::2]]
    # What Ploomes itself says may follow.
    return re.compile("".join(pieces) + ".*", re.DOTALL)


PATTERNS = [(_pattern(stored), sentence) for stored, sentence in SENTENCES.items()]


def _facts(found: dict[str, str], audit: Audit, f: Formats) -> dict[str, Any]:
    if "reasons" in found:
        found["reasons"] = refusals(audit, f) or found["reasons"]
    if "why" in found:
        found["why"] = f.say(WHY_THROWN_AWAY.get(found["why"], found["why"]))
    return found
