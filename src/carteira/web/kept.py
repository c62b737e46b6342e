"""Answers that are kept: rendered once for a publication, and a 304 for whoever has them already.

Before the routes stands `Kept`. It looks at the database for every request: who asks, and the stamp of what is
published. Requests that come while a look is under way share the next one, so under load a look serves many; none is
answered from a look that began before the request came. Hence a user who was disabled is out with the next request,
and no answer is older than the last publication.

An answer may be kept when it is a function of what `etag` is made of. A route says so with `answer`, and hands over
the stamp that it read in one snapshot with its rows.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg
from fastapi import Request
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from carteira.customer_sales import sight
from carteira.errors import CarteiraError
from carteira.warehouse import people, stamp
from carteira.warehouse.connection import Warehouse
from carteira.warehouse.people import Viewer
from carteira.warehouse.stamp import Stamp
from carteira.web import languages
from carteira.web.languages import VARY

if TYPE_CHECKING:
    from fastapi import FastAPI

CACHE_CONTROL = "private, no-cache"
# Nobody signs in for these, so nobody has to be looked up.
UNSEEN = ("/static/", "/api/cron/", "/api/webhooks/", "/healthz", "/readyz", "/metrics")
KEPT_BYTES = 32_000_000
LARGEST_KEPT = 2_000_000
# What a page may show differently for the same address and the same viewer.
ASKED_BY = ("hx-request", "hx-target", "hx-history-restore-request", "hx-boosted")


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request shows of who it is: a session's secret, or a token's."""

    kind: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the database saw: the stamp, and whose each credential is."""

    stamp: Stamp
    viewers: dict[Credential, Viewer | None]


@dataclass(slots=True)
class _Batch:
    credentials: set[Credential] = field(default_factory=set)
    task: asyncio.Task[Look] | None = None


class Lookout:
    """Looks at the database on behalf of many requests at once, one look after the other."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.thread = ThreadPoolExecutor(1, "lookout")
        self.boarding: _Batch | None = None

    async def look(self, app: FastAPI, credential: Credential) -> Look:
        batch = self.boarding
        if batch is None or batch.task is None:
            batch = self.boarding = _Batch()
            batch.task = asyncio.create_task(self._look(app, batch))
        batch.credentials.add(credential)
        return await asyncio.shield(batch.task)

    async def _look(self, app: FastAPI, batch: _Batch) -> Look:
        async with self.turn:
            # Whoever comes from here on has to be told what is true from here on.
            self.boarding = None
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self.thread, look_at, app, batch.credentials)


def look_at(app: FastAPI, credentials: set[Credential]) -> Look:
    """The look itself: one round trip, but where somebody was not seen for a while."""
    warehouse: Warehouse = app.state.warehouse
    zone: ZoneInfo = app.state.zone
    asked = list(credentials)
    whose = [people.whose(one.kind, one.secret) for one in asked]
    *found, (stamped,) = warehouse.at_once(*whose, (stamp.statement(), {}))
    told = {credential: people.told(rows) for credential, rows in zip(asked, found, strict=True)}
    if unseen := [credential for credential, (_, is_unseen) in told.items() if is_unseen]:
        with warehouse.transaction() as connection:
            for credential in unseen:
                _write_down(connection, credential)
    return Look(stamp.of(stamped, zone), {credential: viewer for credential, (viewer, _) in told.items()})


def _write_down(connection: psycopg.Connection, credential: Credential) -> None:
    read = people.by_token if credential.kind == "token" else people.by_session
    read(connection, credential.secret)


