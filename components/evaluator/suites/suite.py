"""A suite: the data sets that a model is judged by in one go, from a YAML file of ours or of a user's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from components.closest_name import did_you_mean
from components.config_fields import build_fields
from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import ClassSet, DataSetError, TrainedSet
from components.evaluator.datasets.published.class_folders import names_by_folder, read_class_folders
from components.evaluator.datasets.registry import ENTRIES, find

FOLDER = Path(__file__).parent
_TRAINED = ("top_1", "top_5", "mean_per_class", "knn_top_1", "probe_top_1")


class _Loader(yaml.SafeLoader):
    """Refuses a name that comes twice, where PyYAML keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        for place, (key, _) in enumerate(node.value):
            if (name := key.value) in names[:place]:
                raise ValueError(f"line {key.start_mark.line + 1} has {name!r} a second time; call one of them other")
        return super().construct_mapping(node, deep)


@dataclass(frozen=True)
class ClassFolders:
    """A user's own images, in a folder for each class.

    Attributes:
      images: the folder that holds the classes' folders.
      train: the same with images to learn from, which asks for nearest neighbours and a probe too; null for none.
      classes: name of a class's folder -> the names that prompts ask with; where it is empty, each folder's own name.
      templates: prompts with one "{}" for a name.
    """

    images: str
    train: str | None = None
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    templates: tuple[str, ...] = ("{}",)


@dataclass(frozen=True)
class Suite:
    """What a suite's file says.

    Attributes:
      sets: names of published sets, as `align eval --list` has them.
      folders: name -> a user's own folder for each class.
      pairs: name -> a user's own images with captions: the fields of `evaluation_sets` of a pipeline's config, and
        `split` where they have several.
      file: the suite's own, beside which relative paths start.
    """

    sets: tuple[str, ...] = ()
    folders: Mapping[str, ClassFolders] = field(default_factory=dict)
    pairs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    file: Path = Path()

    def __post_init__(self) -> None:
        for name in self.sets:
            find(name)
        if not (self.sets or self.folders or self.pairs):
            raise DataSetError(f"the suite {self.file} names no data set; give it sets, folders or pairs")
        names = [*self.sets, *self.folders, *self.pairs]
        for name in names:
            if names.count(name) > 1 or (name in ENTRIES and name not in self.sets):
                raise DataSetError(
                    f"the suite {self.file} uses the name {name!r} twice or for another set; call it other"
                )

    def entries(self) -> list[Entry]:
        """Returns the published sets and the folders, in order; `pairs` are for who can read them."""
        return [
            *(find(name) for name in self.sets),
            *(folder_entry(name, folders, self.file.parent) for name, folders in self.folders.items()),
        ]


def suite_names() -> list[str]:
    """Returns the names of our own suites."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_suite(source: str) -> Suite:
    """Read a suite.

    Args:
      source: the name of one of ours, or the path of a YAML file.

    Raises:
      DataSetError: there is none, it is no YAML, or what it says is wrong; the message names the field or the set.
    """
    path = FOLDER / f"{source}.yaml" if source in suite_names() else Path(source)
    if not path.is_file():
        raise DataSetError(
            f"{source!r} is neither one of our suites ({', '.join(suite_names())}) nor a file"
            f"{did_you_mean(source, suite_names())}"
        )
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
        if not isinstance(values, dict):
            raise DataSetError(f"{path} is no suite; it must say `sets:`, `folders:` or `pairs:`")
        pairs = values.pop("pairs", None) or {}
        if not isinstance(pairs, dict) or not all(isinstance(fields, dict) for fields in pairs.values()):
            raise DataSetError(f"{path}: pairs must be a mapping of a name to the fields of its set")
        built = build_fields(_Fields, values)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataSetError(f"{path} is no YAML: {error}") from error
    except ValueError as error:
        raise error if isinstance(error, DataSetError) else DataSetError(f"{path}: {error}") from error
    return Suite(built.sets, built.folders, pairs, path)


def folder_entry(name: str, folders: ClassFolders, beside: Path) -> Entry:
    """Returns a user's folders as an entry like any other."""
    images = beside / folders.images
    train = None if folders.train is None else beside / folders.train

    def read(_: Path) -> ClassSet | TrainedSet:
        classes = folders.classes or names_by_folder(images)
        judged = read_class_folders(images, classes, folders.templates)
        return judged if train is None else TrainedSet(read_class_folders(train, classes, folders.templates), judged)

    return Entry(
        name=name,
        about=f"the folders in {images}",
        kind="classes" if train is None else "trained",
        metrics=_TRAINED[:3] if train is None else _TRAINED,
        layout=(".",) if train is None else (".", str(train.absolute())),
        where=f"name the folder that holds a folder for each class in folders.{name}",
        read=read,
        base=images,
    )


@dataclass(frozen=True)
class _Fields:
    sets: tuple[str, ...] = ()
    folders: Mapping[str, ClassFolders] = dataclasses.field(default_factory=dict)
