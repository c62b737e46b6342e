"""The migrations as files: `supabase/migrations/<14 digits>_<name>.sql`, and the way back in `supabase/rollbacks`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from carteira.errors import DatabaseError

FILE_NAME = re.compile(r"(?P<version>\d{14})_(?P<name>\w+)\.sql")
STATEMENT = re.compile(r"(?:--[^\n]*|'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|[^;])+", re.DOTALL)
TABLE = re.compile(r"^create table (\w+)", re.MULTILINE)
FUNCTION = re.compile(r"^create function (\w+)", re.MULTILINE)
# What an older system kept under our names, and the migration that puts it aside.
ADOPTED = frozenset({"customer_sales", "sales", "customers"})
ADOPTING = "20261124000100"


@dataclass(frozen=True)
class Migration:
    """One step: its version (14 digits), its name, its text and the text that takes it back."""

    version: str
    name: str
    up: str
    down: str

    @property
    def tables(self) -> list[str]:
        """The names of the tables that it makes."""
        return TABLE.findall(self.up)

    @property
    def statements(self) -> list[str]:
        """The text cut at its semicolons, comments and all, as the Supabase CLI cuts it for the ledger."""
        return [cut for match in STATEMENT.finditer(self.up) if (cut := match[0].strip())]


@cache
def migrations() -> tuple[Migration, ...]:
    """All steps that this version of Carteira knows, oldest first."""
    folder = Path(__file__).parents[1] / "supabase"
    if not folder.is_dir():  # in a checkout
        folder = Path(__file__).parents[3] / "supabase"
    return tuple(_read(path) for path in sorted((folder / "migrations").glob("*.sql")))


def _read(path: Path) -> Migration:
    match = FILE_NAME.fullmatch(path.name)
    if match is None:
        raise DatabaseError(f"{path} is not named <14 digits>_<name>.sql: rename or remove it.")
    back = path.parents[1] / "rollbacks" / path.name
    return Migration(match["version"], match["name"], path.read_text("utf-8"), back.read_text("utf-8"))


def tables() -> list[str]:
    """The names of all our tables."""
    return [name for step in migrations() for name in step.tables]


def functions() -> list[str]:
    """The names of all our functions."""
    return [name for step in migrations() for name in FUNCTION.findall(step.up)]
