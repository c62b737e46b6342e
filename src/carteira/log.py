"""The log of what serves and works: lines for people on a terminal, JSON anywhere else, and never a secret.

Importing structlog takes 0.2 s, so commands that end by themselves do without it and this module imports it late.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO

HIDDEN = "…"
TELLTALE = ("authorization", "cookie", "key", "password", "secret", "token", "dsn", "database_url")
# A shorter one could be part of any word, and hiding it everywhere would tell it.
SHORTEST_SCRUBBED = 6


def configure(secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Send structlog and the standard logging to `stream` (stderr); `secrets` are struck out wherever they appear."""
    import structlog

    stream = stream or sys.stderr
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        hide_telltale_keys,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    last: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if stream.isatty():
        last.append(structlog.dev.ConsoleRenderer())
    else:
        last += [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*last, scrub(secrets)])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)


def hide_telltale_keys(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what its name says is secret, whoever logged it."""
    for key in event:
        if any(word in key.lower() for word in TELLTALE):
            event[key] = HIDDEN
    return event


def scrub(secrets: Iterable[str]) -> Any:
    """The last step: whatever text a secret slipped into, a driver's or a traceback, it leaves without it."""
    texts = sorted((text for text in secrets if len(text) >= SHORTEST_SCRUBBED), key=len, reverse=True)

    def struck(logger: object, method: str, line: str) -> str:
        for text in texts:
            line = line.replace(text, HIDDEN)
        return line

    return struck
