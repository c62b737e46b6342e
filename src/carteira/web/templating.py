"""The templates, and what every one of them knows: how to write numbers, and under which name an asset was bundled."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.templating import Jinja2Templates

from carteira import __version__
from carteira.brazil import masked_cnpj
from carteira.web.formats import formats
from carteira.web.statics import FOLDER

if TYPE_CHECKING:
    from carteira.settings import Settings


def templates(settings: Settings) -> Jinja2Templates:
    """The one environment: everything is escaped, and an unknown name is an error instead of an empty string."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {
        "f": formats(settings.locale, settings.timezone),
        "asset": asset,
        "cnpj": masked_cnpj,
        "version": __version__,
    }
    return Jinja2Templates(env=environment)


def asset(source: str) -> str:
    """The address of a bundled file, by the name that it has in frontend/src."""
    return f"/static/dist/{_manifest()[source]}"


@cache
def _manifest() -> dict[str, str]:
    manifest = FOLDER / "dist" / "manifest.json"
    try:
        names: dict[str, str] = json.loads(manifest.read_bytes())
    except FileNotFoundError:
        raise RuntimeError(
            f"The bundled front end is missing ({manifest}): install the package again, which bundles it."
        ) from None
    return names
