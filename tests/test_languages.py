"""Which language a request is answered in, and that the English catalog has every text of the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from jinja2 import Environment, FileSystemLoader, nodes
from starlette.datastructures import Headers

from carteira.web import languages
from carteira.web.templating import FOLDER

TEMPLATES = Environment(loader=FileSystemLoader(FOLDER), extensions=["jinja2.ext.i18n"])
WORD = re.compile(r"[^\W\d_]{2,}")
# A constant that somebody may read: two words, a capital or a letter that no key of ours has.
SENTENCE = re.compile(r"[A-Za-zÀ-ú] [A-Za-zÀ-ú]|^[A-ZÀ-Ú][a-zà-ú]{2,}$|[À-ÖØ-öø-ÿ]|^\s*\(")
CLASS = re.compile(r"\b(n|xwide|ring|[a-z]+-+[a-z]+)\b")
# Names, which are the same everywhere, and what is typed.
NAMES = {"Carteira", "CNPJ", "CSV", "Excel", "xlsx", "doctor", "sync", "PLOOMES", "API", "KEY", "carteira", "page", "fill"}


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


def test_nothing_on_a_page_is_said_beside_the_catalog() -> None:
    said = {(template, text) for template in TEMPLATES.list_templates() for text in _unmarked(template)}

    assert said == set()


def _unmarked(template: str) -> Iterator[str]:
    """What a template says, as text, label or in an expression, without asking for its translation."""
    source = TEMPLATES.loader.get_source(TEMPLATES, template)[0]
    tree = TEMPLATES.parse(source)
    marked = {id(text) for call in tree.find_all(nodes.Call) for text in call.args if _is_marking(call)}
    words = [text.value for text in tree.find_all(nodes.Const) if id(text) not in marked]
    yield from (word for word in words if isinstance(word, str) and SENTENCE.search(CLASS.sub("", word)))
    page = _Said()
    page.feed("".join(_pieces(tree)))
    page.close()
    yield from page.said


def _is_marking(call: nodes.Call) -> bool:
    return isinstance(call.node, nodes.Name) and call.node.name in ("_", "gettext", "ngettext", "count")


def _pieces(tree: nodes.Template) -> Iterator[str]:
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            yield node.data if isinstance(node, nodes.TemplateData) else "0"


class _Said(HTMLParser):
    """Collects the texts that a browser shows or reads out."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("aria-label", "title", "placeholder", "alt"):
                self.handle_data(value or "")

    def handle_data(self, data: str) -> None:
        words = [word for word in WORD.findall(data) if word not in NAMES]
        self.said.extend([data.strip()] if words else [])
