"""The account that is measured with: the simulator's rows as they go over the wire, kept in files between runs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from carteira.ploomes.entities import CONTACTS, DEALS, LOOK_UPS
from carteira.simulator.answers import Key
from carteira.simulator.reference import INTEGRATION_USER
from carteira.simulator.server import Simulator

CACHE = Path(tempfile.gettempdir(), "carteira-bench")
KEY = Key("bench", INTEGRATION_USER)
SELECTED = {
    "/Contacts": {"$select": CONTACTS.fields(), "$expand": CONTACTS.expand() or ""},
    "/Deals": {"$select": DEALS.fields()},
    **{one.path: {"$select": one.fields} for one in LOOK_UPS},
}


class _Rows(msgspec.Struct):
    value: list[msgspec.Raw]


def made(deals: int, customers: int) -> Path:
    """A folder with one file for each set of an account: a row a line, `Id <tab> microseconds <tab> JSON`.

    Another process makes it: what this one grows to is counted as the peak of those that it starts.
    """
    folder = CACHE / f"{deals}-{customers}"
    if not folder.exists():
        subprocess.run([sys.executable, "-m", "bench.account", str(deals), str(customers)], check=True)
    return folder


def make(deals: int, customers: int) -> None:
    """Make the folder, whole or not at all."""
    folder = CACHE / f"{deals}-{customers}"
    unfinished = folder.with_name(folder.name + ".unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    simulator = Simulator(deals=deals, customers=customers)
    for path in SELECTED:
        with file_of(unfinished, path).open("wb") as file:
            file.writelines(_lines(simulator, path))
    simulator.store.close()
    unfinished.rename(folder)


def file_of(folder: Path, path: str) -> Path:
    """Where the rows of a set lie."""
    return folder / (path.strip("/") + ".rows")


def _lines(simulator: Simulator, path: str) -> Iterator[bytes]:
    after_id = 0
    while True:
        page = {**SELECTED[path], "$filter": f"Id gt {after_id}", "$orderby": "Id", "$top": "300"}
        answer = simulator.answers.get(path, page, KEY)
        if not answer.rows:
            return
        for row, raw in zip(answer.rows, msgspec.json.decode(answer.body, type=_Rows).value, strict=True):
            after_id = row["Id"]
            yield b"%d\t%d\t%b\n" % (after_id, microseconds(row.get("LastUpdateDate")), bytes(raw))


def microseconds(moment: str | None) -> int:
    """A time stamp as it comes over the wire as a whole number; 0 where there is none."""
    return round(datetime.fromisoformat(moment).timestamp() * 1_000_000) if moment else 0


if __name__ == "__main__":
    make(int(sys.argv[1]), int(sys.argv[2]))
