"""CNPJ and CPF as people type them into a CRM -> as we keep, compare and show them; names as we search them.

A document is kept in upper case without its mask. One that lost its leading zeros on the way through a
spreadsheet gets them back when that makes it valid. What is not valid is kept, and flagged.

The check digits are reckoned here and not by python-stdnum, whose import costs a sync 30 ms; the tests hold
both to the same verdicts.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

CNPJ_LENGTH = 14
CPF_LENGTH = 11
ROOT_LENGTH = 8

# str.translate in one pass: masks and blanks go, also those that only look like them.
_MASK = {ord(character): None for character in " \t\r\n\0\u00a0./-\u2010\u2011\u2012\u2013\u2014"}
_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_CNPJ_WEIGHTS = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
_CPF_WEIGHTS = (11, 10, 9, 8, 7, 6, 5, 4, 3, 2)


@dataclass(frozen=True, slots=True)
class Document:
    """What identifies a customer: `raw` as it came, `valid` None where there is none to judge.

    A valid one is in `cnpj`, with the root that all branches of a company share, or in `cpf`. One that is not
    valid is in the field it looks like all the same, without a root.
    """

    cnpj: str | None = None
    cnpj_root: str | None = None
    cpf: str | None = None
    raw: str | None = None
    valid: bool | None = None


NO_DOCUMENT = Document()


def document(cnpj: str | None, cpf: str | None, register: str | None, kind: str) -> Document:
    """The document of a contact; `kind` is 'company' or 'person'.

    The field of its kind comes first, then Register, then the other one, for people fill in whichever a form
    shows. The first that is valid wins, else the first that holds anything.
    """
    first: Document | None = None
    for raw in (cpf, register, cnpj) if kind == "person" else (cnpj, register, cpf):
        if not raw or not (bare := raw.translate(_MASK).upper()):
            continue
        found = _judged(bare, raw, kind)
        if found.valid:
            return found
        first = first or found
    return first or NO_DOCUMENT


def _judged(bare: str, raw: str, kind: str) -> Document:
    raw = raw.replace("\0", "")
    # Eleven digits could be a CNPJ without three zeros; only twelve and thirteen are taken for one.
    like_cpf = len(bare) == CPF_LENGTH or (kind == "person" and len(bare) < CPF_LENGTH)
    whole = _with_lost_zeros(bare, CPF_LENGTH if like_cpf else CNPJ_LENGTH)
    if like_cpf:
        return Document(cpf=whole, raw=raw, valid=True) if is_cpf(whole) else Document(cpf=bare, raw=raw, valid=False)
    if is_cnpj(whole):
        return Document(whole, whole[:ROOT_LENGTH], None, raw, True)
    return Document(cnpj=bare, raw=raw, valid=False)


def _with_lost_zeros(bare: str, length: int) -> str:
    return bare.zfill(length) if length - 2 <= len(bare) and bare.isdigit() else bare


def is_cnpj(bare: str) -> bool:
    """Fourteen characters, letters allowed, with the right check digits; all zeros is none."""
    if _CNPJ.fullmatch(bare) is None or bare.startswith("0" * 12):
        return False
    values = [ord(character) - 48 for character in bare]
    return _check_digits(values, 12, _CNPJ_WEIGHTS) == values[12:]


def is_cpf(bare: str) -> bool:
    """Eleven digits whose two check digits are right; eleven equal digits pass the sums and are none."""
    if len(bare) != CPF_LENGTH or not (bare.isascii() and bare.isdigit()) or bare == bare[0] * CPF_LENGTH:
        return False
    values = [ord(character) - 48 for character in bare]
    return _check_digits(values, 9, _CPF_WEIGHTS) == values[9:]


def _check_digits(values: list[int], body: int, weights: tuple[int, ...]) -> list[int]:
    """The modulo-11 digits of CNPJ and CPF: the second is taken over the body and the first."""
    first = sum(map(int.__mul__, values[:body], weights[1:])) % 11
    first = 0 if first < 2 else 11 - first
    second = (sum(map(int.__mul__, values[:body], weights)) + first * weights[body]) % 11
    return [first, 0 if second < 2 else 11 - second]


def masked_cnpj(bare: str) -> str:
    """12ABC34501DE35 -> 12.ABC.345/01DE-35; what has not fourteen characters is shown as it is."""
    if len(bare) != CNPJ_LENGTH:
        return bare
    return f"{bare[:2]}.{bare[2:5]}.{bare[5:8]}/{bare[8:12]}-{bare[12:]}"


def masked_cpf(bare: str) -> str:
    """11144477735 -> 111.444.777-35; what has not eleven characters is shown as it is."""
    if len(bare) != CPF_LENGTH:
        return bare
    return f"{bare[:3]}.{bare[3:6]}.{bare[6:9]}-{bare[9:]}"


def name_key(text: str) -> str:
    """What search and sort compare: compatibility forms and accents dissolved, case folded, NUL gone."""
    if text.isascii():
        return text.lower().replace("\0", "")
    decomposed = unicodedata.normalize("NFKD", text.replace("\0", "").casefold())
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return bare.casefold()
