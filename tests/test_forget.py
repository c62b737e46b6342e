"""Whoever is forgotten is named nowhere and does not come back, and no total moves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import dashboard
import oracle
import pytest
from dump import dump
from world import EAGER, settings_for

from carteira.cli import main
from carteira.settings import Settings
from carteira.simulator.faults import Fault
from carteira.simulator.server import Simulator
from carteira.sync.run import sync
from carteira.warehouse import migrate, people, views
from carteira.warehouse.connection import Warehouse

NAME, TITLE, LEGAL = "Zuleide Quaresma", "Enxoval da Zuleide", "Quaresma Costuras ME"
CPF, CNPJ = "52998224725", "11222333000181"
TELLTALE = (NAME, TITLE, LEGAL, CPF, "zuleide", "Zuleide")
ANONYMOUS = "Cliente esquecido"


@dataclass
class Account:
    """An account in which somebody with a name of her own has won, open and lost deals."""

    ploomes: Simulator
    warehouse: Warehouse
    settings: Settings
    contact: int
    deals: list[int]

    def totals(self) -> tuple[Decimal, int]:
        with self.warehouse.transaction() as connection:
            row = connection.execute("select sum(total_revenue), sum(total_deals) from customer_sales").fetchone()
        assert row
        return row[0], row[1]

    def sync(self, *, full: bool = False) -> None:
        sync(self.settings, self.warehouse, full=full, patience=EAGER)


@pytest.fixture
def account(simulator: Simulator, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    contact = simulator.data.create_contact(Name=NAME, LegalName=LEGAL, TypeId=2, CPF=CPF, Register=CPF)
    deals = [
        simulator.data.create_deal(
            ContactId=contact,
            ContactName=NAME,
            Title=TITLE,
            StatusId=status,
            Amount=Decimal("10.01"),
        )
        for n, status in enumerate((1, 2, 2, 3))
    ]
    settings = settings_for(simulator, warehouse, tmp_path)
    assert settings.database_url
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", settings.database_url.reveal())
    found = Account(simulator, warehouse, settings, contact, deals)
    found.sync()
    return found


def named(warehouse: Warehouse) -> list[str]:
    kept = dump(warehouse)
    return [word for word in TELLTALE if word in kept]


def test_it_is_there_before(account: Account) -> None:
    """Or what follows would prove nothing."""
    assert named(account.warehouse) == list(TELLTALE)


def test_nothing_names_the_contact_and_no_total_moves(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    before = account.totals()

    assert main(["forget", str(account.contact), "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told == {"contacts": 1, "deals": 4, "rejected": 0, "older": 0, "views": 0, "doubtful_views": []}
    assert named(account.warehouse) == []
    assert account.totals() == before
    row = oracle.published(account.warehouse)[account.contact]
    assert row[1:4] == (ANONYMOUS, Decimal("20.02"), 2)
    with account.warehouse.transaction() as connection:
        assert connection.execute("select publication from sync_state").fetchone() == (2,)
        (entry,) = [entry for entry in people.audit_log(connection) if entry.event == "forgotten"]
    assert entry.detail == f"contact {account.contact}"


def test_no_later_run_brings_the_contact_back(account: Account) -> None:
    """Neither a full read, nor an edit, nor a new deal, nor that Ploomes hides the contact; and all sums stay right."""
    main(["forget", str(account.contact)])
    data = account.ploomes.data
    assert_all_but_the_name_agrees(account)

    account.sync(full=True)
    data.edit_contact(account.contact, Name=f"{NAME} da Silva", CPF=CPF)
    data.edit_deal(account.deals[1], Title=f"{TITLE} 2", Amount=Decimal("500.5"))
    data.create_deal(ContactId=account.contact, ContactName=NAME, Title=TITLE, StatusId=2, Amount=3)
    account.sync()
    assert named(account.warehouse) == []
    assert_all_but_the_name_agrees(account)

    data.hide_contact(account.contact)
    data.edit_deal(account.deals[0], ContactName=NAME)
    account.sync(full=True)
    assert named(account.warehouse) == []
    assert oracle.published(account.warehouse)[account.contact][1] == ANONYMOUS


def assert_all_but_the_name_agrees(account: Account) -> None:
    def nameless(row: tuple[object, ...]) -> tuple[object, ...]:
        return (row[0], ANONYMOUS if row[0] == account.contact else row[1], *row[2:])

    with account.warehouse.transaction() as connection:
        (usual,) = connection.execute("select usual_currency_id from sync_state").fetchone() or (None,)
    wanted = {key: nameless(row) for key, row in oracle.expected(account.ploomes, usual).items()}
    assert oracle.published(account.warehouse) == wanted


def test_a_quiet_full_read_of_somebody_forgotten_changes_nothing(account: Account) -> None:
    main(["forget", str(account.contact)])

    outcome = sync(account.settings, account.warehouse, full=True)

    assert (outcome.customers, outcome.deals, outcome.publication) == (0, 0, 2)


def test_rows_that_could_not_be_read_are_emptied_too(account: Account) -> None:
    """Those that are kept, and those that come later: of the contact, and of deals that name it."""
    bad = [
        Fault("rows", path="/Contacts", ids=[account.contact], set={"TypeId": {"x": NAME}}, times=None),
        Fault("rows", path="/Deals", ids=account.deals[:2], set={"Amount": TITLE}, times=None),
    ]
    account.ploomes.faults.add(*bad)
    account.ploomes.data.edit_contact(account.contact)
    account.ploomes.data.edit_deals(account.deals[:2])
    account.sync()
    with account.warehouse.transaction() as connection:
        raws = connection.execute("select raw from rejected_rows where closed_at is null").fetchall()
        assert len(raws) == 3 and all("Zuleide" in raw for (raw,) in raws)

    main(["forget", str(account.contact)])
    assert named(account.warehouse) == []
    new = account.ploomes.data.create_deal(
        ContactId=account.contact, ContactName=NAME, Title=TITLE, StatusId=2, Amount=1
    )
    account.ploomes.faults.add(Fault("rows", path="/Deals", ids=[new], set={"Amount": "doze"}, times=None))
    account.sync(full=True)
    assert named(account.warehouse) == []


def test_what_a_run_has_read_and_not_published_is_emptied(account: Account) -> None:
    """A run that was cut short before: what it staged names nobody, and what it stages from then on is emptied."""
    account.ploomes.data.edit_contact(account.contact, Name=NAME + " II")
    account.ploomes.data.edit_deals(account.ploomes.data.ids())

    def stop(step: str) -> None:
        if step == "audited":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(account.settings, account.warehouse, full=True, at_step=stop)
    assert NAME in dump(account.warehouse)

    main(["forget", str(account.contact)])
    assert named(account.warehouse) == []
    account.sync()
    assert named(account.warehouse) == []


def test_others_keep_their_names(account: Account) -> None:
    """One whose number begins or ends as the other's does too."""
    data = account.ploomes.data
    near = data.create_deal(ContactId=account.contact, ContactName="Perto", StatusId=2)
    others = Fault(
        "rows", path="/Deals", ids=[near], set={"ContactId": account.contact * 10, "Amount": "doze"}, times=None
    )
    account.ploomes.faults.add(others)
    account.sync()
    before = oracle.published(account.warehouse)

    main(["forget", str(account.contact)])

    after = oracle.published(account.warehouse)
    assert {key for key in before if before[key] != after[key]} == {account.contact}
    with account.warehouse.transaction() as connection:
        assert "Perto" in str(connection.execute("select raw from rejected_rows").fetchall())


