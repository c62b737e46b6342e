"""Pages answer whatever stands in the address, and to each only what is his."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dashboard import ANA, publish, served, settings_of, viewer
from starlette.testclient import TestClient

from carteira.customer_sales.period import Period, read
from carteira.customer_sales.reports import Purchase
from carteira.customer_sales.segments import Standing
from carteira.sync import audit
from carteira.warehouse.connection import Warehouse
from carteira.web.formats import MINUS, formats
from carteira.web.pages import periods
from carteira.web.pages.customer_query import asked
from carteira.web.pages.frame import initials
from carteira.web.pages.rhythm import rhythm, strip, wallpaper
from carteira.web.pages.sparks import spark
from carteira.web.pages.verdicts import reason, said

TODAY = date(2026, 11, 24)
F = formats("pt-BR", "America/Sao_Paulo")
ODD = [
    "/?periodo=1900-01-01..1900-01-02",
    "/?periodo=2030-01-01..2030-12-31",
    "/?periodo=2199-12-31..2199-12-31",
    "/?periodo=..",
    "/?periodo=ano&vendedor=9223372036854775807",
    "/clientes?pagina=99999999999999999999",
    "/clientes?pagina=-3&ordem=;drop&sentido=x&vendas=talvez&minimo=1e999999&vendedor=abc",
    "/clientes?busca=%00%27%25_%5C&uf=%00,SP&cidade=%F0%9F%98%80&minimo=NaN",
    "/clientes?periodo=1900-01-01..2199-12-31",
    "/clientes/1?situacao=x&mostrar=99999999999999999999",
    "/clientes/4",
    "/sincronizacoes?antes=9223372036854775807",
]
REFUSED = {
    "/?vendedor=99999999999999999999": 422,
    "/sincronizacoes?antes=-1": 422,
    "/clientes/99999999999999999999": 422,
    "/clientes/12345": 404,
    "/clientes/abc": 422,
    "/nada": 404,
}


@pytest.fixture
def client(warehouse: Warehouse, tmp_path: Path) -> Iterator[TestClient]:
    publish(warehouse)
    with served(settings_of(tmp_path), warehouse) as client:
        client.headers.update(viewer(warehouse, "admin"))
        yield client


def test_every_address_has_an_answer(client: TestClient) -> None:
    """Nothing that can be typed into an address is an error of ours."""
    assert {path: client.get(path).status_code for path in ODD} == dict.fromkeys(ODD, 200)
    assert {path: client.get(path).status_code for path in REFUSED} == REFUSED


def test_htmx_gets_the_middle_of_a_page_only(client: TestClient) -> None:
    part = client.get("/clientes", headers={"hx-request": "true"}).text

    assert '<main class="page page--fill" id="conteudo"' in part
    assert "<html" not in part
    assert '<nav class="nav"' in client.get("/clientes").text


def test_a_page_is_kept_until_something_is_published(client: TestClient, warehouse: Warehouse) -> None:
    first = client.get("/")
    assert client.get("/", headers={"if-none-match": first.headers["etag"]}).status_code == 304

    with warehouse.transaction() as connection:
        connection.execute("update sync_state set publication = publication + 1")

    assert client.get("/", headers={"if-none-match": first.headers["etag"]}).status_code == 200


def test_a_run_on_its_way_is_looked_at_anew(client: TestClient, warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute("insert into sync_runs (mode, state, deals_expected) values ('full', 'running', 10)")

    assert "etag" not in client.get("/sincronizacoes").headers


def test_the_banner_says_why_to_whoever_may_know(client: TestClient, warehouse: Warehouse) -> None:
    """The sentence of a failure names addresses, what the audit refused counts everybody's deals: none for a seller."""
    refused = audit.shrinkage("deals", 29_852, 3412, accepted=False)
    with warehouse.transaction() as connection:
        connection.execute(
            "insert into sync_runs (mode, state, error, audit) values ('full', 'failed', %s, '[]')",
            ["Ploomes answered /Deals with HTTP 404."],
        )
    seller = viewer(warehouse, "vendedor", ANA)

    assert "O Ploomes respondeu a /Deals com HTTP 404. Confira" in client.get("/").text
    assert 'action="/sincronizacoes"' not in client.get("/").text, "there is no key to start a run with"
    assert "HTTP 404" not in client.get("/", headers=seller).text
    with warehouse.transaction() as connection:
        connection.execute(
            "insert into sync_runs (mode, state, error, audit) values ('full', 'refused', %s, %s)",
            [f"Refused to publish run 7: {refused.detail}", json.dumps([refused.as_dict()])],
        )
    page = client.get("/").text
    assert "foi recusada: 3.412 negócios sumiriam (11,4%).</b>" in page
    assert "aceite as exclusões" in page
    assert "3.412" not in client.get("/", headers=seller).text
    assert "foi recusada pela conferência" in client.get("/", headers=seller).text


