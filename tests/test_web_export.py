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
from carteira.web.columns import COLUMNS
from carteira.web.spreadsheets import columns_of, harmless
from carteira.web.words import STATUS

ALL = "colunas=" + ",".join(COLUMNS)
TITLES = [column.title for column in columns_of("cliente", *COLUMNS)]


@pytest.fixture
def client(warehouse: Warehouse, tmp_path: Path) -> Iterator[TestClient]:
    dashboard.publish(warehouse)
    with dashboard.served(dashboard.settings_of(tmp_path), warehouse) as client:
        client.headers.update(dashboard.viewer(warehouse, "gestor"))
        yield client


def lines(client: TestClient, query: str = ALL, **headers: str) -> list[list[str]]:
    answer = client.get(f"/clientes/exportar.csv?{query}", headers=headers)
    assert answer.status_code == 200
    assert answer.content.startswith(b"\xef\xbb\xbf"), "without the mark Excel takes it for another encoding"
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=";"))


def test_csv_is_what_excel_in_brazil_reads(client: TestClient) -> None:
    head, *rows = lines(client)

    assert head == TITLES
    assert [row[1] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert rows[0][:3] == ["Padaria São João Ltda", "1", "11.222.333/0001-81"]
    assert rows[0][5:] == [
        "Ana", "São Paulo", "SP", "90071992547909,93", "3", "30023997515969,98", "30/09/2026", "10/11/2026", "0", "0",
    ]  # fmt: skip
    assert rows[0][3:5] in [[status, letter] for status in STATUS.values() for letter in ("A", "")]
    assert rows[3][3:5] == ["Sem compra", ""]
    assert rows[1][2] == "12.ABC.345/01DE-35"
    assert rows[2][2] == "529.982.247-25"
    assert rows[3][0] == "(sem nome)"
    assert rows[3][2] == ""


def test_a_file_speaks_the_language_of_whoever_asks(client: TestClient) -> None:
    """Heads, statuses, the sheet and who has no name do; numbers and dates stay as Excel in Brazil reads them."""
    head, *rows = lines(client, **{"accept-language": "en"})
    answer = client.get("/clientes/exportar.xlsx", headers={"accept-language": "en"})

    assert head[:5] == ["Customer", "Code", "CNPJ or CPF", "Status", "Class"]
    assert rows[3][3:5] == ["No purchase", ""]
    assert rows[0][8] == "90071992547909,93"
    assert rows[3][0] == "(no name)"
    assert openpyxl.load_workbook(io.BytesIO(answer.content)).sheetnames == ["Customers"]
    assert answer.headers["content-disposition"].startswith('attachment; filename="customers-')


def test_the_file_has_the_columns_that_are_shown(client: TestClient) -> None:
    """Those that the address names, in the order of the page; without any the page's own, its trend left out."""
    assert lines(client, "colunas=vendas,uf,nada&busca=padaria") == [
        ["Cliente", "Cidade", "UF", "Vendas"],
        ["Padaria São João Ltda", "São Paulo", "SP", "3"],
    ]
    assert lines(client, "colunas=vendas&colunas=documento")[0] == ["Cliente", "CNPJ ou CPF", "Vendas"]
    assert lines(client, "busca=padaria")[0] == [
        "Cliente", "CNPJ ou CPF", "Status", "Classe", "Vendedor", "Cidade", "UF", "Faturamento", "Vendas",
        "Ticket médio", "Última compra",
    ]  # fmt: skip


def test_the_file_has_groups_where_the_page_has(client: TestClient, warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute("update customers set cnpj_root = '11222333' where customer_id in (1, 5)")

    head, first, *rest = lines(client, "agrupar=grupo&colunas=codigo,documento,vendas")

    assert head == ["Cliente", "Clientes", "Código", "CNPJ ou CPF", "Vendas"]
    assert first == ["Padaria São João Ltda", "2", "", "11.222.333", "4"]
    assert [row[:3] for row in rest][:2] == [["Açougue Boi & Cia", "1", "2"], ["Maria da Conceição", "1", "3"]]
    assert len(rest) == 4
    judged = lines(client, "agrupar=grupo&colunas=status,classe")[1]
    assert judged[2] in STATUS.values()
    assert judged[3] == "A"
    page = client.get("/clientes?agrupar=grupo").text
    assert page.count('<span class="chip chip--') == 5
    assert "2 clientes · " in page


def test_the_answer_is_a_file_with_a_name(client: TestClient) -> None:
    answer = client.get("/clientes/exportar.csv")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="clientes-')
    assert answer.headers["cache-control"] == "no-store"


def test_xlsx_has_typed_cells(client: TestClient) -> None:
    answer = client.get(f"/clientes/exportar.xlsx?{ALL}")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    assert sheet.title == "Clientes"
    head, first, *rest = sheet.iter_rows()

    assert [cell.value for cell in head] == TITLES
    assert len(rest) == 5
    assert [cell.data_type for cell in first] == list("snssssssnnnddnn")
    assert (first[2].value, first[2].number_format) == ("11.222.333/0001-81", "@")
    assert first[12].value == datetime(2026, 11, 10)
    assert first[12].number_format == "dd/mm/yyyy"
    assert rest[0][8].value == 1000
    assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


def test_no_name_becomes_a_formula(client: TestClient) -> None:
    hostile = '\'=HYPERLINK("http://evil";"x")'

    assert lines(client)[6][0] == hostile
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/clientes/exportar.xlsx").content)).active
    assert sheet is not None
    assert sheet["A7"].value == hostile


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_each_start_of_a_formula_is_disarmed(text: str) -> None:
    assert harmless(text) == "'" + text
    assert harmless("a" + text) == "a" + text


def test_the_file_holds_what_the_page_lists(client: TestClient) -> None:
    """The same filters and the same order, on all pages."""
    assert [row[1] for row in lines(client, f"{ALL}&uf=SP&ordem=cliente")[1:]] == ["5", "2", "1"]
    assert [row[1] for row in lines(client, f"{ALL}&busca=S%C3%83O+jo%C3%A3o&pagina=3")[1:]] == ["1"]
    assert lines(client, "colunas=vendas&periodo=2026-10-01..2026-10-31&vendas=com")[1:] == [
        ["Padaria São João Ltda", "1"]
    ]
    assert lines(client, f"{ALL}&busca=ningu%C3%A9m") == [TITLES]


def test_a_vendedor_exports_his_own_only(client: TestClient, warehouse: Warehouse) -> None:
    rows = lines(client, **dashboard.viewer(warehouse, "vendedor", ANA))[1:]

    assert [(row[1], row[9]) for row in rows] == [("1", "2"), ("3", "1")]


def test_an_export_is_written_down(client: TestClient, warehouse: Warehouse) -> None:
    lines(client, "uf=SP")

    with warehouse.transaction() as connection:
        (entry,) = people.audit_log(connection)
    assert (entry.event, entry.email, entry.detail) == ("export", "gestor-None@example.com", "3 customers, csv: uf=SP")


def test_nobody_gets_a_file(client: TestClient) -> None:
    del client.headers["authorization"]

    assert client.get("/clientes/exportar.csv").status_code == 303
    assert client.get("/clientes/exportar.pdf", headers={"authorization": "Bearer x"}).status_code in (303, 422)


def test_there_is_no_other_format(client: TestClient) -> None:
    assert client.get("/clientes/exportar.pdf").status_code == 422
