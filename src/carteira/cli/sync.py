"""`carteira sync`: one run, told as it goes and summed up when it is over."""

from __future__ import annotations

import sys
from argparse import Namespace

from carteira.cli.opening import opened
from carteira.cli.stopping import stop_requests
from carteira.cli.terminal import out, out_json, progress_bar, say
from carteira.settings import load

PARTIAL = 3
# The thread that writes needs the interpreter for a moment after each statement, while others decode pages: after the
# usual 5 ms of waiting for it, what it wrote is long there.
SWITCH_SECONDS = 0.0001
STOPPING = "Stopping: what is read stays, the next run goes on from there. Once more to stop at once."


def sync(arguments: Namespace) -> int:
    """Read, check, publish; 3 when it was cut short and the next run has to go on."""
    sys.setswitchinterval(SWITCH_SECONDS)
    settings = load(required=("PLOOMES_API_KEY",))
    from carteira.sync.run import sync as run

    with (
        stop_requests(STOPPING) as stopping,
        opened(settings, any_schema=True) as warehouse,
        progress_bar() as progress,
    ):
        outcome = run(
            settings,
            warehouse,
            full=arguments.full,
            deadline=arguments.deadline,
            accept_deletions=arguments.accept_deletions,
            progress=progress,
            stopping=stopping,
        )
    if arguments.json:
        out_json(outcome)
    else:
        out(
            f"{outcome.state}: {outcome.mode} run {outcome.run_id}, {outcome.customers:,} customers and "
            f"{outcome.deals:,} deals, {outcome.requests:,} requests, {outcome.seconds:.1f} s"
        )
    if outcome.message:
        say(outcome.message)
    return PARTIAL if outcome.state == "partial" else 0
