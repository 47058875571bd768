"""Convictions from capped, scattered evidence equal those from all of it in one place."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from components.pair_filter.config import FilterConfig
from components.pair_filter.evidence import (
    FileEvidence,
    caption_key,
    convict,
    copy_mark,
    image_key,
    limits,
    pixels_key,
)

CONFIG = FilterConfig(max_images_per_caption=2, max_captions_per_image=3)

pairs = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.integers(0, 5)), max_size=60)


def marks_by_file(files: dict[int, FileEvidence], buckets: int) -> dict[int, set[bytes]]:
    shuffled = defaultdict(list)
    for file, evidence in files.items():
        for bucket, entries in evidence.batches(buckets):
            shuffled[bucket].append((file, entries))
    found = defaultdict(set)
    for batches in shuffled.values():
        for file, marks in convict(batches, limits(CONFIG)).items():
            found[file] |= marks
    return found


@given(pairs, st.integers(1, 7))
def test_a_key_is_convicted_by_more_different_witnesses_than_its_limit(events, buckets):
    files = {file: FileEvidence(limits(CONFIG)) for file in range(4)}
    carriers = defaultdict(set)
    for file, text, number in events:
        caption, image = caption_key(text), image_key(b"%d" % number)
        files[file].witness(caption, image)
        files[file].ask(caption, caption)
        carriers[caption].add(image)
    expected = {
        file: {
            caption_key(text) for of_file, text, _ in events if of_file == file and len(carriers[caption_key(text)]) > 2
        }
        for file in files
    }
    found = marks_by_file(files, buckets)
    assert {file: found[file] for file in files} == expected


@given(st.integers(1, 9))
def test_a_file_keeps_one_witness_more_than_the_limit(images):
    evidence = FileEvidence(limits(CONFIG))
    for number in range(images):
        evidence.witness(caption_key("a"), image_key(b"%d" % number))
    ((_, (entry,)),) = evidence.batches(1)
    assert len(entry.witnesses) == min(images, 3)


def test_one_evaluation_image_convicts_the_training_images_with_its_pixels():
    train, judged = FileEvidence(limits(CONFIG)), FileEvidence(limits(CONFIG))
    train.ask(pixels_key(b"same"), copy_mark(b"png of it"))
    train.ask(pixels_key(b"same"), copy_mark(b"jpeg of it"))
    train.ask(pixels_key(b"other"), copy_mark(b"another"))
    judged.witness(pixels_key(b"same"), b"")
    judged.witness(pixels_key(b"unmet"), b"")
    assert marks_by_file({0: train, 1: judged}, 5) == {0: {copy_mark(b"png of it"), copy_mark(b"jpeg of it")}}


def test_keys_of_different_kinds_never_meet():
    keys = [caption_key("x"), image_key(b"x"), pixels_key(b"x"), copy_mark(b"x")]
    assert len(set(keys)) == 4
    assert caption_key("A  b") == caption_key("a b") != caption_key("ab")
