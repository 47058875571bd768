"""Makes a whole page of its sections: one file that loads nothing and runs no script."""

from __future__ import annotations

from pathlib import Path

from tfx_pipeline.report.markup import Child, Markup, tag

STYLE = Path(__file__).with_name("style.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"  # the browser itself refuses to load anything


def document(title: str, *sections: Child) -> str:
    """Returns a page as HTML."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("title", title),
        tag("style", Markup(STYLE.read_text(encoding="utf-8"))),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', tag('main', sections)), lang='en')}\n"
