"""The languages of the pages: which one a request gets, and the texts of the one that the pages are not written in.

Portuguese is what stands in templates and pages, and is translated by looking it up. The catalog is read when somebody
first asks for English, so that nobody else waits for it.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from starlette.datastructures import Headers

# Each in its own words, as the switch shows them.
LOCALES = {"pt-BR": "Português", "en": "English"}
COOKIE = "idioma"
# What an answer to one may not be given to another for.
VARY = "Cookie, Authorization, Accept-Language"
CATALOGS = Path(__file__).with_name("locale")
CHOSEN = re.compile(rf"(?:^|;)\s*{COOKIE}=({'|'.join(LOCALES)})\s*(?:;|$)")


def of(headers: Headers, default: str) -> str:
    """The locale of a request: what its sender chose, else the first that his browser names, else `default`."""
    chosen = CHOSEN.search(headers.get("cookie", ""))
    return chosen[1] if chosen else accepted(headers.get("accept-language", ""), default)


@lru_cache(256)
def accepted(languages: str, default: str) -> str:
    """The locale that Accept-Language likes best: en-US;q=0.8, fr -> en."""
    liked = [(_weight(quality), _locale(tag.strip().lower(), default)) for tag, quality in _parts(languages)]
    # The first of several that are liked alike.
    best = max((weight for weight, locale in liked if locale), default=0.0)
    return next((locale for weight, locale in liked if locale and weight == best > 0), default)


def _parts(languages: str) -> list[tuple[str, str]]:
    return [(tag, quality) for tag, _, quality in (part.partition(";") for part in languages.split(","))]


def _weight(quality: str) -> float:
    name, _, value = quality.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def _locale(tag: str, default: str) -> str:
    if tag == "*":
        return default
    return next((locale for locale in LOCALES if locale[:2].lower() == tag.partition("-")[0]), "")


@cache
def translations(locale: str) -> NullTranslations:
    """The catalog of a locale; of pt-BR an empty one, since its texts are the keys."""
    path = CATALOGS / locale / "LC_MESSAGES" / "carteira.po"
    if not path.exists():
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source))
    compiled.seek(0)
    return GNUTranslations(compiled)


def marked(text: str) -> str:
    """A text of a table, for the catalog to know; who shows it translates it."""
    return text
