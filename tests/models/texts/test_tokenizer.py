"""The tokenizer inside the graph against Hugging Face's on the same vocabulary."""

# ruff: noqa: RUF001 (strings that look alike are what is tested)

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer

from models.texts.tokenizer import Tokenizer

RESERVED = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SYMBOLS = "ßøıſςσαжаё日本語中가나다กขฅ©™½😀👩🍳❤é«»…—，。?!.,-_'’$+<>=^`|~#"
LETTERS = list(string.ascii_lowercase + string.digits + SYMBOLS)
WORDS = ["cat", "sad", "##ness", "the", "straße", "cafe"]
MAX_PIECES = 16

NASTY = [
    "", " ", "a", "sad cat", "Sadness!", "Straße ẞ", "İstanbul ı", "Ærø Łódź", "ΣΊΣΥΦΟΣ", "ſ ﬁ ﬂ", "👩\u200d🍳 cook",
    "ΣΑΣ σας ΑΣ\u0301.",
    "❤️ heart", "naïve café", "cafe\u0301", "日本語 text 中文abc", "가나다", "don't $5+3 <a>", "a\u200db", "a\x00b",
    "a\ufffdb", "a\u0085b", "tab\tnew\nline\r x", "a\u00a0b\u2003c\u2028d", "«q» “x” … —", "©®™ ½ ² ③", "！？，。",
    "1️⃣", "\u00adsoft", "\ue000pua", "´`^~", "हिन्दी", "ไทย กขฅ", "אָב", "_under_score-", "𠀀𠀁", "𝔘𝔫", "ё Ё й", "Ǆ ǅ",
    "\u0345", "x" * 100, "a" * 99 + "!", "##ness", "[unk", "cat " * 17,
]  # fmt: skip


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    pieces = RESERVED + LETTERS + [f"##{letter}" for letter in LETTERS] + WORDS
    path.write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def tokenizer(vocabulary):
    return Tokenizer.from_file(vocabulary, MAX_PIECES)


@pytest.fixture(scope="module")
def graph(tokenizer):
    return tf.function(tokenizer.__call__, input_signature=[tf.TensorSpec([None], tf.string)])


@pytest.fixture(scope="module")
def reference(vocabulary):
    """Hugging Face's ids of strings, padded and cut alike."""
    peer = BertWordPieceTokenizer(vocabulary, lowercase=True)
    peer.enable_truncation(MAX_PIECES)
    peer.enable_padding(length=MAX_PIECES)
    return lambda texts: np.array([encoding.ids for encoding in peer.encode_batch(texts)])


def test_ids_by_hand(tokenizer):
    piece = tokenizer.pieces.index
    ids = tokenizer(tf.constant(["Sadness", ""])).numpy()
    assert ids.dtype == np.int32
    assert ids.tolist() == [
        [2, piece("sad"), piece("##ness"), 3] + [0] * (MAX_PIECES - 4),
        [2, 3] + [0] * (MAX_PIECES - 2),
    ]


def test_long_texts_are_cut_and_keep_their_end(tokenizer):
    ids = tokenizer(tf.constant(["cat " * 40])).numpy()[0]
    assert ids.tolist() == [2] + [tokenizer.pieces.index("cat")] * (MAX_PIECES - 2) + [3]


def test_no_text_at_all(graph):
    assert graph(tf.constant([], tf.string)).shape == (0, MAX_PIECES)


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_equals_hugging_face_on_nasty_strings(text, graph, reference):
    np.testing.assert_array_equal(graph(tf.constant([text])).numpy(), reference([text]))


CHARACTERS = st.one_of(
    st.sampled_from("".join(LETTERS) + string.ascii_uppercase + " "),
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from("\u0301\u0345\u05b0\u093f\u200d\u00ad\ufe0f\u20e3\ufffd\x00\x85\u3000"),
    st.characters(min_codepoint=0x1F300, max_codepoint=0x1FAFF),  # emoji
)


def is_plain(text: str) -> bool:
    return not any(token in text for token in RESERVED)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(texts=st.lists(st.text(CHARACTERS, max_size=24).filter(is_plain), min_size=1, max_size=8))
def test_equals_hugging_face_on_drawn_strings(texts, graph, reference):
    np.testing.assert_array_equal(graph(tf.constant(texts)).numpy(), reference(texts))


def test_the_one_difference_a_caption_cannot_forge_reserved_tokens(tokenizer, reference):
    assert reference(["cat [SEP] cat"])[0].tolist().count(3) == 2
    assert tokenizer(tf.constant(["cat [SEP] cat"])).numpy()[0].tolist().count(3) == 1


def test_words_beyond_a_hundred_characters_are_unknown(graph, reference):
    texts = [
        f"{before}{letter * length}{after}"
        for letter in ("a", "é", "가", "😀", "e\u0301", "a\u200d")  # 가 is two characters to BERT: it is decomposed
        for length in (49, 50, 51, 99, 100, 101, 199, 200, 201, 400, 401)
        for before, after in (("", ""), ("cat ", "!cat"), ("本", "-"))
    ]
    np.testing.assert_array_equal(graph(tf.constant(texts)).numpy(), reference(texts))
    assert reference(["a" * 101])[0].tolist()[:3] == [2, 1, 3]


def test_invalid_utf8_reads_as_replacement_characters(tokenizer):
    np.testing.assert_array_equal(tokenizer(tf.constant([b"c\xffat"])), tokenizer(tf.constant(["cat"])))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "lacks the reserved pieces"),
        ("\n".join(["[PAD]", "[UNK]", "[CLS]", "cat"]).encode(), r"lacks the reserved pieces \[SEP\] among its 4"),
        ("\n".join(["cat", *RESERVED]).encode(), "first line must be"),
        ("\n".join([*RESERVED, "cat", "dog", "cat"]).encode(), "'cat' twice"),
        ("\n".join([*RESERVED, "café"]).encode("latin-1"), "not UTF-8 at byte"),
        ("\n".join([*RESERVED, "cat"]).encode("utf-16"), "not UTF-8 at byte 0"),
    ],
)
def test_a_wrong_vocabulary_is_one_sentence_that_names_the_file(content, message, tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        Tokenizer.from_file(str(path), MAX_PIECES)
    assert str(path) in str(error.value)


def test_windows_line_ends_change_nothing(vocabulary, tmp_path):
    other = tmp_path / "vocab.txt"
    other.write_bytes(Path(vocabulary).read_bytes().replace(b"\n", b"\r\n"))
    assert Tokenizer.from_file(str(other), MAX_PIECES).pieces == Tokenizer.from_file(vocabulary, MAX_PIECES).pieces
