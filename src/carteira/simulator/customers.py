"""Invented contacts: companies and persons with the documents, places and owners that a CRM has, oddities included."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from carteira.simulator import documents, seasons
from carteira.simulator.reference import (
    ADMIN,
    BRAZIL,
    CITY_IDS,
    INTEGRATION_USER,
    ORIGINS,
    SELLERS,
    STATE_IDS,
    SUSPENDED,
)
from carteira.simulator.seasons import DAY, Seasons
from carteira.simulator.words import CITIES, FIRST_NAMES, FORMS, HOUSES, SURNAMES, TRADES

COMPANY, PERSON = 1, 2
_SELLER_WEIGHTS = (18, 15, 13, 12, 10, 9, 8, 6, 5, 4)


@dataclass(frozen=True)
class Customer:
    """A contact's row for the columns kept of Contacts, and how much of all business was done before it came."""

    row: list[Any]
    share: float

    @property
    def contact_id(self) -> int:
        return int(self.row[0])

    @property
    def name(self) -> str:
        return str(self.row[2])

    @property
    def owner_id(self) -> int | None:
        return None if self.row[10] is None else int(self.row[10])

    @property
    def is_company(self) -> bool:
        return bool(self.row[1] == COMPANY)


def rare(dice: random.Random, many: int, share: float) -> set[int]:
    """Some positions of many: the share, and at least one where there are twenty."""
    return set(dice.sample(range(many), max(round(many * share), int(many >= 20))))


def block_ids(dice: random.Random, many: int, low: int, high: int) -> list[int]:
    """Ids in the order of creation: of the low block, in the middle of the high one, then of the low one again."""
    first, last = int(many * 0.35), int(many * 0.65)
    ids = []
    for number in range(many):
        if first <= number < last:
            high += dice.randint(1, 6)
            ids.append(high)
        else:
            low += dice.randint(1, 6)
            ids.append(low)
    # what was imported in one go has its Ids in no order of time
    imported = ids[:first]
    dice.shuffle(imported)
    return imported + ids[first:]


