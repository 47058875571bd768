"""What a newcomer reads: the pages of the documents, their code, and the commands that they tell one to type."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    *("README.md", "CONTRIBUTING.md", "demo/README.md"),
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
)
PRESETS = tuple(sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("tfx_pipeline/presets/*.yaml")))
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_COMMENT = re.compile(r"(^|\s)#.*$")
_WORDS_BEFORE = re.compile(r"^(?:\.venv/bin/|[A-Z_]+=(?:'[^']*'|\S*)\s+)*")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language ("" where none is named), its text, and the line that it begins in."""

    page: str
    line: int
    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command that a page names: its words, and whether the page has it typed whole rather than spoken of."""

    page: str
    words: tuple[str, ...]
    is_typed: bool


def read(page: str) -> str:
    """Returns a page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    """Returns the fenced blocks of a page."""
    text = read(page)
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[2], textwrap.dedent(found[3]))
        for found in _BLOCK.finditer(text)
    ]


def spans(page: str) -> list[str]:
    """Returns what stands between backticks in a page, outside its fenced blocks."""
    return [" ".join(span.split()) for span in _SPAN.findall(_BLOCK.sub("", read(page)))]


def commands(page: str) -> Iterator[Command]:
    """Yield the command lines of a page's blocks without a language, and the code spans that begin like a command."""
    for block in blocks(page):
        if block.language in ("", "bash", "sh"):
            for line in block.text.replace("\\\n", " ").splitlines():
                yield from _commands(page, line, is_typed=True)
    for span in spans(page):
        yield from _commands(page, re.sub(r"[\[\]]", "", span), is_typed=False)


def commands_of_comments(preset: str) -> Iterator[Command]:
    """Yield the commands that a preset's opening comment names."""
    opening = "\n".join(re.sub("^# ?", "", line) for line in _opening(read(preset)))
    for line in opening.replace("\\\n", " ").splitlines():
        if line.startswith("    "):
            yield from _commands(preset, line, is_typed=True)
    for span in _SPAN.findall(opening):
        yield from _commands(preset, " ".join(span.split()), is_typed=False)


def _opening(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if not line.startswith("#"):
            return
        yield line


def _commands(page: str, line: str, is_typed: bool) -> Iterator[Command]:
    for part in re.split(r"\s&&\s|;\s", _COMMENT.sub("", line).strip()):
        typed = _WORDS_BEFORE.sub("", part)
        if re.match(r"(align|make|python|scripts/\w+|benchmarks/[\w/]+\.py)(\s|$)", typed):
            yield Command(page, tuple(shlex.split(typed)), is_typed)


def slugs(page: str) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub and Python-Markdown agree on them."""
    headings = re.findall(r"^#+ (.+)$", _BLOCK.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


def links(page: str) -> list[str]:
    """Returns the targets of a page's relative links and pictures."""
    targets = re.findall(r"\]\(([^)\s]+)\)", _BLOCK.sub("", read(page)))
    return [target for target in targets if "://" not in target]
