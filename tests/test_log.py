"""The log: JSON for machines, lines for people, and no secret whichever way it came."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from carteira import log

CANARY = "canary-7c1d0f"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_a_line_of_json_with_its_time() -> None:
    stream = io.StringIO()
    log.configure(stream=stream)

    structlog.get_logger("carteira.sync").info("published", deals=30_000, name="João")

    (line,) = lines(stream)
    assert line["event"] == "published"
    assert line["deals"] == 30_000
    assert line["level"] == "info"
    assert line["logger"] == "carteira.sync"
    assert str(line["timestamp"]).endswith("Z")
    assert "João" in stream.getvalue()


def test_other_peoples_logging_comes_out_the_same_way() -> None:
    stream = io.StringIO()
    log.configure(stream=stream)

    logging.getLogger("granian").warning("worker %s died", 1)

    assert lines(stream)[0]["event"] == "worker 1 died"


def test_a_secret_is_struck_out_of_events_and_tracebacks() -> None:
    stream = io.StringIO()
    log.configure([CANARY], stream)
    logger = structlog.get_logger()

    logger.info(f"sent {CANARY}", url=f"postgresql://u:{CANARY}@h/d", nested={"deep": [CANARY]})
    logger.info("sent", authorization="Bearer something else", user_key="x" * 20)
    try:
        raise RuntimeError(CANARY)
    except RuntimeError:
        logging.getLogger("psycopg").exception("failed with %s", CANARY)

    assert CANARY not in stream.getvalue()
    assert "something else" not in stream.getvalue()
    assert "xxxx" not in stream.getvalue()
    assert "RuntimeError" in stream.getvalue()


def test_a_terminal_gets_lines_for_people() -> None:
    stream = Terminal()
    log.configure([CANARY], stream)

    structlog.get_logger().info("published", note=CANARY)

    assert "published" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
    assert CANARY not in stream.getvalue()
