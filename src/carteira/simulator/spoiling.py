"""What a fault does to the right answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from carteira.simulator.answers import Answer, message
from carteira.simulator.faults import Fault
from carteira.simulator.limits import retry_after
from carteira.simulator.store import Row

_PAGE = "<!DOCTYPE html PUBLIC>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_TEXTS = {403: "Your request has been forbidden", 429: "120 requests per minute exceeded"}
_encode = msgspec.json.Encoder(decimal_format="number").encode


def spoiled(fault: Fault, answer: Answer, now: datetime) -> Answer:
    """What goes out in place of the right answer; `now` is the account's time."""
    if fault.action == "status":
        return _status(fault, now)
    if fault.action in _WHOLE:
        return _WHOLE[fault.action](fault, answer)
    if fault.action in _BODIES and answer.rows is not None:
        body = json.loads(answer.body, parse_float=Decimal)
        _BODIES[fault.action](fault, body)
        return replace(answer, body=_encode(body), rows=body.get("value"))
    return answer


def _status(fault: Fault, now: datetime) -> Answer:
    headers = _retry_after(fault, now)
    body = _TEXTS.get(fault.status, _PAGE.format(fault.status)) if fault.body is None else fault.body
    if body.startswith("<"):
        return Answer(fault.status, body.encode(), None, "text/html; charset=utf-8", headers)
    return message(fault.status, body, *headers)


def _retry_after(fault: Fault, now: datetime) -> tuple[tuple[str, str], ...]:
    match fault.retry_after:
        case None:
            return ()
        case "date":
            return retry_after("date", fault.seconds, now)
        case other:
            return (("Retry-After", str(other)),)


def _html(fault: Fault, answer: Answer) -> Answer:
    return Answer(200, (fault.body or _PAGE.format("Ploomes")).encode(), None, "text/html; charset=utf-8")


def _quoted_html(fault: Fault, answer: Answer) -> Answer:
    return replace(answer, body=_encode(_PAGE.format("Ploomes")), rows=None)


_WHOLE: dict[str, Callable[[Fault, Answer], Answer]] = {
    "html": _html,
    "quoted-html": _quoted_html,
    "truncated": lambda fault, answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
    "empty": lambda fault, answer: replace(answer, body=b"", rows=None),
    "content-type": lambda fault, answer: replace(answer, content_type="text/plain"),
}


def _nothing(fault: Fault, body: Row) -> None:
    body |= {"@odata.count": 0, "value": []}


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
    "nothing": _nothing,
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
