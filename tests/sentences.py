"""The sentences that errors are told with, as the code holds them: `…` where a value goes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from carteira import errors

SOURCE = Path(__file__).parents[1] / "src" / "carteira"
KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.CarteiraError)
}


def sentences(*places: str) -> Iterator[tuple[int, str]]:
    """(exit code, text) of every error that is made with a text of its own, in these files and folders or in all."""
    for name, argument in _made(places):
        if text := _text(argument):
            yield KINDS[name].exit_code, text


def _made(places: tuple[str, ...]) -> Iterator[tuple[str, ast.expr]]:
    for path in sorted(SOURCE.rglob("*.py")):
        if places and not path.relative_to(SOURCE).as_posix().startswith(places):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))) if "simulator" not in path.parts else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS and node.args:
                yield node.func.id, node.args[0]


def _text(node: ast.expr) -> str:
    """Of a text, an f-string, a list of one, or the first of several that are joined; "" for a variable."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.List):
        return _text(node.elts[0])
    if isinstance(node, ast.BinOp):
        return _text(node.left)
    return ""


if __name__ == "__main__":
    for code in sorted({code for code, _ in sentences()}):
        print(f"\n## Exit code {code}\n")
        for text in sorted({text for found, text in sentences() if found == code}):
            print(f"- {text}")
