"""Settings: where they come from, what is wrong with them, and that none is ever shown."""

from __future__ import annotations

import os
import pickle
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carteira.errors import SettingsError
from carteira.settings import SETTINGS, Secret, Settings, load
from carteira.settings.spelling import near_miss

KEY = "a" * 128
OPENID = {
    "CARTEIRA_OIDC_ISSUER": "https://accounts.example",
    "CARTEIRA_OIDC_CLIENT_ID": "carteira",
    "CARTEIRA_OIDC_CLIENT_SECRET": "what the provider gave".replace(" ", "-"),
    "CARTEIRA_PUBLIC_URL": "https://carteira.example",
}


def loaded(folder: Path, required: tuple[str, ...] = (), **environ: str) -> Settings:
    return load({"HOME": "/home/ana"} | environ, folder, required)


def faults(folder: Path, required: tuple[str, ...] = (), **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        loaded(folder, required, **environ)
    return refused.value.faults


def test_nothing_has_to_be_set(tmp_path: Path) -> None:
    settings = loaded(tmp_path)

    assert settings.ploomes_base_url == "https://public-api2.ploomes.com"
    assert settings.ploomes_requests_per_minute == 110
    assert settings.ploomes_concurrency == 4
    assert settings.sync_deadline_seconds == 240
    assert settings.timezone == "America/Sao_Paulo"
    assert settings.ploomes_api_key is None
    assert settings.database_url is None


def test_the_environment_wins_over_env_local_which_wins_over_env(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PLOOMES_API_KEY=env\nPLOOMES_CONCURRENCY=1\nCARTEIRA_LOCALE=en\n")
    (tmp_path / ".env.local").write_text("PLOOMES_API_KEY=local\nPLOOMES_CONCURRENCY=2\n")

    settings = loaded(tmp_path, PLOOMES_API_KEY="environment")

    assert settings.ploomes_api_key == Secret("environment")
    assert settings.ploomes_concurrency == 2
    assert settings.locale == "en"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("PLOOMES_API_KEY=abc", "abc"),
        ("export PLOOMES_API_KEY = abc  ", "abc"),
        ("PLOOMES_API_KEY=abc # from Ana", "abc"),
        ("PLOOMES_API_KEY=abc#def", "abc#def"),
        ('PLOOMES_API_KEY="abc#1" # quoted', "abc#1"),
        (r'PLOOMES_API_KEY="a\"b\\c"', 'a"b\\c'),
        ("PLOOMES_API_KEY='a$b\"c'", 'a$b"c'),
        ("PLOOMES_API_KEY=$HOME", "$HOME"),
        ("\ufeffPLOOMES_API_KEY=abc\r", "abc"),
        ("PLOOMES_API_KEY=", None),
        ("PLOOMES_API_KEY=''", None),
        ("PLOOMES_API_KEY= # later", None),
        ("# PLOOMES_API_KEY=abc", None),
    ],
)
def test_a_line_of_an_env_file(tmp_path: Path, line: str, value: str | None) -> None:
    (tmp_path / ".env").write_text(f"\n{line}\n" if line[0] != "\ufeff" else line, "utf-8")

    assert loaded(tmp_path).ploomes_api_key == (Secret(value) if value else None)


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1))
def test_any_quoted_key_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    folder = tmp_path_factory.mktemp("env")
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    (folder / ".env").write_text(f'PLOOMES_API_KEY="{escaped}"\n')

    assert loaded(folder).ploomes_api_key == Secret(key)


