"""Invented deals: customers who buy in a rhythm of their own, come new or leave, and a heavy tail of amounts."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from carteira.simulator import seasons
from carteira.simulator.customers import Customer, block_ids, rare
from carteira.simulator.edits import LOST, OPEN, WON
from carteira.simulator.reference import (
    ADMIN,
    DOLLAR,
    INTEGRATION_USER,
    LOSS_REASONS,
    ORIGINS,
    PIPELINES,
    REAL,
    SELLERS,
    STAGES,
)
from carteira.simulator.seasons import DAY, TICKS, Seasons
from carteira.simulator.words import GOODS, OPENINGS

_BUYERS, _OPEN_SHARE, _COLD_SHARE = 0.42, 0.05, 0.07
_MIGRATION = 0.33  # the share of all business done before the account moved to Ploomes
_PIPELINE_WEIGHTS = (35, 45, 8, 12)


@dataclass(frozen=True)
class Deal:
    """What the dice said of one deal; moments in ticks, the amount in ten-thousandths."""

    customer: Customer
    status: int
    created: int
    closed: int | None
    amount: int


@dataclass(frozen=True)
class _Buyer:
    """How a customer buys: from one share of all business to another, how much of it is his, how large, how surely."""

    customer: Customer
    start: float
    end: float
    weight: float
    size: float
    luck: float


class Trade:
    """Draws the deals of one account."""

    def __init__(self, dice: random.Random, calendar: Seasons, customers: Sequence[Customer]) -> None:
        self._dice = dice
        self._calendar = calendar
        self._customers = customers

    def deals(self, many: int) -> list[Deal]:
        """Exactly so many, in the order of their creation."""
        opened, cold = int(many * _OPEN_SHARE), int(many * _COLD_SHARE)
        buyers = self._buyers()
        drawn = [deal for _ in range(opened) for deal in self._open(buyers)]
        drawn += [deal for _ in range(cold) for deal in self._cold()]
        for buyer, share in zip(buyers, _portions([each.weight for each in buyers], many - len(drawn)), strict=True):
            drawn += self._bought(buyer, share)
        return sorted(drawn, key=lambda deal: (deal.created, deal.customer.contact_id))

    def _buyers(self) -> list[_Buyer]:
        dice = self._dice
        chosen = dice.sample(self._customers, max(1, round(len(self._customers) * _BUYERS)))
        return [self._buyer(customer) for customer in chosen]

    def _buyer(self, customer: Customer) -> _Buyer:
        dice = self._dice
        start = customer.share + (1 - customer.share) * dice.betavariate(1, 25)
        kind = dice.random()
        end, weight = 1.0, dice.lognormvariate(0, 1.15)
        if kind < 0.26:
            end = start + (1 - start) * dice.uniform(0.1, 0.85)
        elif kind < 0.37:
            weight = 0.0
        size = dice.lognormvariate(8.4, 0.8)
        return _Buyer(customer, start, end, weight * (end - start) ** 0.9, size, dice.betavariate(7, 4))

    def _bought(self, buyer: _Buyer, times: int) -> Iterator[Deal]:
        """Evenly over the buyer's time, with some jitter: that is his rhythm. The first one is won."""
        step = (buyer.end - buyer.start) / max(times, 1)
        late = self._dice.random()
        for number in range(times):
            jitter = self._dice.gauss(0, 0.22) if times > 1 else self._dice.random()
            share = buyer.start + step * (number + late + jitter)
            closed = self._calendar.moment(max(share if share <= 1 else 2 - share, buyer.start))
            won = number == 0 or self._dice.random() < buyer.luck
            yield self._closed(buyer.customer, WON if won else LOST, closed, buyer.size)

    def _closed(self, customer: Customer, status: int, closed: int, size: float) -> Deal:
        days = int(min(self._dice.lognormvariate(2.1, 0.9), 200))
        created = closed - days * DAY - self._dice.randrange(3 * 3_600 * TICKS)
        return Deal(customer, status, created, closed, self._amount(size))

    def _cold(self) -> Iterator[Deal]:
        """Someone who asked and did not buy."""
        customer = self._dice.choice(self._customers)
        share = customer.share + (1 - customer.share) * self._dice.random()
        yield self._closed(customer, LOST, self._calendar.moment(share), self._dice.lognormvariate(8.35, 1.0))

    def _open(self, buyers: Sequence[_Buyer]) -> Iterator[Deal]:
        """Most open deals are weeks old; a few were forgotten."""
        dice = self._dice
        lately = [each for each in buyers if each.end == 1.0] or buyers
        customer = dice.choice(lately).customer if dice.random() < 0.7 else dice.choice(self._customers)
        age = dice.expovariate(1 / 24) if dice.random() < 0.93 else dice.uniform(90, 700)
        created = self._calendar.moment(self._calendar.share(self._calendar.end - int(age * DAY)) + dice.random() / 600)
        yield Deal(customer, OPEN, created, None, self._amount(dice.lognormvariate(8.6, 1.0)))

    def _amount(self, size: float) -> int:
        cents = max(int(size * self._dice.lognormvariate(0, 1.22) * 100), 371)
        whole = self._dice.random() < 0.48
        return cents // 100 * 10_000 if whole else cents * 100


