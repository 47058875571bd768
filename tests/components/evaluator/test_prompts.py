"""What a class asks with, worked out by hand."""

from components.evaluator.prompts import class_texts

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
