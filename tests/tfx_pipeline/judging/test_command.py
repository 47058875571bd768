"""What `align eval` makes of its words: the newest model, and the list of data sets."""

from __future__ import annotations

import re
import shutil

from typer.testing import CliRunner

from components.evaluator.datasets.registry import ENTRIES
from tfx_pipeline.judging.results import read_results


def test_last_is_the_newest_model_that_was_pushed(suite, tmp_path, colour_model):
    from tfx_pipeline.cli import app

    root = tmp_path / "output" / "mine"
    for version in ("9", "20"):
        shutil.copytree(colour_model, root / "serving_models" / "align" / version)
    (root / "serving_models" / "align" / "30").mkdir()  # a push that has not arrived
    words = ["eval", "--suite", str(suite), "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    words += ["--embeddings", str(tmp_path / "kept"), "--set", f"output={tmp_path / 'output'}", "--set", "name=mine"]
    done = CliRunner().invoke(app, [*words, "--model", "LAST"])
    assert done.exit_code == 0, done.exception
    results = read_results(tmp_path / "out")
    assert results.model["spec"] == str(root / "serving_models" / "align" / "20")
    assert results.rows[0].judged.numbers["top_1"].value == 1
    shutil.rmtree(root / "serving_models" / "align" / "20")
    assert CliRunner().invoke(app, words).exit_code == 0  # LAST is what is judged where nothing is named
    assert read_results(tmp_path / "out").model["spec"] == str(root / "serving_models" / "align" / "9")
    shutil.rmtree(root / "serving_models")
    assert "no model has been pushed to" in str(CliRunner().invoke(app, words).exception)


def listed(*words: str) -> dict[str, tuple[str, str]]:
    """Returns what `align eval --list` prints: name -> whether it is there, and the lines beside it as one."""
    from tfx_pipeline.cli import app

    done = CliRunner().invoke(app, ["eval", "--list", *words], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.exception
    found: dict[str, tuple[str, str]] = {}
    for line in done.output.splitlines():
        if not line.startswith(" "):
            name, state, about = re.split(r" {2,}", line.strip(), maxsplit=2)
            found[name] = (state, about)
        else:
            name, (state, about) = list(found.items())[-1]
            found[name] = (state, f"{about} {line.strip()}")
    return found


def test_the_list_is_of_every_set_with_its_numbers_and_where_it_is_to_be_had(tmp_path):
    (tmp_path / "mscoco").mkdir()
    (tmp_path / "mscoco" / "dataset_coco.json").write_text("{}")
    found = listed("--data", str(tmp_path))
    assert [*found] == [*ENTRIES]
    recalls = "mean_recall, i2t_recall_at_1, _5, _10, t2i_recall_at_1, _5, _10"
    missing = f"{tmp_path / 'mscoco' / 'val2014'} is missing"
    assert found["demo-unseen-en"] == (
        "there",
        f"the demo's 159 pictures of held-out concepts, with names and keywords in English {recalls}",
    )
    assert found["mscoco"] == (
        "half there",
        f"MSCOCO, Karpathy's test split: 5000 images with 5 captions each {recalls} {missing} get Karpathy's "
        "caption_datasets.zip from cs.stanford.edu/people/karpathy/deepimagesent and val2014.zip from cocodataset.org, "
        "and put dataset_coco.json and the folder val2014 into mscoco/ of the data folder",
    )
    assert found["simlex999"][0] == "absent"
    for name, (state, about) in found.items():
        entry = ENTRIES[name]
        assert about.startswith(entry.about)
        assert (entry.where in about) == (state != "there")
        assert all(metric.rpartition("_")[2] in about for metric in entry.metrics)


def test_the_list_of_a_suite_is_of_its_sets(suite_with_pairs, tmp_path):
    assert [*listed("--data", str(tmp_path), "--suite", str(suite_with_pairs))] == ["colours", "things"]
