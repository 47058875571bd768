"""Words are cut as BERT cuts them, and so as the model's tokenizer does."""

import pytest

from components.vocabulary.counting.words import split_words
from models.texts.tokenizer import Tokenizer

TEXTS = [
    "A smiling Cat-face, with 2 BIG eyes!",
    "Žluťoučký kůň, façade & Ångström",
    "Grinsende Katze: 100% süß (groß)",
    "l'été d’un cœur",
    "猫の写真 한국어 ไทย हिन्दी",
    "a\u200bb\u00adc \u0000d\ufffd\tthe\nend",
    "man\u200d\U0001f373 \U0001f600\ufe0f $5 #tag @you [UNK] e\u0301",
    "",
    "\u00a0\u3000",
]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A cat-face, 2 eyes!", ["a", "cat", "-", "face", ",", "2", "eyes", "!"]),
        ("Žluťoučký kůň", ["zlutoucky", "kun"]),
        ("groß", ["groß"]),
        ("猫の写真", ["猫", "の", "写", "真"]),
        ("zero\u200bwidth", ["zerowidth"]),
        ("", []),
    ],
)
def test_words_by_hand(text, words):
    assert split_words(text) == words


@pytest.mark.parametrize("text", TEXTS)
def test_each_word_is_one_piece_of_a_vocabulary_that_holds_it(text):
    words = split_words(text)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys([*words, "none is too few"])]
    ids = [index for index in Tokenizer(pieces, 64)([text]).numpy()[0] if index]
    assert [pieces[index] for index in ids] == ["[CLS]", *words, "[SEP]"]
