"""Made-up pairs are the same each time, any part of them too, and hold the faults that their manifest says."""

import hashlib
import io
import json
import tarfile
from collections import Counter, defaultdict

import pytest
from PIL import Image

from benchmarks.pairs.photos import Photos
from benchmarks.pairs.plan import Corpus, make_pair
from benchmarks.pairs.stand_ins import PICTURES, StandIns
from benchmarks.pairs.writing import write_tars
from components.pair_filter.copies.fingerprint import fingerprint
from components.pair_filter.counting.words import count_words
from components.pair_filter.judging.rules import same_caption

PAIRS = 300
SEED = 3


@pytest.fixture(scope="module")
def corpus():
    return Corpus(SEED, PAIRS, max_captions=3)


@pytest.fixture(scope="module")
def shards(corpus, tmp_path_factory):
    """The corpus as tar shards: (folder, manifest)."""
    folder = tmp_path_factory.mktemp("tars")
    return folder, write_tars(corpus, Photos, folder, pairs_per_file=170)


@pytest.fixture(scope="module")
def members(shards):
    """Returns split -> number of the pair -> extension -> content."""
    folder, _ = shards
    found = {}
    for split in ("train", "seen"):
        found[split] = defaultdict(dict)
        for path in sorted((folder / split).glob("*.tar")):
            with tarfile.open(path) as tar:
                for member in tar:
                    key, _, extension = member.name.partition(".")
                    found[split][int(key)][extension] = tar.extractfile(member).read()
    return found


def image_of(record):
    return record.get("jpg") or record.get("png")


def decodes(encoded):
    try:
        Image.open(io.BytesIO(encoded)).load()
    except OSError:
        return False
    return True


def looks_sound(record):
    """Says whether a record has all that ingest asks for, by trying."""
    try:
        metadata = json.loads(record["json"])
    except ValueError:
        return False
    return bool(metadata["captions"]) and image_of(record) is not None and decodes(image_of(record))


