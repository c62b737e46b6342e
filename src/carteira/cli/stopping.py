"""How a command that works ends early: the first SIGINT or SIGTERM asks, the second one insists."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from carteira.cli.terminal import say


@contextmanager
def stop_requests(message: str) -> Iterator[threading.Event]:
    """An event that the first signal sets, while `message` is said; a second signal ends the command at once."""
    asked = threading.Event()
    signals = 0

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal signals
        # Others may set the event too, so it does not tell whether this is the second signal.
        signals += 1
        if signals > 1:
            raise KeyboardInterrupt
        asked.set()
        say(message)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """SIGTERM unwinds the stack as Ctrl-C does, so that what was started is stopped."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
