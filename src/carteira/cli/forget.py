"""`carteira forget`: a person's right to be erased, without a figure changing."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from carteira.cli.opening import opened
from carteira.cli.terminal import out, out_json, out_table, say
from carteira.errors import Unacceptable
from carteira.settings import load

if TYPE_CHECKING:
    from carteira.warehouse.forget import Erased


def forget(arguments: Namespace) -> None:
    """Forget one contact, let one be known again, or list who is forgotten."""
    if arguments.contact_id is None and arguments.undo:
        raise Unacceptable("Say who is to be known again: carteira forget --undo CONTACT_ID.")
    if arguments.contact_id is None:
        _list(arguments)
    elif arguments.undo:
        _undo(arguments.contact_id)
    else:
        _forget(arguments)


def _tell_doubtful(erased: Erased) -> None:
    if not erased.doubtful_views:
        return
    say("These saved views may mean the contact, or others too. Ask those who saved them, or delete one with")
    say("`carteira db psql -- -c 'delete from saved_views where view_id = NUMBER'`:")
    for view in erased.doubtful_views:
        say(f"  {view.view_id}  {view.name}  ({view.by_whom})")


def _list(arguments: Namespace) -> None:
    from carteira.warehouse import forget

    with opened(load()) as warehouse, warehouse.transaction() as connection:
        found = forget.listed(connection)
    if arguments.json:
        out_json(found)
    else:
        out_table(("contact", "since"), [(one.customer_id, f"{one.forgotten_at:%Y-%m-%d}") for one in found])


def _undo(contact_id: int) -> None:
    from carteira.warehouse import forget, people

    with opened(load()) as warehouse, warehouse.transaction() as connection:
        forget.let_go(connection, contact_id)
        people.note(connection, None, "no longer forgotten", f"contact {contact_id}")
    say(f"Contact {contact_id} is no longer forgotten: `carteira sync --full` brings back what Ploomes still has.")


def _forget(arguments: Namespace) -> None:
    from carteira.customer_sales.rebuild import rebuild
    from carteira.warehouse import forget, people, publish, runs

    settings = load()
    with opened(settings) as warehouse, warehouse.transaction() as connection:
        publish.alone(connection)
        erased = forget.forget(connection, arguments.contact_id)
        last_sync_at = runs.freshness(connection).last_sync_at
        rebuild(connection, last_sync_at or datetime.now(UTC), [arguments.contact_id], settings.timezone)
        publish.queries.republished(connection)
        people.note(connection, None, "forgotten", f"contact {arguments.contact_id}")
    if arguments.json:
        out_json(erased)
    else:
        out(f"Emptied {erased.contacts} contact, {erased.deals} deals and {erased.rejected} rejected rows.")
        if erased.older:
            out(f"Deleted {erased.older} rows that an older system left.")
        if erased.views:
            out(f"Deleted {erased.views} saved {'view' if erased.views == 1 else 'views'} that told who it is.")
    _tell_doubtful(erased)
    say('The deals stay in every total, as of "Cliente esquecido". Delete the contact in Ploomes too, and old backups.')
