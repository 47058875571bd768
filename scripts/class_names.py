"""Writes components/evaluator/datasets/class_names/: what CLIP's users call the classes, and the prompts they ask with.

    .venv/bin/python scripts/class_names.py clip_benchmark-1.6.2-py2.py3-none-any.whl timm-1.0.31-py3-none-any.whl

The wheels are read as archives and nothing of them runs. Names and templates come from clip-benchmark (MIT), the order
of ImageNet's synsets and which of them ImageNet-R and ImageNet-A have from timm (Apache-2.0).
clip-benchmark's licence is put beside them.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

KINDS = ("classnames", "zeroshot_classification_templates")  # of clip-benchmark's files, each with a language before it
TO = Path(__file__).resolve().parent.parent / "components/evaluator/datasets/class_names"
LANGUAGES = {"en": "en", "zh": "cn", "ja": "jp", "ar": "ar", "it": "it"}  # BCP 47 tag -> clip-benchmark's prefix
SETS = {"flowers102": "flowers", "pets": "pets", "cars": "cars", "food101": "food101"}  # ours -> clip-benchmark's
SOURCE = "clip-benchmark 1.6.2, Copyright (c) 2022 Mehdi Cherti, MIT"
SYNSETS = "timm 1.0.31, Copyright 2019 Ross Wightman, Apache-2.0"


def main(clip_benchmark: str, timm: str) -> None:
    """Write a JSON file for each data set."""
    with zipfile.ZipFile(clip_benchmark) as wheel, zipfile.ZipFile(timm) as info:
        names, templates = ({tag: _read(wheel, prefix, kind) for tag, prefix in LANGUAGES.items()} for kind in KINDS)
        (TO / "LICENSE-clip-benchmark.txt").write_bytes(wheel.read("clip_benchmark-1.6.2.dist-info/LICENSE"))
        lists = {
            name: info.read(f"timm/data/_info/{file}_synsets.txt").decode().split()
            for name, file in (("synsets", "imagenet"), ("imagenet-r", "imagenet_r"), ("imagenet-a", "imagenet_a"))
        }
    _write(
        "imagenet",
        {
            "source": f"names and templates: {SOURCE}; synsets: {SYNSETS}",
            **lists,
            "names": {tag: of["imagenet1k"] for tag, of in names.items()},
            "templates": {tag: _placed(of["imagenet1k"]) for tag, of in templates.items()},
        },
    )
    for ours, theirs in SETS.items():
        own = {"names": {"en": names["en"][theirs]}} if theirs in names["en"] else {}
        _write(ours, {"source": SOURCE, **own, "templates": {"en": _placed(templates["en"][theirs])}})


def _read(wheel: zipfile.ZipFile, prefix: str, kind: str) -> dict[str, Any]:
    return json.loads(wheel.read(f"clip_benchmark/datasets/{prefix}_{kind}.json"))


def _placed(templates: list[str]) -> list[str]:
    return [template.replace("{c}", "{}") for template in templates]


def _write(name: str, content: dict[str, Any]) -> None:
    (TO / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
