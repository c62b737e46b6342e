"""Each page in light and dark, on desk and phone: a quiet console, nothing cut off, nothing that axe calls serious."""

from __future__ import annotations

from datetime import datetime, timedelta
from html.parser import HTMLParser

import company
import pytest
import runs_log
from serving import served
from window import Site, Visit, Visitor, serious
from world import NewWarehouse

CUSTOMER = "/clientes/40200007"
PAGES = {
    "painel": "/",
    "painel-ano": "/?periodo=ano",
    "clientes": "/clientes",
    "cliente": CUSTOMER,
    "carteira": "/carteira",
    "sincronizacoes": "/sincronizacoes",
    "entrar": "/entrar",
    "primeiro-acesso": "/senha",
    "ajustes": "/ajustes",
    "erro": "/clientes/1",
}
LOOKS = [(1440, "light"), (1440, "dark"), (390, "light")]
MORE_LOOKS = [(390, "dark"), (820, "light"), (1920, "light"), (360, "light")]
SHIFTS = """
() => new Promise((done) => {
  let total = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) total += entry.value;
  }).observe({type: "layout-shift", buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => done(total)));
})
"""


@pytest.mark.parametrize(("width", "theme"), LOOKS, ids=lambda value: str(value))
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole(site: Site, visit: Visit, name: str, width: int, theme: str) -> None:
    visitor = visit(site, width=width, theme=theme)
    page = visitor.page
    if name == "erro":
        # What Chromium itself says of a 404 is no complaint of the page.
        visitor.goto("/clientes/1")
        visitor.complaints[:] = [one for one in visitor.complaints if "404" not in one]
    else:
        visitor.goto(PAGES[name])

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(SHIFTS) < 0.02
    assert _cut_off(visitor) == []
    assert serious(visitor.page) == []
    visitor.shot(f"{name}-{width}-{'escuro' if theme == 'dark' else 'claro'}")


def _cut_off(visitor: Visitor) -> list[str]:
    """Money and percentages whose own box, or one around it, hides a part of them."""
    return visitor.page.evaluate(
        """
        () => [...document.querySelectorAll("td.n, .kpi-value, dd, .v > span, .legend b")]
          .filter((cell) => cell.offsetParent && cell.scrollWidth > cell.clientWidth + 1
                            && getComputedStyle(cell).overflowX !== "visible")
          .map((cell) => cell.textContent.trim())
        """
    )


@pytest.mark.parametrize(("width", "theme"), MORE_LOOKS, ids=str)
def test_pages_fit_other_windows(site: Site, visit: Visit, width: int, theme: str) -> None:
    visitor = visit(site, width=width, theme=theme)
    for name in ("painel", "clientes", "cliente", "carteira", "sincronizacoes", "entrar"):
        visitor.goto(PAGES[name])
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert _cut_off(visitor) == []
        visitor.shot(f"{name}-{width}-{'escuro' if theme == 'dark' else 'claro'}")


class _Markup(HTMLParser):
    """Collects what a strict policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        inline = tag == "style" or (tag == "script" and "src" not in names)
        handlers = [name for name in names if name == "style" or name.startswith("on")]
        if inline or handlers or (names.get("href") or "").startswith("javascript:"):
            self.refused.append(f"<{tag} {names}>")


def test_pages_carry_no_inline_style_or_script(site: Site, visit: Visit) -> None:
    """The policy forbids both; nothing relies on its being looser."""
    visitor = visit(site)
    for path in ("/", "/clientes", CUSTOMER, "/carteira", "/sincronizacoes", "/entrar", "/senha"):
        markup = _Markup()
        markup.feed(visitor.context.request.get(site.address + path).text())
        assert markup.refused == [], path


def test_a_page_prints_without_the_navigation(site: Site, visit: Visit) -> None:
    visitor = visit(site)
    visitor.goto("/")
    visitor.page.emulate_media(media="print")

    assert not visitor.page.locator("nav.nav").is_visible()
    assert visitor.page.locator("dl.kpis").is_visible()
    visitor.shot("painel-impresso")


def test_the_picture_in_the_readme(new_warehouse: NewWarehouse, visit: Visit) -> None:
    """A company of the size that `make demo` shows; `make screenshots` puts the picture into docs/img."""
    now = datetime.now(company.ZONE)
    with new_warehouse() as warehouse, served(warehouse) as address:
        rows = company.invent(today=now.date(), hostile=False)
        with warehouse.transaction() as connection:
            company.write(connection, rows, synced_at=now - timedelta(minutes=5))
            counts = {"customers": len(rows.customers), "deals": len(rows.sales)}
            runs_log.write(connection, latest=now - timedelta(minutes=5), rejects=False, **counts)
        visitor = visit(Site(address, warehouse, rows))
        visitor.goto("/")

        assert "Confere" in visitor.page.locator(".ledger").inner_text()
        visitor.shot("leia-me")


def test_a_printed_chart_is_scaled_and_a_printed_list_has_its_total_last(site: Site, visit: Visit) -> None:
    """Paper is narrower than the window that the chart was drawn for, and nothing is drawn anew for it."""
    visitor = visit(site)
    for path in ("/", CUSTOMER):
        page = visitor.goto(path)
        chart = page.locator("[data-chart] svg").first
        size = [chart.get_attribute(side) for side in ("width", "height")]
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert chart.get_attribute("viewBox") == f"0 0 {size[0]} {size[1]}"
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert chart.get_attribute("viewBox") is None
    page = visitor.goto("/clientes")
    page.emulate_media(media="print")
    total, last = page.locator("#lista tfoot th").bounding_box(), page.locator("#lista tbody tr").last.bounding_box()
    assert total is not None
    assert last is not None
    assert total["y"] >= last["y"] + last["height"] - 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
