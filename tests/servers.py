"""What the tests know of a PostgreSQL they run on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Server:
    """A server: `dsn` is its superuser's, straight; `way` is how the tests' databases are reached."""

    name: str
    dsn: str
    way: str