def credential_of(headers: Headers, cookie: str) -> Credential | None:
    """The credential that a request carries; a token goes before a session."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return Credential("token", token.strip())
    session = _cookies(headers).get(cookie)
    return Credential("session", session) if session else None


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def answer(request: Request, read: Stamp, response: Response) -> Response:
    """Let an answer be kept; `read` is the stamp from the snapshot that its rows were read in."""
    state = request.scope["state"]
    # Nearly always the same was published when the request came.
    same = state.get("tagged") == read
    response.headers["etag"] = state["tag"] if same else etag(request.scope, read, state["viewer"])
    response.headers["cache-control"] = CACHE_CONTROL
    response.headers["vary"] = VARY
    return response


def etag(scope: Scope, read: Stamp, viewer: Viewer) -> str:
    """All that a kept answer depends on, in one tag; weak, since it names the content and not its compression."""
    parts: list[object] = [scope["app"].state.edition, scope["path"], scope["query_string"]]
    parts += [read.publication, read.last_sync_at, read.today, read.stale]
    if scope["path"].startswith("/api/"):
        parts += [sight.of(viewer.role, viewer.owner_id)]
    else:
        headers = Headers(scope=scope)
        cookie = scope["app"].state.cookie
        others = sorted(item for item in _cookies(headers).items() if item[0] != cookie)
        parts += [viewer, read.last_run, read.stale_hours, read.views, others, [headers.get(name) for name in ASKED_BY]]
        parts += [languages.of(headers, scope["app"].state.settings.locale)]
    return f'W/"{blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()}"'


class Shelf:
    """Kept bytes by their tag; the least recently asked for go first when there are too many."""

    def __init__(self, size: int = KEPT_BYTES) -> None:
        self.size = size
        self.held = 0
        self.kept: OrderedDict[tuple[str, bool], tuple[Message, bytes]] = OrderedDict()

    def find(self, key: tuple[str, bool]) -> tuple[Message, bytes] | None:
        found = self.kept.get(key)
        if found is not None:
            self.kept.move_to_end(key)
        return found

    def put(self, key: tuple[str, bool], start: Message, body: bytes) -> None:
        if len(body) > LARGEST_KEPT or key in self.kept:
            return
        self.kept[key] = (start, body)
        self.held += len(body)
        while self.held > self.size:
            _, (_, dropped) = self.kept.popitem(last=False)
            self.held -= len(dropped)


class Kept:
    """Sees who asks, answers from the shelf or with a 304 where it can, and puts on the shelf what may be kept."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.lookout = Lookout()
        self.shelf = Shelf()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNSEEN):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        credential = credential_of(headers, scope["app"].state.cookie)
        look = await self._look(scope, credential) if credential else None
        viewer = look.viewers[credential] if look and credential else None
        # A server may hand the same state to every request: who is looking belongs to this one.
        scope["state"] = {**scope.get("state", {}), "viewer": viewer, "looked": look is not None}
        if look and viewer and scope["method"] == "GET":
            tag = etag(scope, look.stamp, viewer)
            scope["state"] |= {"tagged": look.stamp, "tag": tag}
            await self._answer(tag, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _look(self, scope: Scope, credential: Credential) -> Look | None:
        try:
            return await self.lookout.look(scope["app"], credential)
        except (psycopg.Error, CarteiraError):
            # The route will meet the same fault, where it can be told.
            return None

    async def _answer(self, tag: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        zipped = "gzip" in headers.get("accept-encoding", "")
        if tag in headers.get("if-none-match", ""):
            await _send(send, _not_modified(tag), b"")
        elif found := self.shelf.find((tag, zipped)):
            await _send(send, *found)
        else:
            await self.app(scope, receive, self._shelving(send, zipped))

    def _shelving(self, send: Send, zipped: bool) -> Send:
        kept: list[Message] = []
        body: list[bytes] = []

        async def send_and_keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Copied before it is sent on, since more headers are added to it there.
                kept.extend([_copied(message)] if _may_be_kept(message) else [])
            elif kept:
                body.append(message.get("body", b""))
                if not message.get("more_body"):
                    self.shelf.put((Headers(raw=kept[0]["headers"])["etag"], zipped), kept[0], b"".join(body))
            await send(message)

        return send_and_keep


def _may_be_kept(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return start["status"] == 200 and headers.get("cache-control") == CACHE_CONTROL and "etag" in headers


def _copied(start: Message) -> Message:
    return {**start, "headers": list(start["headers"])}


def _not_modified(tag: str) -> Message:
    headers = [(b"etag", tag.encode()), (b"cache-control", CACHE_CONTROL.encode()), (b"vary", VARY.encode())]
    return {"type": "http.response.start", "status": 304, "headers": headers}


async def _send(send: Send, start: Message, body: bytes) -> None:
    await send(_copied(start))
    await send({"type": "http.response.body", "body": body})
