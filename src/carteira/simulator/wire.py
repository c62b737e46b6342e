"""HTTP/1.1 on a loopback socket: keep-alive, one thread per connection, and the ways in which a wire can fail."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, BinaryIO, cast

_LONGEST_LINE = 65_536
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True)
class Call:
    """A request off the wire, header names in lower case; `pause` waits, or raises Closed if the client goes."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    pause: Callable[[float], None]


@dataclass(frozen=True)
class Reply:
    """A response, and how it fails on its way: '' for not at all, 'reset', 'cut' or 'drip'; `seconds` a drip takes."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]
    failure: str = ""
    seconds: float = 0.0


class Closed(Exception):
    """The connection is over."""


class Listener(socketserver.ThreadingTCPServer):
    """Listens on a port and hands each call to `respond`; `sent` is called when its reply has left."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], respond: Callable[[Call, Callable[[Reply], None]], None]) -> None:
        super().__init__(address, _Connection)
        self.respond = respond
        self.closing = threading.Event()
        self.serving = False
        self._open: set[socket.socket] = set()

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        self._open.add(cast(socket.socket, request))
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        self._open.discard(cast(socket.socket, request))
        super().shutdown_request(request)

    def stop(self) -> None:
        """Stop listening and hang up on everyone, also on those who wait for a stalled reply."""
        self.closing.set()
        if self.serving:
            self.shutdown()
        self.server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: Listener

    def handle(self) -> None:
        with contextlib.suppress(Closed, OSError):
            while not self.server.closing.is_set():
                call = Call(*read_request(cast(BinaryIO, self.rfile)), self._pause)
                self.server.respond(call, self._send)
                if call.headers.get("connection", "").lower() == "close":
                    return

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            # readable without a request pending means that the client, or `stop`, hung up
            readable, _, _ = select.select([self.connection], [], [], left)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise Closed

    def _send(self, reply: Reply) -> None:
        if reply.failure == "reset":
            # closing with linger 0 sends RST in place of FIN
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            raise Closed
        data = _head(reply) + reply.body
        if reply.failure == "cut":
            self.connection.sendall(data[: -len(reply.body) // 2])
            raise Closed
        if reply.failure == "drip":
            self._drip(data, reply.seconds)
        else:
            self.connection.sendall(data)

    def _drip(self, data: bytes, seconds: float, pieces: int = 20) -> None:
        size = -(-len(data) // pieces)
        for start in range(0, len(data), size):
            self.connection.sendall(data[start : start + size])
            self._pause(seconds / pieces)


def read_request(stream: BinaryIO) -> tuple[str, str, dict[str, str], bytes]:
    """Method, target, headers and body of one request; raises Closed at the end of the stream or on nonsense."""
    words = _line(stream).split()
    if len(words) != 3:
        raise Closed
    headers = {}
    while line := _line(stream):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "0")
    body = stream.read(int(length) if length.isdecimal() else 0)
    return words[0], words[1], headers, body


def _line(stream: BinaryIO) -> str:
    line = stream.readline(_LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise Closed
    return line.decode("latin-1").rstrip("\r\n")


def _head(reply: Reply) -> bytes:
    headers = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
    first = f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, 'Unknown')}\r\n"
    return f"{first}{headers}Content-Length: {len(reply.body)}\r\n\r\n".encode("latin-1")
