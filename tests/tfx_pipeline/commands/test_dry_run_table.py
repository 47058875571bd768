"""The table of a dry run: rules in order, read = kept + dropped, texts shown as they are, and what to bear in mind."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from components.pair_filter.judging.rules import RULES
from tfx_pipeline.commands.dry_run_table import COUNTING_RULES, DryRun, notes, show, split_table, threshold

RULES_SHOWN = [
    {"name": "shorter_side", "drops": "image", "threshold": 200},
    {"name": "evaluation_image", "drops": "image", "threshold": False},
    {"name": "unsafe_image", "drops": "image", "threshold": "off"},
    {"name": "too_few_words", "drops": "caption", "threshold": 3},
    {"name": "no_caption_left", "drops": "image", "threshold": 1},
]
TRAIN = {
    "filtered": True,
    "images": {"read": 1500, "kept": 1100, "dropped": {"shorter_side": 300, "no_caption_left": 100}},
    "captions": {"read": 2000, "kept": 1400, "dropped": {"shorter_side": 450, "too_few_words": 150}},
}
WHOLE = {
    "filtered": False,
    "images": {"read": 1, "kept": 1, "dropped": {}},
    "captions": {"read": 1, "kept": 1, "dropped": {}},
}
REPORT = {
    "rules": RULES_SHOWN,
    "splits": {"train": TRAIN, "seen": WHOLE},
    "samples": {
        "shorter_side": [{"record": f"r{n}", "detail": "9 x 9 px", "caption": f"[red]{n}\n"} for n in range(5)],
        "too_few_words": [{"record": "r", "detail": f"{'long ' * 50!r} has 1 words", "caption": "long"}],
    },
}
INGEST = {
    "splits": {
        "train": {
            "images": {"dropped": {"no_caption": 2}},
            "captions": {"dropped": {}, "noted": {"language_unknown": 2}},
        },
        "seen": {
            "images": {"dropped": {"no_caption": 1}},
            "captions": {"dropped": {}, "noted": {"language_unknown": 3}},
        },
    },
    "samples": {
        "language_unknown": [{"record": "0.tar#[red]1", "detail": "'4711' is no language tag"}],
        "no_caption": [{"record": "0.tar#2", "detail": "no field of ['[txt]']"}],
    },
}


def printed(*, sample=None, ingest=INGEST, sets=None, width=300) -> str:
    console = Console(file=io.StringIO(), width=width)
    show(DryRun(sample, ingest, REPORT, sets or {}), console)
    return console.file.getvalue()


def test_each_rule_has_a_row_and_what_is_read_is_kept_or_dropped():
    table = split_table("train", TRAIN, RULES_SHOWN)
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    dash = "–"  # noqa: RUF001 - an en dash
    assert rows == [
        ("shorter_side", "200", "300", "450", "22.5 %"),
        ("evaluation_image", "off", dash, dash, dash),
        ("unsafe_image", "off", dash, dash, dash),
        ("too_few_words", "3", dash, "150", "7.5 %"),
        ("no_caption_left", "", "100", dash, dash),
        ("kept", "", "1,100", "1,400", "70.0 %"),
        ("read", "", "1,500", "2,000", "100.0 %"),
    ]
    assert 300 + 100 + 1100 == 1500
    assert 450 + 150 + 1400 == 2000


def test_a_split_without_captions_has_no_shares():
    empty = {"read": 0, "kept": 0, "dropped": {}}
    table = split_table("train", {"images": empty, "captions": empty}, RULES_SHOWN)
    assert "%" not in "".join(cell for column in table.columns for cell in column.cells)


def test_splits_that_pass_whole_have_no_table_and_samples_are_few_short_and_plain():
    said = printed()
    assert "split train" in said
    assert "split seen" not in said
    assert r"shorter_side      '[red]0\n' 9 x 9 px" in said
    assert r"'[red]1\n'" in said
    assert "[red]2" not in said
    assert max(map(len, said.splitlines())) < 130


def test_it_says_what_ingest_skipped_and_what_a_sample_cannot_show():
    assert printed().endswith(
        "\nIngest skipped 3 records before: no_caption 3.\n  0.tar#2: no field of ['[txt]']\n\n"
        "Ingest noted language_unknown in 5 captions, as in 0.tar#[red]1: '4711' is no language tag.\n"
    )
    sampled = printed(sample=10_000, sets={"coco": 5000, "flickr30k": 1})
    assert "the evaluation sets coco (5,000 images), flickr30k (1 image), 10,000 records of each at most." in sampled
    assert "captions_per_image, images_per_caption, rare_ngram count over the corpus" in sampled
    assert "drop less than a full run would" in sampled
    whole = list(notes(DryRun(None, {"splits": {}}, REPORT, {"coco": 5000})))
    assert whole == ["Compared with the evaluation sets coco (5,000 images)."]


def test_the_rules_that_count_are_the_filters():
    assert set(COUNTING_RULES) < {rule.name for rule in RULES}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(100_000_000, "100,000,000"), (3.0, "3.0"), (0.975, "0.975"), (True, "on"), (False, "off"), ("off", "off")],
)
def test_thresholds_are_shown_as_people_write_them(value, shown):
    assert threshold({"threshold": value}) == shown