def test_a_broken_line_is_named_by_its_number_and_never_quoted(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CARTEIRA_LOCALE=en\nPLOOMES_API_KEY='canary\njust canary\n")

    assert faults(tmp_path) == [
        ".env, line 2, is not NAME=value, or a quote in it is not closed: correct it.",
        ".env, line 3, is not NAME=value, or a quote in it is not closed: correct it.",
    ]


def test_an_env_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env.local").write_bytes(b"PLOOMES_API_KEY=\xff\xfe")

    assert "UnicodeDecodeError" in faults(tmp_path)[0]


def test_an_empty_value_counts_as_missing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PLOOMES_CONCURRENCY=3")

    assert loaded(tmp_path, PLOOMES_CONCURRENCY="", DATABASE_URL=" ").ploomes_concurrency == 3
    assert faults(tmp_path, ("PLOOMES_API_KEY",), PLOOMES_API_KEY="")[0].startswith("PLOOMES_API_KEY is not set")


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")

    assert loaded(tmp_path, PLOOMES_API_KEY_FILE="key").ploomes_api_key == Secret(KEY)
    assert loaded(tmp_path, PLOOMES_API_KEY_FILE=str(tmp_path / "key")).ploomes_api_key == Secret(KEY)


def test_a_secret_file_that_is_away_or_one_too_many_is_a_fault(tmp_path: Path) -> None:
    missing = faults(tmp_path, PLOOMES_API_KEY_FILE="nowhere")
    twice = faults(tmp_path, PLOOMES_API_KEY="x", PLOOMES_API_KEY_FILE="y")

    assert missing == [
        (
            "PLOOMES_API_KEY cannot be read from the file in PLOOMES_API_KEY_FILE (FileNotFoundError): "
            "correct the path or the file's rights."
        )
    ]
    assert twice == ["PLOOMES_API_KEY and PLOOMES_API_KEY_FILE are both set in the environment: keep one of them."]


def test_the_stronger_source_decides_between_a_value_and_a_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PLOOMES_API_KEY_FILE=nowhere")

    assert loaded(tmp_path, PLOOMES_API_KEY="here").ploomes_api_key == Secret("here")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("PLOOME_API_KEY", "PLOOMES_API_KEY"),
        ("ploomes_api_key", "PLOOMES_API_KEY"),
        ("PLOOMES_APIKEY", "PLOOMES_API_KEY"),
        ("PLOOMSE_API_KEY", "PLOOMES_API_KEY"),
        ("PLOOME_API_KEY_FILE", "PLOOMES_API_KEY_FILE"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("CRON_SECRETS", "CRON_SECRET"),
        ("CARTEIRA_TIME_ZONE", "CARTEIRA_TIMEZONE"),
    ],
)
def test_a_name_a_letter_or_two_off_is_an_error_that_names_the_right_one(
    tmp_path: Path, wrong: str, right: str
) -> None:
    assert faults(tmp_path, **{wrong: "canary"}) == [
        f"{wrong} is not a setting and {right} is not set: rename it to {right}."
    ]


def test_a_misspelt_name_in_an_env_file_is_found_and_told_once(tmp_path: Path) -> None:
    (tmp_path / ".env.local").write_text(f"PLOOME_API_KEY={KEY}")

    assert len(faults(tmp_path, ("PLOOMES_API_KEY",))) == 1


def test_a_near_name_beside_the_right_one_is_nobodys_business(tmp_path: Path) -> None:
    assert loaded(tmp_path, PLOOMES_API_KEY=KEY, PLOOME_API_KEY="old").ploomes_api_key == Secret(KEY)


def test_the_names_we_have_are_no_near_misses_of_each_other() -> None:
    names = {name for setting in SETTINGS for name in setting.names}

    assert [(name, near) for name in names if (near := near_miss(name, sorted(names - {name})))] == []


@given(st.data())
def test_two_edits_are_near_wherever_they_are(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([setting.name for setting in SETTINGS]))
    letters = list(name)
    for _ in range(2):
        at = data.draw(st.integers(0, len(letters) - 1))
        letters[at : at + data.draw(st.integers(0, 1))] = data.draw(st.sampled_from([[], ["X"]]))

    assert near_miss(name, ["".join(letters)]) == "".join(letters)


