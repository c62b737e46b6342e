"""Bring the English catalog up to the texts of the templates and pages: `python scripts/texts.py`.

Texts that are new come without a translation, those that are gone are dropped; tests/test_languages.py asks for the
rest.
"""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "src" / "carteira" / "web"
ENGLISH = WEB / "locale" / "en" / "LC_MESSAGES" / "carteira.po"
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
# `count` shows a number of things, `marked` a text of a table, `Column` has a head in a file.
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "say": None, "count": (1, 2)}
KEYWORDS |= {"marked": None, "Column": (1,)}


def used() -> Catalog:
    """Every text that the pages use."""
    found = Catalog(locale="en", project="carteira", fuzzy=False)
    for name, line, text, _, _ in extract_from_dir(WEB, METHODS, OPTIONS, KEYWORDS):
        # Without the line, which would change with every other edit.
        found.add(text, locations=[(f"src/carteira/web/{name}", 0)] if line else [])
    return found


def update() -> None:
    """Write the catalog again, sorted, with what is used and the translations that it has."""
    catalog = Catalog(locale="en", project="carteira", fuzzy=False)
    if ENGLISH.exists():
        with ENGLISH.open("rb") as source:
            catalog = read_po(source, locale="en")
    began = catalog.creation_date
    catalog.update(used(), no_fuzzy_matching=True)
    # Nothing but texts makes a difference.
    catalog.creation_date = began
    catalog.obsolete.clear()
    with ENGLISH.open("wb") as target:
        write_po(target, catalog, width=110, sort_output=True, include_lineno=False, omit_header=False)


if __name__ == "__main__":
    update()
