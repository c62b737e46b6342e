"""carteira doctor: each fault is found where it is, with its remedy, and a healthy installation has none."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from servers import Server

from carteira.cli import main
from carteira.doctor import database, examine, strangers
from carteira.doctor.finding import Finding
from carteira.settings import Settings
from carteira.simulator.faults import Fault
from carteira.simulator.server import Simulator
from carteira.sync.run import sync
from carteira.warehouse import migrate
from carteira.warehouse.connection import Connection, Warehouse

SECRET = "3f9c1e7a5b2d8046"
ANYBODY = "create policy anybody on hints with check (true)"


@dataclass
class Patient:
    """An installation to examine; `given` are its environment variables."""

    given: dict[str, str]
    folder: Path

    def findings(self, **changed: str | None) -> list[Finding]:
        environ = {name: value for name, value in (self.given | changed).items() if value is not None}
        return list(examine(environ, self.folder))

    def wrong(self, **changed: str | None) -> dict[str, Finding]:
        """What is not ok, by check."""
        return {found.check: found for found in self.findings(**changed) if found.state != "ok"}


@pytest.fixture
def patient(settings: Settings, tmp_path: Path) -> Patient:
    assert settings.database_url
    return Patient(
        {
            "HOME": str(tmp_path),
            "PLOOMES_API_KEY": settings.ploomes_api_key.reveal() if settings.ploomes_api_key else "",
            "PLOOMES_BASE_URL": settings.ploomes_base_url,
            "DATABASE_URL": settings.database_url.reveal(),
            "CRON_SECRET": SECRET,
        },
        tmp_path,
    )


@pytest.fixture
def synced(settings: Settings, warehouse: Warehouse) -> None:
    sync(settings, warehouse)


def test_a_healthy_installation_has_nothing_wrong(server: Server, patient: Patient, synced: None) -> None:
    found = patient.findings()
    pooler = {"pooler"} if server.name == "pgbouncer" else set()

    assert [one for one in found if one.state != "ok"] == []
    assert {one.check for one in found} == {
        "key", "cron", "database", "schema", "freshness", "schedule", "pace", "ploomes", "clock",
        "fields of /Contacts", "fields of /Deals",
    } | pooler  # fmt: skip
    assert SECRET not in str(found)
    assert patient.given["PLOOMES_API_KEY"] not in str(found)


def test_a_misspelt_key_variable(patient: Patient) -> None:
    """The first of the four faults that the system before this one died of."""
    key = patient.given["PLOOMES_API_KEY"]

    wrong = patient.wrong(PLOOMES_API_KEY=None, PLOOME_API_KEY=key)

    assert wrong == {
        "settings": Finding(
            "settings",
            "failed",
            "PLOOME_API_KEY is not a setting and PLOOMES_API_KEY is not set: rename it to PLOOMES_API_KEY.",
        )
    }


def test_columns_of_an_older_system(patient: Patient, database: str) -> None:
    """The second: a table whose columns are not those of the code."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "create table customer_sales (customer_id integer primary key, customer_name text not null, cnpj text, "
            "total_revenue decimal(15, 2), deal_count integer, avg_deal_size decimal(15, 2), "
            "last_purchase_date timestamptz, last_sync_at timestamptz default now())"
        )
        parts = connection.info
        url = f"postgresql://{parts.user}@{parts.host.replace('/', '%2F')}:{parts.port}/{parts.dbname}"

    found = patient.wrong(DATABASE_URL=url)["schema"]

    assert found.state == "failed"
    assert "customer_sales" in found.text
    assert "carteira db upgrade" in found.text


def test_a_field_that_the_key_may_not_read(patient: Patient, synced: None, simulator: Simulator) -> None:
    """The third: a 403 for one field that looked like a 403 for the key."""
    simulator.restrict(forbidden=[("Deals", "Amount"), ("Contacts", "CityId")])

    wrong = patient.wrong()

    assert wrong["fields of /Deals"].state == "failed"
    assert "Amount of /Deals" in wrong["fields of /Deals"].text
    assert wrong["fields of /Contacts"].state == "warning"
    assert "CityId" in wrong["fields of /Contacts"].text
    assert "ploomes" not in wrong


def test_a_cron_secret_that_is_missing_or_weak(patient: Patient, synced: None) -> None:
    """The fourth: a cron route that anybody could call."""
    assert patient.wrong(CRON_SECRET=None)["cron"].state == "warning"
    assert patient.wrong(CRON_SECRET="aaaaaaaaaaaaaaaaaaaa")["cron"].state == "failed"
    assert patient.wrong(CRON_SECRET=patient.given["PLOOMES_API_KEY"])["cron"].state == "failed"
    assert "16" in patient.wrong(CRON_SECRET="short")["settings"].text


