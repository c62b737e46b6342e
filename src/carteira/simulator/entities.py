"""What an entity set is: its fields, in the real order, and how each is read from SQLite.

A field is written `Name kind`, or `Name kind = expression` where nothing is stored for it; `{t}` stands for the row.
Kinds: int, text, bool, number; money (stored in ten-thousandths); date (stored by `clock.stored`).
A link is written `Name -> Set by OwnColumn` (one row) or `Name ->> Set by TheirColumn` (many).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Field:
    """A property that an answer can hold."""

    name: str
    kind: str
    sql: str

    def on(self, alias: str) -> str:
        """Its SQL expression on the row called `alias`."""
        return self.sql.replace("{t}", alias)

    @property
    def is_stored(self) -> bool:
        return self.sql == "{t}." + self.name


@dataclass(frozen=True)
class Link:
    """A navigation property; `column` is the own one of a single link, the other side's one of a collection."""

    name: str
    target: str
    column: str
    many: bool


@dataclass(frozen=True)
class EntitySet:
    """One set under the root, with the status that it answers for a field it does not have."""

    name: str
    fields: dict[str, Field]
    links: dict[str, Link] = field(default_factory=dict)
    unknown_field_status: int = 403

    @cached_property
    def table(self) -> str:
        return self.name.lower().replace("@", "_")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name, each in self.fields.items() if each.is_stored)


def _field(line: str) -> Field:
    head, _, expression = line.partition(" = ")
    name, kind = head.split()
    return Field(name, kind, expression.strip() or "{t}." + name)


def _link(line: str) -> Link:
    name, arrow, target, _, column = line.split()
    return Link(name, target, column, many=arrow == "->>")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def described(name: str, fields: str, links: str = "", *, unknown_field_status: int = 403) -> EntitySet:
    """A set from the lines of its fields and links."""
    return EntitySet(
        name,
        {each.name: each for each in map(_field, _lines(fields))},
        {each.name: each for each in map(_link, _lines(links))},
        unknown_field_status,
    )
