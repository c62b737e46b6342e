"""Texts, numbers, money and dates as people read them: pt-BR or en, by our catalog and the locale data of Babel.

A page shows hundreds of amounts, so the separators, names and patterns are looked up once per locale and the work is
done by Python's own formatting. Money is exact to the cent; only `compact` rounds, and only charts, legends and
comparisons use it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, cached_property
from gettext import NullTranslations
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton

from carteira.web import languages

MINUS = "\u2212"
NBSP = "\u00a0"
NOTHING = "\u2014"
DASH = "\u2013"

CENT = Decimal("0.01")
ONE = Decimal(1)
# From here on a compact amount is written in thousands: below, whole reais are just as short.
COMPACT_FROM = 100_000


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in three parts, so that a page can set the outer ones small: sign and unit, whole, mark and cents."""

    unit: str
    whole: str
    cents: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A change: `direction` is up, down, flat or none; `text` is signed and says the same without colour."""

    direction: str
    text: str


NO_DELTA = Delta("none", NOTHING)


@dataclass(frozen=True)
class Formats:
    """How one locale writes; days and times are those of `zone`."""

    locale: Locale
    zone: ZoneInfo

    @cached_property
    def _swap(self) -> dict[int, str]:
        symbols = self.locale.number_symbols["latn"]
        return {ord(","): symbols["group"], ord("."): symbols["decimal"], ord("-"): MINUS}

    @cached_property
    def _unit(self) -> str:
        gap = NBSP if self.portuguese else ""
        return f"{self.locale.currency_symbols['BRL']}{gap}"

    @cached_property
    def texts(self) -> NullTranslations:
        return languages.translations(self.tag)

    def say(self, text: str, **values: object) -> str:
        """A Portuguese text in the language of this locale, with its %(name)s filled in."""
        # The catalog keeps what it says of itself under the empty text.
        said = self.texts.gettext(text) if text else ""
        return said % values if values else said

    def count(self, one: str, many: str, number: int, **values: object) -> str:
        """As `say`, for a number of things: `one` and `many` show it by %(n)s."""
        return self.texts.ngettext(one, many, number) % {"n": self.number(number), **values}

    @cached_property
    def tag(self) -> str:
        """pt-BR, en"""
        return str(self.locale).replace("_", "-")

    @property
    def portuguese(self) -> bool:
        return bool(self.locale.language == "pt")

    def number(self, value: int | Decimal | float, places: int = 0) -> str:
        """1234567 -> 1.234.567"""
        if isinstance(value, Decimal):
            value = value.quantize(ONE.scaleb(-places), ROUND_HALF_UP)
        return f"{value:,.{places}f}".translate(self._swap)

    def signed(self, count: int) -> str:
        """+1.234 or −5 with a true minus; 0 is 0."""
        sign = "+" if count > 0 else MINUS if count < 0 else ""
        return sign + self.number(abs(count))

    def money(self, amount: Decimal | None, places: int = 2) -> str:
        """R$ 1.234,56 with a no-break space; negative -R$ 1.234,50."""
        if amount is None:
            return NOTHING
        sign = "-" if amount < 0 else ""
        return f"{sign}{self._unit}{self.number(abs(amount), places)}"

    def money_parts(self, amount: Decimal) -> Money:
        whole, mark, cents = self.number(abs(amount), 2).rpartition(self._swap[ord(".")])
        return Money(("-" if amount < 0 else "") + self._unit.rstrip(), whole, mark + cents)

    def compact(self, amount: Decimal, *, unit: bool = True) -> str:
        """R$ 15.241, R$ 632 mil, R$ 4,57 mi, R$ 1,20 bi: three digits that count."""
        sign = "-" if amount < 0 else ""
        prefix = sign + (self._unit if unit else "")
        return prefix + self._scaled(abs(Decimal(amount)))

    def _scaled(self, amount: Decimal) -> str:
        if amount.quantize(ONE, ROUND_HALF_UP) < COMPACT_FROM:
            return self.number(amount)
        for power in (3, 6, 9, 12):
            scaled = amount.scaleb(-power)
            places = 0 if power == 3 else _places(scaled)
            if scaled.quantize(ONE.scaleb(-places), ROUND_HALF_UP) < 1000 or power == 12:
                return self.number(scaled, places) + self._scale_name(power)
        raise AssertionError("the last power always returns")

    def _scale_name(self, power: int) -> str:
        pattern = str(self.locale.compact_decimal_formats["short"]["other"][str(10**power)].pattern)
        return pattern.lstrip("0")

    def percent(self, ratio: Decimal | float | None, places: int = 1) -> str:
        """0.1244 -> 12,4%"""
        if ratio is None:
            return NOTHING
        return f"{self.number(Decimal(ratio) * 100, places)}%"

    def change(self, now: Decimal | int, before: Decimal | int, places: int = 1) -> Delta:
        """now against before, in percent; none where there was nothing to compare with."""
        if not before:
            return NO_DELTA
        return self._signed((Decimal(now) - Decimal(before)) / abs(Decimal(before)) * 100, places, "%")

    def points(self, now: Decimal | None, before: Decimal | None) -> Delta:
        """The difference of two ratios in percentage points."""
        if now is None or before is None:
            return NO_DELTA
        return self._signed((now - before) * 100, 1, f"{NBSP}p.p." if self.portuguese else f"{NBSP}pp")

    def _signed(self, value: Decimal, places: int, suffix: str) -> Delta:
        rounded = value.quantize(ONE.scaleb(-places), ROUND_HALF_UP)
        if not rounded:
            return Delta("flat", f"{self.number(abs(rounded), places)}{suffix}")
        sign, direction = ("+", "up") if rounded > 0 else (MINUS, "down")
        return Delta(direction, f"{sign}{self.number(abs(rounded), places)}{suffix}")

    def local(self, moment: dt.datetime) -> dt.datetime:
        return moment.astimezone(self.zone)

    def date(self, day: dt.date | dt.datetime | None) -> str:
        """24/11/2026; a moment is shown by its local day."""
        if day is None:
            return NOTHING
        if isinstance(day, dt.datetime):
            day = self.local(day).date()
        return day.strftime("%d/%m/%Y") if self.portuguese else format_skeleton("yMMMd", day, locale=self.locale)

    def day(self, day: dt.date | dt.datetime) -> str:
        """24/11: where the year is plain."""
        if isinstance(day, dt.datetime):
            day = self.local(day).date()
        return day.strftime("%d/%m") if self.portuguese else format_skeleton("MMMd", day, locale=self.locale)

    def time(self, moment: dt.datetime) -> str:
        return self.local(moment).strftime("%H:%M")

    def moment(self, moment: dt.datetime | None) -> str:
        """18/11/2026 16:42"""
        return NOTHING if moment is None else f"{self.date(moment)} {self.time(moment)}"

    def month(self, number: int, width: str = "abbreviated") -> str:
        """11 -> nov, novembro or N."""
        return str(self.locale.months["stand-alone"][width][number]).rstrip(".")

    def month_year(self, day: dt.date) -> str:
        """nov/25, Nov 2025"""
        return f"{self.month(day.month)}/{day:%y}" if self.portuguese else f"{self.month(day.month)} {day.year}"

    def long_month(self, day: dt.date) -> str:
        """novembro de 2026, November 2026"""
        return self.say("%(month)s de %(year)s", month=self.month(day.month, "wide"), year=day.year)

    def short_month(self, moment: dt.datetime) -> str:
        """nov de 2026, Nov 2026; the month that it is in `zone`."""
        day = self.local(moment)
        return self.say("%(month)s de %(year)s", month=self.month(day.month), year=day.year)

    def quarter(self, day: dt.date) -> str:
        """4º tri, Q4"""
        return self.say("%(number)sº tri", number=(day.month + 2) // 3)

    def range(self, first: dt.date, last: dt.date) -> str:
        """1–24 nov 2026; 28 out – 3 nov 2026; 24 nov 2026. Nov 1–24, 2026; Oct 28 – Nov 3, 2026; Nov 24, 2026."""
        if first == last:
            return self._spelt(last, year=True)
        if (first.year, first.month) != (last.year, last.month):
            return f"{self._spelt(first, year=first.year != last.year)} {DASH} {self._spelt(last, year=True)}"
        if self.portuguese:
            return f"{first.day}{DASH}{self._spelt(last, year=True)}"
        return f"{self._spelt(first, year=False)}{DASH}{last.day}, {last.year}"

    def _spelt(self, day: dt.date, *, year: bool) -> str:
        month = self.month(day.month)
        if self.portuguese:
            return f"{day.day} {month}" + (f" {day.year}" if year else "")
        return f"{month} {day.day}" + (f", {day.year}" if year else "")

    def seconds(self, seconds: Decimal | float) -> str:
        """1,8 s; 2 min 05 s; 1 h 12 min."""
        if seconds < 60:
            return f"{self.number(Decimal(seconds), 1)}{NBSP}s"
        minutes, rest = divmod(int(seconds), 60)
        if minutes < 60:
            return f"{minutes}{NBSP}min{NBSP}{rest:02d}{NBSP}s"
        return f"{minutes // 60}{NBSP}h{NBSP}{minutes % 60:02d}{NBSP}min"

    def when(self, moment: dt.datetime, today: dt.date) -> str:
        """hoje, 08:00; ontem, 20:00; 22/11, 14:00: fixed text, since what passes is drawn by the browser."""
        days = (today - self.local(moment).date()).days
        names = (self.say("hoje"), self.say("ontem"))
        day = names[days] if 0 <= days < 2 else self.date(moment) if abs(days) > 300 else self.day(moment)
        return f"{day}, {self.time(moment)}"


def capitalized(text: str) -> str:
    """novembro de 2026 -> Novembro de 2026; what follows stays as it is."""
    return text[:1].upper() + text[1:]


def _places(scaled: Decimal) -> int:
    """How many decimals leave three digits."""
    return 2 if scaled < Decimal("9.995") else 1 if scaled < Decimal("99.95") else 0


@cache
def formats(locale: str, timezone: str) -> Formats:
    """The one Formats of a locale tag (pt-BR, en) and a zone name."""
    return Formats(Locale.parse(locale, sep="-"), ZoneInfo(timezone))
