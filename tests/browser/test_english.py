"""The pages as somebody with an English browser sees them: nothing in Portuguese but the company's own names."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page
from window import Site, Visit, Visitor

CUSTOMER = "/clientes/40200007"
PAGES = {
    "painel": "/",
    "painel-semana": "/?periodo=semana",
    "painel-ano": "/?periodo=ano",
    "painel-vazio": "/?periodo=2031-01-01..2031-01-02",
    "clientes": "/clientes",
    "clientes-filtrados": "/clientes?status=quase,inativo&uf=SP&vendas=com&parado=90&minimo=10,000&periodo=ano&rfv=55",
    "cliente": CUSTOMER,
    "carteira": "/carteira",
    "sincronizacoes": "/sincronizacoes",
    "senha": "/senha",
    "ajustes": "/ajustes",
}
# Words of the pages that no invented name has.
PORTUGUESE = re.compile(
    r"faturamento|vendas?\b|vendedor|cliente|compra|últim|próxim|\bhoje|\bontem|\bmês\b|meses|\bdias?\b|\bhá\b|negócio"
    r"|painel|sincroniza|retenç|recência|curva|ticket|todos|período|busca|filtro|\baté\b|projeç|variaç|parte|\bpor\b"
    r"|\bnão\b|nenhum|inativo|\bativo|recuperad|esperad|conferência|confere|publicad|senha\b|entrar|\bsair|aparência"
    r"|nov/|\bmil\b|\btri\b|\bdez\b|\bfev\b|\bcom\b|\bsem\b|\bpara\b",
    re.IGNORECASE,
)
SAID = """
() => {
  const said = [];
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest("script, style, .run-error, .raw, [lang='pt-BR']")) said.push(walker.currentNode.data.trim());
  }
  for (const name of ["aria-label", "title", "placeholder", "data-values"])
    for (const one of document.querySelectorAll(`[${name}]`)) said.push(one.getAttribute(name));
  return said.filter((text) => text);
}
"""


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_speaks_english(site: Site, visit: Visit, name: str, width: int) -> None:
    visitor = visit(site, width=width, locale="en-US")
    page = visitor.goto(PAGES[name])

    assert page.locator("html").get_attribute("lang") == "en"
    assert _portuguese(page, _names(site)) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    visitor.shot(f"en-{name}-{width}")


def _portuguese(page: Page, names: set[str]) -> list[str]:
    return [text for text in page.evaluate(SAID) if PORTUGUESE.search(text) and not _is_named(text, names)]


def _is_named(text: str, names: set[str]) -> bool:
    for name in names:
        text = text.replace(name, "")
    return not PORTUGUESE.search(text)


def _names(site: Site) -> set[str]:
    """What the company calls its customers, deals, sellers and pipelines."""
    with site.warehouse.transaction() as connection:
        found = connection.execute(
            """
            select customer_name from customer_sales union select legal_name from customers
            union select city from customers
            union select name from owners union select name from pipelines union select title from sales
            union select name from loss_reasons union select name from stages union select lower(name) from stages
            """
        ).fetchall()
    return {str(name).strip() for (name,) in found if name}


def test_the_door_and_an_error_speak_english(site: Site, visit: Visit) -> None:
    visitor = visit(site, role=None, locale="en-GB")
    page = visitor.goto("/clientes")
    assert page.get_by_role("heading", name="Sign in").is_visible()
    assert _portuguese(page, set()) == []

    page.get_by_label("E-mail").fill("nobody@empresa.example")
    page.get_by_label("Password", exact=True).fill("no such password")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("alert").inner_text().startswith("E-mail or password is not right.")
    assert page.get_by_role("button", name="Show").is_visible()
    visitor.shot("en-entrar-recusado")
    _forgive(visitor, "401")

    signed_in = visit(site, locale="en-US")
    lost = signed_in.goto("/clientes/1")
    assert lost.get_by_role("heading", name="Page not found").is_visible()
    assert _portuguese(lost, set()) == []
    _forgive(signed_in, "404")


def _forgive(visitor: Visitor, status: str) -> None:
    """What Chromium itself says of a status is no complaint of the page."""
    visitor.complaints[:] = [one for one in visitor.complaints if status not in one]


def test_somebody_chooses_a_language_and_stays_where_he_is(site: Site, visit: Visit) -> None:
    visitor = visit(site, locale="en-US")
    page = visitor.goto("/clientes?uf=SP&ordem=vendas")
    page.locator(".me").click()

    page.get_by_role("button", name="Português").click()
    page.get_by_role("heading", name="Clientes", exact=True).wait_for()
    assert page.url.endswith("/clientes?uf=SP&ordem=vendas")
    assert page.locator("html").get_attribute("lang") == "pt-BR"

    page.reload()
    page.locator(".me").click()
    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Customers", exact=True).wait_for()
    assert page.url.endswith("/clientes?uf=SP&ordem=vendas")


def test_before_the_first_read_everything_is_english(bare_site: Site, visit: Visit) -> None:
    visitor = visit(bare_site, locale="en-US")
    for path in ("/", "/clientes", "/carteira", "/sincronizacoes"):
        assert _portuguese(visitor.goto(path), set()) == [], path
    visitor.shot("en-primeira-vez")
