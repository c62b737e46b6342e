"""An OData `$filter` into SQL with parameters, by the tree of odata-query's parser.

Its own SQL visitor leaves quotes in strings as they are; here no literal ever enters the SQL text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from carteira.simulator.clock import BRASILIA
from carteira.simulator.entities import ENTITY_SETS, EntitySet, Field, Link

Value = str | int | float | None


class BadQuery(Exception):
    """What was asked cannot be read; `status` and the message are what Ploomes answers."""

    status = 400


class ForbiddenQuery(BadQuery):
    """A field that does not exist or that this key may not see: Ploomes does not say which."""

    def __init__(self, status: int = 403) -> None:
        super().__init__("Your request has been forbidden")
        self.status = status


@dataclass(frozen=True)
class Sql:
    """An expression with its parameters; `literal` holds the value where it is one."""

    text: str
    kind: str
    parameters: tuple[Value, ...] = ()
    literal: Value = None


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


@dataclass(frozen=True)
class Scope:
    """The row that names stand on, the fields that the key may not use, and the variables of enclosing lambdas."""

    entities: EntitySet
    alias: str = "t"
    forbidden: frozenset[tuple[str, str]] = frozenset()
    variables: dict[str, Scope] = field(default_factory=dict)
    aliases: Iterator[int] = field(default_factory=count)

    def field(self, name: str) -> Field:
        known = self.entities.fields.get(name)
        if known is None or (self.entities.name, name) in self.forbidden:
            raise ForbiddenQuery(self.entities.unknown_field_status)
        return known

    def link(self, name: str) -> Link:
        if name not in self.entities.links:
            raise ForbiddenQuery
        return self.entities.links[name]

    def beyond(self, link: Link) -> Scope:
        """The scope of the rows on the other side of a link."""
        alias = f"t{next(self.aliases)}"
        return Scope(ENTITY_SETS[link.target], alias, self.forbidden, self.variables, self.aliases)


def condition(text: str, scope: Scope) -> Condition:
    """Read a whole filter; raises BadQuery with the status that Ploomes answers."""
    found = Condition()
    for node in _conjuncts(_parsed(text)):
        narrowed = _id_range(node)
        if narrowed:
            found = found.also(Condition(narrowed))
        else:
            sql = _boolean(node, scope)
            found = found.also(Condition(IdRange(), f"({sql.text})", sql.parameters))
    return found


def ordering(text: str, scope: Scope) -> str:
    """The SQL of one `$orderby` key, such as `Contact/Name desc`."""
    path, _, direction = text.partition(" ")
    if direction.strip() not in ("", "asc", "desc"):
        raise BadQuery(f"Syntax error in $orderby: '{text}'")
    return f"{_reached(path.split('/'), scope).text} {direction.strip()}".rstrip()


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
            value = _whole(number.val)
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


def _boolean(node: ast._Node, scope: Scope) -> Sql:
    sql = _expression(node, scope)
    if sql.kind != "bool":
        raise BadQuery("The $filter expression must evaluate to a single boolean value.")
    return sql


def _expression(node: ast._Node, scope: Scope) -> Sql:
    match node:
        case ast.Identifier() | ast.Attribute():
            return _reached(_path(node), scope)
        case ast._Literal():
            return _literal(node)
        case ast.Compare(ast.In(), left, ast.List(values)):
            return _contained(_expression(left, scope), [_literal(each) for each in values])
        case ast.Compare(comparator, left, right):
            return _compared(comparator, _expression(left, scope), _expression(right, scope))
        case ast.BoolOp(op, left, right):
            word = "and" if isinstance(op, ast.And) else "or"
            return _joined(word, _boolean(left, scope), _boolean(right, scope))
        case ast.UnaryOp(ast.Not(), operand):
            inner = _boolean(operand, scope)
            # null is not true for OData, so its negation is true; SQL would leave it null
            return Sql(f"not coalesce({inner.text}, 0)", "bool", inner.parameters)
        case ast.Call(ast.Identifier(name), arguments):
            return _called(name, [_expression(each, scope) for each in arguments])
        case ast.CollectionLambda(owner, ast.Any(), inside):
            return _any(_path(owner), inside, scope)
    raise BadQuery(f"Unsupported expression in $filter: {type(node).__name__}")


def _path(node: ast._Node) -> list[str]:
    match node:
        case ast.Attribute(owner, attribute):
            return [*_path(owner), attribute]
        case ast.Identifier(name):
            return [name]
    raise BadQuery("Unsupported path in $filter")


def _reached(path: list[str], scope: Scope) -> Sql:
    """The value at the end of a path of single links, as nested scalar subqueries."""
    first, *rest = path
    if first in scope.variables and rest:
        return _reached(rest, scope.variables[first])
    if not rest:
        found = scope.field(first)
        return Sql(found.on(scope.alias), found.kind)
    link = scope.link(first)
    if link.many:
        raise BadQuery(f"'{first}' is a collection; use any()")
    other = scope.beyond(link)
    value = _reached(rest, other)
    text = (
        f"(select {value.text} from {other.entities.table} {other.alias}"
        f" where {other.alias}.Id = {scope.alias}.{link.column})"
    )
    return Sql(text, value.kind, value.parameters)


def _any(path: list[str], inside: ast.Lambda | None, scope: Scope) -> Sql:
    link = scope.link(path[0])
    if len(path) > 1 or not link.many:
        raise BadQuery("any() needs a collection")
    other = scope.beyond(link)
    text = f"select 1 from {other.entities.table} {other.alias} where {other.alias}.{link.column} = {scope.alias}.Id"
    if inside is None:
        return Sql(f"exists({text})", "bool")
    variables = {**scope.variables, inside.identifier.name: other}
    within = Scope(scope.entities, scope.alias, scope.forbidden, variables, scope.aliases)
    test = _boolean(inside.expression, within)
    return Sql(f"exists({text} and {test.text})", "bool", test.parameters)


def _literal(node: ast._Node) -> Sql:
    match node:
        case ast.Null():
            return Sql("null", "null")
        case ast.Boolean():
            return _bound("bool", int(node.py_val))
        case ast.Integer(text):
            return _bound("int", _whole(text))
        case ast.Float(text):
            return _bound("number", float(text))
        case ast.String(text):
            return _bound("text", text)
        case ast.DateTime(text):
            return _bound("date", _local(text))
    raise BadQuery(f"Unsupported literal in $filter: {type(node).__name__}")


def _whole(text: str) -> int:
    if not -(2**63) <= int(text) < 2**63:
        raise BadQuery(f"'{text}' is larger than an Edm.Int64")
    return int(text)


def _bound(kind: str, value: Value) -> Sql:
    return Sql("?", kind, (value,), value)


def _local(text: str) -> str:
    """A literal with any offset, or none for Brasília, as the sortable text that dates are kept in."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadQuery(f"'{text}' is not a date") from error
    local = (moment.astimezone(BRASILIA) if moment.tzinfo else moment).replace(tzinfo=None)
    return local.isoformat(timespec="microseconds" if local.microsecond % 1000 else "milliseconds")


