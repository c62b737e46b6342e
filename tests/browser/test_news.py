"""What is published while a page is open comes by itself, and asking for it costs next to nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

import company
import pytest
import runs_log
from playwright.sync_api import Response, expect
from window import Site, Visit

from carteira.customer_sales.rebuild import rebuild
from carteira.warehouse import publish


@pytest.fixture
def own_site(bare_site: Site) -> Site:
    """A small company whose rows a test may change."""
    now = datetime.now(company.ZONE)
    invented = company.invent(today=now.date(), customers=20, deals=60)
    with bare_site.warehouse.transaction() as connection:
        company.write(connection, invented, synced_at=now - timedelta(minutes=12))
        runs_log.write(connection, latest=now - timedelta(minutes=12), customers=20, deals=60)
    return bare_site


def test_a_deal_that_is_won_appears_on_the_open_page(own_site: Site, visit: Visit) -> None:
    visitor = visit(own_site, role="admin")
    page = visitor.goto("/clientes")
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer) if "/clientes" in answer.url else None)
    with page.expect_event("response", lambda answer: answer.status == 304, timeout=20_000):
        pass

    with own_site.warehouse.transaction() as connection:
        (customer,) = connection.execute(
            "select customer_id from customer_sales order by total_revenue desc limit 1"
        ).fetchone()
        connection.execute("update customers set name = 'Publicada agora' where customer_id = %s", [customer])
        (now,) = connection.execute("select now()").fetchone()
        rebuild(connection, now, [customer])
        publish.queries.republished(connection)

    expect(page.locator("#conteudo")).to_contain_text("Publicada agora", timeout=12_000)
    assert {answer.status for answer in answers} <= {200, 304}


def test_nobody_is_disturbed_who_is_typing(own_site: Site, visit: Visit) -> None:
    page = visit(own_site, role="admin").goto("/clientes")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#busca").fill("")
    page.locator("#busca").focus()
    asked.clear()

    page.wait_for_timeout(6_000)

    assert not [url for url in asked if url.endswith("/clientes")]
