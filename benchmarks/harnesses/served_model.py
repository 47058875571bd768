"""A model behind `align serve`, and pictures with names to ask it, for compare.py."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.shared.checkout import ROOT
from serving.pictures import View

UNSEEN = ROOT / "demo" / "shards" / "unseen"
LANGUAGES = ("en", "de")


@contextmanager
def served(model: Path) -> Iterator[str]:
    """Runs `align serve` on the newest version of a model.

    Args:
      model: folder of numbered versions.

    Yields:
      HOST:PORT.
    """
    command = [str(Path(sys.executable).with_name("align")), "serve", "--model", str(model), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            for line in server.stdout or ():
                if told := re.search(r" on (\S+:\d+),", line):
                    yield told[1]
                    return
            raise RuntimeError(f"{' '.join(command)} ended early; its reason is above")
        finally:
            server.terminate()


def write_drawings(folder: Path) -> tuple[list[Path], list[str]]:
    """Write the demo's unseen drawings as opaque PNG files, those whose names no other bears.

    Returns:
      N files; 2 N captions, the English and the German name of each.
    """
    records: dict[str, dict[str, bytes]] = {}
    for shard in sorted(UNSEEN.glob("*.tar.gz")):
        with tarfile.open(shard) as tar:
            for member in tar:
                key, _, suffix = member.name.partition(".")
                records.setdefault(key, {})[suffix] = tar.extractfile(member).read()  # type: ignore[union-attr]
    files: list[Path] = []
    captions: list[str] = []
    for key, record in records.items():
        names = [json.loads(record["json"])[f"name_{language}"] for language in LANGUAGES]
        if len({*names}) < len(names) or {*names} & {*captions}:
            continue
        files.append(folder / f"{key}.png")
        encoded = io.BytesIO()
        View(record["png"]).pixels("RGB").save(encoded, "PNG")
        files[-1].write_bytes(encoded.getvalue())
        captions += names
    return files, captions
