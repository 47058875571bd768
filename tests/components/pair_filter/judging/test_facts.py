"""What is known of a file comes back as it went aside, column by column."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.pair_filter.counting.words import split_words
from components.pair_filter.judging.facts import Columns, FactsWriter, FileFacts, join_words, part_words

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=3)
keys = st.binary(min_size=16, max_size=16)
hashes = st.none() | st.integers(0, 2**64 - 1)
records = st.lists(st.tuples(st.text("añ#/"), st.integers(1, 9), keys, texts, hashes, hashes), max_size=8)


@given(records)
def test_columns_come_back(rows):
    writer = FactsWriter()
    for name, width, key, captions, pixels, perceptual in rows:
        writer.name.append(name)
        writer.width.append(width)
        writer.height.append(width + 1)
        writer.image_key.append(key)
        writer.captions.append(len(captions))
        writer.pixels.append(pixels)
        writer.perceptual.append(perceptual)
        writer.text += captions
        writer.language += [text[:1] for text in captions]
        writer.words += [text.upper() for text in captions]
        writer.caption_key += [key[::-1]] * len(captions)
    facts = FileFacts.read(Columns(writer.records()), Columns(writer.of_captions()))
    assert [facts.name, facts.width, facts.height] == [writer.name, writer.width, writer.height]
    assert [facts.text, facts.language, facts.words] == [writer.text, writer.language, writer.words]
    assert [key.tobytes() for key in facts.image_key] == writer.image_key
    assert [key.tobytes() for key in facts.caption_key] == writer.caption_key
    for row, (_, _, _, captions, pixels, perceptual) in enumerate(rows):
        assert facts.text[facts.first[row] : facts.first[row + 1]] == captions
        assert facts.is_compared[row] == (pixels is not None)
        assert facts.is_hashed[row] == (perceptual is not None)
        assert facts.pixels[row] == np.uint64(pixels or 0)
        assert facts.perceptual[row] == np.uint64(perceptual or 0)
    assert len(facts.first) == len(rows) + 1


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_words_come_back_as_they_were_cut(text):
    assert part_words(join_words(split_words(text))) == split_words(text)


def test_a_word_may_hold_white_space():
    assert part_words(join_words(split_words("10\u202f000 euros"))) == ["10\u202f000", "euros"]
