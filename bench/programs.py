"""Programs run to their end with what they cost: wall and processor time, peak memory, requests."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.servers import Pages, Postgres

CARTEIRA = str(Path(sys.executable).with_name("carteira"))
BARE = (sys.executable, str(Path(__file__).with_name("bare.py")))
OTHERS = Path(__file__).parents[1] / ".bench-venv" / "bin" / "python"
PIPELINE = Path(__file__).with_name("dlt_pipeline.py")


@dataclass(frozen=True)
class Cost:
    """What a program cost; `server_cpu` is PostgreSQL's part, `output` what it printed."""

    wall: float
    cpu: float
    server_cpu: float
    peak_mb: float
    requests: int
    output: str


def run(command: Sequence[str], postgres: Postgres, pages: Pages, **environment: str) -> Cost:
    """Run a program to its end; raises where it fails."""
    pages.ask("log")
    server_before, began = postgres.cpu(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, env=ordinary() | environment, cwd=folder, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        output.seek(0)
        said = output.read()
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}:\n{said[-3000:]}")
    server_cpu = postgres.cpu() - server_before
    requests = pages.ask("log")["requests"]
    return Cost(wall, used.ru_utime + used.ru_stime, server_cpu, used.ru_maxrss / 1024, requests, said)


def ordinary() -> dict[str, str]:
    """The environment without what makes Python compile every module at every start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def sync(postgres: Postgres, pages: Pages, database: str, *options: str, per_minute: int = 1_000_000) -> Cost:
    """`carteira sync`."""
    return run(
        [CARTEIRA, "sync", "--json", *options],
        postgres,
        pages,
        PLOOMES_API_KEY="0123456789ABCDEF" * 8,
        PLOOMES_BASE_URL=pages.url,
        PLOOMES_REQUESTS_PER_MINUTE=str(per_minute),
        DATABASE_URL=database,
    )


def bare(postgres: Postgres, pages: Pages, database: str) -> Cost:
    """The bare steps in a flat script."""
    return run([*BARE, pages.url, database], postgres, pages)


def median(costs: Sequence[Cost]) -> Cost:
    """The run whose wall time is in the middle."""
    middle = statistics.median_low([cost.wall for cost in costs])
    return next(cost for cost in costs if cost.wall == middle)


def cpu(costs: Sequence[Cost]) -> float:
    """The median of processor time, PostgreSQL's included."""
    return statistics.median(cost.cpu + cost.server_cpu for cost in costs)
