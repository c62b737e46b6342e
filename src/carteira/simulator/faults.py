"""Faults by script: rules that say which requests go wrong, how often, and how.

In Python a list of `Fault`; in a file a JSON list of objects with the same names, for example

    [{"action": "status", "status": 503, "path": "/Deals", "nth": 3, "times": 2, "retry_after": 1},
     {"action": "rows", "ids": [400868361], "set": {"Amount": "twelve"}, "times": null}]

| action       | what happens                                                                            |
|--------------|-----------------------------------------------------------------------------------------|
| status       | `status` with `body`: a page if it begins with <, else a message as Ploomes wraps it;   |
|              | without `body` the texts of 403 and 429, and a page for any other                       |
| html         | 200 with an HTML page                                                                   |
| quoted-html  | 200 with an HTML page as one JSON string                                                |
| truncated    | 200 with the first half of the JSON, its length declared as such                        |
| empty        | 200 without a body                                                                      |
| content-type | the right answer, called text/plain                                                     |
| no-value     | the right answer without `value`                                                        |
| no-count     | the right answer without `@odata.count`                                                 |
| overload     | 200 with `value: []`                                                                    |
| nothing      | 200 with `value: []` that is counted as 0                                               |
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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from carteira.simulator.requests import Request

ACTIONS = (
    "status", "html", "quoted-html", "truncated", "empty", "content-type", "no-value", "no-count", "overload",
    "nothing", "short", "duplicate", "rows", "reset", "cut", "stall", "drip",
)  # fmt: skip
REWRITES = ("", "seven-digits", "utc", "other-offset", "number-strings")


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