def test_the_page_shows_nobody(account: Account, tmp_path: Path) -> None:
    main(["forget", str(account.contact)])

    with dashboard.served(account.settings, account.warehouse) as client:
        who = dashboard.viewer(account.warehouse, "admin")
        page = client.get(f"/clientes/{account.contact}", headers=who)
        found = client.get("/api/dashboard/customers?search=zuleide", headers=who).json()

    assert page.status_code == 200
    assert ANONYMOUS in page.text and "Zuleide" not in page.text
    assert found["pagination"]["total"] == 0


def test_it_can_be_taken_back(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    main(["forget", str(account.contact)])
    capsys.readouterr()
    main(["forget", "--json"])
    assert [one["customer_id"] for one in json.loads(capsys.readouterr().out)] == [account.contact]
    main(["forget"])
    assert str(account.contact) in capsys.readouterr().out

    assert main(["forget", "--undo", str(account.contact)]) == 0
    account.sync(full=True)

    oracle.assert_agrees(account.ploomes, account.warehouse)
    assert main(["forget", "--undo", str(account.contact)]) == 1
    assert main(["forget", "--undo"]) == 1


def test_a_number_that_is_nobodys_is_not_put_on_the_list(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forget", "123456789"]) == 1

    assert "123456789" in capsys.readouterr().err
    main(["forget", "--json"])
    assert json.loads(capsys.readouterr().out) == []


@pytest.fixture
def older(database: str) -> Iterator[Warehouse]:
    """What the system before left: its own customer_sales, with a name in it."""
    warehouse = Warehouse(database)
    with warehouse.transaction() as connection:
        connection.execute(
            "create table customer_sales (customer_id integer primary key, customer_name text not null, cnpj text)"
        )
        connection.execute("insert into customer_sales values (7, %s, %s), (8, 'Outra', null)", [NAME, CNPJ])
    migrate.upgrade(warehouse)
    yield warehouse


def test_what_an_older_system_left_is_deleted(
    older: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulator: Simulator
) -> None:
    url = settings_for(simulator, older, tmp_path).database_url
    assert url
    monkeypatch.setenv("DATABASE_URL", url.reveal())
    monkeypatch.chdir(tmp_path)
    assert NAME in dump(older)

    assert main(["forget", "7"]) == 0

    assert [word for word in (NAME, CNPJ) if word in dump(older)] == []
    assert "Outra" in dump(older)


def test_the_log_of_exports_does_not_tell_who_was_searched_for(account: Account) -> None:
    with dashboard.served(account.settings, account.warehouse) as client:
        client.get("/clientes/exportar.csv?busca=Zuleide&uf=SP", headers=dashboard.viewer(account.warehouse, "admin"))
    with account.warehouse.transaction() as connection:
        (entry,) = [entry for entry in people.audit_log(connection) if entry.event == "export"]

    assert entry.detail.endswith("csv: busca=***&uf=SP")


@pytest.fixture
def saved(account: Account) -> Callable[[str, str], int]:
    """Save a view of the list for Ana: with a name, and a query."""
    with account.warehouse.transaction() as connection:
        user = people.add_user(connection, "ana@example.com")

    def save(name: str, query: str) -> int:
        with account.warehouse.transaction() as connection:
            return views.save(connection, user, name, query, shared=False)

    return save


def names_of_views(warehouse: Warehouse) -> list[str]:
    with warehouse.transaction() as connection:
        return [name for (name,) in connection.execute("select name from saved_views order by view_id")]


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("Dela", "busca=Zuleide+Quaresma"),
        ("Dela", "uf=SP&busca=QUARESMA%2C%20zuleide"),
        ("Dela", "busca=529.982.247-25"),
        ("Dela", "busca=52998224725&ordem=nome"),
        ("Dela", "busca=Quaresma+Costuras+ME"),
        ("Zuleide Quaresma: em atraso", "com_vendas=1"),
        ("CPF 52998224725", ""),
    ],
)
def test_a_saved_view_that_tells_who_it_is_goes(
    account: Account, saved: Callable[[str, str], int], name: str, query: str, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(name, query)
    saved("De todos", "com_vendas=1&busca=Padaria")

    assert main(["forget", str(account.contact)]) == 0

    told = capsys.readouterr()
    assert names_of_views(account.warehouse) == ["De todos"]
    assert "Deleted 1 saved view " in told.out
    assert "may mean" not in told.err


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("Uma parte", "busca=zulei"),
        ("Um nome", "busca=Quaresma"),
        ("Um pedaço", "busca=529.982"),
        ("Um e-mail", "busca=quem%40example.com"),
        ("As da Zuleide", "uf=SP"),
    ],
)
def test_a_saved_view_that_may_mean_others_is_told_and_stays(
    account: Account, saved: Callable[[str, str], int], name: str, query: str, capsys: pytest.CaptureFixture[str]
) -> None:
    number = saved(name, query)
    saved("De todos", "com_vendas=1&busca=Padaria&minimo=529")

    assert main(["forget", str(account.contact)]) == 0

    (line,) = [line for line in capsys.readouterr().err.splitlines() if "ana@example.com" in line]
    assert line.split() == [str(number), *name.split(), "(ana@example.com)"]
    assert names_of_views(account.warehouse) == [name, "De todos"]


def test_a_view_of_a_company_by_its_root_is_told(
    account: Account, saved: Callable[[str, str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its other branches are shown by it too."""
    company = account.ploomes.data.create_contact(Name="Outra Costura", TypeId=1, CNPJ=CNPJ)
    account.sync()
    number = saved("Grupo", f"raiz={CNPJ[:8]}")
    capsys.readouterr()

    assert main(["forget", "--json", str(company)]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["views"] == 0
    assert told["doubtful_views"] == [{"view_id": number, "name": "Grupo", "by_whom": "ana@example.com"}]


def test_pages_that_were_kept_with_a_view_are_old(account: Account, saved: Callable[[str, str], int]) -> None:
    saved("Dela", "busca=Zuleide+Quaresma")
    with account.warehouse.transaction() as connection:
        before = connection.execute("select changes from saved_views_state").fetchone()

    main(["forget", str(account.contact)])

    with account.warehouse.transaction() as connection:
        assert connection.execute("select changes from saved_views_state").fetchone() != before
