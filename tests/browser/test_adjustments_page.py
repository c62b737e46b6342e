"""What an admin decides on /ajustes is on every page at once."""

from __future__ import annotations

import dashboard
from playwright.sync_api import expect
from window import Site, Visit, serious


def test_an_admin_leaves_a_pipeline_out_and_moves_the_abc_curve(bare_site: Site, visit: Visit) -> None:
    dashboard.publish(bare_site.warehouse)
    with bare_site.warehouse.transaction() as connection:
        connection.execute("insert into pipelines (pipeline_id, name) values (1, 'Novos negócios'), (2, 'Renovações')")
        connection.execute("update sales set pipeline_id = case deal_id when 13 then 2 else 1 end")
    visitor = visit(bare_site)
    page = visitor.goto("/?periodo=2026-11-01..2026-11-30")
    before = page.locator(".ledger b").first.inner_text()

    page.locator(".me-menu summary").click()
    page.get_by_role("link", name="Ajustes").click()
    assert serious(page) == []
    page.get_by_label("Renovações").check()
    page.get_by_role("button", name="Salvar funis").click()
    expect(page.get_by_role("status")).to_contain_text("Salvo")
    visitor.shot("ajustes")

    visitor.goto("/?periodo=2026-11-01..2026-11-30")
    ledger = page.locator(".ledger")
    expect(ledger).to_contain_text("1 venda fora dos totais (Renovações:")
    assert ledger.locator("b").first.inner_text() != before
    visitor.goto("/ajustes")
    page.get_by_label("Classe A").fill("90")
    page.get_by_label("Classe B").fill("20")
    page.get_by_role("button", name="Salvar limites").click()
    expect(page.get_by_role("alert")).to_contain_text("Nada mudou")
    visitor.complaints[:] = [one for one in visitor.complaints if "422" not in one]
    page.get_by_label("Classe A").fill("70")
    page.get_by_role("button", name="Salvar limites").click()
    expect(page.get_by_role("status")).to_contain_text("Salvo")
    assert page.get_by_label("Classe A").input_value() == "70"


def test_the_form_is_whole_on_a_phone_and_in_the_dark(bare_site: Site, visit: Visit) -> None:
    dashboard.publish(bare_site.warehouse)
    visitor = visit(bare_site, width=390, theme="dark")
    page = visitor.goto("/ajustes")

    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    visitor.shot("ajustes-390-escuro")
