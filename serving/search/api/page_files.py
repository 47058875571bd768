"""The files of the page: read once from the package, so that a request names one of them and never a path."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[1] / "page"
INDEX = "index.html"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
POLICY = (  # Content-Security-Policy of the page: nothing from elsewhere, and no script that stands in it
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class PageFile(NamedTuple):
    """One file of the page."""

    content: bytes
    media_type: str


def page_files(folder: Path = FOLDER) -> dict[str, PageFile]:
    """Returns name -> file of what a browser takes."""
    return {
        path.name: PageFile(path.read_bytes(), _MEDIA_TYPES[path.suffix])
        for path in sorted(folder.glob("*"))
        if path.suffix in _MEDIA_TYPES
    }
