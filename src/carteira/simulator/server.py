"""A Ploomes on loopback, for the demo, the tests and the benchmark.

    with Simulator(deals=600, customers=80) as ploomes:
        ploomes.url, ploomes.key     what a client needs
        ploomes.data                 edit the account and read the truth
        ploomes.requests             what was asked
        ploomes.webhooks             who is called when something changes, and what became of the calls
        ploomes.clock                set or move the account's time

`serve(host, port, ...)` does the same until interrupted; it is what `carteira simulator` runs, whose options are
--host --port --deals --customers --seed --latency --per-minute --faults FILE --path FILE.
"""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, unquote_plus

from carteira.simulator.answers import Answer, Answers, Habits, Key, message
from carteira.simulator.clock import Clock
from carteira.simulator.edits import Data
from carteira.simulator.elapsed import catch_up
from carteira.simulator.faults import Fault, Faults, read_faults
from carteira.simulator.limits import Allowance, Limits, http_date
from carteira.simulator.options import decoded
from carteira.simulator.reference import INTEGRATION_USER
from carteira.simulator.requests import Logged, Request, RequestLog
from carteira.simulator.spoiling import spoiled
from carteira.simulator.webhooks import Delivery, Webhooks
from carteira.simulator.wire import Call, Listener, Reply
from carteira.simulator.world import World, open_store

# for the log, when the client or a hook ended a request before its answer
NOTHING = Answer(0, b"")
UNSENT = Reply(0, b"", ())
DEFAULT_KEY = "0123456789ABCDEF" * 8


@dataclass
class _Outcome:
    """What has become of a request so far."""

    answer: Answer = NOTHING
    fault: Fault | None = None
    reply: Reply = UNSENT


