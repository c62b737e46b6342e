"""The small parts of a filter, as SQL with parameters: no literal ever enters the SQL text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from odata_query import ast

from carteira.simulator.clock import BRASILIA

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


def literal(node: ast._Node) -> Sql:
    """A literal as a parameter; dates as they are kept."""
    match node:
        case ast.Null():
            return Sql("null", "null")
        case ast.Boolean():
            return _bound("bool", int(node.py_val))
        case ast.Integer(text):
            return _bound("int", whole(text))
        case ast.Float(text):
            return _bound("number", float(text))
        case ast.String(text):
            return _bound("text", text)
        case ast.DateTime(text):
            return _bound("date", _local(text))
    raise BadQuery(f"Unsupported literal in $filter: {type(node).__name__}")


def whole(text: str) -> int:
    """An integer that fits the column it will meet."""
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


def compared(comparator: ast._Comparator, left: Sql, right: Sql) -> Sql:
    """One comparison, with null equal to null as OData has it."""
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


def contained(left: Sql, values: list[Sql]) -> Sql:
    """`left in (values)`."""
    scaled = [_same_unit(value, left) for value in values]
    places = ", ".join(value.text for value in scaled)
    parameters = sum((value.parameters for value in scaled), left.parameters)
    return Sql(f"{left.text} in ({places})", "bool", parameters)


def joined(word: str, left: Sql, right: Sql) -> Sql:
    """Two tests with `and` or `or` between them."""
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


def called(name: str, arguments: list[Sql]) -> Sql:
    """A function of OData, if it is one of those that Ploomes is known to take."""
    template, kind, wanted = _FUNCTIONS.get(name, ("", "", ""))
    if not template:
        raise BadQuery(f"An unknown function with name '{name}' was found.")
    if [each.kind for each in arguments] != wanted.split():
        raise BadQuery(f"No function signature for '{name}' matches the arguments.")
    parameters = sum((each.parameters for each in arguments), ())
    return Sql(template.format(*(each.text for each in arguments)), kind, parameters)
