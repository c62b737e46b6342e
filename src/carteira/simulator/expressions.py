"""A filter's tree, on the row that its names stand on, as one SQL expression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from odata_query import ast

from carteira.simulator.entities import EntitySet, Field, Link
from carteira.simulator.operands import BadQuery, ForbiddenQuery, Sql, called, compared, contained, joined, literal
from carteira.simulator.sets import ENTITY_SETS


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


def boolean(node: ast._Node, scope: Scope) -> Sql:
    """The SQL of a tree that must come out true or false."""
    sql = _expression(node, scope)
    if sql.kind != "bool":
        raise BadQuery("The $filter expression must evaluate to a single boolean value.")
    return sql


def _expression(node: ast._Node, scope: Scope) -> Sql:
    match node:
        case ast.Identifier() | ast.Attribute():
            return reached(_path(node), scope)
        case ast._Literal():
            return literal(node)
        case ast.Compare(ast.In(), left, ast.List(values)):
            return contained(_expression(left, scope), [literal(each) for each in values])
        case ast.Compare(comparator, left, right):
            return compared(comparator, _expression(left, scope), _expression(right, scope))
        case ast.BoolOp(op, left, right):
            word = "and" if isinstance(op, ast.And) else "or"
            return joined(word, boolean(left, scope), boolean(right, scope))
        case ast.UnaryOp(ast.Not(), operand):
            inner = boolean(operand, scope)
            # null is not true for OData, so its negation is true; SQL would leave it null
            return Sql(f"not coalesce({inner.text}, 0)", "bool", inner.parameters)
        case ast.Call(ast.Identifier(name), arguments):
            return called(name, [_expression(each, scope) for each in arguments])
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


def reached(path: list[str], scope: Scope) -> Sql:
    """The value at the end of a path of single links, as nested scalar subqueries."""
    first, *rest = path
    if first in scope.variables and rest:
        return reached(rest, scope.variables[first])
    if not rest:
        found = scope.field(first)
        return Sql(found.on(scope.alias), found.kind)
    link = scope.link(first)
    if link.many:
        raise BadQuery(f"'{first}' is a collection; use any()")
    other = scope.beyond(link)
    value = reached(rest, other)
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
    test = boolean(inside.expression, within)
    return Sql(f"exists({text} and {test.text})", "bool", test.parameters)
