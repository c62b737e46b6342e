"""The painel answers by its address, and says the same in tiles, chart, table and ledger."""

from __future__ import annotations

import re
from decimal import Decimal

from window import Site, Visit

MONEY = re.compile(r"R\$\s?([\d.]+,\d\d)")


def amounts(text: str) -> list[Decimal]:
    return [Decimal(found.replace(".", "").replace(",", ".")) for found in MONEY.findall(text.replace("\xa0", " "))]


def test_presets_stand_in_the_address_and_survive_back_and_reload(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/")
    month = page.locator("dl.kpis").inner_text()

    page.get_by_role("link", name="Ano", exact=True).first.click()
    page.wait_for_url("**/?periodo=ano")
    year = page.locator("dl.kpis").inner_text()
    page.reload()

    assert page.locator("dl.kpis").inner_text() == year != month
    assert page.locator(".seg [aria-current=true]").inner_text() == "Ano"
    page.go_back()
    assert page.locator("dl.kpis").inner_text() == month


def test_a_free_range_is_an_address_as_well(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/?vendedor=702")

    page.locator(".period summary").click()
    page.get_by_label("De", exact=True).fill("2026-03-10")
    page.get_by_label("Até", exact=True).fill("2026-04-02")
    page.get_by_role("button", name="Aplicar").click()

    page.wait_for_url("**periodo=2026-03-10..2026-04-02**")
    assert "vendedor=702" in page.url
    assert page.locator(".period summary").inner_text().strip() == "10 mar – 2 abr 2026"


def test_a_seller_narrows_everything(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/?periodo=ano")
    row = page.locator("#por-vendedor tbody tr").first
    name, revenue = row.locator("th").inner_text(), amounts(row.locator("td.n").first.inner_text())

    row.get_by_role("link").click()
    page.wait_for_url("**vendedor=**")

    assert name in page.locator(".page-head").inner_text()
    assert amounts(page.locator(".kpi-value").first.inner_text().replace("\n", "")) == revenue


def test_the_total_is_the_same_wherever_it_stands(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/?periodo=12-meses")

    tile = amounts(page.locator(".kpi-value").first.inner_text().replace("\n", ""))[0]
    ledger = amounts(page.locator(".ledger").inner_text())
    total = amounts(page.locator("#por-vendedor tfoot td.n").first.inner_text())[0]
    assert tile == total == ledger[0] == ledger[1] + ledger[2]
    assert "Confere" in page.locator(".ledger").inner_text()


def test_all_sellers_on_demand(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/?periodo=ano")
    page.get_by_role("link", name="Ver os 12").click()
    page.wait_for_url("**todos=vendedores**")

    assert page.locator("#por-vendedor tbody tr").count() == 12


def test_the_chart_has_a_sentence_a_table_and_exact_hints(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/")
    chart = page.locator("[data-chart=revenue]")
    assert "contra" in (chart.get_attribute("aria-label") or "")

    page.get_by_text("Ver como tabela").click()
    january = page.locator(".as-table tbody tr").first
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.6)
    hint = page.locator(".tip--live")
    hint.wait_for()

    assert amounts(hint.inner_text()) == amounts(january.inner_text())
    assert "Janeiro" in hint.inner_text()


def test_a_period_without_a_sale_says_when_the_last_one_was(site: Site, visit: Visit) -> None:
    visitor = visit(site)
    page = visitor.goto("/?periodo=2019-01-01..2019-01-31")

    assert page.get_by_role("heading", name="Nenhuma venda em 1–31 jan 2019").is_visible()
    visitor.shot("painel-sem-venda")


def test_nonsense_in_the_address_is_the_default_and_no_error(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/?periodo=2026-99-99..x&todos=%00")

    assert page.locator(".seg [aria-current=true]").inner_text() == "Mês"
