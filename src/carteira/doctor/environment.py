"""The machine and the settings: what is set, whether it is what it should be, and who else can read it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from carteira.doctor.finding import Finding, failed, ok, warning
from carteira.settings import SETTINGS, Secret, Settings
from carteira.settings.sources import ENV_FILES

ACCOUNT_LIMIT = 120
STRONG_CHARACTERS = 8
PLACEHOLDER = re.compile(
    r"<.*>|\[.*\]|\{.*\}|x{3,}|\.{3,}|(your|sua|seu|my|minha|test|example|exemplo|change|replace|insert|secret|todo)"
    r"([-_ ].*)?|changeme|.*(your|sua)[-_].*(key|chave|secret).*",
    re.IGNORECASE,
)
LEAST_FREE, LITTLE_FREE = 200 * 2**20, 2 * 2**30


def files(folder: Path) -> Iterator[Finding]:
    """The .env files: kept out of git, and not for everybody to read."""
    for name in ENV_FILES:
        path = folder / name
        if not path.is_file():
            continue
        if _tracked(path):
            yield failed(
                "env files",
                f"{name} is tracked by git: whoever has the repository has the secrets in it.",
                f"Run `git rm --cached {name}`, add it to .gitignore, and change every secret that was in it.",
            )
        if path.stat().st_mode & 0o044:
            yield warning("env files", f"Others on this machine may read {name}.", f"Run `chmod 600 {name}`.")


def _tracked(path: Path) -> bool:
    if shutil.which("git") is None:
        return False
    asked = subprocess.run(
        ["git", "ls-files", "--error-unmatch", path.name], cwd=path.parent, capture_output=True, check=False
    )
    return asked.returncode == 0


def secrets_in_git(settings: Settings, folder: Path) -> Iterator[Finding]:
    """A secret's value in a file that git keeps, whatever the file is called."""
    for setting in SETTINGS:
        value = getattr(settings, setting.attribute)
        for name in _holding(value.reveal(), folder) if isinstance(value, Secret) else []:
            yield failed(
                "git",
                f"{name} is kept in git and holds the value of {setting.name}: whoever has the repository has it.",
                "Take it out and change the secret: what was committed once stays in the history.",
            )


def _holding(secret: str, folder: Path) -> list[str]:
    if shutil.which("git") is None or len(secret) < STRONG_CHARACTERS:
        return []
    # By standard input: anybody on the machine can read what stands on a command line.
    asked = subprocess.run(
        ["git", "grep", "-l", "-F", "-f", "-"], cwd=folder, input=secret, text=True, capture_output=True, check=False
    )
    return asked.stdout.splitlines() if asked.returncode == 0 else []


def values(settings: Settings) -> Iterator[Finding]:
    """The settings themselves; of a secret at most that it is set, and its length."""
    for setting in SETTINGS:
        value = getattr(settings, setting.attribute)
        if isinstance(value, Secret) and PLACEHOLDER.fullmatch(value.reveal()):
            yield failed(
                "settings",
                f"{setting.name} is set to a placeholder.",
                f"Set it to {setting.help[0].lower()}{setting.help[1:]}",
            )
    yield _key(settings.ploomes_api_key)
    yield _cron_secret(settings)
    if settings.ploomes_requests_per_minute > ACCOUNT_LIMIT:
        yield warning(
            "pace",
            f"PLOOMES_REQUESTS_PER_MINUTE is {settings.ploomes_requests_per_minute}; a Ploomes account has "
            f"{ACCOUNT_LIMIT}.",
            "Set it to 110, unless Ploomes has agreed to more.",
        )
    if settings.database_url is None:
        yield _disk(settings.home)


def _key(key: Secret | None) -> Finding:
    if key is None:
        return failed(
            "key",
            "PLOOMES_API_KEY is not set: nothing can be read from Ploomes.",
            "Set it to the key of an integration user (Administração, Usuários de integração, Chave da API).",
        )
    if not re.fullmatch(r"[0-9A-Fa-f]{128}", key.reveal()):
        return warning(
            "key",
            f"PLOOMES_API_KEY has {len(key)} characters and not the shape that keys have, 128 hexadecimal digits.",
            "If Ploomes refuses it below, copy it again.",
        )
    return ok("key", "PLOOMES_API_KEY is set, 128 hexadecimal digits.")


def _cron_secret(settings: Settings) -> Finding:
    secret = settings.cron_secret
    if secret is None:
        return warning(
            "cron",
            "CRON_SECRET is not set: /api/cron/sync-customer-sales answers 503 to everybody.",
            "Set it if something calls that route: `openssl rand -hex 32` makes one.",
        )
    if secret == settings.ploomes_api_key:
        return failed("cron", "CRON_SECRET is the Ploomes key.", "Make another: `openssl rand -hex 32`.")
    if len(set(secret.reveal())) < STRONG_CHARACTERS:
        return failed(
            "cron",
            f"CRON_SECRET has {len(secret)} characters and too few different ones.",
            "Make another: `openssl rand -hex 32`.",
        )
    return ok("cron", f"CRON_SECRET is set, {len(secret)} characters.")


def _disk(home: Path) -> Finding:
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / 2**30:.1f} GB are free for the database in {home}."
    if free < LEAST_FREE:
        return failed("disk", text, "Make room, or set CARTEIRA_HOME to a larger disk.")
    if free < LITTLE_FREE:
        return warning("disk", text, "Make room before it runs full.")
    return ok("disk", text)
