"""Each rule at its threshold and one step beyond, and all of them in order."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pair_filter.config import FilterConfig
from components.pair_filter.judging.rules import (
    CAPTION_RULES,
    IMAGE_RULES,
    NO_CAPTION_LEFT,
    OFF,
    RULES,
    CaptionFacts,
    Drop,
    ImageFacts,
    Verdict,
    aspect_ratio,
    captions_per_image,
    describe_rules,
    evaluation_image,
    evaluation_neighbour,
    images_per_caption,
    judge,
    passes_by_size,
    rare_ngram,
    same_caption,
    shorter_side,
    too_few_words,
    too_many_words,
    unsafe_image,
)
from components.pair_filter.model_config import ImageModelConfig, NeighbourConfig, UnsafeConfig

PAPER = FilterConfig()
FINE = ImageFacts(400, 300)
SCORED = FilterConfig(unsafe=UnsafeConfig(ImageModelConfig("scorer.onnx", 8, "bytes"), threshold=0.75))


def caption(text: str, is_shared: bool = False, rare: str = "") -> CaptionFacts:
    return CaptionFacts(text, len(text.split()), is_shared, rare)


@pytest.mark.parametrize(
    ("width", "height", "broken"),
    [(201, 201, ""), (200, 400, "200 x 400 px"), (400, 200, "400 x 200 px"), (1, 1, "1 x 1 px")],
)
def test_the_shorter_side_must_be_above_200_px(width, height, broken):
    assert shorter_side(ImageFacts(width, height), PAPER) == broken


@pytest.mark.parametrize(("width", "height", "broken"), [(900, 300, False), (901, 300, True), (300, 901, True)])
def test_the_longer_side_is_at_most_3_times_the_shorter(width, height, broken):
    assert bool(aspect_ratio(ImageFacts(width, height), PAPER)) == broken


def test_rules_over_the_corpus_follow_what_the_corpus_says():
    assert captions_per_image(ImageFacts(1, 1, has_too_many_captions=True), PAPER) == "more than 1000 captions"
    assert not captions_per_image(FINE, PAPER)
    assert images_per_caption(caption("a", True), PAPER) == "'a' on more than 10 images"
    assert not images_per_caption(caption("a"), PAPER)
    assert rare_ngram(caption("a qx", rare="qx"), PAPER) == "'a qx' has the rare 'qx'"
    assert not rare_ngram(caption("a qx"), PAPER)


def test_copies_and_neighbours_of_evaluation_images_are_dropped():
    assert evaluation_image(ImageFacts(4, 3, copy_of="a copy of seen"), PAPER) == "a copy of seen"
    assert evaluation_neighbour(ImageFacts(4, 3, neighbour_of="next to seen"), PAPER) == "next to seen"
    assert not evaluation_image(FINE, PAPER)
    assert not evaluation_neighbour(FINE, PAPER)


@pytest.mark.parametrize(("score", "broken"), [(None, ""), (0.7499, ""), (0.75, "scores 0.750"), (1.0, "scores 1.000")])
def test_an_image_is_unsafe_from_the_threshold_on(score, broken):
    assert unsafe_image(ImageFacts(4, 3, unsafe_score=score), SCORED) == broken
    assert not unsafe_image(ImageFacts(4, 3, unsafe_score=score), PAPER)


@pytest.mark.parametrize(("words", "few", "many"), [(0, 1, 0), (2, 1, 0), (3, 0, 0), (20, 0, 0), (21, 0, 1)])
def test_a_caption_has_3_to_20_words(words, few, many):
    text = caption(" ".join(["word"] * words))
    assert (bool(too_few_words(text, PAPER)), bool(too_many_words(text, PAPER))) == (bool(few), bool(many))


def test_captions_are_the_same_but_for_case_and_white_space():
    assert same_caption(" Stock\u00a0 PHOTO\n") == same_caption("stock photo")
    assert same_caption("stock photo") != same_caption("stockphoto")


def test_the_first_broken_rule_drops_an_image_with_its_captions():
    tiny = ImageFacts(10, 1, has_too_many_captions=True, copy_of="a copy")
    assert judge(tiny, [caption("a b c")], PAPER) == Verdict(Drop("shorter_side", "10 x 1 px"))
    assert judge(tiny._replace(width=900, height=201), [], PAPER).image.rule == "aspect_ratio"
    assert judge(tiny._replace(width=300, height=300), [], PAPER).image.rule == "captions_per_image"


def test_captions_are_dropped_one_by_one():
    texts = ["a b c", "a", "word " * 21, "stock photo no"]
    verdict = judge(FINE, [caption(text, text == "stock photo no") for text in texts], PAPER)
    assert verdict.image is None
    assert [drop and drop.rule for drop in verdict.captions] == [
        None,
        "too_few_words",
        "too_many_words",
        "images_per_caption",
    ]


def test_an_image_that_loses_its_last_caption_is_dropped_too():
    verdict = judge(FINE, [caption("a"), caption("b")], PAPER)
    assert verdict.image == Drop(NO_CAPTION_LEFT, "all of its 2 captions were dropped")
    assert [drop.rule for drop in verdict.captions] == ["too_few_words"] * 2


def test_every_rule_has_a_threshold_in_the_config_and_a_source():
    how = {"splits", "max_hash_distance", "ngram_false_positive_rate", "keep_rejects"}
    fields = {field.name for field in dataclasses.fields(FilterConfig)} - how
    assert {rule.field.partition(".")[0] for rule in RULES} == fields
    described = describe_rules(PAPER)
    assert [rule["name"] for rule in described] == [rule.name for rule in RULES] + [NO_CAPTION_LEFT]
    assert described[0] == {
        "name": "shorter_side",
        "drops": "image",
        "threshold": 200,
        "source": "ALIGN section 3, arXiv:2102.05918",
    }


def test_a_rule_that_is_not_in_force_is_reported_as_off():
    off = FilterConfig(frequent_ngrams=None, drop_evaluation_images=False)
    thresholds = {rule["name"]: rule["threshold"] for rule in describe_rules(off)}
    assert [name for name, threshold in thresholds.items() if threshold == OFF] == [
        "evaluation_image",
        "evaluation_neighbour",
        "unsafe_image",
        "rare_ngram",
    ]
    neighbours = NeighbourConfig(ImageModelConfig("embedder.onnx", 8, "bytes"))
    on = describe_rules(dataclasses.replace(SCORED, neighbours=neighbours))
    assert {rule["name"]: rule["threshold"] for rule in on}.items() >= {
        ("evaluation_neighbour", 0.975),
        ("unsafe_image", 0.75),
    }


images = st.builds(
    ImageFacts,
    st.integers(1, 2000),
    st.integers(1, 2000),
    st.booleans(),
    st.sampled_from(["", "a copy"]),
    st.sampled_from(["", "a neighbour"]),
    st.none() | st.floats(0, 1),
)
captions = st.lists(
    st.builds(caption, st.text(st.sampled_from("ab \n"), max_size=60), st.booleans(), st.sampled_from(["", "qx"])),
    max_size=4,
)
configs = st.builds(
    FilterConfig,
    shorter_side_above_px=st.integers(0, 500),
    max_aspect_ratio=st.none() | st.floats(1, 5),
    min_words=st.integers(1, 3),
    max_words=st.none() | st.integers(3, 9),
    unsafe=st.sampled_from([None, SCORED.unsafe]),
)


@given(images, captions, configs)
def test_a_verdict_names_the_first_broken_rule(image, texts, config):
    verdict = judge(image, texts, config)
    broken = [rule.name for rule in IMAGE_RULES if rule.broken(image, config)]
    if broken:
        assert (verdict.image.rule, verdict.captions) == (broken[0], ())
        return
    assert passes_by_size(image, config)
    for text, drop in zip(texts, verdict.captions, strict=True):
        broken = [rule.name for rule in CAPTION_RULES if rule.broken(text, config)]
        assert (drop.rule if drop else None) == (broken[0] if broken else None)
    assert (verdict.image is None) == (None in verdict.captions)


@given(images, configs)
def test_a_turned_image_gets_the_same_verdict(image, config):
    turned = image._replace(width=image.height, height=image.width)
    assert passes_by_size(image, config) == passes_by_size(turned, config)
