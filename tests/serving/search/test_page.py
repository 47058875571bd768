"""The search page's files, read without a browser: no markup is made of text, nothing comes from elsewhere.

`make test-page` drives the page in a browser.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "serving" / "search" / "page"
FILES = sorted(PAGE.iterdir())
MODULES = [path for path in FILES if path.suffix == ".js"]
MAX_LINES = 300
MAKES_MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|srcdoc|setHTML"
    r"|createContextualFragment"
)
IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"([^"]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?:const|class|(?:async )?function) (\w+)", re.MULTILINE)


class Elements(HTMLParser):
    """Notes each element of a page, and the text directly in it."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        tag = self.found[-1][0] if self.found else ""
        self.text[tag] = self.text.get(tag, "") + data.strip()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_makes_no_markup_of_text_and_says_what_it_is_for(path):
    source = path.read_text(encoding="utf-8")
    assert re.match(r"// [A-Z].*[^\s]\n", source)
    assert len(source.splitlines()) <= MAX_LINES
    assert not MAKES_MARKUP.search(source)
    assert set(re.findall(r"https?://[^\"`\s]*", source)) <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_what_a_module_imports_is_there_and_used(path):
    source = path.read_text(encoding="utf-8")
    for names, address in IMPORT.findall(source):
        imported = PAGE / address
        assert address.startswith("./")
        exported = set(EXPORT.findall(imported.read_text(encoding="utf-8")))
        for name in filter(None, map(str.strip, names.split(","))):
            assert name in exported
            assert len(re.findall(rf"\b{name}\b", source)) > 1


def test_every_export_is_imported():
    exported = {(path.name, name) for path in MODULES for name in EXPORT.findall(path.read_text(encoding="utf-8"))}
    imported = {
        (address.removeprefix("./"), name.strip())
        for path in MODULES
        for names, address in IMPORT.findall(path.read_text(encoding="utf-8"))
        for name in names.split(",")
    }
    assert exported <= imported


def test_the_page_has_no_script_or_style_in_it_and_its_files_are_there():
    page = Elements((PAGE / "index.html").read_text(encoding="utf-8"))
    names = {path.name for path in FILES}
    addresses = [value for _, attributes in page.found for name, value in attributes.items() if name in {"src", "href"}]
    assert {"main.js", "theme.js", "page.css", "icon.svg"} <= set(addresses)
    assert set(addresses) - {".", "#tally"} <= names
    assert not page.text.get("script")
    assert "style" not in {tag for tag, _ in page.found}
    assert not any(name == "style" or name.startswith("on") for _, attributes in page.found for name in attributes)


def test_the_style_loads_nothing():
    assert not re.search(r"url\(|@import|expression", (PAGE / "page.css").read_text(encoding="utf-8"))