def _portions(weights: Sequence[float], whole: int) -> list[int]:
    """Split a number by weights; each gets one as long as it lasts."""
    each = min(1, whole // len(weights))
    left = whole - each * len(weights)
    heavy = sum(weights)
    exact = [left * weight / heavy if heavy else left / len(weights) for weight in weights]
    portions = [each + int(part) for part in exact]
    behind = sorted(range(len(weights)), key=lambda n: int(exact[n]) - exact[n])
    for n in behind[: whole - sum(portions)]:
        portions[n] += 1
    return portions


class Ledger:
    """Writes deals as the rows of Deals, with the oddities of a real account."""

    def __init__(self, dice: random.Random, calendar: Seasons, deals: Sequence[Deal]) -> None:
        many = len(deals)
        self._dice = dice
        self._calendar = calendar
        self._deals = deals
        self._zero = rare(dice, many, 0.005)
        self._ownerless = rare(dice, many, 0.008)
        self._alone = rare(dice, many, 0.006)
        self._dollars = rare(dice, many, 0.004)
        self._undated = rare(dice, many, 0.0003)
        self._decomposed = rare(dice, many, 0.002)
        self._broken = rare(dice, many, 0.0011)
        self._blanks = rare(dice, many, 0.1)
        self._quoted = rare(dice, many, 0.0055)
        self._formulas = rare(dice, many, 0.0001)
        self._longest = rare(dice, many, 0.0002)
        self._bulk = self._bulk_edits(many)
        self._migrated = calendar.moment(_MIGRATION), calendar.moment(_MIGRATION + 0.004)

    def rows(self) -> list[list[Any]]:
        """In the order of creation."""
        ids = block_ids(self._dice, len(self._deals), 400_868_360, 1_200_100_204)
        return [self._row(n, key, deal) for n, (key, deal) in enumerate(zip(ids, self._deals, strict=True))]

    def _row(self, number: int, key: int, deal: Deal) -> list[Any]:
        dice, customer = self._dice, deal.customer
        alone = number in self._alone
        pipeline = dice.choices(PIPELINES, _PIPELINE_WEIGHTS)[0]
        stages = STAGES[pipeline]
        owner = self._owner(number, customer)
        return [
            key,
            self._title(number),
            None if alone else customer.contact_id,
            None if alone else customer.name,
            None,
            pipeline,
            stages[-1] if deal.status == WON else dice.choice(stages),
            deal.status,
            dice.choice(LOSS_REASONS[pipeline]) if deal.status == LOST else None,
            dice.choice(list(ORIGINS)) if dice.random() < 0.6 else None,
            owner,
            self._closed(number, deal),
            DOLLAR if number in self._dollars else REAL,
            0 if number in self._zero else deal.amount,
            owner or ADMIN,
            INTEGRATION_USER if dice.random() < 0.3 else owner,
            seasons.text(deal.created),
            seasons.text(self._changed(number, deal)),
        ]

    def _owner(self, number: int, customer: Customer) -> int | None:
        if number in self._ownerless:
            return None
        return customer.owner_id if self._dice.random() < 0.9 else self._dice.choice(SELLERS)

    def _closed(self, number: int, deal: Deal) -> str | None:
        undated = deal.status == WON and number in self._undated
        return None if deal.closed is None or undated else seasons.text(deal.closed)

    def _changed(self, number: int, deal: Deal) -> int:
        if number in self._bulk and self._bulk[number] > (deal.closed or deal.created):
            return self._bulk[number]
        since = deal.closed or deal.created
        first, second = self._migrated
        if deal.status != OPEN and since < first:
            # whole days' worth of deals were imported within minutes
            day, minutes = (first, 55) if self._dice.random() < 0.6 else (second, 40)
            return day + self._dice.randrange(minutes * 60) * TICKS + self._dice.randrange(TICKS)
        lag = self._dice.random() * 7_200 if self._dice.random() < 0.6 else self._dice.expovariate(1 / 350_000)
        changed = since + int(lag * TICKS)
        return changed if changed < self._calendar.latest else self._dice.randrange(since, self._calendar.latest + 1)

    def _bulk_edits(self, many: int) -> dict[int, int]:
        """Now and then someone changes a screenful of deals at once: one LastUpdateDate for all of them."""
        edited: dict[int, int] = {}
        for size in (57, 41, 33, 28, 20, 16, 12, 9, 7, 5, 4, 3, 2):
            moment = self._calendar.moment(self._dice.uniform(0.4, 0.99)) + self._dice.randrange(TICKS)
            edited.update(dict.fromkeys(self._dice.sample(range(many), min(size, many // 40)), moment))
        return edited

    def _title(self, number: int) -> str:
        dice = self._dice
        title = f"{dice.choice(OPENINGS)} {1_000 + number} – {dice.choice(GOODS)}"
        if number in self._blanks:
            title = title.replace(" – ", "  – ")
        if number in self._quoted:
            title += dice.choice((' "urgente"', " d'água", " & acessórios"))
        if number in self._broken:
            title = title.replace(" – ", dice.choice(("\n", "\t", "\r\n")))
        if number in self._formulas:
            title = "=" + title
        if number in self._longest:
            title = (title + " " + " / ".join(GOODS))[:200].strip().ljust(200, ".")
        return unicodedata.normalize("NFD", title) if number in self._decomposed else title
