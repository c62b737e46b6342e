"""A sync in a process of its own that goes from step to step when it is told to: what test_failpoints kills.

Each step's name goes to stdout, then a line is awaited on stdin. The settings are the environment's; exits as the
command line would.
"""

from __future__ import annotations

import sys
from pathlib import Path

from world import EAGER, ROWS_A_PAGE

from carteira.errors import CarteiraError
from carteira.settings import load
from carteira.sync.run import sync
from carteira.warehouse.connection import Warehouse


def wait_for_word(step: str) -> None:
    print(step, flush=True)
    sys.stdin.readline()


def main() -> int:
    settings = load(folder=Path(__file__).parent)
    assert settings.database_url is not None
    warehouse = Warehouse(settings.database_url.reveal(), settings.database_schema)
    try:
        sync(settings, warehouse, full="--full" in sys.argv, at_step=wait_for_word, page=ROWS_A_PAGE, patience=EAGER)
    except CarteiraError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
