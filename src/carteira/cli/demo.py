"""`carteira demo`: a whole Carteira on invented data, in one process, so that ending it ends everything."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from carteira.cli.opening import opened
from carteira.cli.serve import free_port, serve_warehouse
from carteira.cli.stopping import interrupted_by_sigterm
from carteira.cli.terminal import progress_bar, say
from carteira.errors import CarteiraError
from carteira.settings import Settings, load
from carteira.settings.sources import user_data_folder

if TYPE_CHECKING:
    from carteira.simulator.server import Simulator
    from carteira.warehouse.connection import Warehouse

DATA = "ploomes.sqlite"
UNLIMITED = "999999999"


def demo(arguments: Namespace) -> None:
    """The data is kept under CARTEIRA_HOME, apart from that of real use, and used again."""
    from carteira.simulator.server import Simulator

    folder = _home() / f"demo-{arguments.deals}-{arguments.customers}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = free_port(arguments.host, arguments.port)
    with interrupted_by_sigterm():
        if not (folder / DATA).exists():
            say(f"Inventing {arguments.customers:,} customers and {arguments.deals:,} deals …")
        try:
            ploomes = Simulator(deals=arguments.deals, customers=arguments.customers, path=folder / DATA)
        except OSError as error:
            raise CarteiraError(f"The demo does not start: {error}.") from error
        with ploomes:
            settings = _settings(ploomes, folder)
            with opened(settings) as warehouse:
                _sync(settings, warehouse)
                say("Ctrl-C ends the demo; its data stays in " + str(folder))
                serve_warehouse(settings, warehouse, arguments.host, port)


def _home() -> Path:
    # Nothing else of the environment or an .env file matters here, be it wrong or a real key.
    home = os.environ.get("CARTEIRA_HOME", "").strip()
    return Path(home).expanduser().absolute() if home else user_data_folder(os.environ)


def _settings(ploomes: Simulator, folder: Path) -> Settings:
    environ = {
        "PLOOMES_API_KEY": ploomes.key,
        "PLOOMES_BASE_URL": ploomes.url,
        "PLOOMES_REQUESTS_PER_MINUTE": UNLIMITED,
        "CARTEIRA_HOME": str(folder),
    }
    return load(environ, folder)


def _sync(settings: Settings, warehouse: Warehouse) -> None:
    from carteira.sync.run import sync

    began = time.monotonic()
    with progress_bar() as progress:
        outcome = sync(settings, warehouse, progress=progress)
    say(f"{outcome.message} {outcome.requests} requests, {time.monotonic() - began:.1f} s.")
