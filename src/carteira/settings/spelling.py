"""Names that are nearly right: PLOOME_API_KEY for PLOOMES_API_KEY once kept a sync at 403 for days."""

from __future__ import annotations


def near_miss(right: str, strangers: list[str]) -> str | None:
    """The first of `strangers` that is one or two letters from `right`, whatever its case."""
    return next((wrong for wrong in strangers if _within_two_edits(wrong.upper(), right)), None)


def _within_two_edits(wrong: str, right: str) -> bool:
    # Two edits leave one third of a name untouched, which spares nearly all comparisons of many variables.
    third = -(-len(right) // 3)
    thirds = (right[at : at + third] for at in (0, third, 2 * third))
    if abs(len(wrong) - len(right)) > 2 or not any(part in wrong for part in thirds):
        return False
    row = list(range(len(right) + 1))
    for length, letter in enumerate(wrong, 1):
        above, row = row, [length]
        for at, expected in enumerate(right, 1):
            row.append(min(above[at] + 1, row[-1] + 1, above[at - 1] + (letter != expected)))
    return row[-1] <= 2
