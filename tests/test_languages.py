"""Which language a request is answered in, and that the English catalog has every text of the pages."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from carteira.web import languages


@pytest.mark.parametrize(
    ("accepts", "default", "chosen"),
    [
        ("", "pt-BR", "pt-BR"),
        ("", "en", "en"),
        ("en-US,en;q=0.9,pt-BR;q=0.8", "pt-BR", "en"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "en", "pt-BR"),
        ("pt-PT", "en", "pt-BR"),
        ("fr, en;q=0.3", "pt-BR", "en"),
        ("en;q=0.3, pt;q=0.5", "en", "pt-BR"),
        ("en;q=0, fr", "pt-BR", "pt-BR"),
        ("de, *;q=0.5", "en", "en"),
        ("enq, ;;q=x,,", "pt-BR", "pt-BR"),
        ("en;q=nan", "pt-BR", "pt-BR"),
    ],
)
def test_the_browser_names_a_language_and_the_setting_is_for_those_who_name_none(
    accepts: str, default: str, chosen: str
) -> None:
    assert languages.of(Headers({"accept-language": accepts}), default) == chosen


@pytest.mark.parametrize(
    ("cookie", "chosen"),
    [("idioma=pt-BR", "pt-BR"), ("carteira=x; idioma=pt-BR", "pt-BR"), ("idioma=xx", "en"), ("idioma=pt-BRx", "en")],
)
def test_what_somebody_chose_goes_before_what_his_browser_says(cookie: str, chosen: str) -> None:
    assert languages.of(Headers({"cookie": cookie, "accept-language": "en"}), "en") == chosen
