"""From Examples to vocab.txt: the train split alone is counted, and counted exactly."""

import dataclasses
from collections import Counter
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts

from components import example_files, schema
from components.artifacts import VOCABULARY_FILE, VOCABULARY_REPORT_FILE, Vocabulary
from components.vocabulary.config import RESERVED_TOKENS, VocabularyConfig
from components.vocabulary.executor import Executor
from components.vocabulary.learner import learn_pieces
from components.vocabulary.words import split_words

CAPTIONS = {
    "train": ["Ein süßer Hund", "a small cat", "a small dog", "žlutý kůň", "a cat"] * 3,
    "seen": ["quixotic zebras"],
}


@pytest.fixture(scope="module")
def learn(tmp_path_factory, run_executor):
    """Returns a function: a config -> the vocabulary artifact learnt from CAPTIONS in two files a split."""
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path_factory.mktemp("examples"))
    example_files.describe(examples, list(CAPTIONS))
    for split, captions in CAPTIONS.items():
        for index in range(2):
            path = f"{artifact_utils.get_split_uri([examples], split)}/{example_files.file_name(index, 2)}"
            with example_files.writing(path, example_files.aside_folder(examples)) as write:
                for caption in captions[index::2]:
                    example = tf.train.Example()
                    example.features.feature[schema.CAPTION_TEXT].bytes_list.value.append(caption.encode())
                    write(example.SerializeToString())

    def run(config: VocabularyConfig) -> Vocabulary:
        properties = {"vocabulary_config": dataclasses.asdict(config)}
        return run_executor(Executor, {"examples": examples}, {"vocabulary": Vocabulary}, properties)["vocabulary"]

    return run


def test_the_vocabulary_is_what_the_train_captions_teach(learn, load_json):
    config = VocabularyConfig(size=500)
    vocabulary = learn(config)
    counts = Counter(word for caption in CAPTIONS["train"] for word in split_words(caption))
    lines = (Path(vocabulary.uri) / VOCABULARY_FILE).read_text(encoding="utf-8").splitlines()
    assert lines == learn_pieces(counts, config)
    assert tuple(lines[:5]) == RESERVED_TOKENS
    assert "cat" in lines
    assert not {"q", "x", "zebras"} & set(lines)  # the evaluation captions taught nothing
    assert load_json(vocabulary, VOCABULARY_REPORT_FILE) == {
        "pieces": len(lines),
        "words": counts.total(),
        "distinct_words": len(counts),
        "captions": len(CAPTIONS["train"]),
        "unknown_word_rate": 0.0,
        "pieces_per_word": 1.0,
    }
    assert vocabulary.get_int_custom_property("pieces") == len(lines)
    assert sorted(path.name for path in Path(vocabulary.uri).iterdir()) == [VOCABULARY_FILE, VOCABULARY_REPORT_FILE]


def test_words_below_the_least_count_are_reported_as_what_they_read_as(learn, load_json):
    report = load_json(learn(VocabularyConfig(size=500, min_word_count=6)), VOCABULARY_REPORT_FILE)
    words = Counter(word for caption in CAPTIONS["train"] for word in split_words(caption))
    letters = set("".join(word for word, count in words.items() if count >= 6))
    unknown = sum(count for word, count in words.items() if not letters.issuperset(word))
    assert report["words"] == words.total()
    assert report["unknown_word_rate"] == pytest.approx(unknown / words.total())
    assert 0 < report["unknown_word_rate"] < 1


def test_no_word_at_all_is_one_sentence(learn):
    with pytest.raises(
        ValueError, match=r"hold no word that is seen at least vocabulary\.min_word_count = 99 times; lo"
    ):
        learn(VocabularyConfig(min_word_count=99))
