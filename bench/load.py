"""Many connections that ask again as soon as they are answered: how many answers come in a second."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass
class _Asking:
    """A connection on which a request is under way."""

    connection: socket.socket
    received: bytearray = field(default_factory=bytearray)


def per_second(
    port: int, targets: Iterable[str], headers: dict[str, str], connections: int = 16, seconds: float = 3.0
) -> float:
    """Answers a second to GETs of the targets in turn, whatever their status; the connections are kept."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    requests = (f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode() for target in targets)
    ready = selectors.DefaultSelector()
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(next(requests))
        ready.register(connection, selectors.EVENT_READ, _Asking(connection))
    answers, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        for key, _ in ready.select(1):
            answers += _answered(key.data, requests)
    for key in list(ready.get_map().values()):
        key.data.connection.close()
    return answers / passed


def _answered(asking: _Asking, requests: Iterator[bytes]) -> bool:
    """Take what has come; once it is a whole answer, ask for the next."""
    asking.received += asking.connection.recv(262_144)
    if not whole(asking.received):
        return False
    asking.received.clear()
    asking.connection.sendall(next(requests))
    return True


def whole(received: bytearray) -> bool:
    """Whether an answer is complete: by its length, its last chunk, or because its status has no body."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    if head.startswith(b"HTTP/1.1 304"):
        return True
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        return body.endswith(b"0\r\n\r\n")
    length = lowered.rpartition(b"content-length:")[2].split(b"\r\n", 1)[0]
    return len(body) >= int(length)
