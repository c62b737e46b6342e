"""The command line: data on stdout, messages on stderr, and the one place that turns an error into an exit code.

Each command lives in a module that is imported when it is called, so that `carteira sync` pays for nothing else.
The parser is argparse: typer costs 70 ms at each start, a sixth of a whole sync.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from carteira.cli.parser import parser
from carteira.cli.terminal import say
from carteira.errors import CarteiraError

INTERRUPTED = 130
# Starting makes some hundred thousand objects that stay: to look through them every 700 takes a tenth of the start.
COLLECT_EVERY = 100_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; the codes are listed in docs/operations.md."""
    gc.set_threshold(COLLECT_EVERY)
    arguments = parser().parse_args(argv)
    module, _, function = arguments.run.partition(":")
    command: Callable[..., int | None] = getattr(import_module(f"carteira.cli.{module}"), function)
    try:
        return command(arguments) or 0
    except CarteiraError as error:
        say(f"carteira: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of stdout left; without this the interpreter complains once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        # Before it ends the interpreter would look through all of them once more.
        gc.freeze()
