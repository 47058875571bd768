"""Builds the demo's shards from the unpacked npm packages that demo/README.md names; same packages, same bytes.

Usage: python demo/build.py PACKAGES RENDERED [--out demo/shards]
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from drawings import DRAWINGS, EMOJI_LIST, EVERY_CONCEPT, TEST_ARTIST, Names, find_drawings, not_rendered, source
from families import Concept, families, family_name

SIDE_PX = 64
COLOURS = 128  # a palette takes a third of the bytes; at 64 px the difference is hard to see
RECORDS_PER_SHARD = 500
LANGUAGES = ("en", "de", "fr", "cs")
LEFT_OUT = ("Component", "Flags")  # vendors draw the same flags nearly alike, which inflates every score
CLDR = {"cldr-annotations-full-48.2.0": "annotations", "cldr-annotations-derived-full-48.2.0": "annotationsDerived"}
UNSEEN_SHARE = 0.1  # of the concepts
MIN_CLASS_IMAGES = 30  # a subgroup with fewer images in `seen` is no class: a handful of images measures nothing


@dataclass(frozen=True)
class Entry:
    """One concept with its texts and where each artist's drawing is."""

    concept: Concept
    group: str
    emoji: str
    names: dict[str, str]
    keywords: dict[str, str]
    drawings: dict[str, Path]


def read_annotations(packages: Path, language: str) -> dict[str, dict]:
    """Returns CLDR's names ("tts") and keywords ("default") by character, plain and derived together."""
    found: dict[str, dict] = {}
    for package, folder in CLDR.items():
        text = (packages / package / folder / language / "annotations.json").read_text(encoding="utf-8")
        found |= next(iter(json.loads(text).values()))["annotations"]
    return found


def read_entries(packages: Path, rendered: Path) -> list[Entry]:
    """Returns every concept that the artists of EVERY_CONCEPT all drew and CLDR names in all four languages."""
    annotations = {language: read_annotations(packages, language) for language in LANGUAGES}
    listed = json.loads((packages / EMOJI_LIST).read_text(encoding="utf-8"))
    told = {item["unified"]: _notes(annotations, item["unified"]) for item in listed}
    called = [
        Names(item["unified"], told[item["unified"]]["en"]["tts"][0], item["name"] or "", tuple(item["short_names"]))
        for item in listed
        if "en" in told[item["unified"]]
    ]
    drawn = find_drawings(packages, rendered, called)
    entries = []
    for item in listed:
        unified, notes = item["unified"], told[item["unified"]]
        drawings = {artist: found[unified] for artist, found in drawn.items() if unified in found}
        if item["category"] in LEFT_OUT or len(notes) < len(LANGUAGES) or not drawings.keys() >= set(EVERY_CONCEPT):
            continue
        names = {lang: note["tts"][0] for lang, note in notes.items()}
        keywords = {
            lang: ", ".join(word for word in note.get("default", []) if word != names[lang])
            for lang, note in notes.items()
        }
        concept = Concept(unified, names["en"], item["subcategory"])
        entries.append(Entry(concept, item["category"], _characters(unified), names, keywords, drawings))
    return sorted(entries, key=lambda entry: entry.concept.unified)


def _characters(unified: str) -> str:
    return "".join(chr(int(point, 16)) for point in unified.split("-"))


def _notes(annotations: dict[str, dict[str, dict]], unified: str) -> dict[str, dict]:
    """Returns what CLDR says of an emoji in each language that speaks of it."""
    emoji = _characters(unified)
    told = {lang: notes.get(emoji) or notes.get(emoji.replace("\ufe0f", "")) for lang, notes in annotations.items()}
    return {lang: note for lang, note in told.items() if note}


def hold_out(concepts: Iterable[Concept], share: float) -> set[str]:
    """Choose whole families, in the order of their names' SHA-256, until `share` of the concepts is held out.

    Returns:
      Code points of the held-out concepts.
    """
    grouped = families(concepts)
    budget = share * sum(len(family) for family in grouped)
    chosen: set[str] = set()
    for family in sorted(grouped, key=lambda family: _hash(family_name(family))):
        if len(chosen) + len(family) <= budget:
            chosen |= {concept.unified for concept in family}
    return chosen


def class_labels(seen: Iterable[Concept]) -> set[str]:
    """Returns the subgroups that have enough images in `seen` to be a class."""
    counts = Counter(concept.subgroup for concept in seen)
    return {subgroup for subgroup, count in counts.items() if count >= MIN_CLASS_IMAGES}


