"""Style sheets and scripts: names that hold their content's hash are kept by browsers for good."""

from __future__ import annotations

import os
import re
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).with_name("static")
HASHED = re.compile(r"[-.][0-9A-Za-z]{8,}\.[a-z0-9]+$")


class Statics(StaticFiles):
    """`StaticFiles` that says how long an answer may be kept."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        forever = HASHED.search(Path(full_path).name)
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if forever else "no-cache"
        return response
