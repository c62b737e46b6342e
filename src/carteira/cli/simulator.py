"""`carteira simulator`: the stand-in for Ploomes, alone."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from carteira.cli.stopping import interrupted_by_sigterm
from carteira.cli.terminal import out, say
from carteira.errors import CarteiraError

if TYPE_CHECKING:
    from carteira.simulator.server import Simulator


def simulator(arguments: Namespace) -> int:
    """Serve until interrupted; what a client has to set goes to stdout, ready for an .env file."""
    from carteira.simulator.server import serve

    with interrupted_by_sigterm():
        try:
            serve(
                arguments.host,
                arguments.port,
                deals=arguments.deals,
                customers=arguments.customers,
                seed=arguments.seed,
                path=Path(arguments.path) if arguments.path else None,
                faults=Path(arguments.faults) if arguments.faults else None,
                latency=arguments.latency,
                per_minute=arguments.per_minute or None,
                started=_tell,
            )
        except KeyboardInterrupt:
            say("Stopped.")
        except (OSError, ValueError) as error:
            raise CarteiraError(
                f"The simulator does not start: {error}. Check --host, --port and the files."
            ) from error
    return 0


def _tell(running: Simulator) -> None:
    out(f"PLOOMES_BASE_URL={running.url}\nPLOOMES_API_KEY={running.key}")
    say("A stand-in for Ploomes answers there. Ctrl-C ends it.")
