"""A worker in a process of its own, which may be in a network of its own: what test_worker kills.

The settings are the environment's, but for Ploomes' address: a key goes to https or to this machine, and the simulator
may be on another.
"""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

from carteira.cli.stopping import stop_requests
from carteira.settings import load
from carteira.sync import schedule
from carteira.warehouse.connection import Warehouse


def main() -> int:
    logging.basicConfig(level=logging.INFO)
    settings = replace(load(folder=Path(__file__).parent), ploomes_base_url=os.environ["SIMULATOR"])
    assert settings.database_url is not None
    with stop_requests("stopping") as stopping:
        print("working", flush=True)
        schedule.work(settings, Warehouse(settings.database_url.reveal(), settings.database_schema), stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())
