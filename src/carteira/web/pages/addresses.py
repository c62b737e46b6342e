"""Addresses that hold the whole state of a page: the present query with one thing changed."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode


def with_query(path: str, query: Mapping[str, object], **changes: object) -> str:
    """`path` with `query` and `changes` on top; what is None or empty is left out."""
    merged = {**query, **changes}
    kept = {name: value for name, value in merged.items() if value not in (None, "", (), [])}
    return f"{path}?{urlencode(kept, doseq=True)}" if kept else path
