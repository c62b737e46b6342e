"""Whom an OpenID provider means: its subjects, each bound to the user who first came with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from carteira.warehouse.blocks import Blocks
from carteira.warehouse.connection import Connection

queries: Any = Blocks(Path(__file__).with_name("subjects.sql"))


def user_of(connection: Connection, issuer: str, subject: str, email: str) -> int | None:
    """The user whom an account belongs to, bound now where neither was bound before; None where he may not sign in.

    `email` has to be one that the provider vouches for. It counts once: from then on the account is the user's,
    whatever address it has, and nobody else's with the user's address is.
    """
    # Bound before it is looked at, so that of two who come at once the second finds what the first did.
    queries.bind(connection, issuer=issuer, subject=subject, email=email)
    row = queries.user_of(connection, issuer=issuer, subject=subject)
    return row[0] if row else None


def release(connection: Connection, user_id: int) -> None:
    """End the bond of a user's account."""
    queries.release(connection, user_id=user_id)
