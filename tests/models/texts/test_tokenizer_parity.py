"""The tokenizer inside the graph against transformers' BertTokenizerFast: 10 000 captions, and every code point."""

from __future__ import annotations

import json
import random
import tarfile
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tokenizers
from tokenizers import normalizers, pre_tokenizers
from transformers import BertTokenizerFast

from components.vocabulary.config import RESERVED_TOKENS, VocabularyConfig
from components.vocabulary.counting.words import split_words
from components.vocabulary.word_pieces import learn_pieces
from models.texts import bert_characters
from models.texts.tokenizer import Tokenizer

SHARDS = Path(__file__).parents[3] / "demo" / "shards" / "train"
TEXT_FIELDS = [f"{field}_{language}" for field in ("name", "keywords") for language in ("en", "de", "fr", "cs")]
CAPTIONS = 10_000
FORGED = 25  # captions of the sample that hold a reserved token in so many words
MAX_PIECES = 64

# What generated captions are made of: (first, last) code point.
SCRIPTS = {
    "Latin": (0x41, 0x24F),
    "Latin with more accents": (0x1E00, 0x1EFF),
    "Greek": (0x370, 0x3FF),
    "Greek with accents": (0x1F00, 0x1FFF),
    "Cyrillic": (0x400, 0x52F),
    "Armenian": (0x531, 0x58F),
    "Hebrew": (0x591, 0x5F4),
    "Arabic": (0x600, 0x6FF),
    "Devanagari": (0x900, 0x97F),
    "Bengali": (0x980, 0x9FE),
    "Tamil": (0xB82, 0xBFA),
    "Thai": (0xE01, 0xE5B),
    "Tibetan": (0xF00, 0xFDA),
    "Burmese": (0x1000, 0x109F),
    "Georgian": (0x10A0, 0x10FF),
    "Khmer": (0x1780, 0x17F9),
    "Kana": (0x3041, 0x30FF),
    "Chinese": (0x4E00, 0x9FFF),
    "Chinese, rare": (0x20000, 0x2CEAF),
    "Hangul": (0xAC00, 0xD7A3),
    "Jamo": (0x1100, 0x11FF),
    "combining marks": (0x300, 0x36F),
    "blanks and punctuation": (0x2000, 0x206F),
    "symbols": (0x20A0, 0x2BFF),
    "wide forms": (0xFF01, 0xFFEF),
    "mathematical letters": (0x1D400, 0x1D7FF),
    "emoji": (0x1F300, 0x1FAFF),
    "regional indicators and keycaps": (0x1F1E6, 0x1F1FF),
    "controls": (0x0, 0x1F),
    "more controls": (0x7F, 0xAD),
    "private use": (0xE000, 0xE0FF),
    "newer than BERT's tables": (0x1E000, 0x1E8FF),
}
JOINTS = ["", "", "", " ", " ", "-", "\u0301", "\u200d", "\ufe0f", "\u20e3", "\u00a0", "\t", ".", "’", "\ufffd"]


def demo_texts() -> list[str]:
    """Returns the demo's names and keywords in four languages, with the emoji that they name."""
    texts = {}
    for shard in sorted(SHARDS.glob("*.tar.gz")):
        with tarfile.open(shard) as archive:
            for member in archive:
                if member.name.endswith(".json"):
                    record = json.load(archive.extractfile(member))
                    for field in TEXT_FIELDS:
                        texts[f"{record['emoji']} {record[field]}" if field == "name_en" else record[field]] = None
    return sorted(texts)


def generated_text(chance: random.Random) -> str:
    """Returns words of one to three scripts, joined by what joins words, letters and emoji."""
    scripts = chance.sample(list(SCRIPTS.values()), chance.randint(1, 3))
    parts = []
    for _ in range(chance.randint(1, 25)):
        parts += [chr(chance.randint(*chance.choice(scripts))), chance.choice(JOINTS)]
    return "".join(parts)


@pytest.fixture(scope="module")
def sample():
    """10 000 captions, none twice."""
    chance = random.Random(0)
    texts = chance.sample(demo_texts(), 5000)
    forged = [f"{text} {chance.choice(RESERVED_TOKENS)} x" for text in texts[:FORGED]]
    unlike = dict.fromkeys([*texts, *forged])
    while len(unlike) < CAPTIONS:
        unlike[generated_text(chance)] = None
    return list(unlike)


@pytest.fixture(scope="module")
def both(sample, tmp_path_factory):
    """Ours and the peer, with one vocabulary that is learnt from half of the sample."""
    folder = tmp_path_factory.mktemp("vocabulary")
    counts = Counter(word for text in sample[::2] for word in split_words(text))
    pieces = learn_pieces(counts, VocabularyConfig(size=12_000))
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    ours = Tokenizer.from_file(str(folder / "vocab.txt"), MAX_PIECES)
    return tf.function(
        ours.__call__, input_signature=[tf.TensorSpec([None], tf.string)]
    ), BertTokenizerFast.from_pretrained(str(folder))


