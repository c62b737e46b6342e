"""`make bench`: a table of figures, each with its limit; `make bench-long` adds what takes minutes."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterable

from bench.dashboard_figures import dashboard, large_dashboard
from bench.dlt_figures import beside_dlt
from bench.figures import Figure, show
from bench.servers import postgres
from bench.sync_figures import large, paced, small

QUICK, LONG = ("sync", "paced", "dashboard", "dlt"), ("large", "large-dashboard")


def main() -> int:
    """Measure and print; 1 when a limit is not kept."""
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--long", action="store_true", help="300,000 and 3,000,000 deals too")
    asked.add_argument("--rounds", type=int, default=5, help="how often each program has its turn (5)")
    asked.add_argument("--only", nargs="+", choices=(*QUICK, *LONG), help="these parts and no others")
    arguments = asked.parse_args()
    asked_for = arguments.only or (*QUICK, *(LONG if arguments.long else ()))
    kept = True
    with postgres() as server:
        machine = f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
        print(f"{server.name}, {machine}")
        parts: dict[str, Iterable[Figure]] = {
            "sync": small(server, arguments.rounds),
            "paced": paced(server),
            "dashboard": dashboard(server),
            "large": large(server),
            "large-dashboard": large_dashboard(server),
            "dlt": beside_dlt(server, 3),
        }
        for name, figures in parts.items():
            if name not in asked_for:
                continue
            print(f"\n{name}")
            for figure in figures:
                show(figure)
                kept = kept and figure.verdict in ("", "ok")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
