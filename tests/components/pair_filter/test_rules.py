"""Each rule at its threshold and one step beyond, and all of them in order."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pair_filter.config import FilterConfig
from components.pair_filter.rules import (
    CAPTION_RULES,
    IMAGE_RULES,
    NO_CAPTION_LEFT,
    RULES,
    CaptionFacts,
    Drop,
    ImageFacts,
    Verdict,
    aspect_ratio,
    captions_per_image,
    count_words,
    describe_rules,
    evaluation_image,
    images_per_caption,
    judge,
    passes_by_size,
    same_caption,
    shorter_side,
    too_few_words,
    too_many_words,
)

PAPER = FilterConfig()
FINE = ImageFacts(400, 300)


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
    assert images_per_caption(CaptionFacts("a", True), PAPER) == "'a' on more than 10 images"
    assert not images_per_caption(CaptionFacts("a"), PAPER)
    copy = ImageFacts(4, 3, shows_evaluation_image=True)
    assert evaluation_image(copy, PAPER) == "4 x 3 px, pixel for pixel an evaluation image"
    assert not evaluation_image(copy, dataclasses.replace(PAPER, drop_evaluation_images=False))
    assert not evaluation_image(FINE, PAPER)


@pytest.mark.parametrize(("words", "few", "many"), [(0, 1, 0), (2, 1, 0), (3, 0, 0), (20, 0, 0), (21, 0, 1)])
def test_a_caption_has_3_to_20_words(words, few, many):
    caption = CaptionFacts(" ".join(["word"] * words))
    assert (bool(too_few_words(caption, PAPER)), bool(too_many_words(caption, PAPER))) == (bool(few), bool(many))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("...", 0),
        ("a b-c", 3),
        ("don't", 2),
        ("Žluťoučký kůň\n1920x1080", 3),
        ("猫の写真", 1),
        ("\U0001f600", 0),
    ],
)
def test_a_word_is_a_run_of_letters_digits_and_underscores(text, words):
    assert count_words(text) == words


def test_captions_are_the_same_but_for_case_and_white_space():
    assert same_caption(" Stock\u00a0 PHOTO\n") == same_caption("stock photo")
    assert same_caption("stock photo") != same_caption("stockphoto")


def test_the_first_broken_rule_drops_an_image_with_its_captions():
    tiny = ImageFacts(10, 1, has_too_many_captions=True, shows_evaluation_image=True)
    assert judge(tiny, [CaptionFacts("a b c")], PAPER) == Verdict(Drop("shorter_side", "10 x 1 px"))
    assert judge(dataclasses.replace(tiny, width=900, height=201), [], PAPER).image.rule == "aspect_ratio"
    assert judge(dataclasses.replace(tiny, width=300, height=300), [], PAPER).image.rule == "captions_per_image"


def test_captions_are_dropped_one_by_one():
    texts = ["a b c", "a", "word " * 21, "stock photo no"]
    verdict = judge(FINE, [CaptionFacts(text, text == "stock photo no") for text in texts], PAPER)
    assert verdict.image is None
    assert [drop and drop.rule for drop in verdict.captions] == [
        None,
        "too_few_words",
        "too_many_words",
        "images_per_caption",
    ]


def test_an_image_that_loses_its_last_caption_is_dropped_too():
    verdict = judge(FINE, [CaptionFacts("a"), CaptionFacts("b")], PAPER)
    assert verdict.image == Drop(NO_CAPTION_LEFT, "all of its 2 captions were dropped")
    assert [drop.rule for drop in verdict.captions] == ["too_few_words"] * 2


def test_every_rule_has_a_threshold_in_the_config_and_a_source():
    fields = {field.name for field in dataclasses.fields(FilterConfig)} - {"splits"}
    assert {rule.field for rule in RULES} == fields
    described = describe_rules(PAPER)
    assert [rule["name"] for rule in described] == [rule.name for rule in RULES] + [NO_CAPTION_LEFT]
    assert described[0] == {
        "name": "shorter_side",
        "drops": "image",
        "threshold": 200,
        "source": "ALIGN section 3, arXiv:2102.05918",
    }


images = st.builds(ImageFacts, st.integers(1, 2000), st.integers(1, 2000), st.booleans(), st.booleans())
captions = st.lists(st.builds(CaptionFacts, st.text(st.sampled_from("ab \n"), max_size=60), st.booleans()), max_size=4)
configs = st.builds(
    FilterConfig,
    shorter_side_above_px=st.integers(0, 500),
    max_aspect_ratio=st.floats(1, 5),
    min_words=st.integers(1, 3),
    max_words=st.integers(3, 9),
    drop_evaluation_images=st.booleans(),
)


@given(images, captions, configs)
def test_a_verdict_names_the_first_broken_rule(image, texts, config):
    verdict = judge(image, texts, config)
    broken = [rule.name for rule in IMAGE_RULES if rule.broken(image, config)]
    if broken:
        assert (verdict.image.rule, verdict.captions) == (broken[0], ())
        return
    assert passes_by_size(image, config)
    for caption, drop in zip(texts, verdict.captions, strict=True):
        broken = [rule.name for rule in CAPTION_RULES if rule.broken(caption, config)]
        assert (drop.rule if drop else None) == (broken[0] if broken else None)
    assert (verdict.image is None) == (None in verdict.captions)


@given(images, configs)
def test_a_turned_image_gets_the_same_verdict(image, config):
    turned = dataclasses.replace(image, width=image.height, height=image.width)
    assert passes_by_size(image, config) == passes_by_size(turned, config)