def test_who_cannot_sync_is_told_who_does(warehouse: Warehouse, tmp_path: Path) -> None:
    with served(settings_of(tmp_path), warehouse) as client:
        page = client.get("/", headers=viewer(warehouse, "vendedor", ANA)).text
        of_admin = client.get("/", headers=viewer(warehouse, "admin")).text

    assert "Quem administra a Carteira faz a primeira" in page
    assert "carteira sync" not in page
    assert "carteira sync" in of_admin


def test_only_an_admin_starts_a_run(client: TestClient, warehouse: Warehouse) -> None:
    for role, owner in (("gestor", None), ("vendedor", ANA)):
        headers = viewer(warehouse, role, owner)
        assert client.post("/sincronizacoes", headers=headers).status_code == 403
        assert client.get("/sincronizacoes", headers=headers).status_code == (200 if role == "gestor" else 403)


def test_who_looks_at_one_seller_stays_who_he_is(client: TestClient) -> None:
    """The figures are the seller's; the way to the syncs is still there, and no table of one row."""
    page = client.get(f"/?vendedor={ANA}&periodo=2026-11-01..2026-11-30").text

    assert 'href="/sincronizacoes"' in page
    assert 'id="por-vendedor"' not in page
    assert 'id="por-vendedor"' in client.get("/?periodo=2026-11-01..2026-11-30").text


def test_a_vendedor_cannot_ask_for_another_seller(client: TestClient, warehouse: Warehouse) -> None:
    """The address may name another; his sight is narrower than his wish."""
    headers = viewer(warehouse, "vendedor", ANA)

    own = client.get("/?periodo=ano", headers=headers).text
    other = client.get("/?periodo=ano&vendedor=8", headers=headers).text

    tiles = slice(own.index('<dl class="kpis"'), own.index("</dl>"))
    assert own[tiles] == other[other.index('<dl class="kpis"') : other.index("</dl>")]


@pytest.mark.parametrize(
    ("text", "minimum"),
    [
        ("10000", 10000),
        ("10.000", 10000),
        ("R$ 10.000,50", "10000.50"),
        ("1.5", "1.5"),
        ("1.234.567", 1234567),
        ("10,000", 10000),
        ("R$10,000.50", "10000.50"),
        ("1,234,567", 1234567),
        ("10,5", "10.5"),
        ("x", None),
    ],
)
def test_amounts_are_read_as_they_are_typed_in_either_language(text: str, minimum: str | None) -> None:
    found = asked({"minimo": text}, TODAY).filters.minimum

    assert found == (Decimal(minimum) if minimum else None)


@pytest.mark.parametrize(
    ("period", "names"),
    [
        ("mes", ["out", "nov/25"]),
        ("trimestre", ["3º tri", "4º tri/25"]),
        ("ano", ["2025"]),
        ("12-meses", ["12 m antes"]),
        ("semana", ["sem. anterior", "2025"]),
        ("hoje", ["23/11", "2025"]),
        ("2026-01-05..2026-01-14", ["10 dias antes", "2025"]),
        ("2026-01-01..2026-01-31", ["dez/25", "jan/25"]),
    ],
)
def test_comparisons_have_short_names(period: str, names: list[str]) -> None:
    """And the same period is not compared with twice."""
    assert [one.name for one in periods.comparisons(read(period, TODAY), F)] == names


