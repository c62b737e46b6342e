"""The account that the simulator invents, the same for the same numbers, in memory or in a file that is used again."""

from __future__ import annotations

import json
import random
import sqlite3
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from carteira.simulator import documents, reference, seasons
from carteira.simulator.clock import BRASILIA, Clock, stored
from carteira.simulator.customers import Customer, Invention, rare
from carteira.simulator.sales import Ledger, Trade
from carteira.simulator.seasons import Seasons
from carteira.simulator.sets import ENTITY_SETS
from carteira.simulator.store import BLOCK_BORDER, HIDDEN_CONTACTS, Store

YEARS = 5
_DRAWN = 30_000  # deals that are drawn one by one; a larger account is made of copies of them
_FORMAT = 3  # raise it when other code would make another account


@dataclass(frozen=True)
class World:
    """How large the account is and how its dice fall."""

    deals: int
    customers: int
    seed: int

    def made(self) -> str:
        return json.dumps({**asdict(self), "format": _FORMAT})


def open_store(path: Path | None, clock: Clock, world: World) -> Store:
    """The world's store; a file that holds the same world is used as it is, edits included, any other is made anew."""
    if path is None:
        return _made(Store(None, clock), world)
    try:
        if not _holds(path, clock, world):
            _make_file(path, clock, world)
        return Store(path, clock)
    except sqlite3.DatabaseError as error:
        raise OSError(
            f"{path} cannot hold the simulator's data ({error}); name another file or remove this one"
        ) from error


def _make_file(path: Path, clock: Clock, world: World) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    _made(Store(unfinished, clock), world).close()
    unfinished.replace(path)


def _holds(path: Path, clock: Clock, world: World) -> bool:
    if not path.exists():
        return False
    store = Store(path, clock)
    tables = store.connection.execute("select 1 from sqlite_schema where name = 'made'").fetchone()
    made = store.connection.execute("select options from made").fetchone() if tables else None
    store.close()
    return made == (world.made(),)


def _made(store: Store, world: World) -> Store:
    copies = max(1, -(-world.deals // _DRAWN))
    with store.changing() as connection:
        store.create_tables()
        _draw(store, world, copies)
        strides = {each.lower(): _stride(store, each) for each in _SHIFTED}
        for name in _SHIFTED:
            _copy(store, name, copies, strides)
        store.create_indexes()
        _trim(store, world)
        connection.execute("insert into made values (?, ?)", (world.made(), store.clock.stamp()))
    return store


def _draw(store: Store, world: World, copies: int) -> None:
    dice = random.Random(world.seed)
    now = store.clock.now().astimezone(BRASILIA).replace(tzinfo=None)
    calendar = Seasons(seasons.ticks(now - timedelta(days=365 * YEARS)), seasons.ticks(now))
    long_ago, lately = seasons.text(calendar.moment(0)), seasons.text(calendar.moment(0.9))
    for name, rows in reference.rows(long_ago, lately):
        store.fill(name, rows)
    many = -(-world.customers // copies)
    hidden = len(rare(dice, many, 0.004))
    customers = Invention(dice, calendar, many + hidden).customers()
    store.fill("Contacts", (customer.row for customer in sorted(customers, key=lambda each: each.contact_id)))
    _tag(store, dice, customers)
    deals = Trade(dice, calendar, customers).deals(-(-world.deals // copies))
    store.fill("Deals", sorted(Ledger(dice, calendar, deals).rows()))
    for customer in dice.sample(customers, hidden):
        # the CRM keeps a few contacts from integrations; their deals name them all the same
        store.move("Contacts", customer.contact_id, to=HIDDEN_CONTACTS)


def _tag(store: Store, dice: random.Random, customers: list[Customer]) -> None:
    tags = [(customer.contact_id, 64_000_001) for customer in customers if dice.random() < 0.4]
    tags += [(customer.contact_id, dice.choice((64_000_002, 64_000_003))) for customer in customers[::9]]
    store.fill("Contacts@Tags", [(n, tag, contact) for n, (contact, tag) in enumerate(tags, 65_000_001)])
    for number, customer in enumerate(customers, 1):
        phone = f"(11) 9{number % 10_000:04d}-{number * 7 % 10_000:04d}"
        store.fill("Contacts@Phones", [(66_000_000 + number, phone, 1, customer.contact_id)])


# only what was drawn changed within a day: an incremental read of a huge account stays a small one
_EARLIER = "case when LastUpdateDate > :yesterday then :before || substr(LastUpdateDate, 11) else LastUpdateDate end"
_SHIFTED = {
    "Contacts": {
        "Id": "Id + :number * :contacts",
        "CompanyId": "CompanyId + :number * :contacts",
        "Name": "nullif(Name, '') || ' ' || :number",
        "Register": "another(Register, :number)",
        "CNPJ": "another(CNPJ, :number)",
        "CPF": "another(CPF, :number)",
        "LastUpdateDate": _EARLIER,
    },
    "Deals": {
        "Id": "Id + :number * :deals",
        "ContactId": "ContactId + :number * :contacts",
        "ContactName": "nullif(ContactName, '') || ' ' || :number",
        "Amount": "case when Amount > 0 then Amount + :number * 100 else Amount end",
        "LastUpdateDate": _EARLIER,
    },
}


def _copy(store: Store, name: str, copies: int, strides: dict[str, int]) -> None:
    """Fill the Ids behind each block with relatives of its rows: a hundred times as fast as drawing them."""
    connection, table = store.connection, ENTITY_SETS[name].table
    connection.create_function("another", 2, documents.another, deterministic=True)
    columns = ", ".join(_SHIFTED[name].get(column, column) for column in ENTITY_SETS[name].columns)
    yesterday, before = (stored(store.clock.now() - timedelta(days=days)) for days in (1, 2))
    dates = {"yesterday": yesterday, "before": before[:10]}
    for low, high in _blocks(store, name):
        for number in range(1, copies):
            connection.execute(
                f"insert into {table} select {columns} from {table} where Id between :low and :high order by Id",
                {"number": number, "low": low, "high": high, **dates, **strides},
            )


def _blocks(store: Store, name: str) -> list[tuple[int, int]]:
    sql = f"select min(Id), max(Id) from {ENTITY_SETS[name].table} group by Id > {BLOCK_BORDER} order by 1"
    return [(low, high) for low, high in store.connection.execute(sql)]


def _stride(store: Store, name: str) -> int:
    return max((high - low + 1 for low, high in _blocks(store, name)), default=0)


def _trim(store: Store, world: World) -> None:
    """Copies come in whole numbers; take off what is too many, of contacts those without deals."""
    without_deals = "not exists (select 1 from deals where ContactId = contacts.Id)"
    for table, wanted, condition in (("deals", world.deals, "1"), ("contacts", world.customers, without_deals)):
        (there,) = store.connection.execute(f"select count(*) from {table}").fetchone()
        store.connection.execute(
            f"delete from {table} where Id in (select Id from {table} where {condition} order by Id desc limit ?)",
            (max(there - wanted, 0),),
        )
