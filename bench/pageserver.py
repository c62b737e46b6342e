"""A Ploomes that answers at once: rows are bytes already, a page is a join of them, so what is measured is the client.

    python -m bench.pageserver FOLDER [LATENCY]      prints its address

It knows the queries that Carteira, the bare steps and dlt send, and four of its own: `/bench/edit?deals=200&at=55`
edits deals now or when that request arrives, `/bench/settle` lets edits grow old, `/bench/log` tells how many requests
there were since it was last asked, `/bench/truth` sums up what it holds.
"""

from __future__ import annotations

import random
import re
import socket
import sys
import threading
import time
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import formatdate
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from bench.account import SELECTED, file_of, microseconds

STAMP = timedelta(microseconds=3_333)
# Two seconds by a clock that tells whole ones.
SETTLING = 3.5
BRASILIA = timezone(timedelta(hours=-3))


class Rows:
    """One set in the order of its Ids: the bytes of each row, its Id and when it was last changed."""

    def __init__(self, file: Path) -> None:
        self.ids, self.changed, self.raw = array("q"), array("q"), list[bytes]()
        with file.open("rb") as lines:
            for line in lines:
                key, changed, raw = line[:-1].split(b"\t", 2)
                self.ids.append(int(key))
                self.changed.append(int(changed))
                self.raw.append(raw)
        self._by_change = array("q", sorted(range(len(self.ids)), key=self.changed.__getitem__))
        self._as_loaded = array("q", [self.changed[n] for n in self._by_change])
        self._edited: set[int] = set()

    def since(self, moment: int) -> list[int]:
        """Places of the rows that changed at that moment or later, in the order of their Ids."""
        late = self._by_change[bisect_left(self._as_loaded, moment) :]
        return sorted(n for n in {*late, *self._edited} if self.changed[n] >= moment)

    def newest(self) -> int:
        """The place of the row that changed last."""
        untouched = next(n for n in reversed(self._by_change) if n not in self._edited)
        return max(untouched, *self._edited, key=lambda n: (self.changed[n], n)) if self._edited else untouched

    def edit(self, place: int, moment: datetime) -> None:
        """Another amount, and every fifth time another status."""
        row = msgspec.json.decode(self.raw[place], type=dict[str, msgspec.Raw])
        amount = Decimal(bytes(row["Amount"]).decode().replace("null", "0")) + Decimal("1000.01")
        row["Amount"] = msgspec.Raw(str(amount).encode())
        if place % 5 == 0:
            row["StatusId"] = msgspec.Raw(b"2" if bytes(row["StatusId"]) != b"2" else b"1")
        stamp = moment.astimezone(BRASILIA).isoformat()
        row["LastUpdateDate"] = msgspec.Raw(b'"%b"' % stamp.encode())
        self.raw[place] = msgspec.json.encode(row)
        self.changed[place] = microseconds(stamp)
        self._edited.add(place)


class Account:
    """All sets, how many requests came, and the edits that wait for one of them."""

    def __init__(self, folder: Path) -> None:
        self.sets = {path: Rows(file_of(folder, path)) for path in SELECTED}
        self.requests = 0
        self._lock = threading.Lock()
        self._waiting: tuple[int, int] | None = None

    def arrived(self) -> None:
        """Count a request, and make the edits that waited for it."""
        with self._lock:
            self.requests += 1
            if self._waiting and self.requests >= self._waiting[1]:
                self._edit(self._waiting[0])
                self._waiting = None

    def log(self) -> dict[str, Any]:
        """How many requests came since this was last asked."""
        with self._lock:
            requests, self.requests = self.requests, 0
        return {"requests": requests}

    def edit(self, deals: int, at: int = 0) -> dict[str, Any]:
        """Edit so many deals: now, or when request number `at` comes."""
        with self._lock:
            if at:
                self._waiting = (deals, at)
            else:
                self._edit(deals)
        return {"edited": deals}

    def _edit(self, deals: int) -> None:
        """The same deals each time: an incremental run, which looks back two minutes, reads no more for the second."""
        rows = self.sets["/Deals"]
        moment = datetime.now(UTC) - deals * STAMP
        for number, place in enumerate(random.Random(1).sample(range(len(rows.ids)), deals), 1):
            rows.edit(place, moment + number * STAMP)

    def settle(self) -> dict[str, Any]:
        """Wait until the last edit is old enough for a reader to believe that it was the last of its second."""
        time.sleep(SETTLING)
        return {}

    def truth(self) -> list[tuple[int, str, int]]:
        """Customer, revenue and number of sales, from the deals that are won in the usual currency."""
        won = [deal for deal in map(_truth.decode, self.sets["/Deals"].raw) if deal.StatusId == 2]
        usual = Counter(deal.CurrencyId for deal in won if deal.CurrencyId is not None).most_common(1)[0][0]
        sums: dict[int, list[Decimal]] = defaultdict(list)
        for deal in won:
            if deal.ContactId is not None and deal.CurrencyId in (None, usual):
                sums[deal.ContactId].append(deal.Amount or Decimal(0))
        return [(one, str(sum(amounts, Decimal(0))), len(amounts)) for one, amounts in sums.items()]


