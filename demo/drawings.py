"""Says where each artist's drawing of an emoji is: some sets name their files by code points, others by names."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

TEST_ARTIST = "fluent"
# What each artist's drawings are made from, below the folder of packages; those of FROM_VECTORS are read as PNG from
# the folder that render.mjs filled.
DRAWINGS = {
    "google": "emoji-datasource-google-16.0.0/img/google/64",
    "twitter": "emoji-datasource-twitter-16.0.0/img/twitter/64",
    "openmoji": "openmoji-17.0.0/color/svg",
    "fluent": "lobehub-fluent-emoji-3d-1.1.0/assets",
    "emojione": "iconify-json-emojione-1.2.3/icons.json",
    "emojione-v1": "iconify-json-emojione-v1-1.2.3/icons.json",
    "fxemoji": "iconify-json-fxemoji-1.2.2/icons.json",
    "noto-mono": "expo-google-fonts-noto-emoji-0.4.7/400Regular/NotoEmoji_400Regular.ttf",
    "noto-v1": "iconify-json-noto-v1-1.2.5/icons.json",
    "streamline-emojis": "iconify-json-streamline-emojis-1.2.4/icons.json",
}
EVERY_CONCEPT = ("google", "twitter", "openmoji", "fluent")  # a concept is what these four have all drawn
BY_NAME = ("emojione", "emojione-v1", "fxemoji", "noto-v1", "streamline-emojis")
FROM_VECTORS = ("openmoji", "noto-mono", *BY_NAME)
EMOJI_LIST = "emoji-datasource-google-16.0.0/emoji.json"
ICON_NAMES = Path(__file__).parent / "icon_names.json"


@dataclass(frozen=True)
class Names:
    """What one emoji is called: by CLDR today, by Unicode's character names, by chat programs."""

    unified: str
    cldr: str
    unicode: str
    short: tuple[str, ...]


def folded(name: str) -> str:
    """Returns a name without case, accents, spaces and signs: "A button (blood type)" -> "abuttonbloodtype"."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]", "", plain)


def concepts_by_name(concepts: Iterable[Names]) -> dict[str, str]:
    """Returns the code points for each folded name: CLDR's go before Unicode's, and those before short names.

    A name that two emoji share within one of the three stands for neither.
    """
    concepts = list(concepts)
    found: dict[str, str] = {}
    for kind in ([(c.cldr,) for c in concepts], [(c.unicode,) for c in concepts], [c.short for c in concepts]):
        pairs = {(folded(name), c.unified) for c, names in zip(concepts, kind, strict=True) for name in names}
        pairs = {(name, unified) for name, unified in pairs if name}
        owners = Counter(name for name, _ in pairs)
        found = {name: unified for name, unified in pairs if owners[name] == 1} | found
    return found


def icons_by_concept(icons: Iterable[str], concepts: Mapping[str, str], artist: str) -> dict[str, str]:
    """Returns an icon set's name for each concept's code points; the first of several, by name."""
    written = json.loads(ICON_NAMES.read_text(encoding="utf-8"))
    ours = written[""] | written.get(artist, {})
    found: dict[str, str] = {}
    for icon in sorted(icons):
        name = re.sub(r"-[123]$", "", icon) if artist == "streamline-emojis" else icon  # variants of one drawing
        unified = concepts.get(folded(ours.get(name, name)))
        if unified:
            found.setdefault(unified, icon)
    return found


def find_drawings(packages: Path, rendered: Path, concepts: Iterable[Names]) -> dict[str, dict[str, Path]]:
    """Returns each artist's drawings: artist -> code points -> picture file.

    Where an artist beyond the first four gives several concepts one drawing, none of them has it: it would not tell
    them apart. The black-and-white font draws neither gender nor colour.
    """
    concepts = list(concepts)
    by_name = concepts_by_name(concepts)
    found: dict[str, dict[str, Path]] = {}
    for artist, package in DRAWINGS.items():
        folder = rendered / artist if artist in FROM_VECTORS else packages / package
        if artist in BY_NAME:
            icons = icons_by_concept((path.stem for path in folder.glob("*.png")), by_name, artist)
            found[artist] = {unified: folder / f"{icon}.png" for unified, icon in icons.items()}
        else:
            files = {c.unified: _by_code_points(folder, artist, c.unified) for c in concepts}
            found[artist] = {unified: path for unified, path in files.items() if path}
        if artist not in EVERY_CONCEPT:
            found[artist] = _told_apart(found[artist])
    return found


def not_rendered(packages: Path, rendered: Path) -> list[Path]:
    """Returns the PNG that render.mjs makes of the packages and that are not there, as after a rendering cut short."""
    missing = []
    for artist in FROM_VECTORS:
        package = packages / DRAWINGS[artist]
        if artist in BY_NAME:
            icons = json.loads(package.read_text(encoding="utf-8"))
            aliases = icons.get("aliases", {}).items()
            names = [*icons["icons"], *(name for name, alias in aliases if alias["parent"] in icons["icons"])]
        elif package.is_dir():
            names = [path.stem for path in package.glob("*.svg")]
        else:
            names = [item["unified"] for item in json.loads((packages / EMOJI_LIST).read_text(encoding="utf-8"))]
        missing += [path for name in names if not (path := rendered / artist / f"{name}.png").is_file()]
    return sorted(missing)


def source(artist: str, drawing: Path) -> str:
    """Returns where a drawing comes from: package, version, path and, in a set of many, the icon's or glyph's name."""
    package = DRAWINGS[artist]
    if package.endswith((".json", ".ttf")):
        return f"{package}#{drawing.stem}"
    return f"{package}/{drawing.stem}.svg" if artist in FROM_VECTORS else f"{package}/{drawing.name}"


def _by_code_points(folder: Path, artist: str, unified: str) -> Path | None:
    """Returns an artist's file for an emoji; sets differ in case and in whether they write U+FE0F."""
    case = str.upper if artist in ("openmoji", "noto-mono") else str.lower
    extension = "webp" if artist == "fluent" else "png"
    names = (f"{case(unified)}.{extension}", f"{case(unified.replace('-FE0F', ''))}.{extension}")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _told_apart(drawings: dict[str, Path]) -> dict[str, Path]:
    prints = {unified: hashlib.sha256(path.read_bytes()).digest() for unified, path in drawings.items()}
    shared = Counter(prints.values())
    return {unified: path for unified, path in drawings.items() if shared[prints[unified]] == 1}
