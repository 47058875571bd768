"""A search's answer as one HTML file, made of the search page's parts: its pictures stand in it, it needs no server."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("page")
THUMBNAIL_PX = 512  # the longer side of a hit's picture
ASKED_PX = 128  # of a picture that was asked with
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:const|class|(?:async )?function) (\w+)", re.MULTILINE)
_EXPORT_WORD = re.compile(r"^export ", re.MULTILINE)
_SKELETON = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style>
<script>{theme}</script>
</head>
<body data-view="saved">
<header class="top"><span class="brand">{icon}align search</span><div id="tools"></div></header>
<main>
<h1 class="for-readers">{title}</h1>
<ul id="asked" class="asked" aria-label="What was asked"></ul>
<div class="bar"><p id="tally"></p><div id="bar-tools"></div></div>
<div id="results"></div>
</main>
<footer>
<p><kbd>←</kbd><kbd>→</kbd><kbd>↑</kbd><kbd>↓</kbd> through pictures <kbd>Enter</kbd> opens <kbd>Esc</kbd> closes</p>
</footer>
<script type="application/json" id="saved">{saved}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def saved_page(
    question: Mapping[str, Any],
    answer: Mapping[str, Any],
    note: str,
    picture: Callable[[str, int], bytes | None],
) -> str:
    """Returns the file's text. It loads nothing, and its policy has the browser run its own scripts alone.

    Args:
      question: as `POST /api/search` takes it; an image's term may have a `name` beside.
      answer: as it answers.
      note: a line of plain text below the question, such as what was searched.
      picture: gives an image of the index by id, at most so many pixels a side; None for one that is gone.
    """
    terms = [_term(term, picture) for term in question["terms"]]
    hits = [{**hit, "image": _address(picture(hit["id"], THUMBNAIL_PX))} for hit in answer["hits"]]
    saved = {"terms": terms, "answer": {**answer, "hits": hits}, "note": note}
    title = " + ".join(f"\N{MINUS SIGN}{term['name']}" if term["sign"] < 0 else str(term["name"]) for term in terms)
    style, theme, script = _read("page.css"), _read("theme.js"), _joined("saved.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(theme)} {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return _SKELETON.format(
        policy=policy,
        title=html.escape(title),
        style=style,
        theme=theme,
        icon=_read("icon.svg").strip().replace("<svg ", '<svg width="28" height="28" aria-hidden="true" '),
        saved=json.dumps(saved).replace("<", "\\u003c"),
        script=script,
    )


def _term(term: Mapping[str, Any], picture: Callable[[str, int], bytes | None]) -> dict[str, Any]:
    said = {"sign": term.get("sign", 1), "weight": term["weight"]}
    if "text" in term:
        return {**said, "kind": "text", "name": term["text"]}
    if "embedding" in term:
        return {**said, "kind": "text", "name": f"an embedding of {len(term['embedding'])} numbers"}
    if "id" in term:
        return {**said, "kind": "id", "name": term["id"], "picture": _address(picture(term["id"], ASKED_PX))}
    return {
        **said,
        "kind": "upload",
        "name": term.get("name", "picture"),
        "picture": _address(_thumbnail(base64.b64decode(term["image"]))),
    }


def _thumbnail(encoded: bytes) -> bytes | None:
    from serving.pictures import PictureError, View  # whose libraries a page without such a picture needs not wait for

    try:
        pixels = View(encoded).pixels("RGB")
    except PictureError:
        return None
    pixels.thumbnail((ASKED_PX, ASKED_PX))
    written = io.BytesIO()
    pixels.save(written, "PNG")
    return written.getvalue()


def _address(encoded: bytes | None) -> str | None:
    """Returns a picture as a data: address."""
    if encoded is None:
        return None
    kind = "png" if encoded.startswith(b"\x89PNG") else "webp" if encoded[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode()}"


def _read(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


def _hash(inline: str) -> str:
    """Returns what a policy calls an inline script or style by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


def _joined(entry: str) -> str:
    """Returns a module and all that it imports as one script, each in a scope of its own: a file may load no other."""
    scopes: dict[str, str] = {}

    def join(name: str) -> None:
        source = _read(name)
        for _, imported in _IMPORT.findall(source):
            if imported not in scopes:
                join(imported)
        exported = ", ".join(_EXPORT.findall(source))
        body = _EXPORT_WORD.sub("", _IMPORT.sub(r"const {\1} = modules['\2'];\n", source))
        scopes[name] = f"modules['{name}'] = (() => {{\n{body}return {{ {exported} }};\n}})();\n"

    join(entry)
    return "\nconst modules = {};\n" + "".join(scopes.values())
