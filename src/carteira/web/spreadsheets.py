"""Customers as a file: CSV as Excel in Brazil reads it, or XLSX with typed cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, Literal
from zoneinfo import ZoneInfo

from carteira.brazil import masked_cnpj, masked_cpf
from carteira.customer_sales.customers import Company, Customer
from carteira.web.languages import marked
from carteira.web.words import STATUS

Format = Literal["csv", "xlsx"]
# A spreadsheet takes a cell that begins with one of these for a formula, or for the way to one.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


Cell = str | int | Decimal | date | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file: its head, its cell, its width in characters, and how XLSX shows its numbers or dates."""

    title: str
    cell: Callable[[Customer, ZoneInfo], Cell]
    width: int = 12
    number_format: str | None = None
    # Its cells are words of ours, which have a translation; everybody else's stay as they are.
    ours: bool = False
    # What stands where a cell is empty, a word of ours as well.
    missing: str = ""


# By the name of the list's column; a trend is no text, and has none.
FIELDS = {
    "codigo": (Column("Código", lambda customer, _: None if members(customer) > 1 else customer.customer_id, 12, "0"),),
    "cliente": (
        Column("Cliente", lambda customer, _: harmless(customer.customer_name), 40, missing=marked("(sem nome)")),
    ),
    "grupo": (Column("Clientes", lambda customer, _: members(customer), 8, "0"),),
    "documento": (Column("CNPJ ou CPF", lambda customer, _: harmless(document(customer)), 20),),
    "status": (Column("Status", lambda customer, _: STATUS.get(customer.status, ""), 14, ours=True),),
    "classe": (Column("Classe", lambda customer, _: customer.letter or "", 7),),
    "uf": (
        Column("Cidade", lambda customer, _: harmless(customer.city or ""), 20),
        Column("UF", lambda customer, _: harmless(customer.state or ""), 5),
    ),
    "vendedor": (Column("Vendedor", lambda customer, _: harmless(customer.owner_name or ""), 24),),
    "faturamento": (Column("Faturamento", lambda customer, _: customer.total_revenue, 16, "#,##0.00"),),
    "tendencia": (),
    "vendas": (Column("Vendas", lambda customer, _: customer.total_deals, 8, "0"),),
    "ticket": (Column("Ticket médio", lambda customer, _: customer.average_deal_value, 14, "#,##0.00"),),
    "primeira": (
        Column("Primeira compra", lambda customer, zone: _day(customer.first_purchase_date, zone), 16, "dd/mm/yyyy"),
    ),
    "ultima": (
        Column("Última compra", lambda customer, zone: _day(customer.last_purchase_date, zone), 16, "dd/mm/yyyy"),
    ),
    "abertos": (Column("Em aberto", lambda customer, _: customer.open_deals, 10, "0"),),
    "perdidos": (Column("Perdidas", lambda customer, _: customer.lost_deals, 10, "0"),),
}


def columns_of(*names: str) -> tuple[Column, ...]:
    """The columns of a file that has these of the list, in their order."""
    return tuple(column for name in names for column in FIELDS[name])


# All of a customer.
COLUMNS = columns_of(
    "codigo", "cliente", "documento", "uf", "vendedor", "faturamento", "vendas", "ticket", "primeira", "ultima",
    "abertos", "perdidos", "status", "classe",
)  # fmt: skip


def write(
    found: Iterable[Customer],
    zone: ZoneInfo,
    format: Format,
    file: IO[bytes],
    columns: Sequence[Column] = COLUMNS,
    say: Callable[[str], str] = str,
) -> int:
    """Write customers to a binary file, in constant memory; how many they were. `say` translates heads and statuses."""
    writer = _write_csv if format == "csv" else _write_xlsx
    heads = [replace(column, title=say(column.title)) for column in columns]
    lines = ([_said(column, column.cell(customer, zone), say) for column in columns] for customer in found)
    return writer(lines, heads, file, say("Clientes"))


def _said(column: Column, cell: Cell, say: Callable[[str], str]) -> Cell:
    if cell == "":
        return say(column.missing) if column.missing else cell
    return say(cell) if column.ours and isinstance(cell, str) else cell


def members(customer: Customer) -> int:
    """How many customers a row stands for."""
    return len(customer.members) if isinstance(customer, Company) else 1


def document(customer: Customer) -> str:
    """CNPJ or CPF with its mask, of several customers the root; one that is not valid as it was typed."""
    if customer.customer_cnpj:
        root = customer.customer_cnpj
        return f"{root[:2]}.{root[2:5]}.{root[5:]}" if members(customer) > 1 else masked_cnpj(root)
    return masked_cpf(customer.cpf) if customer.cpf else customer.document_raw or ""


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _write_csv(lines: Iterable[list[Cell]], columns: Sequence[Column], file: IO[bytes], title: str) -> int:
    # The byte order mark tells Excel that this is UTF-8; closing the wrapper would close what is not ours.
    text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, delimiter=";")
    writer.writerow(column.title for column in columns)
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


def _write_xlsx(lines: Iterable[list[Cell]], columns: Sequence[Column], file: IO[bytes], title: str) -> int:
    from xlsxwriter import Workbook

    book = Workbook(file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet(title)
    formats = [book.add_format({"num_format": column.number_format or "@"}) for column in columns]
    for index, column in enumerate(columns):
        sheet.set_column(index, index, column.width)
        sheet.write_string(0, index, column.title, book.add_format({"bold": True}))
    sheet.freeze_panes(1, 0)
    count = 0
    for count, line in enumerate(lines, 1):
        for index, cell in enumerate(line):
            _write_cell(sheet, count, index, cell, formats[index])
    sheet.autofilter(0, 0, count, len(columns) - 1)
    book.close()
    return count


def _write_cell(sheet: Any, row: int, index: int, cell: Cell, format: Any) -> None:
    if isinstance(cell, str):
        sheet.write_string(row, index, cell, format)
    elif isinstance(cell, date):
        sheet.write_datetime(row, index, cell, format)
    elif cell is not None:
        sheet.write_number(row, index, cell, format)


def _day(moment: datetime | None, zone: ZoneInfo) -> date | None:
    return moment.astimezone(zone).date() if moment else None
