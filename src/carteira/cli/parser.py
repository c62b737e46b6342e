"""Every command and option, with its help. `run` names the module and function that does it."""

from __future__ import annotations

import argparse
import shutil
from typing import TYPE_CHECKING

from carteira import __version__

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_CODES = """\
exit codes: 0 done · 1 unexpected, or a check failed · 2 settings or usage · 3 partial, run again · 4 another run is
working · 5 refused by the audit · 6 Ploomes is away · 7 key or field refused · 8 database away or of another schema
"""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="carteira",
        description="A company's customers and sales from the Ploomes CRM in its own PostgreSQL, and their dashboard.",
        epilog=EXIT_CODES,
        formatter_class=_Help,
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _work(commands)
    _watch(commands)
    _database(commands)
    _people(commands)
    return top


class _Help(argparse.RawDescriptionHelpFormatter):
    """Wide enough for one line a command, and without a line that says there are commands."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=min(shutil.get_terminal_size().columns, 110))

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        if isinstance(action, argparse._SubParsersAction):
            # The column is measured without the indentation that commands have.
            self._action_max_length += 2

    def _format_action(self, action: argparse.Action) -> str:
        if isinstance(action, argparse._SubParsersAction):
            return self._join_parts(map(self._format_action, self._iter_indented_subactions(action)))
        return super()._format_action(action)


def _work(commands: Commands) -> None:
    demo = _command(commands, "demo", "demo:demo", "a whole Carteira on invented data; no key, no account, no network")
    _address(demo)
    demo.add_argument("--deals", type=_count, default=30_000, metavar="N", help="deals to invent (30000)")
    demo.add_argument("--customers", type=_count, default=2_100, metavar="N", help="customers to invent (2100)")

    sync = _command(commands, "sync", "sync:sync", "read Ploomes, check what was read, publish it")
    sync.add_argument("--full", action="store_true", help="read everything, not only what changed")
    sync.add_argument("--deadline", type=_seconds, metavar="S", help="read for S seconds at most; the next run goes on")
    sync.add_argument(
        "--accept-deletions", action="store_true", help="publish although unusually many rows are gone from Ploomes"
    )
    _json(sync)

    serve = _command(commands, "serve", "serve:serve", "the dashboard and its API")
    _address(serve)
    serve.add_argument("--with-worker", action="store_true", help="sync as scheduled in the same process")

    _command(commands, "worker", "worker:worker", "sync as scheduled, and what webhooks name; any number")

    rebuild = _command(commands, "rebuild", "database:rebuild", "customer_sales from the sales that are here; no API")
    _json(rebuild)

    simulator = _command(commands, "simulator", "simulator:simulator", "a stand-in for Ploomes on this machine")
    _address(simulator, port=8200)
    simulator.add_argument("--deals", type=_count, default=30_000, metavar="N", help="deals to invent (30000)")
    simulator.add_argument("--customers", type=_count, default=2_100, metavar="N", help="customers to invent (2100)")
    simulator.add_argument("--seed", type=int, default=1, metavar="N", help="other data for another number (1)")
    simulator.add_argument("--path", metavar="FILE", help="keep the data in a file; without it, in memory")
    simulator.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds before each answer (0)")
    simulator.add_argument(
        "--per-minute", type=int, default=120, metavar="N", help="requests a minute; 0: no limit (120)"
    )
    simulator.add_argument("--faults", metavar="FILE", help="a JSON file of rules that spoil answers")


def _watch(commands: Commands) -> None:
    doctor = _command(commands, "doctor", "doctor:doctor", "check everything; say what is wrong and what to do")
    _json(doctor)

    status = _command(commands, "status", "status:status", "the last runs, freshness, and what is here against Ploomes")
    status.add_argument("--runs", type=_count, default=5, metavar="N", help="how many runs to list (5)")
    status.add_argument("--revenue", action="store_true", help="add up the won deals in Ploomes too; a request for 300")
    status.add_argument("--offline", action="store_true", help="do not ask Ploomes")
    _json(status)

    export = _group(commands, "export", "lists as files")
    customers = _command(export, "customers", "export:customers", "the customer list")
    customers.add_argument("--format", choices=("csv", "xlsx"), default="csv", help="csv, or xlsx with typed cells")
    customers.add_argument("--output", metavar="FILE", help="where to write it; without it, stdout")


def _database(commands: Commands) -> None:
    db = _group(commands, "db", "the database: migrations, drift, psql")
    _json(_command(db, "upgrade", "database:upgrade", "apply the migrations that are missing"))
    downgrade = _command(db, "downgrade", "database:downgrade", "go back to an older schema")
    downgrade.add_argument("version", metavar="VERSION", help="the last migration that stays; 0 takes all back")
    _json(downgrade)
    _json(_command(db, "check", "database:check", "name each difference from the schema this version expects"))
    psql = _command(db, "psql", "database:psql", "a psql on the database, which is held up meanwhile")
    psql.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="passed on to psql")

    forget = _command(commands, "forget", "forget:forget", "erase what names a contact, and keep it from coming back")
    forget.add_argument(
        "contact_id",
        nargs="?",
        type=_count,
        metavar="CONTACT_ID",
        help="its number in Ploomes; without it, who is forgotten",
    )
    forget.add_argument("--undo", action="store_true", help="let it be known again with the next full read")
    _json(forget)


def _people(commands: Commands) -> None:
    webhooks = _group(commands, "webhooks", "what Ploomes calls when a deal or a contact changes")
    for name, run, help in (
        ("install", "webhooks:install", "make Ploomes call for every change; renew what it switched off"),
        ("check", "webhooks:check", "whether Ploomes still calls, and when it did last"),
    ):
        command = _command(webhooks, name, run, help)
        command.add_argument("--url", metavar="URL", help="where Ploomes reaches Carteira; CARTEIRA_PUBLIC_URL")
        _json(command)

    users = _group(commands, "users", "who may sign in")
    add = _command(users, "add", "people:add_user", "add a user and print a one-time link to sign in with")
    add.add_argument("email", metavar="EMAIL")
    add.add_argument("--name", default="", help="as it is shown")
    add.add_argument("--role", choices=("admin", "gestor", "vendedor"), default="admin", help="what may be seen")
    add.add_argument("--owner", type=int, metavar="ID", help="the Ploomes user that a vendedor is")
    _json(_command(users, "list", "people:list_users", "everyone, with role and state"))
    for name, run, help in (
        ("link", "people:link_user", "print a new one-time link, for a password that is forgotten"),
        ("disable", "people:disable_user", "end a user's sessions and let none begin"),
        ("enable", "people:enable_user", "let a disabled user sign in again"),
    ):
        _command(users, name, run, help).add_argument("email", metavar="EMAIL")

    tokens = _group(commands, "tokens", "tokens for the API")
    add = _command(tokens, "add", "people:add_token", "print a new token, once")
    add.add_argument("name", metavar="NAME", help="what it is for")
    add.add_argument("--user", metavar="EMAIL", help="whose rights it has; without it, an admin's")
    _json(_command(tokens, "list", "people:list_tokens", "names and last use"))
    revoke = _command(tokens, "revoke", "people:revoke_token", "let a token open nothing any more")
    revoke.add_argument("name", metavar="NAME")


def _command(commands: Commands, name: str, run: str, help: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".", formatter_class=_Help)
    command.set_defaults(run=run)
    return command


def _group(commands: Commands, name: str, help: str) -> Commands:
    group = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".", formatter_class=_Help)
    return group.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="data as JSON")


def _address(command: argparse.ArgumentParser, port: int = 8000) -> None:
    command.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    command.add_argument("--port", type=_port, default=port, metavar="N", help=f"the port to listen on ({port})")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number from 1")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("must be a port, 1 to 65535 (0: any that is free)")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError("must be a number of seconds above 0")
    return seconds
