"""Two results folders compared: the same resamples, what flipped, and what cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from colour_encoder import ColourEncoder
from judging_runs import run
from rich.console import Console

from components.evaluator.datasets.kinds import RatedSet
from components.evaluator.metrics.bootstrap import paired
from components.evaluator.tasks.judged import Judged
from components.evaluator.tasks.similarity import judge_similarity
from tfx_pipeline.commands.evaluate import compare_models
from tfx_pipeline.judging.compare import compare
from tfx_pipeline.judging.results import (
    Results,
    Row,
    read_answers,
    read_results,
    write_answers,
    write_results,
)
from tfx_pipeline.settings.config import ConfigError


class Blind(ColourEncoder):
    """Takes blue for green."""

    fingerprint = "blind"

    def encode_image(self, images):
        seen = super().encode_image(images)
        return seen[:, [0, 2, 1, 3]]


@pytest.fixture
def both(suite, tmp_path) -> tuple[Path, Path]:
    suite.write_text("folders:\n  colours: {images: test}\n")  # one row a model
    run(suite, tmp_path / "a", Blind())
    run(suite, tmp_path / "b")
    return tmp_path / "a", tmp_path / "b"


def test_the_better_model_wins_what_the_other_mistook(both):
    found = compare(*both)
    row = next(row for row in found.rows if row.row.judged.task == "zero_shot")
    assert (row.won, row.lost) == (20, 0)
    change = next(change for change in row.changes if change.name == "top_1")
    assert (change.first, change.second) == (pytest.approx(1 / 3), 1.0)
    values = [read_answers(folder, read_results(folder).rows[0].judged).per_query["class"]["top_1"] for folder in both]
    assert change.test == paired(*values, clusters=np.arange(30))
    assert change.test.p_value < 0.01
    assert {(flip.right.text, flip.got.text) for flip in row.flips} == {("green", "blue"), ("blue", "green")}
    assert all(flip.better for flip in row.flips)


def test_results_by_another_rule_for_ties_are_refused(suite, tmp_path):
    suite.write_text("folders:\n  colours: {images: test}\n")
    run(suite, tmp_path / "a")
    run(suite, tmp_path / "b", ties="index")
    with pytest.raises(ConfigError, match=r"a was judged with --ties expected and .*b with --ties index; judge both"):
        compare(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("metric", ["spearman", "sts"])
def test_the_difference_of_two_correlations_is_that_of_the_numbers_shown(tmp_path, metric):
    rng = np.random.default_rng(0)
    rated = RatedSet(
        texts=tuple("abcdefghijkl"),
        image_ids=(),
        images=(),
        left_modality="text",
        left=np.repeat(np.arange(8), 3),
        right_modality="text",
        right=np.concatenate([rng.choice(12, 3, replace=False) for _ in range(8)]),
        scores=rng.uniform(0, 5, 24),
    )
    values = []
    for name in "ab":
        vectors = rng.normal(size=(12, 4))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        blank = Judged("words", "", "test", "en", {})
        judged = judge_similarity(blank, rated, np.zeros((0, 4)), vectors.astype(np.float32), metric=metric)
        write_answers(tmp_path / name, judged)
        facts = {"name": name, "spec": name, "fingerprint": "same"}
        write_results(tmp_path / name, Results(facts, facts, 0, 0, True, (Row(judged, "same"),), {}))
        values.append(judged.numbers[metric].value)
    (change,) = compare(tmp_path / "a", tmp_path / "b").rows[0].changes
    assert [change.first, change.second] == values
    assert change.test.difference == values[1] - values[0]
    assert change.test.low <= change.test.difference <= change.test.high


def test_a_model_does_not_differ_from_itself(both):
    for row in compare(both[1], both[1]).rows:
        assert (row.won, row.lost, row.flips) == (0, 0, ())
        for change in row.changes:
            assert change.test is None or (change.test.difference, change.test.p_value) == (0, 1)


def test_the_page_and_the_table_show_what_flipped(both, suite, tmp_path):
    console = Console(record=True, width=140)
    page = compare_models(*both, data=suite.parent, out=tmp_path / "compared", console=console)
    printed = " ".join(console.export_text().split())
    assert "colours top-1 33.3 % 100.0 % +66.7" in printed
    assert "20 answers right in B alone, 0 in A alone" in printed
    text = page.read_text(encoding="utf-8")
    assert "B alone is right" in text
    assert "data:image/jpeg;base64," in text


def test_a_query_that_one_model_could_not_answer_is_left_out_and_counted(suite, both, tmp_path):
    class Picky(ColourEncoder):
        fingerprint = "picky"

        def encode_image(self, images):
            if any(b"IHDR" in image and image == first for image in images):
                raise ValueError("not this one")
            return super().encode_image(images)

    first = min((suite.parent / "test" / "blue").iterdir()).read_bytes()
    run(suite, tmp_path / "c", Picky())
    row = compare(both[1], tmp_path / "c").rows[0]
    assert (row.left_out, row.changes[0].queries, row.remark) == (1, 29, "")
    assert [(change.first, change.second) for change in row.changes if change.name == "top_1"] == [(1, 1)]
    mistaken = next(change for change in compare(both[0], tmp_path / "c").rows[0].changes if change.name == "top_1")
    assert (mistaken.first, mistaken.second) == (pytest.approx(10 / 29), 1)
    assert mistaken.test.difference == pytest.approx(19 / 29)


def test_a_model_that_read_fewer_images_is_not_said_to_be_better(suite_with_pairs, tmp_path):
    """Four of twelve pictures are left, one a colour and a copy, among which anything is found more easily."""
    text = suite_with_pairs.read_text(encoding="utf-8")
    suite_with_pairs.write_text(text[text.index("pairs:") :], encoding="utf-8")
    unread = [(suite_with_pairs.parent / "pairs" / f"{number}.png").read_bytes() for number in range(4, 12)]

    class Picky(ColourEncoder):
        fingerprint = "picky"

        def encode_image(self, images):
            if any(image in unread for image in images):
                raise ValueError("not this one")
            return super().encode_image(images)

    run(suite_with_pairs, tmp_path / "a")
    run(suite_with_pairs, tmp_path / "b", Picky())
    row = compare(tmp_path / "a", tmp_path / "b").rows[0]
    recall = next(change for change in row.changes if change.name == "t2i_recall_at_1")
    assert recall.second > recall.first
    assert all(change.test is None for change in row.changes)
    assert row.remark.startswith("not tested: A was judged without 0 of the inputs and B without 8")
    console = Console(record=True, width=140)
    compare_models(tmp_path / "a", tmp_path / "b", data=tmp_path, out=tmp_path / "compared", console=console)
    assert "B without 8" in " ".join(console.export_text().split())


def test_rows_that_one_folder_alone_has_are_named(both, suite, tmp_path):
    path = both[1] / "results.json"
    form = json.loads(path.read_text(encoding="utf-8"))
    form["rows"].append({**form["rows"][0], "dataset": "more"})
    path.write_text(json.dumps(form), encoding="utf-8")
    console = Console(record=True, width=140)
    page = compare_models(*both, data=suite.parent, out=tmp_path / "compared", console=console)
    said = "not compared, since B alone has them: more zero_shot test en"
    assert said in console.export_text()
    assert said in page.read_text(encoding="utf-8")


def test_what_cannot_be_compared_is_refused_in_a_sentence(both, suite, tmp_path):
    a, b = both
    with pytest.raises(ConfigError, match=r"holds no results\.json"):
        compare(a, tmp_path)
    text = suite.read_text(encoding="utf-8")
    suite.write_text(f"{text}  more: {{images: train}}\n", encoding="utf-8")
    run(suite, tmp_path / "part")
    with pytest.raises(ConfigError, match="with other data sets; judge both by one suite"):
        compare(a, tmp_path / "part")
    suite.write_text(text, encoding="utf-8")
    changed = next((suite.parent / "test" / "red").iterdir())
    changed.write_bytes(changed.read_bytes() + b" ")
    run(suite, tmp_path / "later")
    with pytest.raises(ConfigError, match="colours has changed between"):
        compare(a, tmp_path / "later")
    (b / "results.json").write_text(json.dumps({"form": 99}), encoding="utf-8")
    with pytest.raises(ConfigError, match="has the form 99"):
        compare(a, b)
    (b / "results.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="is damaged"):
        compare(a, b)
