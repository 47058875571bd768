"""Sweeps as data: every row loads as a config that changes what it says alone, and a wrong file is a sentence."""

from __future__ import annotations

import dataclasses

import pytest

from models.sizes import BERTS, EFFICIENTNETS
from tfx_pipeline.settings.config import ConfigError, load
from tfx_pipeline.settings.sweeps import choose_row, read_sweep, row_names, sweep_names

FILE = """
about: seeds
preset: demo
rows:
  zero: {set: {training.seed: 0}}
  one: {set: {training.seed: 1, model.image: b1}}
"""


def write(folder, text, name="seeds.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", row_names())
def test_every_row_is_a_config_that_differs_from_its_preset_where_it_says(name):
    sweep = read_sweep(name.partition("/")[0])
    row = choose_row(sweep, name.partition("/")[2])
    expected = load(sweep.preset).to_mapping()
    expected["name"] = f"align-{name.replace('/', '-')}"
    for dotted, value in {**sweep.over, **sweep.every, **row.set}.items():
        section, field = dotted.split(".")
        assert field in expected[section]
        expected[section][field] = value
    assert load(name).to_mapping() == expected


@pytest.mark.parametrize("name", ["embedding", "negatives", "temperature"])
def test_the_first_row_of_table_8_is_its_baseline(name):
    sweep = read_sweep(name)
    first = next(iter(sweep.rows))
    baseline = load("b5-base")
    assert dataclasses.replace(load(f"{name}/{first}"), name=baseline.name) == baseline
    assert sweep.rows[first].paper == (51.7, 37.5, 64.6)  # per cent; arXiv:2102.05918, table 8, first row


def test_every_ablation_of_the_paper_has_its_million_steps():
    assert {load(name).training.steps for name in row_names()} == {1_000_000}


def test_the_grid_of_backbones_holds_every_pair_once_and_undoes_a_configs_own_numbers():
    sweep = read_sweep("backbones")
    grid = {(row.set["model.image"], row.set["model.text"]) for row in sweep.rows.values()}
    assert grid == {(a, b) for a in ("b1", "b3", "b5", "b7", "l2") for b in ("mini", "medium", "base", "large")}
    for name, row in sweep.rows.items():
        model = load("demo", sweep.overrides(row)).model  # the demo's towers are a fraction of those it names
        image, text = name.split("-")
        assert (model.image_size, model.text_size) == (EFFICIENTNETS[image], BERTS[text])


def test_a_row_that_does_not_exist_names_the_closest():
    with pytest.raises(ConfigError, match="'negatives/51' is neither a preset nor a file; did you mean 'negatives/50'"):
        load("negatives/51")
    with pytest.raises(ValueError, match="'51' is no row of the sweep negatives; its rows are 100, 50, 25"):
        choose_row(read_sweep("negatives"), "51")


def test_a_sweep_of_ones_own_is_a_file(tmp_path):
    sweep = read_sweep(write(tmp_path, FILE))
    assert (sweep.name, sweep.about, list(sweep.rows)) == ("seeds", "seeds", ["zero", "one"])
    assert sweep.overrides(sweep.rows["one"]) == {"training.seed": "1", "model.image": "b1"}
    assert sweep.rows["one"].changes == "training.seed=1, model.image=b1"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("about: a\npreset: demo\n", "lacks rows; set rows"),
        ("about: a\npreset: demo\nrows: {}\n", "rows is empty; name at least one row"),
        ("about: a\npreset: demo\nrows: {a: {sett: {}}}\n", "rows.a.sett is not a field; did you mean rows.a.set?"),
        ("about: a\npreset: demo\nrows: {a/b: {set: {}}}\n", "rows has the key 'a/b'; use lower-case letters"),
        (
            "about: a\npreset: demo\nmeasures: [x]\nrows: {a: {set: {}, paper: [1.5, 2]}}\n",
            "rows.a.paper holds 2 numbers for 1 measures; give one each",
        ),
        ("- a", "holds no mapping; a sweep has about, preset and rows"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_wrong_sweep_is_one_sentence_that_names_the_file(tmp_path, text, sentence):
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        read_sweep(path)
    assert str(caught.value).startswith(path)
    assert sentence in str(caught.value)


def test_a_sweep_that_does_not_exist_names_the_closest_or_all(tmp_path):
    with pytest.raises(ValueError, match="'negative' is neither a sweep nor a file; did you mean 'negatives'"):
        read_sweep("negative")
    with pytest.raises(ValueError, match=f"sweeps are {', '.join(sweep_names())}$"):
        read_sweep("zzzzzz")
    with pytest.raises(ValueError, match="names the sweep 'My sweep'; use lower-case letters"):
        read_sweep(write(tmp_path, FILE, "My sweep.yaml"))
