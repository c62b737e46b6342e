"""Small lines without axes, drawn on the server: a trend beside a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Spark:
    """A polyline in a box of `width` by `height`, and the ring at its end."""

    width: int
    height: int
    points: str
    x: str
    y: str
    radius: str

    def __html__(self) -> str:
        """The drawing, for whatever writes HTML; the figures beside it say the same, so it is hidden from readers."""
        return (
            f'<svg class="spark" viewBox="0 0 {self.width} {self.height}" aria-hidden="true">'
            f'<polyline class="l" points="{self.points}"/><circle class="p" cx="{self.x}" cy="{self.y}" '
            f'r="{self.radius}"/></svg>'
        )


def spark(
    values: Sequence[Decimal | int | float], *, width: int = 200, height: int = 30, pad: float = 4
) -> Spark | None:
    """The line from the first value to the last, scaled to its own range; None for fewer than two."""
    if len(values) < 2:
        return None
    heights = [float(value) for value in values]
    low, high = min(heights), max(heights)
    step = (width - 2 * pad) / (len(heights) - 1)
    room = height - 2 * pad
    scale = room / (high - low) if high > low else 0
    floor = height - pad if scale else height - pad - room / 2
    points = [f"{pad + step * place:.1f},{floor - (value - low) * scale:.1f}" for place, value in enumerate(heights)]
    x, y = points[-1].split(",")
    return Spark(width, height, " ".join(points), x, y, "3" if height > 24 else "2.5")
