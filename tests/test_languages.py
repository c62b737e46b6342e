"""Which language a request is answered in, and that the English catalog has every text of the pages."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from dashboard import publish, served, settings_of, viewer
from jinja2 import Environment, FileSystemLoader, nodes
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from carteira.warehouse.connection import Warehouse
from carteira.web import languages
from carteira.web.pages import failures
from carteira.web.templating import FOLDER

WEB = FOLDER.parent
TEXTS = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "texts.py"))
VALUE = re.compile(r"%\(\w+\)s|%%|%")
TAG = re.compile(r"<[^>]*>")
# What is not on a page: the columns of a file, which are as Excel in Brazil has them.
NOT_SHOWN = {"spreadsheets.py", "languages.py"}
PORTUGUESE = re.compile(r"[áâãàçéêíóôõú]|\b(sem|dias?|meses|vendas?|compra|ontem|hoje)\b [a-z]", re.IGNORECASE)
TEMPLATES = Environment(loader=FileSystemLoader(FOLDER), extensions=["jinja2.ext.i18n"])
WORD = re.compile(r"[^\W\d_]{2,}")
# A constant that somebody may read: two words, a capital or a letter that no key of ours has.
SENTENCE = re.compile(r"[A-Za-zÀ-ú] [A-Za-zÀ-ú]|^[A-ZÀ-Ú][a-zà-ú]{2,}$|[À-ÖØ-öø-ÿ]|^\(")
CLASS = re.compile(r"\b(n|xwide|ring|[a-z]+-+[a-z]+)\b")
# Names, which are the same everywhere, and what is typed.
NAMES = {"Carteira", "carteira", "CNPJ", "CSV", "Excel", "xlsx", "doctor", "sync", "PLOOMES", "API", "KEY"}
NAMES |= {"page", "fill"}


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


def test_the_catalog_has_every_text_and_no_other() -> None:
    assert _keys(_english()) == _keys(TEXTS["used"]()), "run scripts/texts.py and translate what is new"


def test_every_text_is_translated_with_the_same_values() -> None:
    wrong = [(message.id, message.string) for message in _english() if message.id and not _is_sound(message)]

    assert wrong == []


def _english() -> Catalog:
    with TEXTS["ENGLISH"].open("rb") as source:
        return read_po(source, locale="en")


def _keys(catalog: Catalog) -> set[str | tuple[str, ...]]:
    return {message.id for message in catalog if message.id}


def _is_sound(message: Message) -> bool:
    if message.fuzzy:
        return False
    if not isinstance(message.id, tuple):
        return bool(message.string) and _values(message.id) == _values(message.string)
    # The singular may say its number in words.
    one, many = message.string
    return bool(one and many) and _values(one) <= _values(many) == _values(message.id[1])


def _values(text: str) -> set[str]:
    return set(VALUE.findall(text)) | set(TAG.findall(text))


@pytest.mark.parametrize("path", sorted(WEB.rglob("*.py")), ids=lambda path: path.name)
def test_no_page_makes_a_text_beside_the_catalog(path: Path) -> None:
    if path.name in NOT_SHOWN:
        return
    tree = ast.parse(path.read_text())
    marked = {id(text) for call in ast.walk(tree) if isinstance(call, ast.Call) and _says(call) for text in call.args}
    prose = {id(line.value) for line in ast.walk(tree) if isinstance(line, ast.Expr)}
    said = [
        text.value
        for text in ast.walk(tree)
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and id(text) not in marked | prose
    ]

    # What the log holds is English, and names a menu of Ploomes.
    assert [text for text in said if PORTUGUESE.search(text) and text not in failures.SENTENCES] == []


def _says(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in ("say", "count", "marked")


@pytest.fixture
def client(warehouse: Warehouse, tmp_path: Path) -> Iterator[TestClient]:
    publish(warehouse)
    with served(settings_of(tmp_path), warehouse) as client:
        client.headers.update(viewer(warehouse, "admin"))
        yield client


def test_what_is_kept_in_one_language_is_not_given_in_another(client: TestClient) -> None:
    english, portuguese = {"accept-language": "en-US,en;q=0.5"}, {"accept-language": "pt-BR"}
    first = client.get("/carteira", headers=english)
    assert "Portfolio" in first.text and first.headers["content-language"] == "en"

    second = client.get("/carteira", headers=portuguese | {"if-none-match": first.headers["etag"]})
    assert second.status_code == 200
    assert "Retenção" in second.text and "Portfolio" not in second.text
    assert second.headers["etag"] != first.headers["etag"]
    assert "Accept-Language" in second.headers["vary"]

    # Whoever asks for the same language in another way gets what is kept.
    again = client.get("/carteira", headers={"accept-language": "en", "if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert client.get("/carteira", headers={"accept-language": "en-GB"}).text == first.text
    assert client.get("/carteira").text == second.text


def test_a_choice_is_kept_by_the_browser_and_leads_back(client: TestClient) -> None:
    referer = "http://testserver/clientes?uf=SP&pagina=2"
    chosen = client.post("/idioma", data={"idioma": "en"}, headers={"referer": referer})
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/clientes?uf=SP&pagina=2")

    assert "Customers" in client.get("/clientes", headers={"accept-language": "pt-BR"}).text
    assert "Page not found" in client.get("/clientes/1234567", headers={"accept-language": "pt-BR"}).text


@pytest.mark.parametrize("referer", ["", "https://evil.example//evil.example", "https://evil.example/\\evil.example"])
def test_a_choice_leads_nowhere_else(client: TestClient, referer: str) -> None:
    answer = client.post("/idioma", data={"idioma": "xx"}, headers={"referer": referer})

    assert answer.headers["location"] == "/"
    assert "set-cookie" not in answer.headers


def test_the_setting_is_for_programs_and_for_those_who_name_no_language(warehouse: Warehouse, tmp_path: Path) -> None:
    with served(settings_of(tmp_path, CARTEIRA_LOCALE="en"), warehouse) as client:
        assert "Sign in" in client.get("/entrar").text
        assert "Entrar" in client.get("/entrar", headers={"accept-language": "pt-BR"}).text
