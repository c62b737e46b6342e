"""compose.yaml and the Dockerfile say what Carteira understands; that Docker does is not tried here."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from carteira.cli.parser import parser
from carteira.ploomes.client import Patience
from carteira.settings import SETTINGS, load

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
OURS: dict[str, Any] = COMPOSE["services"]["carteira"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
DOCS = (ROOT / "docs" / "deploy" / "docker.md").read_text("utf-8")
SECRETS = {setting.name for setting in SETTINGS if setting.secret}
NAMES = {setting.name for setting in SETTINGS} | {f"{name}_FILE" for name in SECRETS}


def instruction(name: str) -> Any:
    """The last one of the Dockerfile: the final image's."""
    return json.loads(re.findall(rf"^{name} (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])


def seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)s", text)
    assert found
    return int(found[1])


def test_the_image_runs_a_command_that_there_is() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    (program,) = instruction("ENTRYPOINT")

    assert scripts[program] == "carteira.cli:main"
    assert parser().parse_args(instruction("CMD")).run == "serve:serve"


def test_the_container_serves_and_works() -> None:
    arguments = parser().parse_args(OURS["command"])

    assert arguments.run == "serve:serve"
    assert arguments.with_worker and arguments.host == "0.0.0.0"
    assert {port.rpartition(":")[2] for port in OURS["ports"]} == {str(arguments.port)}


def test_the_commands_of_the_docs_are_commands() -> None:
    told = re.findall(r"docker compose exec carteira carteira ([^`]+)`", DOCS)

    assert [parser().parse_args(shlex.split(command)).run for command in told] == ["status:status", "doctor:doctor"]


def test_every_variable_is_a_setting(tmp_path: Path) -> None:
    """With the values that it has where nothing is set, and secrets that are files."""
    given = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in OURS["environment"].items()}
    assert set(given) - NAMES == set()
    for name, path in given.items():
        if name.endswith("_FILE"):
            given[name] = str(tmp_path / Path(path).name)
    (tmp_path / "database_url").write_text("postgresql://carteira:0123456789abcdef@postgres/carteira\n")
    (tmp_path / "ploomes_api_key").write_text("A" * 128 + "\n")

    settings = load({"HOME": str(tmp_path)} | given, tmp_path, required=("DATABASE_URL", "PLOOMES_API_KEY"))

    assert settings.sync_schedule == "*/5 * * * *"
    assert settings.public_url == "http://localhost:8000"


@pytest.mark.parametrize("service", COMPOSE["services"].values(), ids=COMPOSE["services"])
def test_a_secret_is_a_file_and_in_no_variable(service: dict[str, Any]) -> None:
    files = {Path(value).name for name, value in service["environment"].items() if name.endswith("_FILE")}

    assert files == set(service["secrets"])
    assert files <= set(COMPOSE["secrets"])
    assert set(service["environment"]) & SECRETS == set()
    assert {each["file"] for each in COMPOSE["secrets"].values()} == {f"secrets/{name}" for name in COMPOSE["secrets"]}
    assert "secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_the_docs_make_every_secret() -> None:
    assert [name for name in COMPOSE["secrets"] if f"> secrets/{name}" not in DOCS] == []


def test_a_run_has_the_time_to_end_where_it_is() -> None:
    """The slowest request that may be under way when SIGTERM comes; and systemd's time is no shorter."""
    patience = Patience()
    slowest = patience.connect + patience.silence + patience.body

    assert seconds(OURS["stop_grace_period"]) >= slowest
    units = (ROOT / "docs" / "deploy" / "systemd").glob("*.service")
    stops = {seconds(found) for unit in units for found in re.findall(r"TimeoutStopSec=(.*)", unit.read_text("utf-8"))}
    assert min(stops) >= slowest


@pytest.mark.parametrize("service", COMPOSE["services"].values(), ids=COMPOSE["services"])
def test_a_container_is_looked_after(service: dict[str, Any]) -> None:
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert "stop_grace_period" in service


def test_what_the_image_is_made_of_is_there_and_sent() -> None:
    """The .dockerignore lets nothing in that it does not name."""
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {
        name for words in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for name in words.split()[:-1]
    }

    assert copied - sent == set()
    assert [name for name in copied if not (ROOT / name).exists()] == []
