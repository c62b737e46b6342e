"""Style sheets and scripts: names that hold their content's hash are kept by browsers for good."""

from __future__ import annotations

import gzip
import os
import re
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).with_name("static")
HASHED = re.compile(r"[-.][0-9A-Za-z]{8,}\.[a-z0-9]+$")
ZIPPED = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"


class Statics(StaticFiles):
    """`StaticFiles` that says how long an answer may be kept, and zips what never changes once and for all."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        path = Path(full_path)
        if not HASHED.search(path.name):
            response = super().file_response(full_path, stat_result, scope, status_code)
            response.headers["cache-control"] = "no-cache"
            return response
        if path.suffix in ZIPPED and "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            headers = {"content-encoding": "gzip", "vary": "Accept-Encoding", "cache-control": FOREVER}
            return Response(zipped(path), status_code, headers, ZIPPED[path.suffix])
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = FOREVER
        return response


@lru_cache(maxsize=64)
def zipped(path: Path) -> bytes:
    """A file whose name changes with its content, as small as gzip makes it."""
    return gzip.compress(path.read_bytes(), 9, mtime=0)