class _Deal(msgspec.Struct):
    StatusId: int | None
    ContactId: int | None
    CurrencyId: int | None
    Amount: Decimal | None


_truth = msgspec.json.Decoder(_Deal)


def answer(account: Account, path: str, options: dict[str, str]) -> bytes:
    """The body for a query."""
    if path == "/Self":
        return b'{"value":[{"Id":1,"ProfileId":1}]}'
    rows = account.sets[path]
    top = min(int(options.get("$top", 300)), 300)
    if options.get("$orderby", "").startswith("LastUpdateDate desc"):
        return _envelope(len(rows.ids), rows.raw[(newest := rows.newest()) : newest + 1])
    found, low, high = _matching(rows, options.get("$filter", ""))
    low += int(options.get("$skip", 0))
    end = min(low + top, high)
    page = rows.raw[low:end] if found is None else [rows.raw[n] for n in found[low:end]]
    return _envelope(high - low + int(options.get("$skip", 0)), page)


def _matching(rows: Rows, condition: str) -> tuple[list[int] | None, int, int]:
    """The places that a filter leaves (None: all), and from where to where in them it reaches."""
    asked = _understood(condition)
    if asked["eq"]:
        found = sorted(n for n in (bisect_left(rows.ids, one) for one in asked["eq"]) if n < len(rows.ids))
        return [n for n in found if rows.ids[n] in asked["eq"]], 0, len(found)
    if asked["ge"] is not None:
        late = [n for n in rows.since(asked["ge"]) if asked["gt"] < rows.ids[n] <= asked["le"]]
        return late, 0, len(late)
    return None, bisect_right(rows.ids, asked["gt"]), bisect_right(rows.ids, asked["le"])


@cache
def _since(text: str) -> int:
    return microseconds(text)


def _understood(condition: str) -> dict[str, Any]:
    numbers = dict(re.findall(r"Id (gt|le) (\d+)", condition))
    since = re.search(r"LastUpdateDate ge (\S+)", condition)
    return {
        "gt": int(numbers.get("gt", -1)),
        "le": int(numbers.get("le", 2**62)),
        "eq": {int(one) for one in re.findall(r"Id eq (\d+)", condition)},
        "ge": _since(since[1]) if since else None,
    }


def _envelope(count: int, page: list[bytes]) -> bytes:
    return b'{"@odata.count":%d,"value":[%b]}' % (count, b",".join(page))


def respond(account: Account, target: str, latency: float) -> bytes:
    """The bytes that go back for a request line's target."""
    path, _, query = target.partition("?")
    options = dict(parse_qsl(query))
    if path.startswith("/bench/"):
        numbers = {name: int(value) for name, value in options.items()}
        body = msgspec.json.encode(getattr(account, path.removeprefix("/bench/"))(**numbers))
    else:
        account.arrived()
        if latency:
            time.sleep(latency)
        body = answer(account, unquote(path), options)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: {formatdate(usegmt=True)}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _talk(connection: socket.socket, account: Account, latency: float) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in waiting:
                if not (more := connection.recv(65_536)):
                    return
                waiting += more
            head, _, waiting = waiting.partition(b"\r\n\r\n")
            connection.sendall(respond(account, head.split(b" ", 2)[1].decode(), latency))


def main(folder: str, latency: str = "0") -> None:
    """Listen on a free port until killed."""
    account = Account(Path(folder))
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_talk, args=(connection, account, float(latency)), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
