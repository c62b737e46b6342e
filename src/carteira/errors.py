"""Everything that can end a command, as sentences for the person who has to act on them.

    CarteiraError
     +- Unacceptable          1  what was asked for cannot be done as asked: a user who exists, a password too weak
     +- SettingsError         2  a setting is missing, wrong or misspelt
     +- LeaseHeld             4  another run is working
     +- LeaseLost             4  this run was overtaken; it wrote nothing since
     +- Refused               5  the audit would not publish what was read
     +- PloomesError
     |   +- PloomesUnavailable  6  unreachable, failing or throttling past the retries
     |   +- PloomesRefused      7  the key, or a field that is needed, was refused
     +- DatabaseError         8
         +- SchemaMismatch      8  outdated, newer or not ours; names the command

Each message says what happened, where, and what to do. The command line, the cron route and the error page are the
three places that catch them.
"""

from __future__ import annotations


class CarteiraError(Exception):
    """Something that a person can act on; `exit_code` is the command's, `http_status` the cron route's.

    `passes`: time may mend it, so it is worth another try, and nobody is told before it has lasted.
    """

    exit_code = 1
    http_status = 500
    passes = False


class Unacceptable(CarteiraError):
    """What was asked for cannot be done as asked; the sentence says what can."""

    http_status = 422


class SettingsError(CarteiraError):
    """One or more settings are missing or wrong; one sentence per fault, all at once."""

    exit_code = 2
    http_status = 503

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class LeaseHeld(CarteiraError):
    """Another run holds the lease."""

    exit_code = 4
    http_status = 409


class LeaseLost(LeaseHeld):
    """The lease was taken over by another run while this one was away."""


class Refused(CarteiraError):
    """The audit refused to publish; what was published before still stands."""

    exit_code = 5
    http_status = 422


class PloomesError(CarteiraError):
    """The CRM did not give what was asked for."""

    exit_code = 6
    http_status = 502


class PloomesUnavailable(PloomesError):
    """Unreachable, failing or throttling past the retries: try again later."""

    passes = True


class PloomesRefused(PloomesError):
    """The key, or something that was asked for with it, was refused: a person has to act."""

    exit_code = 7

    def __init__(self, message: str, *, status: int = 403, path: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.path = path


class DatabaseError(CarteiraError):
    """The database is away, or the role lacks rights."""

    exit_code = 8
    http_status = 503
    passes = True


class SchemaMismatch(DatabaseError):
    """The schema is outdated, newer than this version, or not ours: a person has to act."""

    passes = False
