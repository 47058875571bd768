"""align query over a small run of coloured images, whose right answers are plain to see."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import textwrap
from pathlib import Path

import numpy as np
import pytest
from coloured_run import write_examples, write_run
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from serving.search.stores.opening import open_store
from tfx_pipeline.cli import app
from tfx_pipeline.commands.search.index_changes import delete_images
from tfx_pipeline.commands.search.query import answer, results_table
from tfx_pipeline.runs.pushed_model import pushed_model
from tfx_pipeline.settings.config import ConfigError

COLOURS = {  # split -> caption -> colour
    "train": {"a red wall": (255, 0, 0), "a green field [bold]": (0, 255, 0), "tmavě modré moře": (0, 0, 200)},
    "seen": {"a violet flower": (200, 0, 200), "a red brick": (220, 20, 20)},
}


def write_root(root: Path, model: Path) -> Path:
    shutil.copytree(model, root / "serving_models" / "align" / "20")
    write_run(root, write_examples(root / "artifacts" / "PairFilter" / "examples" / "5", COLOURS))
    failed = root / "runs" / "2026-01-02T00-00-00"  # before the filter
    failed.mkdir()
    events = '{"event": "pipeline_started", "name": "align", "components": ["PairFilter"]}\n{"event": "component_sta'
    (failed / "events.jsonl").write_text(events, encoding="utf-8")
    return root


@pytest.fixture
def root(tmp_path, colour_model):
    return write_root(tmp_path / "output" / "align", colour_model)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, colour_model):
    """One that no test changes, whose index the first query builds."""
    return write_root(tmp_path_factory.mktemp("shared") / "output" / "align", colour_model)


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=140)


def ask(root, console, tmp_path, **question):
    return answer(root, **{"out": tmp_path / "[bold] hits.html", **question}, duplicates=True, console=console)


def captions_in_order(console) -> list[str]:
    printed = console.file.getvalue()
    captions = [caption for images in COLOURS.values() for caption in images]
    return sorted((caption for caption in captions if caption in printed), key=printed.index)


def test_a_text_finds_its_colour_first(shared, console, tmp_path):
    page = ask(shared, console, tmp_path, text="RED", k=3)
    assert captions_in_order(console) == ["a red wall", "a red brick", "a violet flower"]
    assert "data_tfrecord-00000-of-00001.gz#1" in console.file.getvalue()
    assert f"Pictures: {page}\n" in console.file.getvalue()
    (saved,) = re.findall(r'id="saved">(.*?)</script>', page.read_text(encoding="utf-8"))
    hits = json.loads(saved)["answer"]["hits"]
    assert [hit["caption"] for hit in hits] == ["a red wall", "a red brick", "a violet flower"]
    with Image.open(io.BytesIO(base64.b64decode(hits[0]["image"].partition(",")[2]))) as picture:
        assert (np.asarray(picture.convert("RGB")) == (255, 0, 0)).all()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["[bold] hits.html"]


def test_an_image_finds_its_like(shared, console, tmp_path, coloured_png):
    (tmp_path / "query.png").write_bytes(coloured_png(10, 0, 190))
    ask(shared, console, tmp_path, image=tmp_path / "query.png", k=1)
    assert captions_in_order(console) == ["tmavě modré moře"]


def test_texts_add_to_an_image_and_take_away_from_it(shared, console, tmp_path, coloured_png):
    (tmp_path / "violet.png").write_bytes(coloured_png(255, 0, 255))
    ask(shared, console, tmp_path, image=tmp_path / "violet.png", minus_text="blue", k=2)
    assert captions_in_order(console) == ["a red wall", "a red brick"]
    plus = Console(file=io.StringIO(), width=140)
    ask(shared, plus, tmp_path, image=tmp_path / "violet.png", text="green", minus_text="red", k=1)
    assert captions_in_order(plus) == ["a green field [bold]"]


def test_splits_narrow_the_search_to_themselves(shared, console, tmp_path):
    ask(shared, console, tmp_path, text="green", splits=["seen"], k=12)
    assert set(captions_in_order(console)) == set(COLOURS["seen"])
    assert "2 of 2 images of seen" in console.file.getvalue()
    with pytest.raises(ConfigError, match=r"'unseen' does not exist in this run; its splits are seen, train"):
        ask(shared, console, tmp_path, text="green", splits=["unseen"])


def test_the_command_takes_splits(shared, tmp_path):
    where = [
        "--set",
        f"output={shared.parent}",
        "--set",
        f"name={shared.name}",
        "--out",
        str(tmp_path / "page.html"),
        "--duplicates",
    ]
    narrow = CliRunner().invoke(app, ["query", "green", "--split", "seen", *where])
    assert "2 of 2 images of seen" in narrow.output
    both = CliRunner().invoke(app, ["query", "green", "--split", "seen", "--split", "train", *where])
    assert "5 of 5 images of seen, train" in both.output
    every = CliRunner().invoke(app, ["query", "green", *where])
    assert "5 of 5 images, model version 20" in every.output


def test_a_table_of_80_columns_keeps_figures_and_splits_whole():
    console = Console(file=io.StringIO(), width=80)
    record = "folder/of/shards/00000.tar.gz#record-0000001"
    hit = {"caption": "a long caption [bold] " * 9, "split": "validation", "record": record}
    console.print(results_table([{**hit, "score": -0.1234}, {**hit, "score": 0.9876}]))
    header, first, second = console.file.getvalue().splitlines()
    assert header.split() == ["cosine", "caption", "split", "record"]
    assert first.split()[:2] == ["1", "-0.123"]
    assert second.split()[:2] == ["2", "0.988"]
    for line in (first, second):
        assert "a long caption [bold]" in line
        assert " validation " in line
        assert line.count("…") == 2


def test_the_images_are_indexed_once_for_a_model(root, console, tmp_path, colour_model):
    ask(root, console, tmp_path, text="red")
    assert "The index holds 5 images" in console.file.getvalue()
    second = Console(file=io.StringIO(), width=140)
    ask(root, second, tmp_path, text="red")
    assert "The index holds" not in second.file.getvalue()
    assert captions_in_order(second) == captions_in_order(console)
    shutil.copytree(colour_model, root / "serving_models" / "align" / "21")
    ask(root, console, tmp_path, text="red")
    assert sorted(path.name for path in (root / "index").iterdir()) == ["20", "21"]


def test_another_model_is_asked_and_has_an_index_of_its_own(root, console, tmp_path, monkeypatch):
    """This one knows of a picture and of a text how much red is in it, and of nothing else."""
    code = """
        import io, numpy as np
        from PIL import Image
        class Reds:
            fingerprint = "reds"
            def encode_image(self, images):
                reds = [np.asarray(Image.open(io.BytesIO(image)))[..., 0].mean() / 255 for image in images]
                return [[np.cos(red), np.sin(red)] for red in reds]
            def encode_text(self, texts):
                return [[np.cos("red" in text), np.sin("red" in text)] for text in texts]
        encoder, nameless = Reds(), Reds()
        nameless.fingerprint = None
    """
    (tmp_path / "reds.py").write_text(textwrap.dedent(code))
    monkeypatch.syspath_prepend(tmp_path)
    ask(root, console, tmp_path, text="none", k=2, model="reds:encoder")
    assert captions_in_order(console) == ["a green field [bold]", "tmavě modré moře"]
    assert "2 of 5 images, model reds:encoder." in console.file.getvalue()
    ask(root, console, tmp_path, text="red", k=1)
    ask(root, console, tmp_path, text="red", k=1, model="reds:nameless")
    assert "reds:nameless has no fingerprint, so the index is not kept" in console.file.getvalue()
    assert len(list((root / "index").iterdir())) == 2
    with pytest.raises(ConfigError, match="the model 'nothing' is no folder that is there"):
        ask(root, console, tmp_path, text="red", model="nothing")


def test_a_damaged_index_is_named(root, console, tmp_path):
    ask(root, console, tmp_path, text="red", k=1)
    (manifest,) = (root / "index" / "20").glob("manifest.json")
    manifest.write_text("{half a manif", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"manifest\.json is not the manifest of an index .*; build the index anew"):
        ask(root, console, tmp_path, text="red", k=1)


def test_images_that_were_written_again_under_the_same_name_are_indexed_again(root, console, tmp_path):
    """As where the folder was deleted and the pipeline run again: the numbers of artifacts begin anew."""
    ask(root, console, tmp_path, text="red", k=1)
    left = {split: dict(list(of.items())[split == "train" :]) for split, of in COLOURS.items()}
    write_examples(root / "artifacts" / "PairFilter" / "examples" / "5", left)
    second = Console(file=io.StringIO(), width=140)
    ask(root, second, tmp_path, text="red", k=5)
    assert "have changed since their index was made" in second.file.getvalue()
    assert set(captions_in_order(second)) == {text for of in COLOURS.values() for text in of} - {"a red wall"}


def test_an_index_that_was_changed_by_hand_is_left_as_it_is(root, console, tmp_path):
    ask(root, console, tmp_path, text="red", k=1)
    folder = root / "index" / "20"
    assert delete_images(root, folder, [], ["caption == a red brick"], console=console) == 1
    write_examples(root / "artifacts" / "PairFilter" / "examples" / "5", {"seen": {"a blue brick": (0, 0, 220)}})
    second = Console(file=io.StringIO(), width=140)
    with pytest.raises(ConfigError, match="'unseen' does not exist"):
        ask(root, second, tmp_path, text="red", k=5, splits=["unseen"])
    assert "was made of an earlier run's images" in " ".join(second.file.getvalue().split())
    assert open_store(folder).count() == 4


def test_the_newest_complete_version_answers(root, colour_model):
    shutil.copytree(colour_model / "variables", root / "serving_models" / "align" / "30" / "variables")
    assert pushed_model(root) == (20, root / "serving_models" / "align" / "20")


def test_without_a_pushed_model_one_sentence_says_why(root, console, tmp_path):
    shutil.rmtree(root / "serving_models")
    with pytest.raises(ConfigError, match=r"no model has been pushed .* none was blessed \(`align report`"):
        ask(root, console, tmp_path, text="red")


def test_without_a_run_one_sentence_says_so(root, console, tmp_path):
    shutil.rmtree(root / "runs")
    with pytest.raises(ConfigError, match="holds no run that got past PairFilter"):
        ask(root, console, tmp_path, text="red")


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({}, "the query is empty"),
        ({"text": "   "}, "the query is empty"),
        ({"text": "red", "k": 0}, "-k is 0"),
        ({"text": "red", "out": Path("sheet.png")}, "--out sheet.png names no page; .* ends in .html"),
        ({"image": Path("none.png")}, "--image none.png does not exist"),
        ({"text": "red", "minus_text": "RED"}, "cancel each other"),
    ],
)
def test_a_question_without_an_answer_is_one_sentence(shared, console, tmp_path, question, message):
    with pytest.raises(ConfigError, match=message) as caught:
        ask(shared, console, tmp_path, **question)
    assert "\n" not in str(caught.value)


def test_a_page_that_cannot_be_written_is_one_sentence(shared, console, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"--out .*hits\.html cannot be written"):
        answer(shared, text="red", out=tmp_path / "file" / "hits.html", console=console)
