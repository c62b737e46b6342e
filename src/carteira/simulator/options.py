"""The query options of a request, taken apart but not yet held against any entity set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_plus

from carteira.simulator.operands import BadQuery

DEEPEST_EXPAND = 3


@dataclass(frozen=True)
class Expand:
    """One link to follow, with the options in its parentheses."""

    name: str
    options: Options


@dataclass(frozen=True)
class Options:
    """What `$select`, `$expand`, `$filter`, `$orderby`, `$top`, `$skip` and `$count` said; None where nothing was."""

    select: tuple[str, ...] | None = None
    expand: tuple[Expand, ...] = ()
    filter: str | None = None
    orderby: tuple[str, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False


def decoded(query: str) -> dict[str, str]:
    """A raw query string by option name; `+` is a blank, as Ploomes reads it."""
    pairs = (each.partition("=") for each in query.split("&") if each)
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


def options(named: Mapping[str, str]) -> Options:
    """Raises BadQuery for what cannot be read; names that OData does not know are ignored, as there."""
    return Options(
        select=_names(named["$select"]) if "$select" in named else None,
        expand=_expands(named.get("$expand", ""), depth=1),
        filter=named.get("$filter") or None,
        orderby=_names(named.get("$orderby", "")),
        top=_whole("$top", named["$top"]) if "$top" in named else None,
        skip=_whole("$skip", named.get("$skip", "0")),
        count=named.get("$count", "").lower() == "true",
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(" ".join(each.split()) for each in text.split(",") if each.strip())


def _whole(name: str, text: str) -> int:
    if not text.strip().isdecimal() or int(text) >= 2**31:
        raise BadQuery(f"Invalid value '{text}' for {name} query option found. A non-negative integer is expected.")
    return int(text)


@lru_cache(maxsize=256)
def _expands(text: str, depth: int) -> tuple[Expand, ...]:
    if text and depth > DEEPEST_EXPAND:
        raise BadQuery(f"The request includes a $expand path which is too deep. The maximum depth is {DEEPEST_EXPAND}.")
    return tuple(_expand(each.strip(), depth) for each in _split(text, ",") if each.strip())


def _expand(text: str, depth: int) -> Expand:
    name, opened, inside = text.partition("(")
    if not opened:
        return Expand(name, Options())
    if not inside.endswith(")"):
        raise BadQuery(f"Syntax error in $expand: '{text}'")
    pairs = (each.strip().partition("=") for each in _split(inside[:-1], ";"))
    named = {key: value for key, _, value in pairs}
    deeper = _expands(named.pop("$expand", ""), depth + 1)
    plain = options(named)
    return Expand(name.strip(), Options(plain.select, deeper, plain.filter, plain.orderby, plain.top, plain.skip))


def _split(text: str, separator: str) -> list[str]:
    """Split outside parentheses and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, letter in enumerate(text):
        quoted ^= letter == "'"
        if not quoted:
            depth += (letter == "(") - (letter == ")")
        if letter == separator and depth == 0 and not quoted:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]
