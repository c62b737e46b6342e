"""CNPJ, CPF and names, against python-stdnum where it has a verdict."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum.br import cnpj as stdnum_cnpj
from stdnum.br import cpf as stdnum_cpf

from carteira.brazil import Document, document, is_cnpj, is_cpf, masked_cnpj, masked_cpf, name_key

DIGITS = "0123456789"
bodies = st.text(DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=12, max_size=12)
cnpjs = bodies.filter(lambda body: body != "0" * 12).map(lambda body: body + stdnum_cnpj.calc_check_digits(body))
numeric_cnpjs = (
    st.text(DIGITS, min_size=12, max_size=12)
    .filter(lambda body: body != "0" * 12)
    .map(lambda body: body + stdnum_cnpj.calc_check_digits(body))
)
cpfs = (
    st.text(DIGITS, min_size=9, max_size=9)
    .map(lambda body: body + stdnum_cpf._calc_check_digits(body))
    .filter(lambda number: len(set(number)) > 1)
)


@given(cnpjs, st.integers(0, 13), st.sampled_from(DIGITS))
def test_a_cnpj_is_judged_as_stdnum_judges_it(number: str, at: int, digit: str) -> None:
    changed = number[:at] + digit + number[at + 1 :]

    assert is_cnpj(number)
    assert is_cnpj(changed) == stdnum_cnpj.is_valid(changed)


@given(cpfs, st.integers(0, 10), st.sampled_from(DIGITS))
def test_a_cpf_is_judged_as_stdnum_judges_it(number: str, at: int, digit: str) -> None:
    changed = number[:at] + digit + number[at + 1 :]
    assume(len(set(changed)) > 1)

    assert is_cpf(number)
    assert is_cpf(changed) == stdnum_cpf.is_valid(changed)


@pytest.mark.parametrize("number", ["", "0" * 14, "1" * 14, "1122233300018", "11222333000182", "11222333000181 ", "x"])
def test_what_is_no_cnpj(number: str) -> None:
    assert not is_cnpj(number)


@pytest.mark.parametrize("number", ["", "0" * 11, "9" * 11, "1114447773", "11144477736", "١١١٤٤٤٧٧٧٣٥"])
def test_what_is_no_cpf(number: str) -> None:
    assert not is_cpf(number)


@given(cnpjs)
def test_mask_and_case_do_not_matter(number: str) -> None:
    expected = Document(number, number[:8], None, masked_cnpj(number).lower(), True)

    assert document(masked_cnpj(number).lower(), None, None, "company") == expected


@given(numeric_cnpjs.map(lambda number: "00" + number[2:12]))
def test_a_cnpj_gets_the_zeros_back_that_it_lost(body: str) -> None:
    assume(body != "0" * 12)
    number = body + stdnum_cnpj.calc_check_digits(body)
    lost = number.lstrip("0")
    assume(len(lost) in (12, 13))

    assert document(lost, None, None, "company").cnpj == number


@given(cpfs.map(lambda number: "00" + number[2:9]))
def test_a_persons_cpf_gets_the_zeros_back_that_it_lost(body: str) -> None:
    number = body + stdnum_cpf._calc_check_digits(body)
    lost = number.lstrip("0")
    assume(len(lost) in (9, 10))

    assert document(None, lost, None, "person") == Document(cpf=number, raw=lost, valid=True)


@pytest.mark.parametrize(
    ("given_cnpj", "given_cpf", "register", "kind", "expected"),
    [
        (None, None, None, "company", Document()),
        ("", " ", "-", "person", Document()),
        ("12.abc.345/01de-35", None, None, "company",
         Document("12ABC34501DE35", "12ABC345", None, "12.abc.345/01de-35", True)),
        ("11222333000182", None, None, "company", Document("11222333000182", None, None, "11222333000182", False)),
        ("1222333000181", None, None, "company", Document("1222333000181", None, None, "1222333000181", False)),
        ("ABC34501DE35", None, None, "company", Document("ABC34501DE35", None, None, "ABC34501DE35", False)),
        (None, None, "11222333000181", "company", Document("11222333000181", "11222333", None, "11222333000181", True)),
        (None, None, "111.444.777-35", "person", Document(None, None, "11144477735", "111.444.777-35", True)),
        (None, None, "111.444.777-35", "company", Document(None, None, "11144477735", "111.444.777-35", True)),
        ("isento", None, "11222333000181", "company",
         Document("11222333000181", "11222333", None, "11222333000181", True)),
        ("11222333000182", None, "", "company", Document("11222333000182", None, None, "11222333000182", False)),
        (None, "11144477736", None, "person", Document(None, None, "11144477736", "11144477736", False)),
        (None, "191", None, "person", Document(None, None, "191", "191", False)),
        ("11222333000181", None, None, "person", Document("11222333000181", "11222333", None, "11222333000181", True)),
        ("11222333000181\0", None, None, "company",
         Document("11222333000181", "11222333", None, "11222333000181", True)),
        ("11.222.333/0001\u201181", None, None, "company",
         Document("11222333000181", "11222333", None, "11.222.333/0001\u201181", True)),
    ],
)  # fmt: skip
def test_the_document_of_a_contact(
    given_cnpj: str | None, given_cpf: str | None, register: str | None, kind: str, expected: Document
) -> None:
    assert document(given_cnpj, given_cpf, register, kind) == expected


@given(st.text(), st.text(), st.text(), st.sampled_from(["company", "person"]))
def test_whatever_people_type_is_kept_and_never_breaks(one: str, two: str, three: str, kind: str) -> None:
    found = document(one, two, three, kind)

    assert (found.valid is None) == (found.raw is None)
    assert found.cnpj is None or found.cpf is None
    assert (found.cnpj_root is not None) == (found.cnpj is not None and found.valid is True)
    assert "\0" not in f"{found.raw}{found.cnpj}{found.cpf}"


def test_masks() -> None:
    assert masked_cnpj("12ABC34501DE35") == "12.ABC.345/01DE-35"
    assert masked_cnpj("123") == "123"
    assert masked_cpf("11144477735") == "111.444.777-35"
    assert masked_cpf("") == ""


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("João Ação & Cia", "joao acao & cia"),
        ("JOA\u0303O", "joao"),
        ("ﬁlial №1", "filial no1"),
        ("Straße", "strasse"),
        ("A\0B\0", "ab"),
        ("Ávila\0", "avila"),
        ("İstanbul", "istanbul"),
        ("", ""),
    ],
)
def test_a_name_as_it_is_searched(name: str, key: str) -> None:
    assert name_key(name) == key


@given(st.text())
def test_a_key_of_a_key_is_the_same_and_spelling_does_not_change_it(name: str) -> None:
    key = name_key(name)

    assert name_key(key) == key
    assert name_key(unicodedata.normalize("NFC", name)) == key
    assert name_key(unicodedata.normalize("NFD", name)) == key
    assert "\0" not in key
