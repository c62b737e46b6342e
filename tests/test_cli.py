"""The command line: what goes to stdout, what to stderr, and the exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from oracle import assert_agrees

from carteira.cli import main
from carteira.cli.terminal import bar_line, duration
from carteira.settings import Settings
from carteira.simulator.faults import Fault
from carteira.simulator.requests import Request
from carteira.simulator.server import Simulator
from carteira.warehouse import lease
from carteira.warehouse.connection import Warehouse

HEAVY = {"psycopg", "fastapi", "msgspec", "structlog", "urllib3", "aiosql", "asyncio", "babel", "fasteners", "json"}


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The settings as a user sets them, in this process."""
    assert settings.ploomes_api_key and settings.database_url
    given = {
        "PLOOMES_API_KEY": settings.ploomes_api_key.reveal(),
        "PLOOMES_BASE_URL": settings.ploomes_base_url,
        "PLOOMES_REQUESTS_PER_MINUTE": str(settings.ploomes_requests_per_minute),
        "DATABASE_URL": settings.database_url.reveal(),
        "CARTEIRA_HOME": str(settings.home),
        "NO_COLOR": "1",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return given


@pytest.fixture
def run(environment: dict[str, str], capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ran]:
    """`run("sync", "--json")` does it here."""

    def run(*arguments: str) -> Ran:
        code = main(arguments)
        out, err = capfdbinary.readouterr()
        return Ran(code, out.decode("utf-8-sig"), err.decode())

    return run


@contextmanager
def process(*arguments: str, **how: object) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own; killed if the test forgets it."""
    command = [sys.executable, "-m", "carteira.cli", *arguments]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | how
    started = subprocess.Popen(command, **options)  # type: ignore[call-overload]
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        for stream in (started.stdout, started.stderr):
            if stream:
                stream.close()


def test_help_costs_nothing_that_only_a_command_needs() -> None:
    script = "import sys\nfrom carteira.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    asked = subprocess.run(
        [sys.executable, "-c", script + "print(*sys.modules)"], capture_output=True, text=True, check=True
    )

    assert HEAVY.intersection(asked.stdout.splitlines()[-1].split()) == set()
    assert "sync" in asked.stdout


def test_a_sync_brings_no_web_and_no_log(environment: dict[str, str]) -> None:
    script = "import sys\nfrom carteira.cli import main\ncode = main(['sync'])\n"
    ran = subprocess.run(
        [sys.executable, "-c", script + "print(code, *sys.modules)"], capture_output=True, text=True, check=True
    )

    code, *modules = ran.stdout.splitlines()[-1].split()
    assert code == "0"
    assert {"fastapi", "structlog", "rich", "typer", "babel", "jinja2"}.intersection(modules) == set()


def test_sync_says_how_it_ended(run: Callable[..., Ran], simulator: Simulator, warehouse: Warehouse) -> None:
    # On some days an invented deal was changed this very second, and then a run looks once more.
    simulator.clock.advance(10)
    first = run("sync")
    quiet = run("sync", "--json")

    assert (first.code, quiet.code) == (0, 0)
    assert re.fullmatch(r"succeeded: full run 1, \d+ customers and 600 deals, \d+ requests, [\d.]+ s\n", first.out), (
        first.out
    )
    outcome = json.loads(quiet.out)
    assert (outcome["mode"], outcome["requests"], outcome["message"]) == ("incremental", 2, "Nothing had changed.")
    assert_agrees(simulator, warehouse)


def test_a_deadline_leaves_a_partial_run(run: Callable[..., Ran], simulator: Simulator, warehouse: Warehouse) -> None:
    simulator.latency = (0.2, 0.2)

    cut = run("sync", "--deadline", "0.3")
    simulator.latency = (0.0, 0.0)
    rest = run("sync")

    assert cut.code == 3
    assert "run again" in cut.err
    assert rest.code == 0
    assert_agrees(simulator, warehouse)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_sync_as_a_deadline_does(
    environment: dict[str, str], simulator: Simulator, warehouse: Warehouse, number: signal.Signals
) -> None:
    reading, go_on = threading.Event(), threading.Event()

    @simulator.before_request
    def hold(request: Request) -> None:
        if request.number == 5:
            reading.set()
            go_on.wait(30)

    with process("sync") as sync:
        assert reading.wait(30)
        sync.send_signal(number)
        assert sync.stderr
        assert "Stopping" in sync.stderr.readline()
        go_on.set()
        assert sync.wait(30) == 3

    assert main(["sync"]) == 0
    assert_agrees(simulator, warehouse)


def test_a_second_signal_ends_a_sync_at_once(
    environment: dict[str, str], simulator: Simulator, warehouse: Warehouse
) -> None:
    reading, go_on = threading.Event(), threading.Event()

    @simulator.before_request
    def hold(request: Request) -> None:
        if request.number >= 5:
            reading.set()
            go_on.wait(30)

    with process("sync") as sync:
        assert reading.wait(30)
        sync.send_signal(signal.SIGINT)
        assert sync.stderr
        sync.stderr.readline()
        sync.send_signal(signal.SIGINT)
        go_on.set()
        assert sync.wait(30) == 130

    assert main(["sync"]) == 0
    assert_agrees(simulator, warehouse)


def test_what_is_missing_is_a_matter_of_settings(
    run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, simulator: Simulator
) -> None:
    monkeypatch.setenv("PLOOME_API_KEY", simulator.key)
    monkeypatch.delenv("PLOOMES_API_KEY")
    monkeypatch.setenv("PLOOMES_CONCURRENCY", "none")

    ran = run("sync")

    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.splitlines() == [
        "carteira: PLOOME_API_KEY is not a setting and PLOOMES_API_KEY is not set: rename it to PLOOMES_API_KEY.",
        "PLOOMES_CONCURRENCY must be a whole number from 1.",
    ]


def test_a_key_that_is_refused(run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLOOMES_API_KEY", "canary")

    ran = run("sync")

    assert ran.code == 7
    assert "PLOOMES_API_KEY" in ran.err
    assert "canary" not in ran.err


def test_a_database_that_is_away(run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ana:canary@127.0.0.1:1/nowhere")

    ran = run("sync")

    assert ran.code == 8
    assert "DATABASE_URL" in ran.err
    assert "canary" not in ran.err


def test_another_run_is_at_work(run: Callable[..., Ran], warehouse: Warehouse) -> None:
    with lease.held(warehouse, 30):
        ran = run("sync")

    assert ran.code == 4
    assert "Another run" in ran.err


def test_an_older_schema_names_the_command(run: Callable[..., Ran]) -> None:
    assert run("db", "downgrade", "20261124000300").code == 0

    ran = run("status", "--offline")

    assert ran.code == 8
    assert "carteira db upgrade" in ran.err
    assert run("db", "upgrade").out.splitlines()[0] == "20261124000400"
    assert run("db", "check").code == 0
    assert run("db", "upgrade", "--json").out.strip() == "[]"


def test_db_check_names_what_is_different(run: Callable[..., Ran], warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute("alter table customers add remarks text")

    ran = run("db", "check")
    told = json.loads(run("db", "check", "--json").out)

    assert ran.code == 1
    assert "customers: column remarks is foreign" in ran.out
    assert [difference["name"] for difference in told] == ["remarks"]


def test_status_holds_what_is_here_beside_ploomes(run: Callable[..., Ran], simulator: Simulator) -> None:
    assert "Nothing was published yet" in run("status").out
    run("sync")

    same = run("status", "--revenue")
    told = json.loads(run("status", "--json", "--revenue", "--runs", "1").out)
    simulator.data.delete_deal(simulator.data.ids()[0])
    apart = run("status")

    assert same.code == 0
    assert same.err == ""
    assert told["here"] == told["ploomes"]
    assert told["here"]["deals"] == 600
    assert [one["state"] for one in told["runs"]] == ["succeeded"]
    assert "differ: deals" in apart.err


def test_rebuild_mends_customer_sales_without_ploomes(
    run: Callable[..., Ran], simulator: Simulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("sync")
    monkeypatch.delenv("PLOOMES_API_KEY")
    with warehouse.transaction() as connection:
        spoilt = connection.execute("update customer_sales set total_revenue = total_revenue + 1").rowcount
        (before,) = connection.execute("select publication from sync_state").fetchone() or (None,)

    assert json.loads(run("rebuild", "--json").out) == {"changed": spoilt}
    assert run("rebuild").out.startswith("0 rows")
    assert_agrees(simulator, warehouse)
    with warehouse.transaction() as connection:
        assert connection.execute("select publication from sync_state").fetchone() == (before + 1,)


def test_people_and_tokens(run: Callable[..., Ran]) -> None:
    added = run("users", "add", "ana@example.com", "--name", "Ana")
    again = run("users", "add", "ana@example.com")
    token = run("tokens", "add", "planilha", "--user", "ana@example.com")
    link = run("users", "link", "ana@example.com")
    tokens = json.loads(run("tokens", "list", "--json").out)

    assert re.fullmatch(r"http://127\.0\.0\.1:8000/entrar/\S{43}\n", added.out)
    assert added.out != link.out
    assert again.code == 1
    assert again.out == ""
    assert re.fullmatch(r"\S{43}\n", token.out)
    assert [(one["name"], one["email"]) for one in tokens] == [("planilha", "ana@example.com")]
    assert run("tokens", "revoke", "planilha").code == 0
    assert "revoked" in run("tokens", "list").out
    assert run("users", "disable", "ana@example.com").code == 0
    assert "disabled" in run("users", "list").out
    assert run("users", "link", "ana@example.com").code == 1
    assert run("users", "enable", "ana@example.com").code == 0
    assert [user["disabled_at"] for user in json.loads(run("users", "list", "--json").out)] == [None]


def test_the_customer_list_as_a_file(run: Callable[..., Ran], tmp_path: Path) -> None:
    run("sync")

    lines = list(csv.reader(io.StringIO(run("export", "customers").out), delimiter=";"))
    told = run("export", "customers", "--format", "xlsx", "--output", "customers.xlsx")

    assert lines[0][1] == "Cliente"
    assert len(lines) > 80
    assert told.err.endswith("customers in customers.xlsx\n")
    assert (tmp_path / "customers.xlsx").read_bytes().startswith(b"PK")
    assert run("export", "customers", "--output", "/nowhere/x.csv").code == 1


def test_psql_does_not_show_the_password_to_ps(
    run: Callable[..., Ran], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_password = environment["DATABASE_URL"].replace("@", ":canary@", 1)
    monkeypatch.setenv("DATABASE_URL", with_password)

    shown = run("db", "psql", "--", "-XAtc", r"\! tr '\0' ' ' < /proc/$PPID/cmdline", "-c", "select 40 + 2")

    assert shown.code == 0
    assert "dbname" in shown.out
    assert "canary" not in shown.out
    assert shown.out.endswith("42\n")


def test_a_reader_who_leaves_is_no_failure_of_ours(environment: dict[str, str]) -> None:
    main(["sync"])

    with process("export", "customers") as export:
        assert export.stdout
        export.stdout.read(10)
        export.stdout.close()
        assert export.stderr
        assert "Traceback" not in export.stderr.read()


def test_the_simulator_runs_alone_and_says_how_to_reach_it() -> None:
    with process("simulator", "--port", "0", "--deals", "30", "--customers", "5", "--per-minute", "0") as simulator:
        assert simulator.stdout
        url = simulator.stdout.readline().strip().removeprefix("PLOOMES_BASE_URL=")
        key = simulator.stdout.readline().strip().removeprefix("PLOOMES_API_KEY=")
        assert url.startswith("http://127.0.0.1:")
        assert len(key) == 128
        simulator.send_signal(signal.SIGTERM)
        assert simulator.wait(30) == 0


def test_a_simulator_that_cannot_start_says_why(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text("{}")

    assert main(["simulator", "--port", "0", "--faults", str(tmp_path / "faults.json")]) == 1
    assert "holds no list of rules" in capsys.readouterr().err


def test_the_demo_starts_shows_a_link_and_leaves_nothing_running(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PLOOMES", "DATABASE"))}
    environ["CARTEIRA_HOME"] = str(tmp_path)
    for attempt in ("first", "second"):
        with process("demo", "--port", "0", "--deals", "300", "--customers", "30", env=environ, cwd=tmp_path) as demo:
            assert demo.stderr
            told = []
            for line in demo.stderr:
                told.append(line)
                if "/entrar/" in line:
                    break
            link = re.search(r"http://\S+", told[-1])
            assert link, told
            with urlopen(link[0], timeout=30) as page:
                assert page.status == 200, attempt
            demo.send_signal(signal.SIGINT)
            assert demo.wait(30) in (0, 130)
        assert not (tmp_path / "demo-300-30" / "postgres" / "postmaster.pid").exists()


def test_the_cron_script_calls_the_route_until_the_run_is_complete(
    environment: dict[str, str], simulator: Simulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRON_SECRET", "0123456789abcdef")
    monkeypatch.setenv("SYNC_DEADLINE_SECONDS", "2")
    simulator.faults.add(Fault("stall", path="/Deals", nth=2, seconds=4))
    script = Path(__file__).parents[1] / "scripts" / "test-cron-sync.sh"
    with process("serve", "--port", "0") as serve:
        assert serve.stderr
        address = serve.stderr.readline().removeprefix("Carteira is at ").strip()
        complete = subprocess.run([script, address], capture_output=True, text=True, check=False, timeout=120)
        monkeypatch.setenv("CRON_SECRET", "another secret that is wrong")
        wrong = subprocess.run([script, address], capture_output=True, text=True, check=False, timeout=120)
        serve.send_signal(signal.SIGTERM)
        assert serve.wait(30) == 0
    monkeypatch.delenv("CRON_SECRET")
    missing = subprocess.run([script, address], capture_output=True, text=True, check=False, timeout=120)

    assert complete.returncode == 0, complete
    assert complete.stdout.startswith("HTTP 202  state: partial")
    assert re.search(
        r"^HTTP 200  state: succeeded  mode: full  customers: \d+  deals: 600", complete.stdout, re.MULTILINE
    )
    assert (wrong.returncode, missing.returncode) == (1, 2)
    assert_agrees(simulator, warehouse)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (7.4, "0:07"), (150, "2:30"), (3720, "1:02:00"), (59.6, "1:00")]
)
def test_a_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_bar() -> None:
    assert (
        bar_line("deals", 15_000, 30_000, 12.3) == f"deals      {'█' * 15}{'░' * 15}  50%  15,000 of 30,000  0:12 left"
    )
    assert bar_line("deals", 0, 0, None) == f"deals      {'█' * 30} 100%  0 of 0"
    assert "100%" in bar_line("deals", 30_010, 30_000, 0)


def test_a_terminal_shows_a_bar_and_clears_it(environment: dict[str, str]) -> None:
    ours, theirs = os.openpty()
    with process("sync", "--full", stderr=theirs) as sync:
        os.close(theirs)
        seen = b""
        while sync.poll() is None or seen == b"":
            try:
                seen += os.read(ours, 65_536)
            except OSError:
                break
        assert sync.wait(30) == 0
    os.close(ours)

    text = seen.decode()
    assert "█" in text
    assert "left" in text or "100%" in text
    assert text.rpartition("█")[2].count("\x1b[K") >= 1


def test_usage_is_a_matter_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["sync", "--deadline", "0"], ["serve", "--port", "70000"], ["users"], ["nothing"]):
        with pytest.raises(SystemExit) as refused:
            main(wrong)
        assert refused.value.code == 2
    assert "usage: carteira" in capsys.readouterr().err
