"""What else the filter writes and asks: rejects, samples, a Bloom filter, evaluation sets and models."""

import base64
import dataclasses
import io
import json
from collections import Counter

from PIL import Image
from tfx.types import artifact_utils, standard_artifacts

from components import example_artifacts, schema
from components.artifact_files import FILTER_REPORT_FILE
from components.files import example_files
from components.files.publishing import aside_folder
from components.pair_filter.config import FilterConfig
from components.pair_filter.inputs import key_of_set
from components.pair_filter.model_config import ImageModelConfig, NeighbourConfig, UnsafeConfig
from filter_corpus import CONFIG, example, oracle, write_examples
from small_image_models import save_onnx_channel_means


def test_kept_and_rejected_captions_together_are_what_was_read(filtered, read_examples, corpus, load_json):
    outputs = filtered(dataclasses.replace(CONFIG, keep_rejects=True))
    assert json.loads(outputs["rejects"].split_names) == ["train"]
    rejected = read_examples(outputs["rejects"], "train")
    found = Counter(
        (record[schema.RECORD_NAME][0], *caption)
        for record in [*read_examples(outputs["examples"], "train"), *rejected]
        for caption in zip(record[schema.CAPTION_TEXT], record[schema.CAPTION_LANGUAGE], strict=True)
    )
    assert found == Counter(
        (row.name, text, f"l{index}")
        for row in corpus
        if row.split == "train"
        for index, text in enumerate(row.captions)
    )
    tally = load_json(outputs["report"], FILTER_REPORT_FILE)["splits"]["train"]["captions"]
    assert Counter(rule for record in rejected for rule in record[schema.DROP_RULE]) == tally["dropped"]
    for record in rejected:
        assert len(record[schema.DROP_RULE]) == len(record[schema.DROP_DETAIL]) == len(record[schema.CAPTION_TEXT])


def test_rejects_are_not_kept_unless_asked_for(filtered):
    assert json.loads(filtered(CONFIG)["rejects"].split_names) == []


def test_samples_show_the_caption_and_a_thumbnail(filtered, load_json, corpus):
    samples = load_json(filtered(CONFIG)["report"], FILTER_REPORT_FILE)["samples"]
    captions = {row.name: row.captions for row in corpus}
    for found in samples.values():
        for sample in found:
            assert sample["caption"] in captions[sample["record"]]
            picture = Image.open(io.BytesIO(base64.b64decode(sample["thumbnail"])))
            assert picture.format == "JPEG"
            assert max(picture.size) <= 64


def test_a_bloom_filter_keeps_what_exact_keeps(filtered, read_examples):
    def kept(config: FilterConfig) -> set[tuple[str, str]]:
        records = read_examples(filtered(config)["examples"], "train")
        return {(record[schema.RECORD_NAME][0], text) for record in records for text in record[schema.CAPTION_TEXT]}

    exact, off = kept(CONFIG), kept(dataclasses.replace(CONFIG, frequent_ngrams=None))
    strict = kept(dataclasses.replace(CONFIG, ngram_false_positive_rate=1e-9))
    loose = kept(dataclasses.replace(CONFIG, ngram_false_positive_rate=0.5))
    assert strict == exact
    assert exact <= loose < off  # a filter of a few n-grams errs less than its rate


def test_images_of_evaluation_sets_are_dropped_from_the_train_split(examples, corpus, execute, tmp_path, load_json):
    trained = [row for row in corpus if row.split == "train"]
    judged = {"coco": trained[:20], "flickr30k": trained[20:40], "my-own": trained[40:60]}
    inputs = {}
    for name, rows in judged.items():
        rows = judged[name] = [dataclasses.replace(row, split="test") for row in rows]
        inputs[key_of_set(name)] = write_examples(str(tmp_path / name), rows, files=2)
        example_artifacts.name_evaluation_set(inputs[key_of_set(name)], name)
    report = execute(CONFIG, unfiltered_examples=examples, **inputs)["report"]
    _, counts = oracle([*corpus, *(row for rows in judged.values() for row in rows)], CONFIG)
    tallies = load_json(report, FILTER_REPORT_FILE)
    assert "test" not in tallies["splits"]
    dropped = tallies["splits"]["train"]["images"]["dropped"]
    assert dropped["evaluation_image"] == counts["train", "images", "evaluation_image"]
    details = [sample["detail"] for sample in tallies["samples"]["evaluation_image"]]
    assert any(f"of '{name}'" in detail for name in judged for detail in details)
    backwards = execute(CONFIG, **dict(reversed(inputs.items())), unfiltered_examples=examples)["report"]
    assert load_json(backwards, FILTER_REPORT_FILE) == tallies


def test_configured_models_drop_unsafe_images_and_neighbours(execute, tmp_path, load_json, read_examples):
    model = save_onnx_channel_means(tmp_path / "means.onnx")
    colours = {"red": (250, 5, 5), "pink": (250, 20, 12), "green": (5, 250, 5), "blue": (5, 5, 250)}
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    example_artifacts.describe(examples, ["train", "seen"])
    for split, names in (("train", colours), ("seen", ["green"])):
        path = f"{artifact_utils.get_split_uri([examples], split)}/{example_files.file_name(0, 1)}"
        with example_files.writing(path, aside_folder(examples.uri)) as write:
            for name in names:
                buffer = io.BytesIO()
                Image.new("RGB", (9 if split == "train" else 8, 9), colours[name]).save(buffer, "PNG")
                write(example(name, buffer.getvalue(), f"{split} {name}", (9, 9), ["one small square"], split))
    asked = ImageModelConfig(model, 4, "zero_to_one", "nchw")
    config = FilterConfig(
        shorter_side_above_px=1,
        unsafe=UnsafeConfig(dataclasses.replace(asked, columns=(2,)), threshold=0.9),
        neighbours=NeighbourConfig(asked, clusters=4, nearest=3, shared=1, sample=10),
    )
    made = execute(config, unfiltered_examples=examples)
    report = load_json(made["report"], FILTER_REPORT_FILE)
    assert report["splits"]["train"]["images"]["dropped"] == {"evaluation_neighbour": 1, "unsafe_image": 1}
    found = {rule: sample["detail"] for rule, (sample,) in report["samples"].items()}
    assert found == {"evaluation_neighbour": "cosine 1.000 to green", "unsafe_image": "scores 0.980"}
    assert [record[schema.RECORD_NAME] for record in read_examples(made["examples"], "train")] == [["red"], ["pink"]]
