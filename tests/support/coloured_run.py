"""A run of a pipeline whose PairFilter wrote Examples of pictures of one colour each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from colour_encoder import picture

from components.artifact_files import split_folder
from components.component_ids import PAIR_FILTER
from components.files import example_files
from components.files.tf_example import Example
from components.pair_example_gen.judging.images import prepare
from components.pair_example_gen.judging.records import Caption, Captions
from components.pair_example_gen.pair_example import to_example

Colour = tuple[int, int, int]
COLOURS: Mapping[str, Mapping[str, Colour]] = {  # split -> caption -> colour
    "train": {"a red wall": (255, 0, 0), "a green field": (0, 255, 0), "tmavě modré moře": (0, 0, 200)},
    "seen": {"a violet flower": (200, 0, 200), "a red brick": (220, 20, 20)},
}


def write_examples(folder: Path, colours: Mapping[str, Mapping[str, Colour]] = COLOURS) -> Path:
    """Write a file of Examples for each split, over what stands there.

    A record is called SPLIT.tar#NUMBER, and its class is its caption.
    """
    for split, images in colours.items():
        path = folder / split_folder(split) / example_files.file_name(0, 1)
        with example_files.writing(str(path), str(folder / "aside")) as write:
            for number, (caption, colour) in enumerate(images.items()):
                shown = prepare(picture(*colour), "png", 4, bool)
                captions = Captions([Caption(caption, "cs" if "ř" in caption else "en")])
                write(to_example(shown, captions, caption, f"{split}.tar#{number}", split))
    (folder / "aside").rmdir()
    return folder


def write_run(root: Path, examples: Path, stamp: str = "2026-01-01T00-00-00") -> Path:
    """Write the events of a run whose PairFilter wrote the Examples. Returns the pipeline's folder."""
    events = [
        {"event": "pipeline_started", "name": root.name, "components": [PAIR_FILTER]},
        {
            "event": "component_finished",
            "component": PAIR_FILTER,
            "state": "succeeded",
            "outputs": {"examples": str(examples)},
        },
    ]
    run_dir = root / "runs" / stamp
    run_dir.mkdir(parents=True)
    (run_dir / "events.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in events), encoding="utf-8")
    return root


def spoil(path: Path, record: int) -> None:
    """Make the image of one record of a file of Examples undecodable."""
    payloads = list(example_files.read_payloads(str(path)))
    example = Example.FromString(payloads[record])
    example.features.feature["image/encoded"].bytes_list.value[0] = b"no picture"
    digest = hashlib.sha256(b"no picture").hexdigest().encode()
    example.features.feature["image/sha256"].bytes_list.value[0] = digest
    payloads[record] = example.SerializeToString()
    with example_files.writing(str(path), str(path.parent)) as write:
        for payload in payloads:
            write(payload)