class Simulator:
    """A running account; use it as a context manager, or `start` and `stop` it.

    `path` keeps the data in a file, used again when it was made with the same deals, customers and seed; days that it
    was put away for are filled with trade.
    `latency` is seconds per answer, one number or (from, to). `allowance` and `habits` tell the account's limits and
    the manners that nobody knows for sure; `per_minute` is short for the first. `delivery` is how webhooks are called.
    """

    def __init__(
        self,
        *,
        deals: int = 600,
        customers: int = 80,
        seed: int = 1,
        path: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        per_minute: int | None = None,
        allowance: Allowance | None = None,
        habits: Habits | None = None,
        faults: Sequence[Fault] = (),
        latency: float | tuple[float, float] = 0.0,
        delivery: Delivery | None = None,
        gzip: bool = True,
        now: datetime | None = None,
    ) -> None:
        self.clock = Clock(now)
        self.world = World(deals, customers, seed)
        self.store = open_store(path, self.clock, self.world)
        catch_up(self.store)
        for name in ("Deals", "Contacts"):
            self.store.ids(name)  # kept from here on, so that the first request is no slower than the others
        self.webhooks = Webhooks(self.clock, delivery or Delivery(), seed)
        self.data = Data(self.store, self.webhooks.tell)
        self.requests = RequestLog()
        self.limits = Limits(allowance or Allowance(per_minute=per_minute), self.clock)
        self.faults = Faults(faults, seed)
        self.answers = Answers(self.store, habits or Habits())
        self.latency = latency if isinstance(latency, tuple) else (latency, latency)
        self.gzip = gzip
        self.key = DEFAULT_KEY
        self.keys: dict[str, Key] = {DEFAULT_KEY: Key("key-1", INTEGRATION_USER)}
        self._before: list[Callable[[Request], None]] = []
        self._numbering = threading.Lock()
        self._arrived = 0
        try:
            self._listener = Listener((host, port), self._respond)
        except OSError:
            self.store.close()
            raise

    @property
    def url(self) -> str:
        host, port = self._listener.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def start(self) -> Simulator:
        """Answer on a thread of its own from now on."""
        self._listener.serving = True  # said before the thread begins: `stop` then waits for its end
        threading.Thread(target=self._listener.serve_forever, args=(0.02,), name="simulator", daemon=True).start()
        return self

    def serve_forever(self) -> None:
        self._listener.serving = True
        self._listener.serve_forever()

    def stop(self) -> None:
        self._listener.stop()
        self.webhooks.stop()
        self.store.close()

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def add_key(
        self,
        text: str,
        *,
        user_id: int | None = None,
        forbidden: Iterable[tuple[str, str]] = (),
        visible: dict[str, str] | None = None,
    ) -> str:
        """Let in another key of the account, with (set, field) pairs it may not use and an OData filter per set."""
        name = f"key-{len(self.keys) + 1}"
        user = user_id or INTEGRATION_USER
        self.keys[text] = Key(name, user, frozenset(forbidden), visible or {})
        return text

    def restrict(
        self,
        *,
        user_id: int | None = None,
        forbidden: Iterable[tuple[str, str]] | None = None,
        visible: dict[str, str] | None = None,
    ) -> None:
        """Change what the first key may see, from the next request on; what is not given stays."""
        key = self.keys[self.key]
        self.keys[self.key] = replace(
            key,
            user_id=user_id or key.user_id,
            forbidden=key.forbidden if forbidden is None else frozenset(forbidden),
            visible=key.visible if visible is None else visible,
        )

    def before_request(self, hook: Callable[[Request], None]) -> Callable[[Request], None]:
        """Call this with every request before it is answered, on the thread that answers: the answer sees its edits."""
        self._before.append(hook)
        return hook

    def _respond(self, call: Call, send: Callable[[Reply], None]) -> None:
        started, inside = time.monotonic(), self.limits.enter()
        request, outcome = self._request(call), _Outcome()
        try:
            self._settle(request, call, inside, outcome)
        finally:
            self.limits.leave()
            self.requests.add(_logged(request, outcome, started, inside))
        send(outcome.reply)

    def _settle(self, request: Request, call: Call, inside: int, outcome: _Outcome) -> None:
        for hook in self._before:
            hook(request)
        outcome.answer = self._refusal(request, inside) or NOTHING
        if outcome.answer is NOTHING:
            outcome.fault = self.faults.due(request)
            call.pause(self.faults.chance.uniform(*self.latency) + (outcome.fault.pause if outcome.fault else 0))
            outcome.answer = self._answer(request, self.keys[call.headers["user-key"]], outcome.fault, call.body)
        outcome.reply = self._reply(outcome.answer, outcome.fault, call)

    def _request(self, call: Call) -> Request:
        path, _, query = call.target.partition("?")
        key = self.keys.get(call.headers.get("user-key", ""))
        with self._numbering:
            self._arrived += 1
            number = self._arrived
        headers = {name: value for name, value in call.headers.items() if name != "user-key"}
        return Request(
            number=number,
            method=call.method,
            path=unquote(path),
            query=unquote_plus(query),
            options=decoded(query),
            key=key.name if key else None,
            headers=headers,
        )

    def _refusal(self, request: Request, inside: int) -> Answer | None:
        if request.key is None:
            return message(self.answers.habits.bad_key_status, "Invalid or missing User-Key.")
        return self.limits.refusal(inside)

    def _answer(self, request: Request, key: Key, fault: Fault | None, body: bytes) -> Answer:
        if request.path.startswith("/Webhooks"):
            answer = self.webhooks.answer(request.method, request.path, body)
            return spoiled(fault, answer, self.clock.now()) if fault else answer
        if request.method != "GET":
            return message(405, f"The requested resource does not support http method '{request.method}'.")
        answer = self.answers.get(request.path, request.options, key)
        return spoiled(fault, answer, self.clock.now()) if fault else answer

    def _reply(self, answer: Answer, fault: Fault | None, call: Call) -> Reply:
        headers = (
            ("Content-Type", answer.content_type),
            ("Date", http_date(self.clock.now())),
            *answer.headers,
        )
        body = answer.body
        if self.gzip and body and "gzip" in call.headers.get("accept-encoding", ""):
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers = (*headers, ("Content-Encoding", "gzip"))
        return Reply(answer.status, body, headers, fault.failure if fault else "", fault.seconds if fault else 0.0)


def _logged(request: Request, outcome: _Outcome, started: float, inside: int) -> Logged:
    return Logged(
        **vars(request),
        status=outcome.reply.status,
        rows=None if outcome.answer.rows is None else len(outcome.answer.rows),
        bytes=len(outcome.reply.body),
        started=started,
        ended=time.monotonic(),
        in_flight=inside,
        fault=outcome.fault.action if outcome.fault else None,
    )


def serve(
    host: str = "127.0.0.1",
    port: int = 8200,
    *,
    deals: int = 30_000,
    customers: int = 2_100,
    seed: int = 1,
    path: Path | None = None,
    faults: Path | None = None,
    latency: float = 0.0,
    per_minute: int | None = 120,
    started: Callable[[Simulator], None] = lambda simulator: None,
) -> None:
    """Run until KeyboardInterrupt; `faults` is a JSON file of rules, `started` is called once the port listens."""
    simulator = Simulator(
        deals=deals,
        customers=customers,
        seed=seed,
        path=path,
        host=host,
        port=port,
        per_minute=per_minute,
        faults=read_faults(faults) if faults else (),
        latency=latency,
    )
    try:
        started(simulator)
        simulator.serve_forever()
    finally:
        simulator.stop()