@pytest.mark.parametrize(
    "value",
    ["<PLOOMES_API_KEY>", "your-key-here", "your_api_key", "changeme", "xxxxxxxx", "sua-chave-aqui", "YOUR-USER-KEY"],
)
def test_a_placeholder_is_not_a_key(patient: Patient, value: str) -> None:
    assert "placeholder" in patient.wrong(PLOOMES_API_KEY=value)["settings"].text


def test_a_key_that_is_missing_unusual_or_refused(patient: Patient, synced: None) -> None:
    missing = patient.wrong(PLOOMES_API_KEY=None)
    refused = patient.wrong(PLOOMES_API_KEY="0" * 127)

    assert missing["key"].state == "failed"
    assert "ploomes" not in missing
    assert refused["key"].state == "warning"
    assert "127 characters" in refused["key"].text
    assert refused["ploomes"].state == "failed"
    assert "key" in refused["ploomes"].text


def test_a_key_that_may_not_see_look_ups(patient: Patient, synced: None, simulator: Simulator) -> None:
    simulator.restrict(forbidden=[("Users", "Name")])

    assert "/Users" in patient.wrong()["look-ups"].text


def test_ploomes_that_does_not_answer(patient: Patient, synced: None) -> None:
    found = patient.wrong(PLOOMES_BASE_URL="http://127.0.0.1:1")["ploomes"]

    assert found.state == "failed"
    assert "PLOOMES_BASE_URL" in found.remedy


def test_clocks_that_disagree(patient: Patient, synced: None, simulator: Simulator) -> None:
    simulator.clock.set(datetime.now(UTC) + timedelta(minutes=10))

    found = patient.wrong()["clock"]

    assert found.state == "warning"
    assert "behind" in found.text


def test_a_pace_above_the_accounts(patient: Patient, synced: None) -> None:
    assert patient.wrong(PLOOMES_REQUESTS_PER_MINUTE="121")["pace"].state == "warning"


def test_a_database_that_is_away(patient: Patient) -> None:
    found = patient.wrong(DATABASE_URL="postgresql://ana:canary@127.0.0.1:1/x")["database"]

    assert found.state == "failed"
    assert "canary" not in found.text