class Invention:
    """Draws the contacts of one account; everything comes from the dice, in a fixed order."""

    def __init__(self, dice: random.Random, calendar: Seasons, many: int) -> None:
        self._dice = dice
        self._calendar = calendar
        self._many = many
        self._roots: list[str] = []
        self._no_document = rare(dice, many, 0.01)
        self._mistyped = rare(dice, many, 0.008)
        self._masked = rare(dice, many, 0.006)
        self._shortened = rare(dice, many, 0.004)
        self._lettered = rare(dice, many, 0.01)
        self._branches = rare(dice, many, 0.02)
        self._register_only = rare(dice, many, 0.01)
        self._nameless = rare(dice, many, 0.0006)

    def customers(self) -> list[Customer]:
        """In the order of their creation."""
        ids = block_ids(self._dice, self._many, 400_120_337, 1_200_204_118)
        # a quarter was there from the beginning
        shares = sorted(max(0.0, self._dice.uniform(-0.33, 1.0)) for _ in ids)
        rows = [self._row(number, key, share) for number, (key, share) in enumerate(zip(ids, shares, strict=True))]
        self._repeat_documents(rows)
        self._employ(rows)
        return [Customer(row, share) for row, share in zip(rows, shares, strict=True)]

    def _row(self, number: int, key: int, share: float) -> list[Any]:
        dice = self._dice
        person = dice.random() < 0.14
        name, legal_name = self._person() if person else self._company()
        cnpj, cpf = (None, self._cpf(number)) if person else (self._cnpj(number), None)
        register = cnpj or cpf
        if number in self._register_only:
            cnpj = cpf = None
        place = dice.choices(range(len(CITIES)), [weight for *_, weight in CITIES])[0]
        created = self._calendar.moment(share)
        changed = self._changed(created)
        return [
            key,
            PERSON if person else COMPANY,
            "" if number in self._nameless else name,
            legal_name,
            register,
            cnpj,
            cpf,
            1,
            None,
            dice.choice(list(ORIGINS)),
            self._owner(share),
            self._email(name),
            dice.randrange(1_001_000, 99_999_000) if dice.random() < 0.9 else None,
            CITY_IDS[place] if dice.random() < 0.96 else None,
            STATE_IDS[CITIES[place][1]],
            BRAZIL,
            ADMIN if share < 0.35 else INTEGRATION_USER,
            None,
            seasons.text(created),
            seasons.text(changed),
        ]

    def _company(self) -> tuple[str, str]:
        dice = self._dice
        trade, house = dice.choice(TRADES), dice.choice(HOUSES)
        kind = dice.random()
        if kind < 0.55:
            name = f"{trade} {house}"
        elif kind < 0.8:
            name = f"{trade} {dice.choice(SURNAMES)}"
        else:
            name = f"{dice.choice(SURNAMES)} & {dice.choice(SURNAMES)} {trade}"
        legal = f"{name} {dice.choice(FORMS)}".upper() if dice.random() < 0.5 else f"{name} {dice.choice(FORMS)}"
        return (legal if dice.random() < 0.35 else name), legal

    def _person(self) -> tuple[str, str | None]:
        dice = self._dice
        name = f"{dice.choice(FIRST_NAMES)} {dice.choice(SURNAMES)} {dice.choice(SURNAMES)}"
        if dice.random() < 0.08:  # sole traders are registered with digits before the name
            root = documents.new_root(dice)
            return f"{root[:2]}.{root[2:5]}.{root[5:]} {name.upper()}", None
        return name, None

    def _cnpj(self, number: int) -> str | None:
        dice = self._dice
        if number in self._no_document:
            return None
        if number in self._branches and self._roots:
            made = documents.cnpj(dice.choice(self._roots), dice.randint(2, 40))
        else:
            root = documents.new_root(dice, letters=number in self._lettered)
            if number in self._shortened:
                root = "0" + root[1:]
            self._roots.append(root)
            made = documents.cnpj(root)
        return self._spoilt(number, made)

    def _spoilt(self, number: int, document: str) -> str:
        if number in self._mistyped:
            return documents.mistyped(document)
        if number in self._masked:
            return documents.masked(document)
        return document.lstrip("0") if number in self._shortened else document

    def _cpf(self, number: int) -> str | None:
        made = documents.cpf(f"{self._dice.randrange(10_000_000, 999_999_999):09d}")
        return None if self._dice.random() < 0.1 else self._spoilt(number, made)

    def _owner(self, share: float) -> int | None:
        dice = self._dice
        chance = dice.random()
        if chance < 0.02:
            return None
        if chance < 0.03:
            return INTEGRATION_USER
        if chance < 0.13 and share < 0.5:
            return dice.choice(SUSPENDED)
        return dice.choices(SELLERS, _SELLER_WEIGHTS)[0]

    def _email(self, name: str) -> str | None:
        chance = self._dice.random()
        if chance < 0.15:
            return None
        box = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())[:18] or "contato"
        first = f"{box}@cliente.example"
        return f"{first}, compras.{box}@cliente.example" if chance < 0.22 else first

    def _changed(self, created: int) -> int:
        """Most contacts were touched again at some time; a third never."""
        if self._dice.random() < 0.34:
            return created
        later = created + int((self._calendar.end - created) * self._dice.random())
        return min(later, self._calendar.end - DAY // 24)

    def _repeat_documents(self, rows: list[list[Any]]) -> None:
        """A few companies are in the CRM twice."""
        companies = [row for row in rows if row[5]]
        for _ in range(len(companies) // 150 + (len(companies) >= 20)):
            first, second = self._dice.sample(companies, 2)
            second[4] = second[5] = first[5]

    def _employ(self, rows: list[list[Any]]) -> None:
        """A third of the persons work for a company that is older in the CRM."""
        companies: list[int] = []
        for row in rows:
            if row[1] == COMPANY:
                companies.append(row[0])
            elif companies and self._dice.random() < 0.33:
                row[8] = self._dice.choice(companies)
