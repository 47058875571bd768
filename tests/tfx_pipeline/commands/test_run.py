"""What `align run` refuses before it starts the pipeline's process."""

from __future__ import annotations

import fcntl
import io
import json

import pytest
from rich.console import Console

from tfx_pipeline.commands.run import check, run
from tfx_pipeline.settings.config import ConfigError, load


def test_a_second_run_in_the_same_folder_is_refused(tmp_path):
    config = load("demo", {"output": str(tmp_path)})
    config.root.mkdir()
    with (config.root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigError) as caught:
            run(config, Console(file=io.StringIO()))
    assert str(caught.value) == (
        f"{config.root} is in use by another align run; wait for it, or set another output or name"
    )
    assert not (config.root / "runs").exists()


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("trainer", "did you mean 'Trainer'?"),
        ("PairFiler", "did you mean 'PairFilter'?"),
        ("EvaluationSet-coco", "the components are PairFiles, PairExampleGen, StatisticsGen, SchemaGen, "),
    ],
)
def test_a_component_that_is_not_there_cannot_be_forced(tmp_path, name, remedy):
    config = load("demo", {"output": str(tmp_path / "out")})
    with pytest.raises(ConfigError) as caught:
        run(config, Console(file=io.StringIO()), ["Pusher", name])
    assert str(caught.value).startswith(f"--rerun is {name!r}, which is no component of this pipeline; {remedy}")
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    config = load("demo", {"output": str(tmp_path / "file" / "below")})
    with pytest.raises(ConfigError) as caught:
        check(config)
    assert str(caught.value) == (
        f"output is {config.output!r}, but {config.root} cannot be written (Not a directory); "
        "set output to a folder of yours"
    )


@pytest.mark.parametrize("name", ["out [1]", "out*", "what?", "back\\slash"])
def test_an_output_in_which_a_component_sees_a_wildcard_is_refused(tmp_path, monkeypatch, name):
    (tmp_path / name).mkdir()
    (tmp_path / "plain").symlink_to(name)
    monkeypatch.chdir(tmp_path / name)
    for output in (str(tmp_path / name), "relative", str(tmp_path / "plain")):
        with pytest.raises(ConfigError) as caught:
            check(load("demo", {"output": json.dumps(output)}))
        assert str(caught.value).startswith(f"output is {output!r}, but {tmp_path / name}")
        assert str(caught.value).endswith("; name a folder whose whole path has none of * ? [ \\")
    assert list((tmp_path / name).iterdir()) == []


@pytest.mark.parametrize("name", ["a b", "#1", "100%", "é", "{x}", "x]", "a+b"])
def test_any_other_output_is_taken(tmp_path, name):
    check(load("demo", {"output": json.dumps(str(tmp_path / name))}))


def test_what_can_be_written_is_left_as_it_was(tmp_path):
    config = load("demo", {"output": str(tmp_path / "out")})
    check(config)
    assert list(config.root.iterdir()) == []


def test_an_evaluation_set_that_is_missing_is_refused_by_its_field(tmp_path):
    missing = {"evaluation_sets.coco.shards": str(tmp_path / "none")}
    with pytest.raises(ConfigError) as caught:
        check(load("demo", {"output": str(tmp_path / "out"), **missing}))
    assert str(caught.value) == (
        f"evaluation_sets.coco.shards is '{tmp_path / 'none'}', which does not exist; "
        "set it to the folder of your tar shards"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_missing_is_refused_before_anything_is_read(tmp_path):
    model = {"path": str(tmp_path / "none.onnx"), "image_px": 8, "scale": "bytes"}
    with pytest.raises(ConfigError, match=r"^.*none\.onnx.*$"):
        check(load("demo", {"output": str(tmp_path / "out"), "filter.unsafe": json.dumps({"model": model})}))
    assert list(tmp_path.iterdir()) == []
