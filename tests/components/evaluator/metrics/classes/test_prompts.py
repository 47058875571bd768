"""What a class asks with, worked out by hand."""

from components.evaluator.metrics.classes.prompts import class_texts, unknown_labels

PROMPTS = ("{}", "a {one} of {}")
NAMES = {"n02084071": ("dog", "hound"), "cat": ["cat"]}


def ask(label: str) -> tuple[str, ...]:
    return class_texts(label, prompts=PROMPTS, class_names=NAMES)


def test_each_name_stands_in_each_prompt():
    assert ask("n02084071") == ("dog", "a {one} of dog", "hound", "a {one} of hound")


def test_a_label_that_is_not_listed_is_its_own_name():
    assert ask("{} bird") == ("{} bird", "a {one} of {} bird")


def test_no_class_asks_nothing():
    assert ask("") == ()


def test_a_name_for_a_class_that_no_image_is_of_is_named_with_the_closest():
    names = {"cat": ["cat"], "Dog": ["hound"], "n02084071": ["dog"]}
    assert unknown_labels(names, ["cat", "dog"]) == [
        "evaluation.class_names names 'Dog', which is the label of no image; did you mean 'dog'?",
        "evaluation.class_names names 'n02084071', which is the label of no image",
    ]
    assert unknown_labels({}, ["cat"]) == []
