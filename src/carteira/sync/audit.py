"""Whether what was staged may be published: verdicts from numbers alone.

counts      rows here against Ploomes' closing count; a small rest is a warning, a large one refuses
shrinkage   how much would vanish: more than 10 % and more than 20, or all of five and more, refuses
identity    before anything vanishes, the key must still be the same user with the same profile
rejected    rows that cannot be read: more than 1 % and more than ten refuse
future      rows dated later than Ploomes' own clock
fields      enrichment that Ploomes would not give
sums        what the won deals that were read add up to against what is published
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

OK, WARNING, REFUSED = "ok", "warning", "refused"

SHRINK_SHARE, SHRINK_ROWS, WIPE_ROWS = 0.10, 20, 5
REJECTED_SHARE, REJECTED_ROWS = 0.01, 10
REST_SHARE, REST_ROWS = 0.001, 5


@dataclass(frozen=True)
class Verdict:
    """One check, what it says of this run, and the numbers behind it."""

    check: str
    verdict: str
    detail: str
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For the log of runs."""
        return asdict(self)


def counts(entity: str, opening: int, closing: int, here: int, changed: int) -> Verdict:
    """Rows here against Ploomes' closing count; `changed`: rows that changed since the opening."""
    rest = here - closing
    facts = {"entity": entity, "opening": opening, "closing": closing, "here": here, "changed": changed, "rest": rest}
    if rest == 0:
        return Verdict("counts", OK, f"{here} {entity} here, {closing} in Ploomes.", facts)
    bound = max(changed, REST_ROWS, int(closing * REST_SHARE))
    sentence = f"{here} {entity} here, {closing} in Ploomes: {abs(rest)} {'more' if rest > 0 else 'fewer'} here"
    if abs(rest) <= bound:
        return Verdict("counts", WARNING, f"{sentence}; the next run looks again.", facts)
    return Verdict("counts", REFUSED, f"{sentence}, and only {changed} changed while they were read. Run again.", facts)


def shrinkage(entity: str, published: int, gone: int, *, accepted: bool) -> Verdict:
    """How much of what is published would vanish."""
    facts = {"entity": entity, "published": published, "gone": gone, "accepted": accepted}
    much = gone > SHRINK_ROWS and gone > published * SHRINK_SHARE
    everything = published >= WIPE_ROWS and gone == published
    if not (much or everything):
        return Verdict("shrinkage", OK, f"{gone} of {published} {entity} gone.", facts)
    sentence = f"{gone} of {published} {entity} would vanish ({gone / published:.1%})"
    if accepted:
        return Verdict("shrinkage", WARNING, f"{sentence}; accepted.", facts)
    return Verdict(
        "shrinkage",
        REFUSED,
        f"{sentence}. If they were deleted in Ploomes on purpose, run `carteira sync --accept-deletions`; if not, "
        "check which rows the key's user may see.",
        facts,
    )


def identity(
    before: tuple[int | None, int | None], now: tuple[int | None, int | None], *, gone: int, accepted: bool
) -> Verdict:
    """Whether it is still the same user and profile that looks, before anything is taken for deleted."""
    facts = {"before": list(before), "now": list(now)}
    if gone == 0 or before[0] is None or before == now:
        return Verdict("identity", OK, "The key is the same user's as before, or nothing vanishes.", facts)
    sentence = f"The key is another user's or profile's than in the last run, and {gone} rows are not visible to it"
    if accepted:
        return Verdict("identity", WARNING, f"{sentence}; accepted.", facts)
    return Verdict(
        "identity",
        REFUSED,
        f"{sentence}: they may be there and hidden. Use a key that sees what the last one saw, or run "
        "`carteira sync --accept-deletions`.",
        facts,
    )


def rejected(entity: str, rows: int, total: int) -> Verdict:
    """Rows that cannot be read: out of every total."""
    facts = {"entity": entity, "rejected": rows, "total": total}
    if rows == 0:
        return Verdict("rejected", OK, f"All {entity} could be read.", facts)
    sentence = f"{rows} of {total} {entity} cannot be read and are in no total"
    if rows > REJECTED_ROWS and rows > total * REJECTED_SHARE:
        return Verdict(
            "rejected", REFUSED, f"{sentence}: more than {REJECTED_SHARE:.0%}. See `carteira status`.", facts
        )
    return Verdict("rejected", WARNING, f"{sentence}; see `carteira status`.", facts)


def future(entity: str, newest: str, server_now: str, *, ahead: bool) -> Verdict | None:
    """A newest change that is later than Ploomes' own clock; None where it is not."""
    if not ahead:
        return None
    return Verdict(
        "future",
        WARNING,
        f"The newest change of {entity} is dated {newest}, later than Ploomes' clock ({server_now}); each run reads "
        "it again.",
        {"entity": entity, "newest": newest, "server_now": server_now},
    )


def fields(refused: frozenset[str]) -> Verdict | None:
    """Enrichment that was refused; None where nothing was."""
    if not refused:
        return None
    names = ", ".join(sorted(refused))
    return Verdict(
        "fields", WARNING, f"Ploomes does not give {names} to this key: left empty.", {"refused": sorted(refused)}
    )


def sums(read: Decimal, published: Decimal) -> Verdict:
    """What the won deals of a full read add up to against what is then published."""
    facts = {"read": str(read), "published": str(published)}
    if read == published:
        return Verdict("sums", OK, f"Won deals read and published add up to the same {published}.", facts)
    return Verdict(
        "sums", WARNING, f"Won deals read add up to {read}, published ones to {published}: newer rows were kept.", facts
    )


def refusal(verdicts: list[Verdict]) -> str | None:
    """Why nothing is published, as one text; None when the audit passes."""
    reasons = [v.detail for v in verdicts if v.verdict == REFUSED]
    return " ".join(reasons) or None
