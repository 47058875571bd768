"""What mkdocs does beside its own: README and its like as pages, and what is generated from the code in its place.

The pages in docs/ link to one another as they stand in the checkout, so that either reader finds them.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = {  # file of the checkout -> page of the site
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "demo/README.md": "demo.md",
    "demo/LICENSES.md": "demo-licences.md",
}
GENERATED = re.compile(r"^<!-- generated: (fields|commands) -->$", re.MULTILINE)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s]+)\)")


def on_files(files, config):
    """Add the pages that stand outside docs/."""
    from mkdocs.structure.files import File

    for source, page in PAGES.items():
        text = _relinked((ROOT / source).read_text(encoding="utf-8"), posixpath.dirname(source))
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Put the tables that the code gives in the place of their mark."""
    if not page.file.abs_src_path:
        return markdown
    text = GENERATED.sub(lambda mark: _reference(mark[1]), markdown)
    return _relinked(text, "docs")


def _reference(what: str) -> str:
    program = [str(ROOT / ".venv/bin/python"), "-W", "ignore", "scripts/site/reference.py", what]
    return subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _relinked(text: str, folder: str) -> str:
    """Returns a page of `folder` with its links as the site has them: where it has no such page, the words alone."""
    return _LINK.sub(lambda link: _link(link, folder), text)


def _link(link: re.Match, folder: str) -> str:
    image, words, target = link.groups()
    path, mark, anchor = target.partition("#")
    if "://" in target or not path:
        return link[0]
    source = posixpath.normpath(posixpath.join(folder, path))
    page = PAGES.get(source) or (source.removeprefix("docs/") if source.startswith("docs/") else None)
    return words if page is None else f"{image}[{words}]({page}{mark}{anchor})"
