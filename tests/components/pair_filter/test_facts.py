"""What is known of a file comes back as it went aside, column by column."""

from hypothesis import given
from hypothesis import strategies as st

from components.pair_filter.facts import FileFacts, read_columns

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=3)
hashes = st.none() | st.integers(0, 2**64 - 1)
records = st.lists(st.tuples(st.text("añ#/"), st.binary(max_size=4), st.integers(1, 9), texts, texts, hashes, hashes))


@given(records)
def test_columns_come_back(rows):
    facts = FileFacts()
    for name, sha256, width, captions, words, pixels, perceptual in rows:
        facts.name.append(name)
        facts.sha256.append(sha256)
        facts.width.append(width)
        facts.height.append(width + 1)
        facts.captions.append(captions)
        facts.words.append(words)
        facts.pixels.append(pixels)
        facts.perceptual.append(perceptual)
    content = facts.to_bytes()
    assert read_columns(content, list(vars(facts))) == facts
    assert read_columns(content, ["captions"]) == FileFacts(captions=facts.captions)
    assert len(facts) == len(rows)
