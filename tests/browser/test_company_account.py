"""Signing in with the company's account in Chromium, at a provider that is another site with pages of its own."""

from __future__ import annotations

from collections.abc import Iterator

import provider
import pytest
from playwright.sync_api import Page, expect
from provider import CLIENT_ID, CLIENT_SECRET, Provider
from serving import served
from window import Site, Visit, serious
from world import NewWarehouse

from carteira.warehouse import people

EMAIL = "marina@empresa.example"


@pytest.fixture(scope="module")
def company() -> Iterator[Provider]:
    with provider.running() as running:
        running.person("marina", EMAIL)
        running.person("estranha", "estranha@empresa.example")
        yield running


@pytest.fixture
def company_site(new_warehouse: NewWarehouse, company: Provider) -> Iterator[Site]:
    """Where Marina is a user, and has an account at the company's provider."""
    settings = {
        "CARTEIRA_PUBLIC_URL": "{address}",
        "CARTEIRA_OIDC_ISSUER": company.issuer,
        "CARTEIRA_OIDC_CLIENT_ID": CLIENT_ID,
        "CARTEIRA_OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }
    with new_warehouse() as warehouse, served(warehouse, **settings) as address:
        company.leads_back_to(f"{address}/openid/retorno")
        with warehouse.transaction() as connection:
            people.add_user(connection, EMAIL, "Marina Sodré", "gestor")
        yield Site(address, warehouse)


def go_there(page: Page, name: str) -> None:
    """From our page to the provider's, and in there."""
    page.get_by_role("link", name="Continuar com a conta da empresa").click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(provider.PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_the_button_leads_in_and_to_where_one_was_going(company_site: Site, visit: Visit) -> None:
    visitor = visit(company_site, role=None)
    page = visitor.goto("/clientes?uf=SP")
    assert serious(page) == []
    visitor.shot("entrar-conta-da-empresa")

    go_there(page, "marina")
    expect(page.get_by_text("who you are")).to_be_visible()
    page.locator("[name=allow]").click()

    page.wait_for_url(f"{company_site.address}/clientes?uf=SP")
    expect(page.locator(".me")).to_contain_text("Marina Sodré")
    left = {cookie["name"] for cookie in visitor.context.cookies(company_site.address)}
    assert ("carteira" in left, "carteira-openid" in left) == (True, False)
    page.locator(".me").click()
    page.get_by_role("button", name="Sair").click()
    page.wait_for_url("**/entrar")


def test_who_cancels_or_is_nobody_here_is_told_on_the_page(company_site: Site, visit: Visit) -> None:
    visitor = visit(company_site, role=None, width=390, theme="dark")
    page = visitor.goto("/clientes?uf=SP")
    go_there(page, "estranha")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("A entrada foi cancelada")

    # Signed in there already; and where one was going is not forgotten.
    page.get_by_role("link", name="Continuar com a conta da empresa").click()
    page.locator("[name=allow]").click()
    expect(page.get_by_role("alert")).to_contain_text("Nenhum usuário ativo daqui tem o e-mail")
    assert serious(page) == []
    visitor.shot("entrar-conta-da-empresa-recusada-390-escuro")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("Comece de novo por aqui")
    # Chromium reports the answer of a refusal by itself.
    visitor.complaints[:] = [one for one in visitor.complaints if "401" not in one]


def test_the_keyboard_reaches_the_button(company_site: Site, visit: Visit) -> None:
    page = visit(company_site, role=None).goto("/entrar")

    page.get_by_role("button", name="Entrar").focus()
    page.keyboard.press("Tab")

    expect(page.get_by_role("link", name="Continuar com a conta da empresa")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Username")).to_be_visible()
