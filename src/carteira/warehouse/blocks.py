"""SQL in named blocks beside the module that uses it; what is never asked for is never parsed.

aiosql makes functions of the blocks. To do so for all of them, and to look through each file for comments of many
lines, which ours do not have, took a twelfth of a whole sync before it began.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import aiosql
from aiosql.query_loader import QueryLoader

_NAME = re.compile(r"^-- name: (\w+)", re.MULTILINE)


class Blocks:
    """The blocks of a file as functions of a connection and of named parameters, each made when it is first used."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _texts(self) -> dict[str, str]:
        _, *parts = _NAME.split(self._path.read_text("utf-8"))
        return {name: name + rest for name, rest in zip(parts[::2], parts[1::2], strict=True)}

    def __getattr__(self, name: str) -> Any:
        if name not in self._texts:
            raise AttributeError(f"{self._path.name} has no block {name}")
        block = getattr(aiosql.from_str(self._texts[name], "psycopg", loader_cls=_OneBlock), name)
        setattr(self, name, block)
        return block


class _OneBlock(QueryLoader):
    def load_query_data_from_sql(self, sql: str, ns_parts: list[str], fname: Path | str = "") -> list[Any]:
        return [self._make_query_datum(sql, ns_parts, (fname, 1))]