def ids_of(peer: BertTokenizerFast, texts: list[str], length: int = MAX_PIECES) -> np.ndarray:
    return np.array(peer(texts, padding="max_length", truncation=True, max_length=length)["input_ids"])


def test_the_sample_is_what_it_should_be(sample):
    everything = "".join(sample)
    categories = Counter(map(unicodedata.category, everything))
    assert len(sample) == CAPTIONS
    assert min(categories[name] for name in ("Mn", "Mc", "Lo", "Lu", "So", "Cc", "Cf", "Co", "Zs", "Po", "Sm")) > 300
    assert sum(any(first <= ord(c) <= last for c in everything) for first, last in SCRIPTS.values()) == len(SCRIPTS)


def test_ids_equal_the_peers_but_for_captions_that_forge_reserved_tokens(sample, both):
    graph, peer = both
    differ = (graph(tf.constant(sample)).numpy() != ids_of(peer, sample)).any(axis=1)
    forged = np.array([any(token in text for token in RESERVED_TOKENS) for text in sample])
    assert forged.sum() == FORGED
    np.testing.assert_array_equal(differ, forged)


def test_ids_equal_the_peers_on_all_captions_when_it_reads_reserved_tokens_as_text(sample, both):
    graph, peer = both
    plain = tokenizers.Tokenizer.from_str(peer.backend_tokenizer.to_str())
    plain.encode_special_tokens = True
    plain.enable_truncation(MAX_PIECES)
    plain.enable_padding(length=MAX_PIECES)
    expected = np.array([encoding.ids for encoding in plain.encode_batch(sample)])
    np.testing.assert_array_equal(graph(tf.constant(sample)).numpy(), expected)
    unknown = (expected == RESERVED_TOKENS.index("[UNK]")).sum() / (expected > RESERVED_TOKENS.index("[SEP]")).sum()
    assert 0 < unknown < 0.25, "what is compared is pieces, not unknown words"


def test_each_code_point_is_classed_as_the_peers_library_classes_it():
    points = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    text = [f"a{chr(point)}b" for point in points]

    def steps(**given: bool) -> normalizers.BertNormalizer:
        off = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
        return normalizers.BertNormalizer(**{**off, **given})

    encoded = tf.constant([chr(point) for point in points])

    def lies_in(ranges: str) -> np.ndarray:
        return tf.strings.regex_full_match(encoded, ranges).numpy()

    cleaned = [steps(clean_text=True).normalize_str(given) for given in text]
    np.testing.assert_array_equal(lies_in(bert_characters.DROPPED), [given == "ab" for given in cleaned])
    is_blank = [given == "a b" for given in cleaned]
    np.testing.assert_array_equal(lies_in(bert_characters.BLANK) | lies_in(r"[ \t\r\n]"), is_blank)
    spaced = steps(handle_chinese_chars=True)
    is_ideograph = [len(spaced.normalize_str(given)) == 5 for given in text]
    np.testing.assert_array_equal(lies_in(bert_characters.IDEOGRAPH), is_ideograph)
    bare = steps(strip_accents=True)
    np.testing.assert_array_equal(
        lies_in(bert_characters.ACCENT), [bare.normalize_str(given) == "ab" for given in text]
    )
    cut = pre_tokenizers.BertPreTokenizer()
    is_punctuation = [len(cut.pre_tokenize_str(given)) == 3 for given in text]
    np.testing.assert_array_equal(lies_in(bert_characters.PUNCTUATION), is_punctuation)


def test_each_code_point_gives_the_peers_ids(tmp_path):
    assigned = [point for point in range(0x32000) if not 0xD800 <= point < 0xE000]
    points = [*assigned, *range(0xE0000, 0xE0200), *range(0xFFF00, 0x100100), *range(0x10FFF0, 0x110000)]
    texts = [" ".join(f"a{chr(point)}b" for point in points[start : start + 64]) for start in range(0, len(points), 64)]
    letters = ["a", "b", "##a", "##b", "i", "##i", "ß", "##ß", "中", "!", "”"]
    (tmp_path / "vocab.txt").write_text("\n".join([*RESERVED_TOKENS, *letters]) + "\n", encoding="utf-8")
    ours = Tokenizer.from_file(str(tmp_path / "vocab.txt"), 256)
    peer = BertTokenizerFast.from_pretrained(str(tmp_path))
    np.testing.assert_array_equal(ours(tf.constant(texts)).numpy(), ids_of(peer, texts, 256))
