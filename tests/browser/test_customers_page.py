"""The list answers while one types, keeps everything in its address, and takes no name for markup."""

from __future__ import annotations

import company
from playwright.sync_api import Page, expect
from window import Site, Visit, serious

ROWS = "#lista tbody tr"


def first(page: Page) -> str:
    return page.locator(ROWS).first.locator(".main a").inner_text()


def test_typing_shows_results_at_once_and_the_address_follows(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/clientes")
    total = page.locator("#lista tfoot th").inner_text()

    page.keyboard.press("/")
    page.keyboard.type("METALURGICA", delay=20)
    expect(page.locator(ROWS).first).to_contain_text("Metalúrgica")
    page.wait_for_url("**busca=METALURGICA")

    assert page.locator("#lista tfoot th").inner_text() != total
    assert page.evaluate("document.activeElement.id") == "busca"
    page.reload()
    expect(page.locator(ROWS).first).to_contain_text("Metalúrgica")
    assert page.locator("#busca").input_value() == "METALURGICA"


def test_a_document_is_found_with_and_without_its_mask(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/clientes")
    masked = page.locator(ROWS).first.locator("td").nth(1).inner_text()
    name = first(page)
    for text in (masked, masked.replace(".", "").replace("/", "").replace("-", "")):
        page.goto(f"{site.address}/clientes?busca={text}")
        assert first(page) == name
        assert page.locator(ROWS).count() == 1


def test_columns_sort_both_ways_and_back_goes_back(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/clientes")
    richest = first(page)

    page.get_by_role("link", name="Cliente", exact=True).click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Cliente")
    by_name = first(page)
    page.get_by_role("link", name="Cliente", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Cliente")

    assert first(page) != by_name
    page.go_back()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Cliente")
    page.go_back()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Faturamento")
    assert first(page) == richest


def test_pages_follow_one_another_without_a_gap(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/clientes")
    seen = page.locator(f"{ROWS} .main a").evaluate_all("links => links.map((link) => link.pathname)")
    page.get_by_role("link", name="Próxima").click()
    page.wait_for_url("**pagina=2")
    expect(page.locator(".sheet-foot")).to_contain_text("51 a 100")
    more = page.locator(f"{ROWS} .main a").evaluate_all("links => links.map((link) => link.pathname)")

    assert len(seen) == len(more) == 50
    assert not set(seen) & set(more)


def test_filters_add_up_show_and_go_one_by_one(site: Site, visit: Visit) -> None:
    visitor = visit(site)
    page = visitor.goto("/clientes")
    page.get_by_text("Filtro", exact=True).click()
    form = page.get_by_role("form", name="Filtros")
    form.get_by_label("Vendedor").select_option(label="Carla Meireles")
    form.get_by_label("UF").select_option("SP")
    form.get_by_label("Faturamento a partir de").fill("10.000")
    form.get_by_role("button", name="Aplicar").click()
    page.wait_for_url("**uf=SP**")

    shown = page.locator(".filter").all_inner_texts()
    assert [" ".join(text.split()) for text in shown] == [
        "Vendedor Carla Meireles", "UF SP", "Faturamento ≥ R$ 10.000"
    ]  # fmt: skip
    assert set(page.locator(f"{ROWS} td:nth-child(5)").all_inner_texts()) == {"Carla Meireles"}
    visitor.shot("clientes-filtrados")
    page.get_by_role("link", name="Remover filtro UF").click()
    expect(page.locator(".filter")).to_have_count(2)
    page.get_by_role("link", name="Limpar").click()
    expect(page.locator(".filter")).to_have_count(0)


def test_no_result_says_what_to_let_go(site: Site, visit: Visit) -> None:
    visitor = visit(site)
    page = visitor.goto("/clientes?busca=jacaranda-que-nao-existe&uf=PR")

    assert page.get_by_role("heading", name="Nenhum cliente com estes filtros").is_visible()
    visitor.shot("clientes-nenhum")
    page.get_by_role("link", name="Tirar o filtro UF").click()
    page.wait_for_url("**/clientes?busca=jacaranda-que-nao-existe")


def test_hostile_names_are_text(site: Site, visit: Visit) -> None:
    """A name is shown as it is and does nothing: no script, no tag, no template; a long one breaks nothing."""
    visitor = visit(site)
    found = {row[1]: row[0] for row in site.company.customers if row[1] in company.HOSTILE}
    assert len(found) == len(company.HOSTILE)
    for name, customer_id in found.items():
        page = visitor.goto(f"/clientes/{customer_id}")
        assert page.locator("h1 .who-name").text_content() == name
        assert page.title() == f"{' '.join(name.split())} · Carteira"
        page = visitor.goto(f"/clientes?busca={customer_id}")
    page = visitor.goto("/clientes?busca=%3Cscript%3E")
    assert page.locator(ROWS).count() == 1


def test_the_exports_hold_what_is_shown(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/clientes?uf=SP")
    total = page.locator("#lista tfoot th").inner_text()

    page.get_by_label("Exportar").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    lines = waiting.value.path().read_text("utf-8-sig").splitlines()

    assert total.startswith(f"{len(lines) - 1} ")


def test_one_customer_shows_deals_by_situation(site: Site, visit: Visit) -> None:
    page = visit(site).goto("/clientes/40200007")
    assert page.get_by_role("link", name="Abrir no Ploomes").get_attribute("href") == (
        "https://app10.ploomes.example/contact/40200007"
    )

    page.get_by_role("navigation", name="Situação").get_by_role("link", name="Perdidos").click()
    page.wait_for_url("**situacao=lost**")

    assert set(page.locator(".timeline > li:not(.month)").evaluate_all("all => all.map((li) => li.className)")) == {
        "lost"
    }


def test_a_view_is_shared_by_its_address(site: Site, visit: Visit) -> None:
    visitor = visit(site)
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.address)
    page = visitor.goto("/clientes?uf=SP&ordem=vendas")

    page.get_by_role("button", name="Compartilhar visão").click()

    expect(page.get_by_role("status")).to_contain_text("Endereço copiado")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_columns_are_chosen_and_stay_in_the_address(site: Site, visit: Visit) -> None:
    visitor = visit(site)
    page = visitor.goto("/clientes?uf=SP")
    page.locator("summary", has_text="Colunas").click()
    for name in ("CNPJ ou CPF", "Tendência"):
        page.get_by_label(name, exact=True).uncheck()
    page.get_by_label("Em aberto", exact=True).check()
    page.locator("form[aria-label=Colunas]").get_by_role("button", name="Aplicar").click()
    page.wait_for_url("**colunas=**")

    heads = page.locator("#lista thead th").all_inner_texts()
    assert "CNPJ ou CPF" not in heads
    assert heads[-1] == "Em aberto"
    page.get_by_role("link", name="Em aberto", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Em aberto")
    page.reload()
    assert page.locator("#lista thead th").all_inner_texts() == heads
    page.get_by_label("Exportar").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    head = waiting.value.path().read_text("utf-8-sig").splitlines()[0]
    assert head == "Cliente;Status;Classe;Vendedor;Cidade;UF;Faturamento;Vendas;Ticket médio;Última compra;Em aberto"
    page.keyboard.press("Escape")
    page.locator("summary", has_text="Colunas").click()
    assert serious(page) == []
    visitor.shot("clientes-colunas")


def test_groups_are_one_row_and_open_into_their_branches(site: Site, visit: Visit) -> None:
    visitor = visit(site)
    page = visitor.goto("/clientes")
    flat = page.locator("#lista tfoot td.n").first.inner_text()

    page.get_by_role("link", name="Agrupar por grupo").click()
    page.wait_for_url("**agrupar=grupo")
    expect(page.locator("#lista thead")).to_contain_text("Clientes")
    assert page.locator("#lista tfoot td.n").first.inner_text() == flat
    group = page.locator(ROWS).filter(has=page.locator("td:nth-child(2)", has_text="2")).first
    visitor.shot("clientes-grupos")
    assert serious(page) == []
    group.locator(".main a").click()
    page.wait_for_url("**raiz=**")
    expect(page.locator(".filter")).to_contain_text("Grupo")
    assert page.locator(ROWS).count() > 1
    page.go_back()
    expect(page.locator("#lista thead")).to_contain_text("Clientes")


def test_a_phone_groups_and_chooses_columns_too(site: Site, visit: Visit) -> None:
    """By name and by keyboard; the columns that were chosen are all there, beside a name that stays in sight."""
    visitor = visit(site, width=390)
    page = visitor.goto("/clientes")
    expect(page.get_by_role("columnheader", name="Código")).to_have_count(0)

    page.get_by_role("link", name="Agrupar por grupo").click()
    expect(page.locator("#lista tfoot th")).to_contain_text("grupos")
    page.get_by_role("link", name="Agrupar por grupo").click()
    expect(page.locator("#lista tfoot th")).to_contain_text("clientes")
    opener = page.locator("summary", has_text="Colunas")
    opener.focus()
    page.keyboard.press("Enter")
    form = page.get_by_role("form", name="Colunas")
    expect(form).to_be_visible()
    assert serious(page) == []
    box = form.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    form.get_by_label("Código").press("Space")
    form.get_by_role("button", name="Aplicar").press("Enter")

    page.wait_for_url("**colunas=codigo**")
    last = page.locator(ROWS).first.locator("td").last
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport()
    expect(page.locator(ROWS).first.locator(".main")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious(page) == []
    visitor.shot("clientes-colunas-390")


def test_a_view_is_saved_renamed_and_deleted(site: Site, visit: Visit) -> None:
    visitor = visit(site, role="gestor")
    page = visitor.goto("/clientes?uf=SP&colunas=vendas")
    total = page.locator("#lista tfoot th").inner_text().split()[0]
    page.get_by_label("Nova visão").first.click()
    form = page.get_by_role("form", name="Nova visão")
    form.get_by_label("Nome da visão").fill("São Paulo <b>")
    assert serious(page) == []
    form.get_by_role("button", name="Salvar").click()

    tab = page.locator(".tabs a[aria-current=page]")
    expect(tab).to_have_text(f"São Paulo <b> {total}")
    mini = page.locator(".views-mini a")
    expect(mini).to_have_text([f"São Paulo <b>{total}"])
    visitor.shot("clientes-visao-salva")
    other = visit(site, role="admin").goto("/clientes")
    expect(other.locator(".views-mini")).to_have_count(0)

    page.locator("summary", has_text="Editar visão").click()
    form = page.get_by_role("form", name="Editar visão")
    form.get_by_label("Nome da visão").fill("Paulistas")
    form.get_by_label("Compartilhar com a equipe").check()
    form.get_by_role("button", name="Salvar").click()
    expect(tab).to_have_text(f"Paulistas {total}")
    other.reload()
    expect(other.locator(".views-mini a")).to_have_text([f"Paulistas{total}"])
    other.locator(".views-mini a").click()
    other.wait_for_url("**uf=SP**")
    assert other.locator("#lista thead th").all_inner_texts() == ["Cliente", "Vendas"]
    assert serious(other) == []

    page.goto(f"{site.address}/")
    page.locator(".views-mini a").click()
    page.locator("summary", has_text="Editar visão").click()
    page.get_by_role("button", name="Apagar visão").click()
    page.wait_for_load_state()
    expect(page.locator(".views-mini")).to_have_count(0)
