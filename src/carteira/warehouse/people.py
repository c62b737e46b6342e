"""Who may look: users, one-time links, sessions, API tokens. Of secrets only their SHA-256 is kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiosql

from carteira.warehouse.connection import Connection

queries: Any = aiosql.from_path(Path(__file__).with_name("people.sql"), "psycopg")

SESSION_IDLE = timedelta(days=7)
SESSION_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is looking. `user_id` is None for the first visitor, who is an admin until there is a user."""

    user_id: int | None
    name: str
    email: str
    role: str
    owner_id: int | None


def new_secret() -> str:
    """256 bits that a URL and a header can carry; show it once and keep only `digest` of it."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    # A secret of 256 random bits cannot be guessed from its hash, so a fast hash is enough.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def has_users(connection: Connection) -> bool:
    found: bool = queries.has_users(connection)[0]
    return found


def by_session(connection: Connection, secret: str) -> Viewer | None:
    row = queries.person_of_session(connection, session_hash=digest(secret), idle=SESSION_IDLE)
    return _viewer(row)


def by_token(connection: Connection, secret: str) -> Viewer | None:
    return _viewer(queries.person_of_token(connection, token_hash=digest(secret)))


def _viewer(row: tuple[Any, ...] | None) -> Viewer | None:
    if row is None:
        return None
    user_id, email, name, role, owner_id = row[:5]
    return Viewer(user_id, name, email, role, owner_id)
