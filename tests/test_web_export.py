"""The list as a file, read back as a spreadsheet reads it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import dashboard
import openpyxl
import pytest
from dashboard import ANA
from starlette.testclient import TestClient

from carteira.warehouse import people
from carteira.warehouse.connection import Warehouse
from carteira.web.spreadsheets import COLUMNS, harmless
from carteira.web.words import STATUS

TITLES = [column.title for column in COLUMNS]


@pytest.fixture
def client(warehouse: Warehouse, tmp_path: Path) -> Iterator[TestClient]:
    dashboard.publish(warehouse)
    with dashboard.served(dashboard.settings_of(tmp_path), warehouse) as client:
        client.headers.update(dashboard.viewer(warehouse, "gestor"))
        yield client


def lines(client: TestClient, query: str = "", **headers: str) -> list[list[str]]:
    answer = client.get(f"/clientes/exportar.csv{query}", headers=headers)
    assert answer.status_code == 200
    assert answer.content.startswith(b"\xef\xbb\xbf"), "without the mark Excel takes it for another encoding"
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=";"))


def test_csv_is_what_excel_in_brazil_reads(client: TestClient) -> None:
    head, *rows = lines(client)

    assert head == TITLES
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert rows[0][:13] == [
        "1", "Padaria São João Ltda", "11.222.333/0001-81", "São Paulo", "SP", "Ana", "90071992547909,93", "3",
        "30023997515969,98", "30/09/2026", "10/11/2026", "0", "0",
    ]  # fmt: skip
    assert rows[0][13:] in [[status, letter] for status in STATUS.values() for letter in ("A", "")]
    assert rows[3][13:] == ["Sem compra", ""]
    assert rows[1][2] == "12.ABC.345/01DE-35"
    assert rows[2][2] == "529.982.247-25"
    assert rows[3][1:3] == ["(sem nome)", ""]


def test_the_answer_is_a_file_with_a_name(client: TestClient) -> None:
    answer = client.get("/clientes/exportar.csv")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="clientes-')
    assert answer.headers["cache-control"] == "no-store"


def test_xlsx_has_typed_cells(client: TestClient) -> None:
    answer = client.get("/clientes/exportar.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    head, first, *rest = sheet.iter_rows()

    assert [cell.value for cell in head] == TITLES
    assert len(rest) == 5
    assert [cell.data_type for cell in first][:14] == list("nsssssnnnddnns")
    assert (first[2].value, first[2].number_format) == ("11.222.333/0001-81", "@")
    assert first[10].value == datetime(2026, 11, 10)
    assert first[10].number_format == "dd/mm/yyyy"
    assert rest[0][6].value == 1000
    assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


def test_no_name_becomes_a_formula(client: TestClient) -> None:
    hostile = '\'=HYPERLINK("http://evil";"x")'

    assert lines(client)[6][1] == hostile
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/clientes/exportar.xlsx").content)).active
    assert sheet is not None
    assert sheet["B7"].value == hostile


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_each_start_of_a_formula_is_disarmed(text: str) -> None:
    assert harmless(text) == "'" + text
    assert harmless("a" + text) == "a" + text


def test_the_file_holds_what_the_page_lists(client: TestClient) -> None:
    """The same filters and the same order, on all pages."""
    assert [row[0] for row in lines(client, "?uf=SP&ordem=cliente")[1:]] == ["5", "2", "1"]
    assert [row[0] for row in lines(client, "?busca=S%C3%83O+jo%C3%A3o&pagina=3")[1:]] == ["1"]
    assert [row[7] for row in lines(client, "?periodo=2026-10-01..2026-10-31&vendas=com")[1:]] == ["1"]
    assert lines(client, "?busca=ningu%C3%A9m") == [TITLES]


def test_a_vendedor_exports_his_own_only(client: TestClient, warehouse: Warehouse) -> None:
    rows = lines(client, **dashboard.viewer(warehouse, "vendedor", ANA))[1:]

    assert [(row[0], row[7]) for row in rows] == [("1", "2"), ("3", "1")]


def test_an_export_is_written_down(client: TestClient, warehouse: Warehouse) -> None:
    lines(client, "?uf=SP")

    with warehouse.transaction() as connection:
        (entry,) = people.audit_log(connection)
    assert (entry.event, entry.email, entry.detail) == ("export", "gestor-None@example.com", "3 customers, csv: uf=SP")


def test_nobody_gets_a_file(client: TestClient) -> None:
    del client.headers["authorization"]

    assert client.get("/clientes/exportar.csv").status_code == 303
    assert client.get("/clientes/exportar.pdf", headers={"authorization": "Bearer x"}).status_code in (303, 422)


def test_there_is_no_other_format(client: TestClient) -> None:
    assert client.get("/clientes/exportar.pdf").status_code == 422
