"""`carteira doctor`: the findings, line by line as they are made."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path

from carteira.cli.terminal import GREEN, RED, YELLOW, coloured, out, out_json

MARKS = {"ok": ("✓", GREEN), "warning": ("!", YELLOW), "failed": ("✗", RED)}


def doctor(arguments: Namespace) -> int:
    """1 if a check failed; warnings do not count."""
    from carteira.doctor import examine

    findings = []
    for finding in examine(os.environ, Path.cwd()):
        findings.append(finding)
        if not arguments.json:
            mark, colour = MARKS[finding.state]
            out(f"{coloured(mark, colour, sys.stdout)} {finding.text}")
            if finding.remedy:
                out(f"  {finding.remedy}")
    if arguments.json:
        out_json(findings)
    return 1 if any(finding.state == "failed" for finding in findings) else 0
