"""Queries as Ploomes takes them: unquoted dates with an offset, `$` left as it is, everything else percent-encoded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

PAGE = 300
BRASILIA = timezone(timedelta(hours=-3))


def query(path: str, **options: object) -> str:
    """`query("/Deals", top=300, filter="Id gt 5")` -> `/Deals?$top=300&$filter=Id%20gt%205`; None leaves one out."""
    parts = [f"${name}={quote(str(value), safe=',$()=@;')}" for name, value in options.items() if value is not None]
    return f"{path}?{'&'.join(parts)}" if parts else path


def date_literal(moment: datetime) -> str:
    """A date for a filter, cut to the millisecond that Ploomes keeps: never later than the moment itself."""
    local = moment.astimezone(BRASILIA)
    return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03d}-03:00"


def between(after_id: int, upto_id: int | None, since: datetime | None = None) -> str:
    """The one filter of the one reader: Ids behind `after_id`, up to and with `upto_id`, changed since `since`."""
    terms = [f"Id gt {after_id}"]
    if upto_id is not None:
        terms.append(f"Id le {upto_id}")
    if since is not None:
        terms.append(f"LastUpdateDate ge {date_literal(since)}")
    return " and ".join(terms)


def any_of(ids: Sequence[int]) -> str:
    """A filter for these very rows."""
    return " or ".join(f"Id eq {one}" for one in ids)
