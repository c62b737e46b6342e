"""A figure: what was measured, what it may be at most (or must be at least), and a line that says so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`limit` None: told for information; `at_least`: the limit is a floor."""

    name: str
    measured: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        """ok, over, or nothing where there is no limit."""
        if self.limit is None:
            return ""
        kept = self.measured >= self.limit if self.at_least else self.measured <= self.limit
        return "ok" if kept else "OVER" if not self.at_least else "UNDER"


def show(figure: Figure) -> None:
    """Print a line at once: a long run should be watched."""
    limit = "" if figure.limit is None else f"{'≥' if figure.at_least else '≤'} {_number(figure.limit)}"
    measured = f"{_number(figure.measured)} {figure.unit}"
    print(f"{figure.name:<62} {measured:>14}  {limit:<10} {figure.verdict:<6} {figure.note}", flush=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
