"""Convictions from capped, scattered evidence equal those from all of it in one place."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from components.pair_filter.config import FilterConfig
from components.pair_filter.evidence import CAPTION, FileEvidence, caption_key, convict, image_key, limits

CONFIG = FilterConfig(max_images_per_caption=2, max_captions_per_image=3)

pairs = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.integers(0, 5)), max_size=60)


def places_by_file(files: dict[int, FileEvidence], buckets: int) -> dict[int, dict[bytes, list[int]]]:
    shuffled = defaultdict(list)
    for file, evidence in files.items():
        for bucket, entries in evidence.batches(buckets):
            shuffled[bucket].append((file, entries))
    found = defaultdict(lambda: defaultdict(list))
    for batches in shuffled.values():
        for file, convicted in convict(batches, limits(CONFIG)):
            for kind, places in convicted:
                found[file][kind] += places
    return found


@given(pairs, st.integers(1, 7))
def test_a_key_is_convicted_by_more_different_witnesses_than_its_limit(events, buckets):
    files = {file: FileEvidence(limits(CONFIG)) for file in range(4)}
    carriers = defaultdict(set)
    for place, (file, text, number) in enumerate(events):
        caption, image = caption_key(text), image_key(b"%d" % number)
        files[file].witness(caption, image)
        files[file].ask(caption, place)
        carriers[text].add(number)
    expected = {
        file: {place for place, (of, text, _) in enumerate(events) if of == file and len(carriers[text]) > 2}
        for file in files
    }
    found = places_by_file(files, buckets)
    assert {file: set(found[file][CAPTION]) for file in files} == expected


@given(st.integers(1, 9))
def test_a_file_keeps_one_witness_more_than_the_limit(images):
    evidence = FileEvidence(limits(CONFIG))
    for number in range(images):
        evidence.witness(caption_key("a"), image_key(b"%d" % number))
    ((_, (entry,)),) = evidence.batches(1)
    assert len(entry.witnesses) == min(images, 3)


def test_keys_of_different_kinds_never_meet():
    assert caption_key("x") != image_key(b"x")
    assert caption_key("A  b") == caption_key("a b") != caption_key("ab")
