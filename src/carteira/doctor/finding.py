"""What a check has to say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the examination. `state`: ok, warning or failed; `remedy` is empty where nothing has to be done."""

    check: str
    state: str
    text: str
    remedy: str = ""


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", text)


def warning(check: str, text: str, remedy: str) -> Finding:
    """Works, and somebody should look at it."""
    return Finding(check, "warning", text, remedy)


def failed(check: str, text: str, remedy: str = "") -> Finding:
    """Does not work."""
    return Finding(check, "failed", text, remedy)
