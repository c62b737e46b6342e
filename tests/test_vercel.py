"""As Vercel runs it: a fresh process for each request, no lifespan, and a hard kill at the limit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

from oracle import assert_agrees
from world import settings_for

from carteira.settings import Settings
from carteira.simulator.server import Simulator
from carteira.warehouse.connection import Warehouse

ROOT = Path(__file__).parents[1]
CRON = "/api/cron/sync-customer-sales"
DEALS, CUSTOMERS = 30_000, 2_100
PAGES = DEALS // 300 + CUSTOMERS // 300
# What a request needs besides pages: what there is, where to split, the catch-up, the look-ups, who the key is.
OTHER_REQUESTS = 30

ONE_REQUEST = textwrap.dedent("""
    import asyncio, json, sys
    from carteira.web.serverless import app

    async def ask(path, secret):
        answer = []
        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}
        async def send(message):
            answer.append(message)
        headers = [(b"host", b"carteira.example.com"), (b"authorization", b"Bearer " + secret.encode())]
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "https",
                 "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
                 "client": ("127.0.0.1", 1), "server": ("carteira.example.com", 443)}
        await app(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in answer)
        print(json.dumps([answer[0]["status"], body.decode()]))

    asyncio.run(ask(*sys.argv[1:]))
""")


def function(settings: Settings, deadline: float, path: str = CRON) -> subprocess.Popen[str]:
    """One request in a process of its own; nothing is left of it on a disk."""
    assert settings.ploomes_api_key and settings.database_url and settings.cron_secret
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "PLOOMES_API_KEY": settings.ploomes_api_key.reveal(),
        "PLOOMES_BASE_URL": settings.ploomes_base_url,
        "PLOOMES_REQUESTS_PER_MINUTE": "100000",
        "DATABASE_URL": settings.database_url.reveal(),
        "CRON_SECRET": settings.cron_secret.reveal(),
        "SYNC_DEADLINE_SECONDS": str(deadline),
        "CARTEIRA_LEASE_SECONDS": "1",
    }
    command = [sys.executable, "-c", ONE_REQUEST, path, settings.cron_secret.reveal()]
    return subprocess.Popen(command, env=environ, cwd="/", stdout=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen[str]) -> tuple[int, Any]:
    out, _ = process.communicate(timeout=60)
    status, body = json.loads(out)
    return status, json.loads(body)


def test_a_first_load_is_complete_after_some_slices_and_a_kill(warehouse: Warehouse, tmp_path: Path) -> None:
    """The platform kills a function that runs too long; what it has read stays, and no other reads it again."""
    with Simulator(deals=DEALS, customers=CUSTOMERS, latency=0.03) as ploomes:
        settings = settings_for(ploomes, warehouse, tmp_path)
        reading = threading.Event()

        @ploomes.before_request
        def _(request: Any) -> None:
            if len(ploomes.requests) > PAGES // 3:
                reading.set()

        killed = function(settings, deadline=240)
        assert reading.wait(60)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        before = len(ploomes.requests)

        statuses = []
        while 200 not in statuses:
            status, body = answer(function(settings, deadline=0.6))
            assert status in (200, 202, 409), body
            statuses.append(status)
            assert len(statuses) < 30

        assert killed.returncode == -signal.SIGKILL
        assert statuses.count(202) >= 1, "one slice was enough, so nothing was shown"
        assert body["run_id"] == 1, "another run began, so what the killed one had read was of no use"
        assert before + PAGES // 3 < len(ploomes.requests) < PAGES + OTHER_REQUESTS + len(statuses) * 8
        assert_agrees(ploomes, warehouse)


def test_a_page_is_served_without_a_lifespan_and_ready_is_told(settings: Settings) -> None:
    assert answer(function(settings, 240, "/readyz"))[0] == 200


def test_the_platform_finds_the_application_and_the_route() -> None:
    """By the names that it looks for; the schedule is the default one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (cron,) = json.loads((ROOT / "vercel.json").read_text("utf-8"))["crons"]

    assert project["scripts"]["app"] == "carteira.web.serverless:app"
    assert cron == {"path": CRON, "schedule": "0 */6 * * *"}
    assert [route.path for route in import_module("carteira.web.cron").router.routes] == [CRON]


def test_a_cold_start_imports_nothing_that_a_page_does_without() -> None:
    """Reading Ploomes, an embedded server, files, passwords, queues: each comes with the request that needs it."""
    said = subprocess.run(
        [sys.executable, "-c", "import sys, carteira.web.serverless; print(*sys.modules)"],
        env={"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "HOME": "/nonexistent"},
        cwd="/", capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip

    late = {
        "carteira.ploomes", "carteira.sync.run", "carteira.alerts", "carteira.warehouse.cluster", "urllib3",
        "xlsxwriter", "argon2", "zxcvbn", "structlog", "granian", "prometheus_client", "procrastinate", "smtplib",
        "stdnum", "authlib", "joserfc", "cryptography",
    }  # fmt: skip
    assert late & set(said) == set()
