"""Invented CNPJs and CPFs with right check digits, and the ways in which a CRM spoils them."""

from __future__ import annotations

import random
from functools import lru_cache

_LETTERED = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def cnpj(root: str, branch: int = 1) -> str:
    """The CNPJ of a company (8 characters, letters allowed) and its branch."""
    text = f"{root}{branch:04d}"
    text += _cnpj_digit(text)
    return text + _cnpj_digit(text)


def cpf(nine: str) -> str:
    """The CPF of nine digits."""
    text = nine + _cpf_digit(nine)
    return text + _cpf_digit(text)


def new_root(dice: random.Random, *, letters: bool = False) -> str:
    if letters:
        return f"{dice.randrange(10, 99)}{''.join(dice.choices(_LETTERED[10:], k=3))}{dice.randrange(100, 999)}"
    return f"{dice.randrange(900_000, 60_000_000):08d}"


def masked(document: str) -> str:
    """As people write it: 11.222.333/0001-81 or 111.444.777-35."""
    if len(document) == 11:
        return f"{document[:3]}.{document[3:6]}.{document[6:9]}-{document[9:]}"
    return f"{document[:2]}.{document[2:5]}.{document[5:8]}/{document[8:12]}-{document[12:]}"


def mistyped(document: str) -> str:
    """With a last digit that is wrong."""
    return document[:-1] + str((int(document[-1]) + 1) % 10)


@lru_cache(maxsize=8)  # a contact has the same document in two columns
def another(document: str | None, number: int) -> str | None:
    """The `number`-th relative of a document, as odd as the document itself; for copies of a whole account."""
    if document is None:
        return None
    if len(document) == 14 and document[:8].isdecimal():
        spoilt = int(cnpj(document[:8], int(document[8:12]))[-1]) != int(document[-1])
        made = cnpj(f"{(int(document[:8]) + number * 7_919) % 100_000_000:08d}", int(document[8:12]))
        return mistyped(made) if spoilt else made
    if len(document) == 11 and document.isdecimal():
        return cpf(f"{(int(document[:9]) + number * 7_919) % 1_000_000_000:09d}")
    return document


def _cnpj_digit(text: str) -> str:
    weights = (2 + place % 8 for place in range(len(text)))
    rest = sum(weight * (ord(letter) - 48) for weight, letter in zip(weights, reversed(text), strict=False)) % 11
    return "0" if rest < 2 else str(11 - rest)


def _cpf_digit(text: str) -> str:
    rest = sum(weight * int(digit) for weight, digit in enumerate(reversed(text), 2)) % 11
    return "0" if rest < 2 else str(11 - rest)
