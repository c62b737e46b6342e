"""Webhooks: one row for each entity and action that a program wants to be called for, and the calls.

Calls come late, twice or in another order where `Delivery` says so. A webhook whose calls fail too often, or take too
long, is switched off; nobody is told.
"""

from __future__ import annotations

import heapq
import json
import random
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

import msgspec

from carteira.simulator.answers import Answer, envelope, message
from carteira.simulator.clock import BRASILIA, Clock, stored
from carteira.simulator.store import Row

ENTITIES = {"Contacts": 1, "Deals": 2}
ACTIONS = {"Create": 1, "Update": 2, "Delete": 3, "Win": 4, "Lose": 5, "Reopen": 6}
FIRST_ID = 70_000_001
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True)
class Delivery:
    """How calls are made: `delay` seconds (from, to), `copies` of each, the row itself or only its Id (`minimal`).

    `patience`: seconds that a receiver may take; `failures` in a row switch a webhook off.
    """

    delay: tuple[float, float] = (0.0, 0.0)
    copies: int = 1
    minimal: bool = False
    patience: float = 10.0
    failures: int = 5


@dataclass(frozen=True)
class Made:
    """A call that was made; `status` 0: there was no answer, or none in time."""

    webhook_id: int
    action: str
    row_id: int
    status: int
    seconds: float


@dataclass(order=True)
class _Due:
    at: float
    number: int
    webhook_id: int = field(compare=False)
    action: str = field(compare=False)
    row_id: int = field(compare=False)
    body: bytes = field(compare=False)


class Webhooks:
    """The account's webhooks. `made` lists the calls so far."""

    def __init__(self, clock: Clock, delivery: Delivery, seed: int) -> None:
        self.delivery = delivery
        self.rows: dict[int, Row] = {}
        self.made: list[Made] = []
        self._clock = clock
        self._dice = random.Random(seed)
        self._ids, self._numbers = count(FIRST_ID), count()
        self._failed: dict[int, int] = {}
        self._due: list[_Due] = []
        self._changed = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """What /Webhooks, /Webhooks(id) and /Webhooks@Actions answer."""
        if path == "/Webhooks@Actions":
            return envelope("Webhooks@Actions", [{"Id": each, "Name": name} for name, each in ACTIONS.items()])
        found = re.fullmatch(r"/Webhooks(?:\((\d+)\))?", path)
        number = int(found[1]) if found and found[1] else None
        with self._changed:
            match method, number:
                case "GET", None:
                    return envelope("Webhooks", list(self.rows.values()))
                case "POST", None:
                    return self._add(body)
                case (("PATCH" | "DELETE"), int()) if number in self.rows:
                    return self._change(method, number, body)
                case (("PATCH" | "DELETE"), int()):
                    return message(404, "The resource was not found.")
        return message(405, f"The requested resource does not support http method '{method}'.")

    def _add(self, body: bytes) -> Answer:
        given = json.loads(body)
        if given.get("EntityId") not in ENTITIES.values() or given.get("ActionId") not in ACTIONS.values():
            return message(400, "EntityId and ActionId are required.")
        row = {
            "Id": next(self._ids),
            "EntityId": given["EntityId"],
            "SecondaryEntityId": None,
            "ActionId": given["ActionId"],
            "Name": given.get("Name"),
            "CallbackUrl": given.get("CallbackUrl"),
            "ValidationKey": given.get("ValidationKey"),
            "CreateDate": f"{stored(self._clock.now())}-03:00",
            "Active": given.get("Active", True),
            "UserWebhook": False,
        }
        self.rows[row["Id"]] = row
        return Answer(201, envelope("Webhooks", [row]).body, [row])

    def _change(self, method: str, number: int, body: bytes) -> Answer:
        if method == "DELETE":
            del self.rows[number]
            return Answer(200, b"")
        row = self.rows[number]
        row |= {name: value for name, value in json.loads(body).items() if name in row and name != "Id"}
        self._failed[number] = 0
        return envelope("Webhooks", [row])

    def tell(self, name: str, action: str, new: Row | None, old: Row | None) -> None:
        """Call everybody who wants to know of this."""
        row = new or old
        with self._changed:
            wanted = [
                each for each in self.rows.values()
                if (each["EntityId"], each["ActionId"]) == (ENTITIES.get(name), ACTIONS[action]) and each["Active"]
            ]  # fmt: skip
            if not wanted or row is None:
                return
            for each in wanted * self.delivery.copies:
                at = time.monotonic() + self._dice.uniform(*self.delivery.delay)
                body = self._body(each, name, action, new, old)
                heapq.heappush(self._due, _Due(at, next(self._numbers), each["Id"], action, row["Id"], body))
            self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._deliver, name="webhooks", daemon=True)
            self._thread.start()

    def _body(self, webhook: Row, name: str, action: str, new: Row | None, old: Row | None) -> bytes:
        if self.delivery.minimal:
            row = new or old or {}
            return _encode({"ResourceId": row["Id"], "Entity": name.removesuffix("s"), "Action": action})
        told: Row = {"AccountId": 1, "Action": action, "ActionUserId": 1, "Entity": name, "WebhookId": webhook["Id"]}
        return _encode(told | {"New": _as_sent(new), "Old": _as_sent(old)})

    def _deliver(self) -> None:
        while (due := self._next()) is not None:
            row = self.rows.get(due.webhook_id)
            if row is None or not row["Active"]:
                continue
            began = time.monotonic()
            status = self._call(row, due)
            took = time.monotonic() - began
            with self._changed:
                self.made.append(Made(due.webhook_id, due.action, due.row_id, status, took))
                self._judge(due.webhook_id, failed=not 200 <= status < 300 or took > self.delivery.patience)
                self._changed.notify_all()

    def _next(self) -> _Due | None:
        with self._changed:
            while not self._stopped:
                left = self._due[0].at - time.monotonic() if self._due else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._due)
                self._changed.wait(left)
        return None

    def _call(self, row: Row, due: _Due) -> int:
        headers = {"Content-Type": "application/json", "X-Ploomes-Validation-Key": row["ValidationKey"] or ""}
        request = urllib.request.Request(row["CallbackUrl"], due.body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=self.delivery.patience) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except (OSError, ValueError):
            return 0

    def _judge(self, webhook_id: int, *, failed: bool) -> None:
        self._failed[webhook_id] = self._failed.get(webhook_id, 0) + 1 if failed else 0
        if self._failed[webhook_id] >= self.delivery.failures and webhook_id in self.rows:
            self.rows[webhook_id]["Active"] = False

    def wait_for(self, there: Callable[[], Any], timeout: float = 10.0) -> bool:
        """Wait until calls have made something true; False when the seconds ran out first."""
        with self._changed:
            return bool(self._changed.wait_for(there, timeout))

    def stop(self) -> None:
        """Make no more calls."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()


def _as_sent(row: Row | None) -> Row | None:
    """A row as a webhook tells it: without its nulls, dates without their offset."""
    if row is None:
        return None
    return {name: _naive(value) for name, value in row.items() if value is not None}


def _naive(value: Any) -> Any:
    return value.astimezone(BRASILIA).replace(tzinfo=None).isoformat() if isinstance(value, datetime) else value