def test_a_wrong_period_is_this_month() -> None:
    assert periods.chosen("1900-01-01..1900-01-01", TODAY) == Period(date(2026, 11, 1), TODAY)


def test_a_rhythm_needs_three_purchases() -> None:
    """Median days between days of purchase; late once more have passed."""
    days = [date(2026, 9, 1), date(2026, 9, 11), date(2026, 10, 1), date(2026, 10, 11)]
    bought = [Purchase(day, Decimal(10)) for day in days]
    late, lost = date(2026, 10, 27), date(2026, 11, 26)
    stands = Standing(4, 4, days[0], days[-1], 10, date(2026, 10, 21), late, lost, None, "quase", "A", 42)

    found = rhythm(stands, TODAY)

    assert rhythm(None, TODAY) is None
    assert rhythm(replace(stands, usual_gap=None), TODAY) is None
    assert found is not None
    assert (found.every, found.since, found.due, found.late) == (10, 44, date(2026, 10, 21), True)
    drawn = strip(bought, found, TODAY, 12, 324, F)
    assert len(drawn.ticks) == 4
    assert drawn.due is not None
    assert drawn.ticks[-1].x < drawn.due < drawn.today


def test_the_wallpaper_is_the_same_every_time() -> None:
    assert len(wallpaper()) == 17
    assert wallpaper() == wallpaper.__wrapped__()


def test_sparks_scale_to_their_own_range() -> None:
    line = spark([1, 3, 2], width=20, height=10, pad=0)

    assert line is not None
    assert line.points == "0.0,10.0 10.0,0.0 20.0,5.0"
    assert spark([5]) is None
    assert spark([2, 2]) is not None


def test_verdicts_are_told_from_their_numbers() -> None:
    found = said(
        [
            audit.counts("deals", 30000, 30000, 30000, 0).as_dict(),
            audit.counts("deals", 30000, 30000, 29998, 5).as_dict(),
            audit.shrinkage("deals", 30000, 3412, accepted=False).as_dict(),
            audit.sums(Decimal("1.10"), Decimal("1.10")).as_dict(),
            {"check": "new one", "verdict": "warning", "detail": "Something.", "facts": {}},
        ],
        F,
    )

    assert [one.kind for one in found] == ["ok", "warn", "fail", "ok", "warn"]
    assert found[1].text == "2 negócios a menos aqui"
    assert found[2].text == "3.412 negócios sumiriam (11,4%)"
    assert found[3].figures == "R$\xa01,10"
    assert found[4].text == "Something."
    assert said([audit.shrinkage("deals", 30000, 1, accepted=False).as_dict()], F)[0].figures.startswith(MINUS)


def test_every_reason_of_a_rejection_has_its_words() -> None:
    """A reason that ploomes/decode writes and the pages do not know would be shown in English."""
    from carteira.ploomes import decode

    written = [value for name, value in vars(decode).items() if name.isupper() and isinstance(value, str)]
    written = [text for text in written if text.startswith(("is ", "cannot "))]
    assert len(written) >= 5
    assert [text for text in written if reason(text, F) == text] == []


def test_initials() -> None:
    assert [initials(name) for name in ("Marina de Sodré", "marina@empresa.example", "", "=X")] == ["MS", "M", "?", "="]


def test_the_picker_marks_what_is_chosen() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    picker = periods.picker("/", {"vendedor": 7}, read("ano", TODAY), TODAY, F)

    assert F.zone == zone
    assert [tab.name for tab in picker.tabs if tab.current] == ["Ano"]
    assert picker.tabs[0].address == "/?vendedor=7&periodo=hoje"
    assert picker.tabs[2].address == "/?vendedor=7"