def test_a_name_three_edits_away_is_another_name() -> None:
    assert near_miss("CRON_SECRET", ["CRON_SECRE", "CRN_SCRT"]) == "CRON_SECRE"
    assert near_miss("CRON_SECRET", ["CRN_SCRT", "CROWN_SECRETLY", "SECRET"]) is None


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PLOOMES_API_KEY", "chave com espaço", "no HTTP header can carry"),
        ("PLOOMES_BASE_URL", "http://public-api2.ploomes.com", "must begin with https://"),
        ("PLOOMES_BASE_URL", "http://127.0.0.1.evil.example", "must begin with https://"),
        ("PLOOMES_BASE_URL", "https://user:pass@host.example", "the key goes into PLOOMES_API_KEY"),
        ("PLOOMES_BASE_URL", "https://host.example/?key=1", "the key goes into PLOOMES_API_KEY"),
        ("PLOOMES_BASE_URL", "public-api2.ploomes.com", "begins with https://"),
        ("PLOOMES_BASE_URL", "https://host.example:port", "check its brackets and its port"),
        ("PLOOMES_BASE_URL", "https://[::1", "check its brackets and its port"),
        ("PLOOMES_REQUESTS_PER_MINUTE", "0", "whole number from 1"),
        ("PLOOMES_REQUESTS_PER_MINUTE", "1.5", "whole number from 1"),
        ("PLOOMES_CONCURRENCY", "-1", "whole number from 1"),
        ("PLOOMES_CONCURRENCY", "four", "whole number from 1"),
        ("DATABASE_URL", "mysql://h/d", "postgresql://user:password@host:5432/database"),
        ("DATABASE_URL", "postgresql+psycopg://h/d", "postgresql://user:password@host:5432/database"),
        ("DATABASE_URL", "host=h dbname=d", "postgresql://user:password@host:5432/database"),
        ("DATABASE_URL", "postgresql://u:p%zz@h/d", "write % as %25"),
        ("DATABASE_URL", "postgresql://u:p@ss@h/d", "write @ as %40"),
        ("DATABASE_URL", "postgresql://u:p/w@h/d", "%2F"),
        ("DATABASE_URL", "postgresql://u:p?w@h/d", "%3F"),
        ("DATABASE_URL", "postgresql://u:p#w@h/d", "%23"),
        ("DATABASE_URL", "postgresql://u:p w@h/d", "%20"),
        ("DATABASE_URL", "postgresql://postgres:[YOUR-PASSWORD]@db.example:5432/postgres", "[YOUR-PASSWORD]"),
        ("DATABASE_URL", "postgresql://u:p@h:54321x/d", "its port"),
        ("DATABASE_SCHEMA", "Vendas", "small letters"),
        ("DATABASE_SCHEMA", "pg_vendas", "pg_"),
        ("CRON_SECRET", "short", "has 5 characters and needs 16"),
        ("METRICS_TOKEN", "123456789012345", "has 15 characters and needs 16"),
        ("SYNC_SCHEDULE", "every hour", "five fields"),
        ("SYNC_SCHEDULE", "0 */6 * *", "five fields"),
        ("SYNC_DEADLINE_SECONDS", "0", "above 0"),
        ("SYNC_DEADLINE_SECONDS", "nan", "above 0"),
        ("CARTEIRA_LEASE_SECONDS", "1e3", "above 0"),
        ("CARTEIRA_TIMEZONE", "Sao Paulo", "name of a time zone"),
        ("CARTEIRA_TIMEZONE", "../../etc/passwd", "name of a time zone"),
        ("CARTEIRA_LOCALE", "pt", "pt-BR or en"),
        ("CARTEIRA_PUBLIC_URL", "carteira.example", "https://"),
        ("PLOOMES_DEAL_URL", "https://app.example/deal/", "{id}"),
        ("HEALTHCHECK_URL", "ftp://hc.example/x", "https://"),
        ("CARTEIRA_OIDC_ISSUER", "http://accounts.example", "must begin with https://"),
        ("CARTEIRA_OIDC_ISSUER", "https://accounts.example/?tenant=1", "a host and perhaps a path"),
        ("CARTEIRA_OIDC_ISSUER", "https://ana:x@accounts.example", "a host and perhaps a path"),
        ("CARTEIRA_OIDC_ISSUER", "accounts.example", "begins with https://"),
        ("CARTEIRA_OIDC_CLIENT_ID", "a b", "no HTTP header can carry"),
        ("CARTEIRA_OIDC_CLIENT_SECRET", "a b", "no HTTP header can carry"),
        ("CARTEIRA_OIDC_LABEL", "Entrar " * 10, "60 characters at most"),
    ],
)
def test_a_wrong_value_is_told_by_name_with_what_to_do(tmp_path: Path, name: str, value: str, reason: str) -> None:
    (fault,) = faults(tmp_path, **(OPENID if name in OPENID or "OIDC" in name else {}) | {name: value})

    assert fault.startswith(f"{name} ")
    assert reason in fault
    assert not any(setting.secret and setting.name == name and value in fault for setting in SETTINGS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLOOMES_BASE_URL", "http://127.0.0.1:8765"),
        ("PLOOMES_BASE_URL", "http://[::1]:8765"),
        ("PLOOMES_BASE_URL", "http://localhost:8765"),
        ("DATABASE_URL", "postgres://u:p%40ss@h:5432/d?sslmode=require"),
        ("DATABASE_URL", "postgresql://carteira@%2Ftmp%2Fx:5432/postgres"),
        ("DATABASE_URL", "postgresql:///d?host=/tmp"),
        ("SYNC_SCHEDULE", "*/5 8-18 * * MON-FRI"),
        ("SYNC_SCHEDULE", "0,30 0 1 1,7 *"),
        ("CARTEIRA_TIMEZONE", "America/Manaus"),
        ("DATABASE_SCHEMA", "carteira_2"),
        ("PLOOMES_CONTACT_URL", "https://app.example/contact/{id}"),
        ("PLOOMES_REQUESTS_PER_MINUTE", "1000"),
        ("CARTEIRA_OIDC_ISSUER", "http://127.0.0.1:9000/o"),
        ("CARTEIRA_OIDC_ISSUER", "https://login.example/tenant/v2.0"),
        ("CARTEIRA_OIDC_LABEL", "Entrar com a conta Padaria São João"),
    ],
)
def test_a_right_value_is_taken(tmp_path: Path, name: str, value: str) -> None:
    loaded(tmp_path, **(OPENID if "OIDC" in name else {}) | {name: value})