def test_a_role_without_rights(patient: Patient, synced: None, warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        if not connection.execute("select from pg_roles where rolname = 'stranger'").fetchone():
            connection.execute("create role stranger login")
    user = patient.given["DATABASE_URL"].partition("//")[2].partition("@")[0]

    wrong = patient.wrong(DATABASE_URL=patient.given["DATABASE_URL"].replace(f"//{user}", "//stranger", 1))

    assert wrong["schema"].state == "failed" if "schema" in wrong else wrong["database"].state == "failed"


def test_what_is_open_to_strangers(patient: Patient, synced: None, warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute("alter table sales disable row level security")
        connection.execute("grant select on customers to public")

    found = [one for one in patient.findings() if one.check == "schema"]

    assert {one.state for one in found} == {"failed"}
    remedies = " ".join(one.remedy for one in found)
    assert "alter table sales enable row level security" in remedies
    assert "revoke all on customers from public" in remedies


def test_a_schema_that_is_behind_or_was_changed_by_hand(patient: Patient, synced: None, warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute("alter table sales drop column title")
    found = patient.wrong()["schema"]
    assert "title" in found.text
    assert "text not null" in found.remedy and "carteira db upgrade" not in found.remedy

    migrate.downgrade(warehouse, "20261124000300")
    assert "carteira db upgrade" in patient.wrong()["schema"].text


def test_an_empty_database_is_no_fault(patient: Patient, warehouse: Warehouse) -> None:
    migrate.downgrade(warehouse, "0")

    assert "schema" not in patient.wrong()


def test_data_that_grows_old_and_rows_that_cannot_be_read(
    patient: Patient, settings: Settings, warehouse: Warehouse, simulator: Simulator
) -> None:
    assert "Nothing was published" in patient.wrong()["freshness"].text
    simulator.data.edit_deal(simulator.data.ids()[0], Amount=10**14)
    sync(settings, warehouse)
    with warehouse.transaction() as connection:
        connection.execute("update sync_runs set opened_at = opened_at - interval '25 hours'")

    wrong = patient.wrong()

    assert wrong["freshness"].state == "failed"
    assert wrong["rejected rows"].text.startswith("1 row ")


def test_a_last_run_that_failed_is_told_with_its_error(
    patient: Patient, settings: Settings, warehouse: Warehouse, simulator: Simulator
) -> None:
    sync(settings, warehouse)
    with warehouse.transaction() as connection:
        connection.execute("insert into sync_runs (mode, state, error) values ('full', 'failed', 'Out of luck.')")

    assert "Out of luck." in patient.wrong()["last run"].text


def test_secrets_in_git(patient: Patient) -> None:
    (patient.folder / ".env").write_text("CARTEIRA_LOCALE=en\n")
    (patient.folder / ".env").chmod(0o644)
    subprocess.run(["git", "init", "-q"], cwd=patient.folder, check=True)
    assert "chmod 600" in patient.wrong()["env files"].remedy
    (patient.folder / ".env").chmod(0o600)
    assert "env files" not in patient.wrong()

    subprocess.run(["git", "add", ".env"], cwd=patient.folder, check=True)

    assert "git rm --cached .env" in patient.wrong()["env files"].remedy


def test_a_secret_in_any_file_that_git_keeps(patient: Patient, synced: None) -> None:
    """And not in one that it does not keep."""
    (patient.folder / "deploy.sh").write_text(f"export CRON_SECRET={SECRET}\n")
    subprocess.run(["git", "init", "-q"], cwd=patient.folder, check=True)
    assert "git" not in patient.wrong()

    subprocess.run(["git", "add", "deploy.sh"], cwd=patient.folder, check=True)

    found = patient.wrong()["git"]
    assert found.state == "failed"
    assert "deploy.sh" in found.text and "CRON_SECRET" in found.text
    assert SECRET not in found.text + found.remedy


def test_a_schedule_that_is_dead(patient: Patient, synced: None, warehouse: Warehouse) -> None:
    """It is told apart from runs that fail."""
    with warehouse.transaction() as connection:
        connection.execute(
            "update sync_runs set opened_at = opened_at - interval '14 hours', "
            "finished_at = finished_at - interval '14 hours'"
        )
    assert "Nothing has run" in patient.wrong()["schedule"].text

    with warehouse.transaction() as connection:
        connection.execute("insert into sync_runs (mode, state, error) values ('full', 'failed', 'Out of luck.')")
    assert "schedule" not in patient.wrong()


def test_a_pace_that_is_used_up_or_shared(patient: Patient, synced: None, warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute("delete from request_bookings")
        connection.execute("update sync_runs set throttled = 3")
    assert "3 times" in patient.wrong()["pace"].text

    with warehouse.transaction() as connection:
        connection.execute("delete from request_bookings")
        connection.execute("insert into request_bookings (booked_at, requests) values (now(), 109)")
    examined = examine(patient.given, patient.folder)
    assert "109 of 110" in next(found for found in examined if found.check == "pace").text
    examined.close()


def test_the_doctor_books_what_he_asks(
    patient: Patient, synced: None, warehouse: Warehouse, simulator: Simulator
) -> None:
    """A run under way would else meet the limit because of him; without a database he asks all the same."""
    with warehouse.transaction() as connection:
        connection.execute("delete from request_bookings")
    simulator.requests.clear()

    patient.findings()

    with warehouse.transaction() as connection:
        (booked,) = connection.execute("select sum(requests) from request_bookings").fetchone() or (0,)
    assert booked == len(simulator.requests) > 5
    away = patient.wrong(DATABASE_URL="postgresql://ana@127.0.0.1:1/x")
    assert "ploomes" not in away
    assert len(simulator.requests) == 2 * booked


def test_webhooks_that_went_silent(patient: Patient, synced: None, warehouse: Warehouse) -> None:
    key = "a-webhook-key-of-the-tests"
    assert "webhooks install" in patient.wrong(PLOOMES_WEBHOOK_KEY=key)["webhooks"].remedy
    with warehouse.transaction() as connection:
        connection.execute("update webhook_state set calls = 1, received_at = now()")
        connection.execute("update sync_entities set newest = now()")
    assert "webhooks" not in patient.wrong(PLOOMES_WEBHOOK_KEY=key)

    with warehouse.transaction() as connection:
        connection.execute("update webhook_state set received_at = now() - interval '2 hours'")
    assert "webhooks check" in patient.wrong(PLOOMES_WEBHOOK_KEY=key)["webhooks"].remedy
    with warehouse.transaction() as connection:
        connection.execute("update webhook_state set received_at = now()")
        connection.execute(
            "insert into hints (entity, id, received_at) values ('deals', 1, now() - interval '2 hours')"
        )
    assert "carteira worker" in patient.wrong(PLOOMES_WEBHOOK_KEY=key)["webhooks"].remedy


def test_webhooks_that_ploomes_has_switched_off(
    patient: Patient, synced: None, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anybody misses a call."""
    given = {"PLOOMES_WEBHOOK_KEY": "a-webhook-key-of-the-tests", "CARTEIRA_PUBLIC_URL": "https://carteira.example.com"}
    check = "webhooks in Ploomes"
    assert "contacts create (missing)" in patient.wrong(**given)[check].text
    for name, value in (patient.given | given).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(patient.folder)
    assert main(["webhooks", "install"]) == 0
    assert check not in patient.wrong(**given)

    simulator.webhooks.rows[min(simulator.webhooks.rows)]["Active"] = False
    found = patient.wrong(**given)[check]
    assert found.state == "failed" and "contacts create (switched off" in found.text
    assert "webhooks install" in found.remedy

    simulator.faults.add(Fault("status", path="/Webhooks", status=403, times=None))
    assert patient.wrong(**given)[check].state == "warning"


def test_alerts_that_reach_nobody(patient: Patient, synced: None) -> None:
    assert patient.wrong(ALERT_EMAIL_TO="ana@example.com")["alerts"].state == "failed"
    assert patient.wrong(SMTP_URL="smtp://mail.example.com")["alerts"].state == "warning"


@pytest.fixture
def strange(synced: None, warehouse: Warehouse) -> Iterator[Connection]:
    """A transaction in which there are roles as Supabase has them: roles are a server's, so none of it stays."""
    with warehouse.transaction() as connection, connection.transaction(force_rollback=True):
        for role in ("anon", "authenticated", "readers_of_all", "plain"):
            if not connection.execute("select from pg_roles where rolname = %s", [role]).fetchone():
                connection.execute(f"create role {role}")
        connection.execute("grant usage on schema public to anon, authenticated")
        assert list(strangers.examine(connection)) == []
        yield connection


@pytest.mark.parametrize(
    ("opening", "role", "what"),
    [
        ("grant select on sales to readers_of_all; grant readers_of_all to anon", "anon", "has the right to {} sales"),
        ("grant select (name) on customers to anon", "anon", "has the right to {} customers"),
        ("grant select (name) on customers to anon; alter table customers disable row level security", "anon",
         "can {} customers"),
        (f"grant insert on hints to readers_of_all; {ANYBODY}; grant readers_of_all to anon", "anon", "can {} hints"),
        ("alter role anon bypassrls; grant insert (entity) on hints to anon", "anon", "can {} hints"),
    ],
)  # fmt: skip
def test_what_a_stranger_can_do_is_tried(strange: Connection, opening: str, role: str, what: str) -> None:
    """By a group, or by a single column; and nothing that was tried stays."""
    strange.execute(opening)

    (found,) = strangers.examine(strange)

    assert found.state == "failed"
    assert f"The role {role} {what.format('read or write')}:" in found.text
    assert strange.execute("select current_user = session_user, count(*) from hints").fetchone() == (True, 0)


def test_where_a_stranger_cannot_be_played_his_rights_are_asked_for(strange: Connection) -> None:
    """Though everything is open."""
    strange.execute("alter table sales disable row level security")
    strange.execute("grant select on sales to readers_of_all; grant readers_of_all to anon")
    strange.execute("set local session authorization plain")

    (found,) = strangers.examine(strange)

    assert "anon has the right to read or write sales" in found.text


def test_a_transaction_pooler_is_recognized(server: Server, warehouse: Warehouse, pgbouncer: Warehouse) -> None:
    pooled = server.name == "pgbouncer"

    assert database.transaction_pooler(pgbouncer)
    assert database.transaction_pooler(warehouse) == pooled
    assert database.transaction_pooler(warehouse) == pooled, "it left its mark behind"


def test_the_command_ends_with_1_when_a_check_failed(
    patient: Patient, synced: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in patient.given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(patient.folder)

    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    monkeypatch.setenv("CRON_SECRET", "0" * 16)
    assert main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)

    assert set(shown.splitlines()[0]) >= {"✓"}
    assert [one["check"] for one in told if one["state"] == "failed"] == ["cron"]
