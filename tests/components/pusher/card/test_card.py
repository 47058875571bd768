"""The card of a small run, whole and with gaps, as facts and as a page."""

from __future__ import annotations

import pytest
import yaml

from components.pusher.card.facts import Told, card
from components.pusher.card.page import page
from report_samples import FILTER, INGEST, SERVING, VOCABULARY

NUMBERS = {
    "metrics": {
        "seen": {
            "num_images": 100.0,
            "num_captions": 200.0,
            "num_classes": 2.0,
            "majority_class_share": 0.6,
            "chance_zero_shot": 0.5,
            "chance_i2t_recall_at_1": 0.01,
            "i2t_recall_at_1": 0.5,
            "zero_shot_top_1": 1.0,
            "zero_shot_top_5": None,
        }
    },
    "baseline": {},
}
MODEL = {"model": {"image": "b0"}, "weights": {"sha256": "ab" * 32}, "vocabulary": {"sha256": "cd" * 32}}
STATED = {
    "name": "pets",
    "card": {"licence": "CC-BY-4.0", "data": "Pictures of | pets.", "intended_use": "Search.", "limits": None},
    "sources": {"ingest": "gs://bucket/pets"},
}
TOLD = Told(
    STATED,
    ingest=INGEST,
    filter=FILTER,
    vocabulary=VOCABULARY,
    numbers=NUMBERS,
    model=MODEL,
    training={"training": {"steps": 200, "learning_rate": 1e-3}, "software": {"tensorflow": "2.16.2"}},
    last={"step": 200, "loss": 0.25, "temperature": 0.0625},
    serving=SERVING,
)
MADE = {
    "artifacts": {"model": {"id": 12, "type": "Model", "uri": "/runs/12"}},
    "files": {"variables/v": "2" * 64, "saved_model.pb": "1" * 64},
    "software": {"tfx": "1.16.0"},
    "pushed": "2026-01-02T03:04:05+00:00",
}


@pytest.fixture
def whole():
    return card(TOLD, **MADE)


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line[1:-1].split(" | ")] for line in text.splitlines() if line.startswith("| ")]


def test_metrics_have_an_interval_and_what_guessing_gets(whole):
    found = whole["evaluation"]["metrics"]["seen"]
    assert set(found) == {"i2t_recall_at_1", "zero_shot_top_1"}  # of what is no number there is none
    assert found["i2t_recall_at_1"]["low"] == pytest.approx(0.4038, abs=5e-5)  # 100 images, though 200 captions
    assert found["i2t_recall_at_1"]["chance"] == 0.01
    assert found["zero_shot_top_1"]["chance"] == 0.5
    assert ["image → text, recall@1", "0.500", "0.404 to 0.596", "0.010"] in rows(page(whole))


def test_each_rule_says_what_it_dropped_where_it_was_in_force(whole):
    assert whole["filter"]["rules"][0] == {
        "name": "shorter_side",
        "drops": "image",
        "threshold": 32,
        "source": "ALIGN section 3",
        "dropped": {"train": 18},
    }
    assert ["`too_few_words`", "caption", "3", "ALIGN section 3", "1,397"] in rows(page(whole))
    assert ["train", "images", "`no_image`", "9"] in rows(page(whole))


def test_the_head_is_yaml_that_hugging_face_reads(whole):
    _, head, _ = page(whole).split("---\n", 2)
    assert yaml.safe_load(head) == {
        "license": "cc-by-4.0",
        "language": [tag for tag in VOCABULARY["languages"] if tag not in ("und", "other")],
        "library_name": "tensorflow",
        "pipeline_tag": "zero-shot-image-classification",
        "tags": ["align", "dual-encoder", "image-text-retrieval"],
    }


def test_the_page_tells_the_rest(whole):
    text = page(whole)
    for told in (
        "**Licence:** CC-BY-4.0",
        "Pictures of | pets.",
        "**ingest:** `gs://bucket/pets`",
        "not stated; the config's field `card.limits` says it",
        "200 steps; at the last one the loss was 0.25 and the temperature 0.0625.",
        "`learning_rate` 0.001",
        "Images are computed in bfloat16.",
        "No vector of `encode_image` has a cosine below 0.99994 to that in float32.",
        "| gRPC | `encode_image` | 4.1 | 7.5 |",
        "| model | Model | 12 | `/runs/12` |",
        "SHA-256 of the weights: `abab",
        "Software, training: tensorflow 2.16.2",
        "Software, pushing: tfx 1.16.0",
    ):
        assert told in text, told
    widths = [len(row) for row in rows(text)]
    assert all(width > 1 for width in widths)


def test_a_cell_holds_no_line_break_and_no_bar():
    stated = {**STATED, "sources": {}}
    made = card(Told(stated), **{**MADE, "artifacts": {"model": {"id": 1, "type": "Model", "uri": "a|b\nc"}}})
    assert "| model | Model | 1 | `a\\|b c` |" in page(made)


def test_what_nobody_told_is_said_to_be_missing():
    text = page(card(Told({}), **MADE))
    assert "**Licence:** not stated; the config's field `card.licence` says it" in text
    assert text.count("not recorded") >= 7
    assert "None" not in text
    assert "license:" not in text
