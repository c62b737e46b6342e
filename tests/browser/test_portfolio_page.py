"""Status, class and RFV: the portfolio page, and the lists that its figures lead to."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page
from window import Site, Visit

ROWS = "#lista tbody tr"


def number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def listed(page: Page) -> int:
    return number(page.locator("#lista tfoot th").inner_text())


@pytest.mark.parametrize("name", ["Pedem atenção", "Curva A em risco", "Sem compra há 90 dias", "Nunca compraram"])
def test_a_view_holds_as_many_customers_as_its_tab_says(site: Site, visit: Visit, name: str) -> None:
    visitor = visit(site)
    page = visitor.goto("/clientes")
    tab = page.locator(".tabs").get_by_role("link", name=name)
    told = number(tab.locator(".num").inner_text())

    tab.click()
    page.wait_for_url("**/clientes?**")
    page.wait_for_selector(f".tabs a[aria-current=page]:has-text('{name}')")

    assert listed(page) == told > 0
    visitor.shot(f"clientes-{name.split()[0].lower()}")


def test_status_and_class_can_be_filtered_by(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/clientes")
    page.get_by_text("Filtro", exact=True).click()
    page.locator("select[name=status]").select_option(label="Quase inativo")
    page.locator("select[name=classe]").select_option(label="A")
    page.get_by_role("button", name="Aplicar").click()
    page.wait_for_url("**status=quase**")

    assert set(page.locator(f"{ROWS} .chip").all_inner_texts()) == {"Quase inativo"}
    assert set(page.locator(f"{ROWS} .class").all_inner_texts()) == {"A"}


def test_a_customer_has_his_status_and_the_page_says_why(site: Site, visit: Visit) -> None:
    """A status is never without its reason: the usual gap, and since when nothing was bought."""
    visitor = visit(site)
    for status, chip, why in (
        ("quase", "Quase inativo", r"está há \d+ sem comprar.*Era esperada em .*Passa a inativo em"),
        ("inativo", "Inativo", r"sem comprar.*Está inativo desde"),
        ("recuperado", "Recuperado", r"Voltou em \d\d/\d\d/\d{4}, depois de inativo"),
        ("ativo", "Ativo", r"Compra a cada"),
        ("sem", "Sem compra", r"Nunca comprou"),
    ):
        page = visitor.goto(f"/clientes?status={status}")
        page.goto(site.address + str(page.locator(f"{ROWS} .main a").first.get_attribute("href")))
        assert page.locator("h1 .chip").first.inner_text() == chip
        assert re.search(why, " ".join(page.locator(".why").inner_text().split())), status
        visitor.shot(f"cliente-{status}")


@pytest.mark.parametrize("narrowed", ["", "?vendedor=703"])
def test_every_figure_of_the_portfolio_leads_to_as_many_customers(site: Site, visit: Visit, narrowed: str) -> None:
    """Statuses, cells and segments: what is clicked is what is listed, for all and for one seller."""
    page = visit(site).goto(f"/carteira{narrowed}")
    links = page.locator("#status td a.link, .rfv td a, #esperadas .panel-foot a").evaluate_all(
        "links => links.map((link) => [link.getAttribute('href'), link.firstChild.textContent])"
    )
    assert len(links) == 6 + 25 + 1
    told = [(href, number(text)) for href, text in links if text != "Ver todos"]
    bought = sum(count for href, count in told if "rfv=" in href)
    assert sum(count for href, count in told[:5]) == bought > 0
    for href, count in [*told[:6], *told[6::5]]:
        page.goto(site.address + href)
        assert (listed(page) if page.locator("#lista tfoot").count() else 0) == count, href


def test_a_vendedor_sees_his_own_portfolio(site: Site, visit: Visit) -> None:
    """No menu of sellers, nothing of others, and what the address says of another seller changes nothing."""
    page = visit(site, role="vendedor", owner_id=703).goto("/carteira?vendedor=704")
    assert page.locator("details.menu summary:has-text('vendedores')").count() == 0
    total = number(page.locator("#status .panel-head .end").inner_text())
    page.goto(site.address + "/clientes")

    assert listed(page) == total == len([row for row in site.company.customers if row[12] == 703])
