"""Faults by script: rules that say which requests go wrong, how often, and how.

In Python a list of `Fault`; in a file a JSON list of objects with the same names, for example

    [{"action": "status", "status": 503, "path": "/Deals", "nth": 3, "times": 2, "retry_after": 1},
     {"action": "rows", "ids": [400868361], "set": {"Amount": "twelve"}, "times": null}]

| action       | what happens                                                                            |
|--------------|-----------------------------------------------------------------------------------------|
| status       | `status` with `body`, or with HTML for 5xx and Ploomes' own text for 403 and 429        |
| html         | 200 with an HTML page                                                                   |
| quoted-html  | 200 with an HTML page as one JSON string                                                |
| truncated    | 200 with the first half of the JSON, its length declared as such                        |
| empty        | 200 without a body                                                                      |
| content-type | the right answer, called text/plain                                                     |
| no-value     | the right answer without `value`                                                        |
| no-count     | the right answer without `@odata.count`                                                 |
| overload     | 200 with `value: []`                                                                    |
| short        | the last `size` rows are missing                                                        |
| duplicate    | the first row comes twice                                                               |
| rows         | rows with one of `ids` (or all) get `set`, lose `drop`, and are rewritten by `rewrite`  |
| reset        | the connection is reset                                                                 |
| cut          | the connection is closed in the middle of the body                                      |
| stall        | nothing for `seconds`, then the right answer                                            |
| drip         | the right answer, spread over `seconds`                                                 |
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from carteira.simulator.answers import Answer, message
from carteira.simulator.limits import retry_after
from carteira.simulator.requests import Request
from carteira.simulator.store import Row

ACTIONS = (
    "status", "html", "quoted-html", "truncated", "empty", "content-type", "no-value", "no-count", "overload",
    "short", "duplicate", "rows", "reset", "cut", "stall", "drip",
)  # fmt: skip
REWRITES = ("", "seven-digits", "utc", "other-offset", "number-strings")
_PAGE = "<!DOCTYPE html PUBLIC>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True)
class Fault:
    """One rule. It meets requests by `path` (with * and ?) and by a `text` in their decoded query.

    Of those it meets it strikes the `nth` (from 1) and the following, `times` in all (None: for ever), only each
    `every`-th of them, and each with `chance`.
    """

    action: str
    path: str = "*"
    text: str = ""
    nth: int = 1
    times: int | None = 1
    every: int = 1
    chance: float = 1.0
    status: int = 500
    body: str | None = None
    retry_after: int | str | None = None
    seconds: float = 30.0
    size: int = 1
    ids: Sequence[int] = ()
    set: Mapping[str, Any] = field(default_factory=dict)
    drop: Sequence[str] = ()
    rewrite: str = ""

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"'{self.action}' is no fault; use one of {', '.join(ACTIONS)}")
        if self.rewrite not in REWRITES:
            raise ValueError(f"'{self.rewrite}' is no way to rewrite rows; use one of {', '.join(REWRITES[1:])}")

    def meets(self, request: Request) -> bool:
        return fnmatchcase(request.path, self.path) and self.text in request.query

    @property
    def pause(self) -> float:
        """Seconds of silence before the answer."""
        return self.seconds if self.action == "stall" else 0.0

    @property
    def failure(self) -> str:
        """How the reply fails on the wire."""
        return self.action if self.action in ("reset", "cut", "drip") else ""

    def spoiled(self, answer: Answer) -> Answer:
        """What goes out in place of the right answer."""
        if self.action in _WHOLE:
            return _WHOLE[self.action](self, answer)
        if self.action in _BODIES and answer.rows is not None:
            body = json.loads(answer.body, parse_float=Decimal)
            _BODIES[self.action](self, body)
            return replace(answer, body=_encode(body), rows=body.get("value"))
        return answer


class Faults:
    """The rules in force; the first that strikes a request wins."""

    def __init__(self, rules: Sequence[Fault], seed: int) -> None:
        self.chance = random.Random(seed)
        self._lock = threading.Lock()
        self._rules: list[_Counted] = [_Counted(rule) for rule in rules]

    def add(self, *rules: Fault) -> None:
        """More rules, which count requests from now on."""
        with self._lock:
            self._rules += [_Counted(rule) for rule in rules]

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def due(self, request: Request) -> Fault | None:
        with self._lock:
            struck = [each.rule for each in self._rules if each.strikes(request, self.chance)]
        return struck[0] if struck else None


@dataclass
class _Counted:
    rule: Fault
    met: int = 0
    struck: int = 0

    def strikes(self, request: Request, chance: random.Random) -> bool:
        if not self.rule.meets(request):
            return False
        self.met += 1
        past = self.met - self.rule.nth
        spent = self.rule.times is not None and self.struck >= self.rule.times
        if past < 0 or past % self.rule.every or spent or chance.random() >= self.rule.chance:
            return False
        self.struck += 1
        return True


def read_faults(path: Path) -> list[Fault]:
    """Rules from a JSON file; raises ValueError that names the file, the rule and what is wrong with it."""
    try:
        rules = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON: {error}") from error
    if not isinstance(rules, list):
        raise ValueError(f"{path}: holds no list of rules")
    return [_rule(f"{path}: rule {number}", rule) for number, rule in enumerate(rules, 1)]


def _rule(where: str, rule: Any) -> Fault:
    known = {each.name for each in fields(Fault)}
    if not isinstance(rule, dict) or "action" not in rule or not rule.keys() <= known:
        raise ValueError(f"{where}: needs an 'action' and may have {', '.join(sorted(known - {'action'}))}")
    try:
        return Fault(**rule)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _status(fault: Fault, answer: Answer) -> Answer:
    headers = _retry_after(fault)
    texts = {403: "Your request has been forbidden", 429: "120 requests per minute exceeded"}
    if fault.body is None and fault.status in texts:
        return message(fault.status, texts[fault.status], *headers)
    body = _PAGE.format(fault.status) if fault.body is None else fault.body
    return Answer(fault.status, body.encode(), None, "text/html; charset=utf-8", headers)


def _retry_after(fault: Fault) -> tuple[tuple[str, str], ...]:
    if fault.retry_after is None:
        return ()
    return (
        retry_after("date", fault.seconds)
        if fault.retry_after == "date"
        else (("Retry-After", str(fault.retry_after)),)
    )


def _html(fault: Fault, answer: Answer) -> Answer:
    return Answer(200, (fault.body or _PAGE.format("Ploomes")).encode(), None, "text/html; charset=utf-8")


def _quoted_html(fault: Fault, answer: Answer) -> Answer:
    return replace(answer, body=_encode(_PAGE.format("Ploomes")), rows=None)


_WHOLE: dict[str, Callable[[Fault, Answer], Answer]] = {
    "status": _status,
    "html": _html,
    "quoted-html": _quoted_html,
    "truncated": lambda fault, answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
    "empty": lambda fault, answer: replace(answer, body=b"", rows=None),
    "content-type": lambda fault, answer: replace(answer, content_type="text/plain"),
}


def _overload(fault: Fault, body: Row) -> None:
    body.pop("@odata.count", None)
    body["value"] = []


def _short(fault: Fault, body: Row) -> None:
    del body["value"][-fault.size :]


def _duplicate(fault: Fault, body: Row) -> None:
    body["value"][:0] = body["value"][:1]


def _rows(fault: Fault, body: Row) -> None:
    for row in body["value"]:
        if fault.ids and row.get("Id") not in fault.ids:
            continue
        row.update(_REWRITES[fault.rewrite](row))
        row.update(fault.set)
        for name in fault.drop:
            row.pop(name, None)


_BODIES: dict[str, Callable[[Fault, Row], object]] = {
    "no-value": lambda fault, body: body.pop("value"),
    "no-count": lambda fault, body: body.pop("@odata.count", None),
    "overload": _overload,
    "short": _short,
    "duplicate": _duplicate,
    "rows": _rows,
}


def _dates(row: Row) -> dict[str, datetime]:
    return {
        name: datetime.fromisoformat(text)
        for name, text in row.items()
        if name.endswith("Date") and isinstance(text, str)
    }


def _seven_digits(row: Row) -> Row:
    return {name: f"{when:%Y-%m-%dT%H:%M:%S.%f}0-03:00" for name, when in _dates(row).items()}


def _utc(row: Row) -> Row:
    return {name: f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z" for name, when in _dates(row).items()}


def _other_offset(row: Row) -> Row:
    zone = datetime.fromisoformat("2000-01-01T00:00:00+05:30").tzinfo
    return {name: when.astimezone(zone).isoformat() for name, when in _dates(row).items()}


def _number_strings(row: Row) -> Row:
    numbers = (int, Decimal)
    return {
        name: str(value) for name, value in row.items() if isinstance(value, numbers) and not isinstance(value, bool)
    }


_REWRITES: dict[str, Callable[[Row], Row]] = {
    "": lambda row: {},
    "seven-digits": _seven_digits,
    "utc": _utc,
    "other-offset": _other_offset,
    "number-strings": _number_strings,
}
