"""Code and schema cannot part: every block of SQL in the code is prepared against the migrated schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import aiosql
import pytest

import carteira
from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Warehouse

pytestmark = pytest.mark.every_postgres

FILES = sorted(Path(carteira.__file__).parent.rglob("*.sql"))
BLOCK = re.compile(r"^-- name: (\w+)", re.MULTILINE)
PARAMETER = re.compile(r"%\((\w+)\)s|%%")


def _blocks(path: Path) -> Iterator[tuple[str, str]]:
    queries = aiosql.from_path(path, "psycopg")
    for name in BLOCK.findall(path.read_text("utf-8")):
        yield name, getattr(queries, name).sql


def _numbered(sql: str) -> str:
    """The statement as the server gets it, with $1 for the first parameter."""
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        return f"${names.setdefault(match[1], len(names) + 1)}"

    return PARAMETER.sub(number, sql)


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_every_block_fits_the_schema(warehouse: Warehouse, path: Path) -> None:
    blocks = list(_blocks(path))
    assert blocks
    with warehouse.connect() as connection:
        for name, sql in blocks:
            result = connection.pgconn.prepare(f"{path.stem}_{name}".encode(), _numbered(sql).encode())
            assert result.error_message == b"", f"{path.name}: {name}"


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_every_block_says_what_it_is_for(path: Path) -> None:
    for block in re.split(r"^-- name: ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        assert block.splitlines()[1].startswith("-- "), f"{path.name}: {block.splitlines()[0]}"


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_every_block_is_read_by_its_name_as_aiosql_reads_the_file(path: Path) -> None:
    read = Blocks(path)

    assert {name: getattr(read, name).sql for name, _ in _blocks(path)} == dict(_blocks(path))
    with pytest.raises(AttributeError, match=f"{path.name} has no block missing"):
        read.missing  # noqa: B018
