"""What a command writes: data to stdout, messages and a progress bar to stderr.

The bar is thirty lines here: importing one would take as long as reading a quarter of the deals.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from carteira.sync.run import Progress

GREEN, YELLOW, RED, BOLD = "32", "33", "31", "1"
NUMERIC = set("0123456789.,")
BAR_WIDTH = 30
REDRAW_SECONDS = 0.1
CLEAR_LINE = "\r\x1b[K"


def out(text: str) -> None:
    """A line of data."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def out_lines(data: Iterable[object]) -> None:
    """A line for each."""
    for each in data:
        out(str(each))


def say(text: str) -> None:
    """A message to whoever is watching."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def out_json(data: object) -> None:
    """Data for a program: records as objects, times in ISO 8601, amounts as numbers with all their digits."""
    import msgspec

    encoder = msgspec.json.Encoder(decimal_format="number")
    out(msgspec.json.format(encoder.encode(data), indent=2).decode())


def out_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns as wide as what is in them; numbers to the right, None as nothing."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *texts, strict=True)]
    to_the_right = [any(column) and not set("".join(column)) - NUMERIC for column in zip(*texts, strict=True)]
    to_the_right = to_the_right or [False] * len(head)
    for cells in [list(head), *texts]:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, to_the_right, strict=True)
        ]
        out("  ".join(padded).rstrip())


def coloured(text: str, colour: str, stream: TextIO) -> str:
    """`text` in a colour where a terminal shows it and nobody asked for none (https://no-color.org)."""
    return f"\x1b[{colour}m{text}\x1b[0m" if stream.isatty() and not os.environ.get("NO_COLOR") else text


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None] | None]:
    """Something to tell how far a run is, drawn on a terminal; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = _Bar()
    try:
        yield bar.draw
    finally:
        sys.stderr.write(CLEAR_LINE)
        sys.stderr.flush()


class _Bar:
    def __init__(self) -> None:
        self._began = self._drawn = time.monotonic()
        self._label, self._from = "", 0

    def draw(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.label != self._label:
            # A run that goes on from an earlier one begins in the middle: its speed is that of what is read now.
            self._began, self._label, self._from = now, progress.label, progress.read
        elif now - self._drawn < REDRAW_SECONDS and progress.read < progress.expected:
            return
        self._drawn = now
        columns = shutil.get_terminal_size().columns - 1
        line = bar_line(progress.label, progress.read, progress.expected, self._left(progress, now))
        sys.stderr.write(CLEAR_LINE + line[:columns])
        sys.stderr.flush()

    def _left(self, progress: Progress, now: float) -> float | None:
        done = progress.read - self._from
        return (now - self._began) / done * max(0, progress.expected - progress.read) if done > 0 else None


def bar_line(label: str, read: int, expected: int, seconds_left: float | None) -> str:
    """One line: what is read, a bar, how much of it, and how long it will take."""
    part = min(1.0, read / expected) if expected else 1.0
    full = round(part * BAR_WIDTH)
    left = "" if seconds_left is None else f"  {duration(seconds_left)} left"
    return f"{label:<10} {'█' * full}{'░' * (BAR_WIDTH - full)} {part:4.0%}  {read:,} of {expected:,}{left}"


def duration(seconds: float) -> str:
    """0:07, 2:30, 1:02:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
