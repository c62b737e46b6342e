"""An OData `$filter` taken apart for the store, by the tree of odata-query's parser.

Its own SQL visitor leaves quotes in strings as they are and wraps dates; here every literal becomes a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from carteira.simulator.expressions import Scope, boolean, reached
from carteira.simulator.operands import BadQuery, Value, whole


@dataclass(frozen=True)
class IdRange:
    """Ids from `low` to `high`, both included."""

    low: int = -(2**63)
    high: int = 2**63 - 1

    def narrowed(self, other: IdRange) -> IdRange:
        return IdRange(max(self.low, other.low), min(self.high, other.high))


@dataclass(frozen=True)
class Condition:
    """A filter taken apart: the range of Ids that it allows, and the rest as SQL ('' for none) on the row `t`."""

    ids: IdRange = IdRange()
    where: str = ""
    parameters: tuple[Value, ...] = ()

    def also(self, other: Condition) -> Condition:
        where = " and ".join(filter(None, (self.where, other.where)))
        return Condition(self.ids.narrowed(other.ids), where, self.parameters + other.parameters)


def condition(text: str, scope: Scope) -> Condition:
    """Read a whole filter; raises BadQuery with the status that Ploomes answers."""
    found = Condition()
    for node in _conjuncts(_parsed(text)):
        narrowed = _id_range(node)
        if narrowed:
            found = found.also(Condition(narrowed))
        else:
            sql = boolean(node, scope)
            found = found.also(Condition(IdRange(), f"({sql.text})", sql.parameters))
    return found


def ordering(text: str, scope: Scope) -> str:
    """The SQL of one `$orderby` key, such as `Contact/Name desc`."""
    path, _, direction = text.partition(" ")
    if direction.strip() not in ("", "asc", "desc"):
        raise BadQuery(f"Syntax error in $orderby: '{text}'")
    return f"{reached(path.split('/'), scope).text} {direction.strip()}".rstrip()


def _parsed(text: str) -> ast._Node:
    try:
        tree: ast._Node = ODataParser().parse(ODataLexer().tokenize(text))
    except ODataException as error:
        raise BadQuery(f"Syntax error in $filter: {error}") from error
    return tree


def _conjuncts(node: ast._Node) -> Iterator[ast._Node]:
    match node:
        case ast.BoolOp(ast.And(), left, right):
            yield from _conjuncts(left)
            yield from _conjuncts(right)
        case _:
            yield node


def _id_range(node: ast._Node) -> IdRange | None:
    match node:
        case ast.Compare(comparator, ast.Identifier("Id"), ast.Integer() as number):
            value = whole(number.val)
        case _:
            return None
    match comparator:
        case ast.Gt():
            return IdRange(low=value + 1)
        case ast.GtE():
            return IdRange(low=value)
        case ast.Lt():
            return IdRange(high=value - 1)
        case ast.LtE():
            return IdRange(high=value)
        case ast.Eq():
            return IdRange(value, value)
    return None
