"""Customers as a file: CSV as Excel in Brazil reads it, or XLSX with typed cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, Literal
from zoneinfo import ZoneInfo

from carteira.brazil import masked_cnpj, masked_cpf
from carteira.customer_sales.customers import Customer
from carteira.web.words import STATUS

Format = Literal["csv", "xlsx"]
# A spreadsheet takes a cell that begins with one of these for a formula, or for the way to one.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file: its head, its width in characters, and how XLSX shows its numbers or dates."""

    title: str
    width: int = 12
    number_format: str | None = None


COLUMNS = (
    Column("Código"),
    Column("Cliente", 40),
    Column("CNPJ ou CPF", 20),
    Column("Cidade", 20),
    Column("UF", 5),
    Column("Vendedor", 24),
    Column("Faturamento", 16, "#,##0.00"),
    Column("Vendas", 8, "0"),
    Column("Ticket médio", 14, "#,##0.00"),
    Column("Primeira compra", 16, "dd/mm/yyyy"),
    Column("Última compra", 16, "dd/mm/yyyy"),
    Column("Em aberto", 10, "0"),
    Column("Perdidas", 10, "0"),
    Column("Status", 14),
    Column("Classe", 7),
)
Cell = str | int | Decimal | date | None


def write(found: Iterable[Customer], zone: ZoneInfo, format: Format, file: IO[bytes]) -> int:
    """Write customers to a binary file, in constant memory; how many they were."""
    writer = _write_csv if format == "csv" else _write_xlsx
    return writer((cells(customer, zone) for customer in found), file)


def cells(customer: Customer, zone: ZoneInfo) -> list[Cell]:
    """A customer as the cells of its line, in the order of COLUMNS; dates are local days."""
    return [
        customer.customer_id,
        harmless(customer.customer_name or "(sem nome)"),
        harmless(_document(customer)),
        harmless(customer.city or ""),
        harmless(customer.state or ""),
        harmless(customer.owner_name or ""),
        customer.total_revenue,
        customer.total_deals,
        customer.average_deal_value,
        _day(customer.first_purchase_date, zone),
        _day(customer.last_purchase_date, zone),
        customer.open_deals,
        customer.lost_deals,
        STATUS.get(customer.status, ""),
        customer.letter or "",
    ]


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _write_csv(lines: Iterable[list[Cell]], file: IO[bytes]) -> int:
    # The byte order mark tells Excel that this is UTF-8; closing the wrapper would close what is not ours.
    text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, delimiter=";")
    writer.writerow(column.title for column in COLUMNS)
    count = 0
    for line in lines:
        writer.writerow([_written(cell) for cell in line])
        count += 1
    text.flush()
    text.detach()
    return count


def _written(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        return f"{cell:f}".replace(".", ",")
    if isinstance(cell, date):
        return f"{cell:%d/%m/%Y}"
    return "" if cell is None else str(cell)


def _write_xlsx(lines: Iterable[list[Cell]], file: IO[bytes]) -> int:
    from xlsxwriter import Workbook

    book = Workbook(file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("Clientes")
    formats = [book.add_format({"num_format": column.number_format or "@"}) for column in COLUMNS]
    for index, column in enumerate(COLUMNS):
        sheet.set_column(index, index, column.width)
        sheet.write_string(0, index, column.title, book.add_format({"bold": True}))
    sheet.freeze_panes(1, 0)
    count = 0
    for count, line in enumerate(lines, 1):
        for index, cell in enumerate(line):
            _write_cell(sheet, count, index, cell, formats[index])
    sheet.autofilter(0, 0, count, len(COLUMNS) - 1)
    book.close()
    return count


def _write_cell(sheet: Any, row: int, index: int, cell: Cell, format: Any) -> None:
    if isinstance(cell, str):
        sheet.write_string(row, index, cell, format)
    elif isinstance(cell, date):
        sheet.write_datetime(row, index, cell, format)
    elif cell is not None:
        sheet.write_number(row, index, cell, format if index else None)


def _document(customer: Customer) -> str:
    if customer.customer_cnpj:
        return masked_cnpj(customer.customer_cnpj)
    return masked_cpf(customer.cpf) if customer.cpf else customer.document_raw or ""


def _day(moment: datetime | None, zone: ZoneInfo) -> date | None:
    return moment.astimezone(zone).date() if moment else None
