"""The name that was meant."""

import pytest

from components.closest_name import did_you_mean


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("clas", ["class", "caption"], "; did you mean 'class'?"),
        ("Cat Face", ["cat face", "Cat Fact"], "; did you mean 'cat face'?"),
        ("LANGUAGE", ["language", "url"], "; did you mean 'language'?"),
        ("zebra", ["caption", "url"], ""),
        ("x", [], ""),
    ],
)
def test_the_closest_name(name, known, said):
    assert did_you_mean(name, known) == said
