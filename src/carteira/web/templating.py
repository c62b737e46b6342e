"""The templates, and what every one of them knows: how to write numbers, and under which name an asset was bundled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, MutableMapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from carteira import __version__
from carteira.brazil import masked_cnpj
from carteira.web import languages
from carteira.web.formats import Formats, formats
from carteira.web.statics import FOLDER as STATICS

if TYPE_CHECKING:
    from carteira.settings import Settings

FOLDER = Path(__file__).with_name("templates")
# The globals whose answer depends on their arguments alone.
FOLDED = ("_", "icon")


def templates(settings: Settings) -> dict[str, Jinja2Templates]:
    """An environment for each locale: everything is escaped, and an unknown name is an error instead of nothing."""
    return {locale: _templates(locale, settings.timezone) for locale in languages.LOCALES}


class _Plain(Environment):
    """An environment of one locale, whose templates have nothing to look up that is known beforehand.

    Texts without values and icons are made when a template is compiled, and become part of what stands around them.
    The globals are a plain dict: Jinja's chain of maps is walked in Python at each include.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        # What `parse` and `compile` share; no extension is shown the whole tree.
        tree: nodes.Template = _Folding().visit(
            super()._parse(source, name, filename), {name: self.globals[name] for name in FOLDED}
        )
        return tree


class _Folding(NodeTransformer):
    """Puts what a call with nothing but literals makes in the place of the call."""

    def visit_Call(self, node: nodes.Call, pure: Mapping[str, Callable[..., Markup]]) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node, pure)
        made = pure.get(getattr(node.node, "name", ""))
        literals = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
        if made is None or node.kwargs or len(literals) < len(node.args):
            return node
        return nodes.Const(made(*literals), lineno=node.lineno, environment=node.environment)


def _templates(locale: str, timezone: str) -> Jinja2Templates:
    environment = _Plain(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    f = formats(locale, timezone)
    # As the extension has them, for what {% trans %} makes; ours look a text up once and not at each of its places.
    environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    environment.globals |= _texts(f)
    environment.globals |= {
        "f": f,
        "count": f.count,
        "locales": languages.LOCALES,
        "asset": asset,
        "cnpj": masked_cnpj,
        "icon": icon,
        "version": __version__,
    }
    return Jinja2Templates(env=environment)


def _texts(f: Formats) -> dict[str, Callable[..., Markup]]:
    """The catalog of a locale for its templates: translations are markup of ours, the values in them are escaped."""

    @cache
    def plain(text: str) -> Markup:
        return Markup(f.texts.gettext(text) % {})

    def gettext(text: str, **values: object) -> Markup:
        return Markup(f.texts.gettext(text)) % values if values else plain(text)

    def ngettext(one: str, many: str, number: int, **values: object) -> Markup:
        return Markup(f.texts.ngettext(one, many, number)) % ({"num": number} | values)

    return {"_": gettext, "gettext": gettext, "ngettext": ngettext}


def render(
    request: Request,
    template: str,
    context: dict[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page in the language of whoever asks."""
    locale = locale_of(request)
    found: Jinja2Templates = request.app.state.templates[locale]
    response: Response = found.TemplateResponse(
        request, template, context, status_code=status, headers={"vary": languages.VARY, **(headers or {})}
    )
    response.headers["content-language"] = locale
    return response


def locale_of(request: Request) -> str:
    """The locale that a request is answered in."""
    return languages.of(request.headers, request.app.state.settings.locale)


def formats_of(request: Request) -> Formats:
    """How a request is answered: its language, and the time of the company."""
    return formats(locale_of(request), request.app.state.settings.timezone)


def icon(name: str, small: bool = False) -> Markup:
    """A drawing of the sprite that stands in every page, for the eye only."""
    size = " icon--s" if small else ""
    return Markup('<svg class="icon{}" aria-hidden="true"><use href="#i-{}"/></svg>').format(size, name)


def asset(source: str) -> str:
    """The address of a bundled file, by the name that it has in frontend/src."""
    return f"/static/dist/{_manifest()[source]}"


@cache
def _manifest() -> dict[str, str]:
    manifest = STATICS / "dist" / "manifest.json"
    try:
        names: dict[str, str] = json.loads(manifest.read_bytes())
    except FileNotFoundError:
        raise RuntimeError(
            f"The bundled front end is missing ({manifest}): install the package again, which bundles it."
        ) from None
    return names
