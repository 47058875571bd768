"""From tables of captions to vocab.txt: the train split alone is counted, and counted exactly."""

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from components.artifact_files import VOCABULARY_FILE, VOCABULARY_REPORT_FILE
from components.artifacts import Captions, Vocabulary
from components.files.caption_table import write_captions
from components.vocabulary.config import RESERVED_TOKENS, VocabularyConfig
from components.vocabulary.counting.words import split_words
from components.vocabulary.executor import Executor, read_pieces
from components.vocabulary.word_pieces import learn_pieces

CAPTIONS = {
    "train": [
        ("Ein süßer Hund", "de"), ("a small cat", "en"), ("a small dog", "en"), ("žlutý kůň", "cs"), ("a cat", "en")
    ] * 3,
    "seen": [("quixotic zebras", "en")],
}  # fmt: skip


@pytest.fixture(scope="module")
def learn(tmp_path_factory, run_executor):
    """Returns a function: a config -> the vocabulary artifact learnt from CAPTIONS in tables of each split."""

    def run(config: VocabularyConfig, files: int = 2) -> Vocabulary:
        folder = tmp_path_factory.mktemp("captions")
        for split, texts in CAPTIONS.items():
            (folder / f"Split-{split}").mkdir()
            for index in range(files):
                table = write_captions(Counter(texts[index::files]))
                (folder / f"Split-{split}" / f"{index}.arrow").write_bytes(table)
        captions = Captions()
        captions.uri = str(folder)
        properties = {"vocabulary_config": dataclasses.asdict(config)}
        return run_executor(Executor, {"captions": captions}, {"vocabulary": Vocabulary}, properties)["vocabulary"]

    return run


def test_the_vocabulary_is_what_the_train_captions_teach(learn, load_json):
    config = VocabularyConfig(size=500)
    vocabulary = learn(config)
    counts = Counter(word for caption, _ in CAPTIONS["train"] for word in split_words(caption))
    lines = (Path(vocabulary.uri) / VOCABULARY_FILE).read_text(encoding="utf-8").splitlines()
    assert lines == learn_pieces(counts, config)
    assert tuple(lines[:5]) == RESERVED_TOKENS
    assert "cat" in lines
    assert not {"q", "x", "zebras"} & set(lines)  # the evaluation captions taught nothing
    known = {"unknown_word_rate": 0.0, "pieces_per_word": 1.0}
    assert load_json(vocabulary, VOCABULARY_REPORT_FILE) == {
        "pieces": len(lines),
        "least_word_count": 1,
        "words": counts.total(),
        "distinct_words": len(counts),
        "captions": len(CAPTIONS["train"]),
        **known,
        "languages": {
            "en": {"captions": 9, "words": 24, "distinct_words": 4, **known},
            "cs": {"captions": 3, "words": 6, "distinct_words": 2, **known},
            "de": {"captions": 3, "words": 9, "distinct_words": 3, **known},
        },
    }
    assert vocabulary.get_int_custom_property("pieces") == len(lines)
    assert sorted(path.name for path in Path(vocabulary.uri).iterdir()) == [VOCABULARY_FILE, VOCABULARY_REPORT_FILE]


def test_the_same_captions_in_other_files_and_order_give_the_same_bytes(learn):
    first, second = (Path(learn(VocabularyConfig(size=60), files).uri) for files in (1, 4))
    for name in (VOCABULARY_FILE, VOCABULARY_REPORT_FILE):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_words_below_the_least_count_are_reported_as_what_they_read_as(learn, load_json):
    report = load_json(learn(VocabularyConfig(size=500, min_word_count=6)), VOCABULARY_REPORT_FILE)
    words = Counter(word for caption, _ in CAPTIONS["train"] for word in split_words(caption))
    letters = set("".join(word for word, count in words.items() if count >= 6))
    unknown = sum(count for word, count in words.items() if not letters.issuperset(word))
    assert report["words"] == words.total()
    assert report["unknown_word_rate"] == pytest.approx(unknown / words.total())
    assert 0 < report["unknown_word_rate"] < 1


def test_more_distinct_words_than_allowed_raise_the_least_count(learn, load_json):
    report = load_json(learn(VocabularyConfig(size=500, max_distinct_words=3)), VOCABULARY_REPORT_FILE)
    assert report["least_word_count"] == 4  # a 9 times, small and cat 6 times; the other seven words 3 times
    assert report["distinct_words"] == 9


def test_no_word_at_all_is_one_sentence(learn):
    message = r"no word to learn from: none is seen 99 times, with vocabulary\.min_word_count = 99 and max_d.*lower"
    with pytest.raises(ValueError, match=message):
        learn(VocabularyConfig(min_word_count=99))


def test_a_vocabulary_that_is_given_is_taken_as_it_is_and_reported_on(learn, load_json, tmp_path):
    given = tmp_path / "vocab.txt"
    given.write_text("\n".join([*RESERVED_TOKENS, "a", "cat"]) + "\n", encoding="utf-8")
    vocabulary = learn(VocabularyConfig(file=str(given)))
    assert (Path(vocabulary.uri) / VOCABULARY_FILE).read_bytes() == given.read_bytes()
    report = load_json(vocabulary, VOCABULARY_REPORT_FILE)
    assert report["pieces"] == 7
    words = Counter(word for caption, _ in CAPTIONS["train"] for word in split_words(caption))
    assert report["unknown_word_rate"] == pytest.approx(1 - (words["a"] + words["cat"]) / words.total())


@pytest.mark.parametrize(("text", "why"), [(None, "does not exist"), ("cat\n", r"whose first piece is 'cat'")])
def test_what_is_no_vocabulary_is_refused(tmp_path, text, why):
    path = tmp_path / "vocab.txt"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"vocabulary\.file is .*, .*{why}"):
        read_pieces(str(path))