@pytest.mark.parametrize("missing", OPENID)
def test_what_openid_connect_needs_is_missed_by_name(tmp_path: Path, missing: str) -> None:
    (fault,) = faults(tmp_path, **{name: value for name, value in OPENID.items() if name != missing})

    assert re.match(rf"{missing} is not set and (CARTEIRA_OIDC_\w+) needs it: set it, or take \1 out\. It is ", fault)


@pytest.mark.parametrize("alone", [name for name in OPENID if name != "CARTEIRA_PUBLIC_URL"] + ["CARTEIRA_OIDC_LABEL"])
def test_one_setting_of_openid_connect_alone_misses_all_others(tmp_path: Path, alone: str) -> None:
    found = faults(tmp_path, **{alone: OPENID.get(alone, "Conta da empresa")})

    assert {fault.partition(f" is not set and {alone} needs it: ")[0] for fault in found} == set(OPENID) - {alone}


def test_a_secret_in_a_file_is_as_good_as_one_that_is_set(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-a-file\n")
    given = {name: value for name, value in OPENID.items() if name != "CARTEIRA_OIDC_CLIENT_SECRET"}

    settings = loaded(tmp_path, CARTEIRA_OIDC_CLIENT_SECRET_FILE="secret", **given)

    assert settings.oidc_client_secret == Secret("from-a-file")


def test_a_misspelt_name_is_not_also_missed(tmp_path: Path) -> None:
    given = {name.replace("CLIENT_ID", "CLIENTID"): value for name, value in OPENID.items()}

    assert faults(tmp_path, **given) == [
        (
            "CARTEIRA_OIDC_CLIENTID is not a setting and CARTEIRA_OIDC_CLIENT_ID is not set: "
            "rename it to CARTEIRA_OIDC_CLIENT_ID."
        )
    ]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    found = faults(
        tmp_path, ("PLOOMES_API_KEY", "CRON_SECRET"), CRON_SECRET="weak", PLOOMES_CONCURRENCY="x", DATABASE_URI="y"
    )

    assert [fault.split()[0] for fault in found] == [
        "DATABASE_URI",
        "PLOOMES_API_KEY",
        "PLOOMES_CONCURRENCY",
        "CRON_SECRET",
    ]


def test_a_command_demands_only_what_it_uses(tmp_path: Path) -> None:
    settings = loaded(tmp_path, CRON_SECRET="0123456789abcdef")
    settings.require("CRON_SECRET")

    with pytest.raises(SettingsError) as refused:
        settings.require("PLOOMES_API_KEY", "DATABASE_URL")

    assert [fault.split()[0] for fault in refused.value.faults] == ["PLOOMES_API_KEY", "DATABASE_URL"]


def test_home_is_the_users_data_folder_unless_set(tmp_path: Path) -> None:
    assert loaded(tmp_path, CARTEIRA_HOME="data").home == tmp_path / "data"
    assert loaded(tmp_path, CARTEIRA_HOME=str(tmp_path / "x")).home == tmp_path / "x"
    assert loaded(tmp_path, CARTEIRA_HOME="~/x").home == Path("~/x").expanduser()
    assert loaded(tmp_path).home.is_relative_to("/home/ana")


def test_no_way_of_printing_shows_a_secret(tmp_path: Path) -> None:
    settings = loaded(tmp_path, PLOOMES_API_KEY="canary", DATABASE_URL="postgresql://u:canary@h/d")
    secret = settings.ploomes_api_key
    assert secret is not None

    shown = f"{settings} {settings!r} {asdict(settings)} {secret} {secret!r} {secret:>20}"

    assert "canary" not in shown
    assert secret.reveal() == "canary"
    assert len(secret) == 6
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_without_arguments_it_reads_this_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLOOMES_CONCURRENCY", "7")

    assert load().ploomes_concurrency == 7
    assert "PLOOMES_CONCURRENCY" in os.environ
