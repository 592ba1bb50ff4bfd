"""The browser client's files: where they are, and how they are served. Knows files, nothing live."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import lingen_live
from lingen_live.serve.errors import ServeError

# What the page is made of. Anything else that lies there (tests, settings) is nobody's business; and the
# types are ours, because a system's own table may call JavaScript text/plain, which browsers refuse to run.
ASSET_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; "
        "media-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def find_web_directory() -> Path:
    """The directory of the client: inside the package in a wheel, beside it in a checkout.

    Raises:
        ServeError: there is none.
    """
    package = Path(lingen_live.__file__).parent
    candidates = (package / "web", package.parent / "web")
    for directory in candidates:
        if (directory / "index.html").is_file():
            return directory
    raise ServeError(f"The browser client is missing: there is no index.html in {' or '.join(map(str, candidates))}.")


class WebFiles(StaticFiles):
    """The client at `/`, each file with its type and our headers."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, html=True)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file of the client, or 404."""
        if path == "favicon.ico":  # what browsers ask for before a page says where its icon is
            path = "favicon.svg"
        if path != "." and Path(path).suffix not in ASSET_TYPES:
            raise HTTPException(404)
        return await super().get_response(path, scope)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """The file, with its headers."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        if "content-type" in response.headers:  # absent from a 304
            response.headers["content-type"] = ASSET_TYPES[Path(full_path).suffix]
        return response
