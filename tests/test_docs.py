"""What can be typed is documented, and what is documented can be typed."""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from sentences import sentences

from carteira import __version__, errors
from carteira.cli.parser import parser
from carteira.settings import SETTINGS, Setting, load
from carteira.warehouse.connection import Warehouse
from carteira.web.app import create_app

ROOT = Path(__file__).parents[1]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")


def commands(at: argparse.ArgumentParser | None = None) -> Iterator[argparse.ArgumentParser]:
    """Every command that does something, with the ones inside groups."""
    at = at or parser()
    groups = [action for action in at._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield at
    for group in groups:
        for name, command in group.choices.items():
            assert any(name == choice.dest and choice.help for choice in group._choices_actions), name
            yield from commands(command)


COMMANDS = {command.prog: command for command in commands()}


def section(command: str) -> str:
    """The part of the page that is about a command, or about the group that it is in."""
    heading = next(title for title in (command, command.rsplit(" ", 1)[0]) if f"### `{title}`\n" in OPERATIONS)
    return re.split(r"^##", OPERATIONS.partition(f"### `{heading}`\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_documented(command: str) -> None:
    text = section(command)
    options = [
        option
        for action in COMMANDS[command]._actions
        if not isinstance(action, argparse._HelpAction)
        for option in action.option_strings
    ]

    assert f"`{command}" in OPERATIONS
    assert [option for option in options if not re.search(rf"`{option}\b", text)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_leads_to_a_function_and_every_option_has_help(command: str) -> None:
    module, _, function = COMMANDS[command].get_default("run").partition(":")

    assert callable(getattr(import_module(f"carteira.cli.{module}"), function))
    assert [action.dest for action in COMMANDS[command]._actions if action.option_strings and not action.help] == []


def test_no_command_is_documented_that_does_not_exist() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    told = {each for page in pages for each in re.findall(r"`(carteira(?: [a-z]+)+)", page.read_text("utf-8"))}
    groups = {command.rsplit(" ", 1)[0] for command in COMMANDS}

    assert told - set(COMMANDS) - groups == set()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_documented_with_its_default(setting: Setting) -> None:
    default = f"`{setting.default}` " if setting.default else ""

    assert f"| `{setting.name}` | {default}|" in OPERATIONS
    assert re.search(rf"^#?{setting.name}=(.*)$", EXAMPLE, re.MULTILINE)
    if setting.default:
        assert f"#{setting.name}={setting.default}\n" in EXAMPLE


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_what_a_setting_is_fits_after_it_is(setting: Setting) -> None:
    assert setting.help[0].islower()
    assert setting.help.endswith(".")


def test_no_setting_is_documented_that_does_not_exist() -> None:
    names = {setting.name for setting in SETTINGS}

    assert set(re.findall(r"^\| `([A-Z_]+)` \|", OPERATIONS, re.MULTILINE)) == names
    assert set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE)) == names


def test_the_example_is_read_without_a_fault_once_it_is_uncommented(tmp_path: Path) -> None:
    (tmp_path / ".env.local").write_text(re.sub(r"^#([A-Z_]+=)", r"\1", EXAMPLE, flags=re.MULTILINE))

    assert load({"HOME": "/home/ana"}, tmp_path).timezone == "America/Sao_Paulo"


def test_every_exit_code_is_documented() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.CarteiraError)
    ]

    for code in {kind.exit_code for kind in kinds} | {0, 3}:
        assert f"\n| {code} | " in OPERATIONS


def test_every_error_text_is_documented_under_its_exit_code() -> None:
    """`python tests/sentences.py` writes the lists of the page anew."""
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    told = {
        (int(part.partition("\n")[0]), line.removeprefix("- "))
        for part in page.split("## Exit code ")[1:]
        for line in part.splitlines()
        if line.startswith("- ")
    }

    assert set(sentences()) - told == set()
    assert told - set(sentences()) == set()


def test_pages_lead_to_pages_that_exist() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} leads to {target}"


def test_the_version_is_the_same_everywhere() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"] == __version__


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony

    assert [name for name in phony[1].split() if not re.search(rf"^{name}:.*## ", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda path: path.name)
def test_a_lock_file_holds_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text("utf-8")
    packages = re.findall(r"^[a-z0-9].*==", text, re.MULTILINE)

    assert packages
    assert "://" not in text
    assert text.count("--hash=sha256:") >= len(packages)


def test_the_lock_files_hold_what_the_project_asks_for() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = asked["dependency-groups"]
    for name, wanted in (
        ("requirements.lock", asked["project"]["dependencies"]),
        ("requirements-dev.lock", asked["project"]["dependencies"] + groups["dev"]),
        ("requirements-build.lock", groups["build"]),
    ):
        locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        assert {re.split(r"[\[<>=]", one)[0] for one in wanted} - locked == set(), f"`make lock` writes {name} anew"
    assert set(asked["build-system"]["requires"]) == set(groups["build"])


def test_every_route_for_programs_is_documented() -> None:
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    app = create_app(load({"HOME": "/home/ana"}, Path("/nowhere")), Warehouse("postgresql://nobody@127.0.0.1:1/none"))
    described = app.openapi()["paths"]
    told = set(re.findall(r"GET `(/[^`]*)`", page))

    assert set(described) - told == set()
    assert {"/api/cron/sync-customer-sales", "/healthz", "/readyz"} <= told
    for path, methods in described.items():
        text = page.partition(f"## GET `{path}`")[2].partition("\n## ")[0]
        names = [parameter["name"] for parameter in methods["get"].get("parameters", [])]
        assert [name for name in names if not re.search(rf"\b{name}\b", f"{path} {text}")] == []
