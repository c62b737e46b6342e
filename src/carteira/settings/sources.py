"""Where settings come from: the environment, `.env.local`, `.env`, and the files that NAME_FILE names."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ENV_FILES = (".env.local", ".env")

_LINE = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=[^\S\n]*
        (?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^"'\s\#](?:.*?\S)??)?)
        \s*(?:(?<=\s)\#.*|(?<==)\#.*)?$""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Source:
    """One place that gives values; an empty value counts as missing and is not among them."""

    where: str
    variables: dict[str, str]


def read(environ: Mapping[str, str], folder: Path) -> tuple[list[Source], list[str]]:
    """The sources, the strongest first, and a sentence for each file or line that cannot be read."""
    faults: list[str] = []
    files = [Source(name, _filled(_env_file(folder / name, faults))) for name in ENV_FILES]
    return [Source("the environment", _filled(environ)), *files], faults


def _filled(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in variables.items() if value.strip()}


def _env_file(path: Path, faults: list[str]) -> dict[str, str]:
    """NAME=value lines, quoted or not, with `export` and comments if one likes."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = type(error).__name__
        faults.append(f"{path.name} cannot be read ({reason}): make it UTF-8 text that this user may read.")
        return {}
    values = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match:
            values[match["name"]] = _unquoted(match)
        else:
            faults.append(f"{path.name}, line {number}, is not NAME=value, or a quote in it is not closed: correct it.")
    return values


def _unquoted(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return re.sub(r"\\(.)", r"\1", match["double"])
    return match["single"] or match["bare"] or ""


def find(names: tuple[str, ...], sources: list[Source], folder: Path) -> str | None:
    """The text from the first source with one of `names`; the second, NAME_FILE, tells the file with it."""
    for source in sources:
        found = [name for name in names if name in source.variables]
        if len(found) > 1:
            raise ValueError(f"and {found[1]} are both set in {source.where}: keep one of them.")
        if found:
            value = source.variables[found[0]]
            return value if found[0] == names[0] else _content(folder / value, found[0])
    return None


def _content(path: Path, name: str) -> str | None:
    try:
        return path.read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        reason = type(error).__name__
        raise ValueError(
            f"cannot be read from the file in {name} ({reason}): correct the path or the file's rights."
        ) from error


def user_data_folder(environ: Mapping[str, str]) -> Path:
    """Where programs keep their data on this platform."""
    try:
        home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    except RuntimeError:
        raise ValueError("is not set and this user has no home folder: set it to a folder to write in.") from None
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "carteira"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home) / "carteira"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "carteira"