def test_the_same_corpus_gives_the_same_bytes_and_another_seed_others(corpus, shards, tmp_path):
    folder, manifest = shards
    again = write_tars(corpus, Photos, tmp_path / "again", pairs_per_file=170)
    other = write_tars(Corpus(SEED + 1, 100), Photos, tmp_path / "other")
    files = sorted(path.relative_to(folder) for path in folder.rglob("*.tar"))
    assert [str(path) for path in files] == ["seen/00000.tar", "seen/00001.tar", "train/00000.tar", "train/00001.tar"]
    assert again == manifest
    assert all((folder / path).read_bytes() == (tmp_path / "again" / path).read_bytes() for path in files)
    assert other["roles"] == {role: number // 3 for role, number in manifest["roles"].items()}
    assert (folder / files[0]).read_bytes() != (tmp_path / "other" / files[0]).read_bytes()


def test_a_larger_corpus_begins_with_the_smaller_one(corpus):
    larger = Corpus(corpus.seed, 1000 * corpus.pairs, corpus.max_captions)
    assert [make_pair(larger, n) for n in range(PAIRS)] == [make_pair(corpus, n) for n in range(PAIRS)]


def test_the_manifest_counts_what_is_there(shards, members):
    _, manifest = shards
    records = [record for split in members.values() for record in split.values()]
    damages = Counter()
    for record in records:
        if image_of(record) is None:
            damages["no_image"] += 1
        elif not decodes(image_of(record)):
            damages["truncated_image"] += 1
        elif "txt" not in record:
            damages["no_caption"] += 1
        elif not looks_sound(record):
            damages["bad_json"] += 1
    assert len(records) == PAIRS == sum(manifest["roles"].values())
    assert damages == manifest["damages"]
    assert sum(damages.values()) == manifest["roles"]["damaged"] == 3
    for split, of_split in members.items():
        sound = [record for record in of_split.values() if looks_sound(record)]
        assert len(sound) == manifest["pairs"][split]
        assert sum(len(json.loads(record["json"])["captions"]) for record in sound) == manifest["captions"][split]
        assert all(json.loads(record["json"])["captions"][0].encode() == record["txt"] for record in sound)


def test_images_are_as_small_long_and_often_repeated_as_planned(shards, members):
    _, manifest = shards
    roles = manifest["roles"]
    sound = {number: record for number, record in members["train"].items() if looks_sound(record)}
    sizes = [Image.open(io.BytesIO(image_of(record))).size for record in sound.values()]
    assert sum(min(size) <= 200 for size in sizes) == roles["too_small"]
    assert sum(max(size) > 3 * min(size) for size in sizes) == roles["too_long"]
    assert all(min(size) >= 150 and max(size) <= 640 for size in sizes)
    for record in sound.values():
        metadata = json.loads(record["json"])
        assert (metadata["width"], metadata["height"]) == Image.open(io.BytesIO(image_of(record))).size
        assert metadata["sha256"] == hashlib.sha256(image_of(record)).hexdigest()
    seen = {image_of(record) for record in members["seen"].values()}
    assert sum(image_of(record) in seen for record in sound.values()) == roles["evaluation_copy"]
    others = Counter(image for record in sound.values() if (image := image_of(record)) not in seen)
    assert sum(others.values()) - len(others) == roles["logo"] - 1 + roles["byte_duplicate"]
    assert {image[:3] for image in others} == {b"\xff\xd8\xff", b"\x89PN"}, "JPEG and PNG"


def test_near_copies_look_like_the_evaluation_image_that_they_show(corpus):
    photos = Photos(corpus)
    pairs = [make_pair(corpus, number) for number in range(PAIRS)]
    unrelated = next(pair for pair in pairs if pair.role == "too_small")
    near, apart = [], []
    for pair in pairs:
        if pair.role == "evaluation_near_copy":
            original = make_pair(corpus, pair.shown.number)
            assert (original.role, original.split) == ("evaluation", "seen")
            assert photos.draw(original).content != photos.draw(pair).content
            hashes = [fingerprint(photos.draw(one).content).perceptual for one in (original, pair, unrelated)]
            near.append(bin(hashes[0] ^ hashes[1]).count("1"))
            apart.append(bin(hashes[0] ^ hashes[2]).count("1"))
    assert len(near) == 6
    assert max(near) <= 8 < min(apart), (near, apart)


def test_captions_break_the_rules_that_they_are_planted_for(corpus):
    by_role = defaultdict(list)
    images = defaultdict(set)
    for number in range(1000):
        pair = make_pair(corpus, number)
        by_role[pair.role] += [text for text, _ in pair.captions]
        for text, _ in pair.captions:
            images[same_caption(text)].add(pair.shown.number)
    assert all(1 <= count_words(text) < 3 for text in by_role["short_caption"])
    assert all(count_words(text) > 20 for text in by_role["long_caption"])
    assert all(len(images[same_caption(text)]) == 20 for text in by_role["viral"])
    assert len({same_caption(text) for text in by_role["boilerplate"]}) < 12 < len(set(by_role["boilerplate"]))
    assert len(set(by_role["logo"])) > 70, "eight of its own each time"
    spaced = [text for text in by_role["plain"] if text.isascii()]
    assert len(spaced) > 500
    assert all(3 <= count_words(text) <= 20 for text in spaced)


def test_stand_ins_differ_by_their_bytes_and_show_a_few_pictures(corpus):
    many = Corpus(corpus.seed, 3 * PICTURES)
    pairs = [make_pair(many, number) for number in range(many.pairs)]
    drawn = [StandIns(many).draw(pair) for pair in pairs if pair.role == "plain"]
    assert len({one.content for one in drawn}) == len(drawn) > PICTURES
    assert len({fingerprint(one.content) for one in drawn}) <= PICTURES
    assert {Image.open(io.BytesIO(one.content)).size for one in drawn} == {(drawn[0].width, drawn[0].height)}


@pytest.mark.parametrize(("settings", "named"), [({"pairs": 99}, "pairs is 99"), ({"max_captions": 0}, "is 0")])
def test_a_corpus_that_cannot_be_is_refused(settings, named):
    with pytest.raises(ValueError, match=named):
        Corpus(**settings)