_NUMBERS = {"int", "number", "money"}
_SIGNS = {ast.Eq: "=", ast.NotEq: "is not", ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}


def _compared(comparator: ast._Comparator, left: Sql, right: Sql) -> Sql:
    left, right = _same_unit(left, right), _same_unit(right, left)
    sign = _SIGNS[type(comparator)]
    if sign == "=" and (left.literal is None and right.literal is None):
        sign = "is"
    return Sql(f"{left.text} {sign} {right.text}", "bool", left.parameters + right.parameters)


def _same_unit(one: Sql, other: Sql) -> Sql:
    """Refuse kinds that cannot be compared; scale a number that meets money."""
    comparable = one.kind == other.kind or "null" in (one.kind, other.kind) or {one.kind, other.kind} <= _NUMBERS
    if not comparable:
        raise BadQuery(f"A binary operator with incompatible types was detected: {one.kind} and {other.kind}.")
    if other.kind != "money" or one.kind in ("money", "null"):
        return one
    if one.literal is None:
        return Sql(f"({one.text} * 10000)", "money", one.parameters)
    scaled = Decimal(str(one.literal)) * 10000
    return _bound("money", int(scaled) if scaled == int(scaled) else float(scaled))


def _contained(left: Sql, values: list[Sql]) -> Sql:
    scaled = [_same_unit(value, left) for value in values]
    places = ", ".join(value.text for value in scaled)
    parameters = sum((value.parameters for value in scaled), left.parameters)
    return Sql(f"{left.text} in ({places})", "bool", parameters)


def _joined(word: str, left: Sql, right: Sql) -> Sql:
    return Sql(f"({left.text} {word} {right.text})", "bool", left.parameters + right.parameters)


_FUNCTIONS = {
    "contains": ("instr({0}, {1}) > 0", "bool", "text text"),
    "startswith": ("instr({0}, {1}) = 1", "bool", "text text"),
    "endswith": ("ends_with({0}, {1})", "bool", "text text"),
    "tolower": ("lower({0})", "text", "text"),
    "toupper": ("upper({0})", "text", "text"),
    "trim": ("trim({0})", "text", "text"),
    "length": ("length({0})", "int", "text"),
    "year": ("cast(substr({0}, 1, 4) as integer)", "int", "date"),
    "month": ("cast(substr({0}, 6, 2) as integer)", "int", "date"),
    "day": ("cast(substr({0}, 9, 2) as integer)", "int", "date"),
}


def _called(name: str, arguments: list[Sql]) -> Sql:
    template, kind, wanted = _FUNCTIONS.get(name, ("", "", ""))
    if not template:
        raise BadQuery(f"An unknown function with name '{name}' was found.")
    if [each.kind for each in arguments] != wanted.split():
        raise BadQuery(f"No function signature for '{name}' matches the arguments.")
    parameters = sum((each.parameters for each in arguments), ())
    return Sql(template.format(*(each.text for each in arguments)), kind, parameters)