def to_png(path: Path) -> bytes:
    """Returns a drawing as a SIDE_PX square PNG on white, without alpha, so that every decoder sees one picture."""
    with Image.open(path) as opened:
        drawing = opened.convert("RGBA")
    if drawing.size != (SIDE_PX, SIDE_PX):
        drawing = drawing.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    page = Image.new("RGBA", drawing.size, "white")
    page.alpha_composite(drawing)
    flat = page.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    flat.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def record(entry: Entry, artist: str, family: str, classes: set[str]) -> dict[str, bytes]:
    """Returns the members of one record by extension, as img2dataset writes them."""
    png = to_png(entry.drawings[artist])
    subgroup = entry.concept.subgroup
    meta = {
        "key": f"{artist}-{entry.concept.unified.lower()}",
        "url": source(artist, entry.drawings[artist]),
        "width": SIDE_PX,
        "height": SIDE_PX,
        "sha256": hashlib.sha256(png).hexdigest(),
        "emoji": entry.emoji,
        "codepoints": entry.concept.unified,
        "artist": artist,
        "family": family,
        "group": plain_words(entry.group),
        "subgroup": plain_words(subgroup),
        "class": plain_words(subgroup) if subgroup in classes else "",
        **{f"name_{lang}": name for lang, name in entry.names.items()},
        **{f"keywords_{lang}": words for lang, words in entry.keywords.items()},
    }
    return {
        "png": png,
        "txt": entry.names["en"].encode(),
        "json": json.dumps(meta, ensure_ascii=False, sort_keys=True).encode(),
    }


def plain_words(label: str) -> str:
    """Returns a Unicode group's name as it would be said: "animal-mammal" -> "animal mammal"."""
    return label.replace("-", " ").replace("&", "and").lower()


def write_shards(folder: Path, keyed: list[tuple[str, Callable[[], dict[str, bytes]]]]) -> None:
    """Write records in the order of their keys' SHA-256, so that artists and concepts mix."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.tar*"):
        stale.unlink()
    ordered = sorted(keyed, key=lambda pair: _hash(pair[0]))
    for start in range(0, len(ordered), RECORDS_PER_SHARD):
        aside = folder / f"{start // RECORDS_PER_SHARD:05d}.tar.gz.partial"
        # Headers and repeated captions are most of a tar of small pictures, hence the gzip; its own header holds
        # neither time nor name, so that the same records give the same bytes.
        with (
            aside.open("wb") as file,
            gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
        ):
            for key, make in ordered[start : start + RECORDS_PER_SHARD]:
                for extension, content in make().items():
                    member = tarfile.TarInfo(f"{key}.{extension}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
        aside.rename(aside.with_suffix(""))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path)
    parser.add_argument("rendered", type=Path, help="what render.mjs filled: a folder of PNG for each artist")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "shards")
    arguments = parser.parse_args()
    needed = [arguments.packages / name for name in (*CLDR, *DRAWINGS.values(), EMOJI_LIST)]
    missing = [str(path) for path in needed if not path.exists()]
    if missing:
        parser.error(f"no {', '.join(missing)}; unpack the packages as demo/README.md says")
    cut_short = not_rendered(arguments.packages, arguments.rendered)
    if cut_short:
        parser.error(f"{len(cut_short)} drawings are not rendered, {cut_short[0]} first; render as demo/README.md says")
    entries = read_entries(arguments.packages, arguments.rendered)
    concepts = [entry.concept for entry in entries]
    unseen = hold_out(concepts, UNSEEN_SHARE)
    family_of = {concept.unified: family_name(family) for family in families(concepts) for concept in family}
    classes = class_labels(concept for concept in concepts if concept.unified not in unseen)
    splits: dict[str, list[tuple[str, Callable[[], dict[str, bytes]]]]] = {"train": [], "seen": [], "unseen": []}
    for entry in entries:
        unified = entry.concept.unified
        held_out = unified in unseen
        for artist in entry.drawings:
            if artist == TEST_ARTIST or not held_out:
                split = "train" if artist != TEST_ARTIST else "unseen" if held_out else "seen"
                key = f"{artist}-{unified.lower()}"
                splits[split].append((key, partial(record, entry, artist, family_of[unified], classes)))
    for split, keyed in splits.items():
        write_shards(arguments.out / split, keyed)
        print(f"{split}: {len(keyed)} records")
    print(f"{len(classes)} classes: {', '.join(sorted(classes))}")


if __name__ == "__main__":
    main()
