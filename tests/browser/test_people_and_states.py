"""Who gets in and sees what, and how the pages speak when something is missing."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import company
from playwright.sync_api import expect
from window import Site, Visit

from carteira.warehouse import people
from carteira.web import passwords

PASSWORD = "trilho azul de outono 47"


def test_a_password_lets_in_and_a_wrong_one_says_so(bare_site: Site, visit: Visit) -> None:
    with bare_site.warehouse.transaction() as connection:
        user_id = people.add_user(connection, "marina@empresa.example", "Marina Sodré", "gestor")
        people.set_password(connection, user_id, passwords.hashed(PASSWORD))
    visitor = visit(bare_site, role=None)
    page = visitor.goto("/clientes?uf=SP")
    assert "/entrar" in page.url

    page.get_by_label("E-mail").fill("marina@empresa.example")
    page.get_by_label("Senha", exact=True).fill("errada, com certeza")
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("alert")).to_contain_text("não conferem")
    assert page.get_by_label("E-mail").input_value() == "marina@empresa.example"
    visitor.shot("entrar-recusado")
    page.get_by_label("Senha", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Mostrar").click()
    assert page.get_by_label("Senha", exact=True).get_attribute("type") == "text"
    page.get_by_role("button", name="Entrar").click()

    page.wait_for_url("**/clientes?uf=SP")
    # Chromium reports the 401 of the first try by itself.
    visitor.complaints[:] = [one for one in visitor.complaints if "401" not in one]
    page.locator(".me").click()
    page.get_by_role("button", name="Sair").click()
    page.wait_for_url("**/entrar")
    page.goto(bare_site.address + "/")
    assert "/entrar" in page.url


def test_the_first_visitor_makes_himself_an_account(bare_site: Site, visit: Visit) -> None:
    with bare_site.warehouse.transaction() as connection:
        link = people.add_link(connection)
    visitor = visit(bare_site, role=None)
    page = visitor.goto(f"/entrar/{link}")
    assert page.get_by_role("heading", name="Falta ligar ao Ploomes").is_visible()
    visitor.shot("primeira-vez")

    page.locator(".me").click()
    page.get_by_role("link", name="Criar conta").click()
    page.get_by_label("Nome").fill("Marina Sodré")
    page.get_by_label("E-mail").fill("marina@empresa.example")
    page.get_by_label("Senha", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Criar conta").click()

    page.wait_for_url(bare_site.address + "/")
    expect(page.locator(".me")).to_contain_text("Marina Sodré")


def test_a_vendedor_sees_his_own_and_no_runs(site: Site, visit: Visit) -> None:
    visitor = visit(site, role="vendedor", owner_id=703)
    page = visitor.goto("/clientes")
    assert set(page.locator("#lista tbody td:nth-child(5)").all_inner_texts()) == {"Davi Antunes"}
    mine = sum(1 for row in site.company.customers if row[12] == 703)
    assert page.locator("#lista tfoot th").inner_text() == f"{mine} clientes"

    page = visitor.goto("/")
    assert page.locator("#por-vendedor").count() == 0
    for link in page.locator("section:has(#h-top) tbody a, section:has(#h-big) tbody a").all():
        assert visitor.context.request.get(site.address + str(link.get_attribute("href"))).status == 200
    assert page.get_by_role("link", name="Sincronizações").count() == 0
    assert visitor.context.request.get(site.address + "/sincronizacoes").status == 403
    other = next(row[0] for row in site.company.customers if row[12] == 704)
    assert visitor.context.request.get(f"{site.address}/clientes/{other}").status == 404


def test_old_data_and_a_refused_run_are_told_above_the_numbers(bare_site: Site, visit: Visit) -> None:
    now = datetime.now(company.ZONE)
    with bare_site.warehouse.transaction() as connection:
        rows = company.invent(today=now.date(), customers=60, deals=600)
        company.write(connection, rows, synced_at=now - timedelta(hours=42))
        add = "insert into sync_runs (mode, state, opened_at, finished_at, error) values ('full', %s, %s, %s, %s)"
        old = now - timedelta(hours=42)
        connection.execute(add, ("succeeded", old, old, None))
    visitor = visit(bare_site)
    page = visitor.goto("/")
    expect(page.get_by_role("status")).to_contain_text("42 horas")
    expect(page.locator(".fresh")).to_contain_text("há 1 dia")
    assert page.locator(".kpi-value").first.is_visible()
    visitor.shot("painel-dados-velhos")

    with bare_site.warehouse.transaction() as connection:
        connection.execute(add, ("refused", now, now, "3412 of 30000 deals would vanish (11.4%)."))
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("foi recusada pela conferência")
    expect(page.get_by_role("alert")).to_contain_text("Nada mudou")
    visitor.shot("painel-recusada")


def test_the_first_read_shows_how_far_it_is(bare_site: Site, visit: Visit) -> None:
    with bare_site.warehouse.transaction() as connection:
        connection.execute(
            "insert into sync_runs (mode, state, customers_expected, deals_expected, customers_read, deals_read)"
            " values ('full', 'running', 2100, 30000, 2100, 16200)"
        )
    visitor = visit(bare_site)
    page = visitor.goto("/")

    expect(page.locator("progress")).to_have_attribute("value", "18300")
    visitor.shot("primeira-leitura")
    with bare_site.warehouse.transaction() as connection:
        connection.execute("update sync_runs set deals_read = 29000")
    expect(page.locator("progress")).to_have_attribute("value", "31100")


def test_the_side_that_was_chosen_stays(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    bar = "[data-chart] path[fill^='rgb']"
    drawn = page.locator(bar).evaluate_all("paths => paths.map((path) => path.getAttribute('fill')).join()")

    page.locator(".me").click()
    page.get_by_role("button", name="Escura").click()

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert page.locator(bar).evaluate_all("paths => paths.map((path) => path.getAttribute('fill')).join()") != drawn
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_keyboard_reaches_everything_and_shows_where_it_is(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "conteudo"
    page.locator(".period summary").focus()
    page.keyboard.press("Enter")
    assert page.locator(".pop--period").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator(".pop--period").is_visible()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_run_tells_its_verdicts_in_portuguese(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/sincronizacoes")
    expect(page.locator(".audit").first).to_contain_text("Contagem de negócios igual à do Ploomes")

    second = page.locator(".run-table tbody").nth(1)
    second.get_by_role("button").click()
    assert second.locator(".audit").is_visible()
    page.get_by_role("link", name="Mais antigas").click()
    page.wait_for_url(re.compile(r"antes=\d+"))
    assert page.locator(".run-table tbody").count() == 15
    assert page.locator("#rejeitadas").get_by_text("Data impossível").is_visible()
