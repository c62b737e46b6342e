"""`carteira export customers`: the list as a file."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryFile

from carteira.cli.opening import opened
from carteira.cli.terminal import say
from carteira.errors import CarteiraError
from carteira.settings import load


def customers(arguments: Namespace) -> None:
    """Written whole before a byte of it goes out, so that a failure leaves no half of a file."""
    from zoneinfo import ZoneInfo

    from carteira.customer_sales import segments
    from carteira.customer_sales.customers import Filters, everyone
    from carteira.customer_sales.sight import EVERYTHING
    from carteira.warehouse import people, stamp
    from carteira.web.spreadsheets import write

    if arguments.output is None and arguments.format == "xlsx" and sys.stdout.isatty():
        raise CarteiraError("An XLSX file is nothing for a terminal: name a file with --output, or redirect stdout.")
    settings = load()
    zone = ZoneInfo(settings.timezone)
    with TemporaryFile() as file:
        with opened(settings) as warehouse:
            with warehouse.transaction(snapshot=True) as connection:
                portfolio = segments.portfolio(connection, stamp.read(connection, zone).today, EVERYTHING)
                found = everyone(connection, EVERYTHING, zone, Filters(), portfolio=portfolio)
                count = write(found, zone, arguments.format, file)
            with warehouse.transaction() as connection:
                people.note(connection, None, "export", f"{count} customers, {arguments.format}: the command line")
        file.seek(0)
        if arguments.output is None:
            shutil.copyfileobj(file, sys.stdout.buffer)
            return
        try:
            with Path(arguments.output).open("wb") as target:
                shutil.copyfileobj(file, target)
        except OSError as error:
            raise CarteiraError(f"{arguments.output} cannot be written: {error.strerror}.") from error
    say(f"{count:,} customers in {arguments.output}")
