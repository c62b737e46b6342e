"""Finds what is wrong before a user meets it: each finding says what was looked at and, if need be, the remedy.

The checks go from the settings outwards. What cannot be looked at because something before it failed is left out: one
fault is told once.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path

from carteira.doctor import crm, database, environment, openid
from carteira.doctor.finding import Finding, failed
from carteira.errors import SettingsError
from carteira.settings import load


def examine(environ: Mapping[str, str], folder: Path) -> Generator[Finding]:
    """Every check, one finding after the other as they are made."""
    yield from environment.files(folder)
    try:
        settings = load(environ, folder)
    except SettingsError as error:
        yield from (failed("settings", fault) for fault in error.faults)
        return
    yield from environment.values(settings)
    yield from environment.secrets_in_git(settings, folder)
    yield from openid.examine(settings)
    yield from database.examine(settings)
    if settings.ploomes_api_key is not None:
        yield from crm.examine(settings)
