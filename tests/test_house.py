"""The house rules that no tool knows: who may import whom, names that say nothing, functions that grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "carteira"
MODULES = sorted(SOURCE.rglob("*.py"))


def shown(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


LOW = {"errors", "records", "settings", "brazil", "log"}
# What each part may import of ours besides itself; `cli` and `doctor` may import everything.
MAY_IMPORT = {
    "errors": set(),
    "records": {"errors"},
    "settings": {"errors"},
    "brazil": {"errors"},
    "log": {"errors"},
    "ploomes": LOW,
    "warehouse": LOW,
    "alerts": LOW | {"warehouse"},
    "customer_sales": LOW | {"warehouse"},
    "sync": LOW | {"alerts", "ploomes", "warehouse", "customer_sales.rebuild"},
    "web": LOW | {"customer_sales", "warehouse", "sync.run", "sync.schedule", "sync.counting"},
    "simulator": set(),
}
EVERYTHING = {"cli", "doctor"}

BANNED_NAMES = {"util", "utils", "helper", "helpers", "manager", "service", "services", "base", "common", "misc"}
BANNED_IN_CLASSES = ("Manager", "Service", "Factory", "Helper", "Abstract", "Base", "Util")
LONGEST_FUNCTION = 60
DEEPEST = 3

NESTING = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match, ast.AsyncFor, ast.AsyncWith)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def part(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(module: ast.Module) -> Iterator[str]:
    """What a module imports of ours, without the leading `carteira.`."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.removeprefix("carteira.") for name in names if name.startswith("carteira."))


def test_the_map_knows_every_part() -> None:
    parts = {part(path) for path in MODULES} - {"__init__", "__main__"}

    assert parts <= set(MAY_IMPORT) | EVERYTHING


@pytest.mark.parametrize("path", [path for path in MODULES if part(path) in MAY_IMPORT], ids=shown)
def test_a_part_imports_only_what_comes_before_it(path: Path) -> None:
    allowed = MAY_IMPORT[part(path)] | {part(path)}

    strangers = {
        name
        for name in imported(tree(path))
        if name != "__version__" and not any(f"{name}.".startswith(f"{before}.") for before in allowed)
    }

    assert strangers == set()


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_imports_of_ours_are_absolute(path: Path) -> None:
    assert not [node.lineno for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_names_say_what_a_thing_is(path: Path) -> None:
    classes = [node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]

    assert not BANNED_NAMES.intersection(path.relative_to(SOURCE).with_suffix("").parts)
    assert not [name for name in classes if name.startswith(BANNED_IN_CLASSES) or name.endswith(BANNED_IN_CLASSES)]


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert path.name == "__init__.py" or ast.get_docstring(tree(path))


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines without the docstring."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return lines - (first.end_lineno - first.lineno + 1 if documented and first.end_lineno else 0)


def depth(node: ast.AST) -> int:
    """How many blocks lie in one another; `elif` is a flat chain."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        chained = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deepest = max(deepest, depth(child) + (isinstance(child, NESTING) and not chained))
    return deepest


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_functions_are_short_and_flat(path: Path) -> None:
    found = list(functions(tree(path)))

    assert [f"{f.name}: {length(f)} lines" for f in found if length(f) > LONGEST_FUNCTION] == []
    assert [f"{f.name}: {depth(f)} deep" for f in found if depth(f) > DEEPEST] == []


def test_the_median_function_is_short() -> None:
    lengths = sorted(length(function) for path in MODULES for function in functions(tree(path)))

    assert lengths[len(lengths) // 2] <= 10
