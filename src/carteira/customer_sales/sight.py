"""Whose customers and deals somebody may see; every report asks for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sight:
    """The right of sight: all rows, or those of one Ploomes owner (with none named: no row at all).

    In SQL it is always `(:sees_all or <table>.owner_id = :owner_id)`, of `customers` for customers and of `sales`
    for deals, with `parameters` given to the query.
    """

    sees_all: bool
    owner_id: int | None = None

    @property
    def parameters(self) -> dict[str, bool | int | None]:
        return {"sees_all": self.sees_all, "owner_id": self.owner_id}


EVERYTHING = Sight(sees_all=True)


def of(role: str, owner_id: int | None) -> Sight:
    """What a role may see: a vendedor the rows of the owner he is, the others everything."""
    if role in ("admin", "gestor"):
        return EVERYTHING
    return Sight(sees_all=False, owner_id=owner_id)
