"""Why a run failed is told in the language of the page, whatever the sync may have stored."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentences import SOURCE, sentences

from carteira.sync import audit, plan
from carteira.web.formats import Formats, formats
from carteira.web.pages.failures import REMEDIES, SENTENCES, THROWN_AWAY, WHY_THROWN_AWAY, Failure, failure

PORTUGUESE, ENGLISH = formats("pt-BR", "UTC"), formats("en", "UTC")
VALUE = re.compile(r"\{\w+\}")


def told(error: str | None, verdicts: list[audit.Verdict] | None = None, f: Formats = PORTUGUESE) -> Failure | None:
    return failure(error, [one.as_dict() for one in verdicts or []], f)


def stored() -> Iterator[str]:
    """Every sentence that may end a run once it is on record, and what an abandoned one is left with."""
    yield from (text for _, text in sentences("ploomes/", "sync/", "warehouse/connection.py"))
    yield THROWN_AWAY.replace("{why}", "…")


def test_every_sentence_that_is_stored_has_its_own_on_the_pages() -> None:
    """And none that is not: what is no longer said is no longer translated."""
    held = {VALUE.sub("…", text) for text in SENTENCES}
    assert held - set(stored()) == set()
    assert set(stored()) - held == set()


def test_why_a_run_was_thrown_away_is_told_for_every_reason() -> None:
    tree = ast.parse(Path(plan.__file__).read_text("utf-8"))
    (useless,) = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "useless"]
    reasons = {
        node.value.value
        for node in ast.walk(useless)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and node.value.value
    }
    assert reasons == set(WHY_THROWN_AWAY)
    assert THROWN_AWAY.split("{")[0] in (SOURCE / "sync" / "run.py").read_text("utf-8")


def test_every_check_that_refuses_has_a_remedy() -> None:
    text = Path(audit.__file__).read_text("utf-8")
    checks = set(re.findall(r'Verdict\(\s*"(\w+)",\s*REFUSED', text))
    assert checks == set(REMEDIES)


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda text: text[:30])
@given(values=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), min_size=6, max_size=6))
def test_a_sentence_is_known_again_with_any_values(sentence: str, values: list[str]) -> None:
    """Hostile ones among them: they are shown as they are, and nothing of them is taken for a place of ours."""
    rest = iter(values)
    error = VALUE.sub(lambda name: "503" if name[0] == "{status}" else next(rest), sentence)

    for f in (PORTUGUESE, ENGLISH):
        found = told(error, f=f)
        assert found is not None
        assert found.stored == error
        assert found.text != error


def test_a_failure_says_what_where_and_what_to_do() -> None:
    found = told(
        "Ploomes did not answer /Deals on https://api2.ploomes.com after 7 tries in 61 s: HTTP 503, 100% busy."
        " Published data is untouched; check the network and PLOOMES_BASE_URL, or try again later."
    )

    assert found is not None
    assert found.text == (
        "O Ploomes não respondeu a /Deals em https://api2.ploomes.com, depois de 7 tentativas em 61 s. Confira a rede"
        " e PLOOMES_BASE_URL, ou sincronize de novo mais tarde."
    )


def test_a_status_is_told_whatever_ploomes_says_with_it() -> None:
    for said_with_it in (".", ": Resource not found."):
        found = told(f"Ploomes answered /Contacts with HTTP 404{said_with_it}")
        assert found is not None
        assert found.text.startswith("O Ploomes respondeu a /Contacts com HTTP 404. Confira PLOOMES_BASE_URL")


def test_a_refusal_is_told_by_what_the_audit_found() -> None:
    refused = audit.shrinkage("deals", 29_852, 3412, accepted=False)
    error = f"Refused to publish run 7: {refused.detail} What was published before still stands."

    portuguese, english = told(error, [refused]), told(error, [refused], ENGLISH)

    assert portuguese is not None
    assert portuguese.text == (
        "A sincronização 7 não foi publicada: 3.412 negócios sumiriam (11,4%). Se foram excluídos no Ploomes de"
        " propósito, aceite as exclusões; se não, confira o que o usuário da chave pode ver."
    )
    assert english is not None
    assert "3,412 deals would be gone" in english.text
    assert "carteira sync" not in english.text


def test_an_older_sentence_is_told_as_it_is_stored() -> None:
    assert told("Something that no version says any more.") == Failure("Something that no version says any more.", None)
    assert told(None) is None
