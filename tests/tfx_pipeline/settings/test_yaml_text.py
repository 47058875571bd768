"""YAML that versions of YAML read differently is refused by line and name; what is written is read the same by all."""

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tfx_pipeline.settings.yaml_text import read_yaml, write_yaml, write_yaml_line

odd = st.from_regex(r"[-+0-9._:xobeEnyYfF~<=]{0,6}", fullmatch=True)
texts = st.text(max_size=6) | odd | st.sampled_from(["yes", "No", "on", "OFF", "null", "true", "0o17", "2024-01-01"])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=6)


@given(values)
@example({"\n": ["\n\r", "a\u2028b "]})
def test_what_is_written_is_read_again_and_by_pyyaml_as_well(value):
    for written in (write_yaml(value), write_yaml_line(value)):
        assert read_yaml(written, "m.yaml") == value
        assert yaml.safe_load(written) == value
    assert "\n" not in write_yaml_line(value)


@given(odd)
@example("<<")
def test_a_plain_scalar_is_taken_as_pyyaml_takes_it_or_as_text_or_is_refused(text):
    try:
        found = read_yaml(f"a: {text}", "m.yaml")
    except ValueError:
        return
    expected = yaml.safe_load(f"a: {text}")
    if found != expected:  # 1e3 is a number, which YAML 1.1 wants a point and a sign in
        assert found == {"a": float(text)}
        assert "e" in text.lower()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 0", 0),
        ("a: -12", -12),
        ("a: +3", 3),
        ("a: 1.50", 1.5),
        ("a: .5", 0.5),
        ("a: 1e-3", 1e-3),
        ("a: 2E5", 2e5),
        ("a: .inf", float("inf")),
        ("a: True", True),
        ("a: false", False),
        ("a:", None),
        ("a: ~", None),
        ("a: ~/x", "~/x"),
        ("a: y", "y"),
        ("a: v1.0", "v1.0"),
        ("a: 'no'", "no"),
        ('a: "01300"', "01300"),
        ("a: !!str 5", "5"),
        ("a: {100: x}", {"100": "x"}),
        ("a: {b: &x {c: 1, d: 2}, e: {<<: *x, d: 3}}", {"b": {"c": 1, "d": 2}, "e": {"c": 1, "d": 3}}),
        (
            "a: {b: &x {c: 1}, e: &y {c: 2, f: 2}, g: {<<: [*x, *y]}}",
            {"b": {"c": 1}, "e": {"c": 2, "f": 2}, "g": {"c": 1, "f": 2}},
        ),
    ],
)
def test_what_means_the_same_to_all_is_taken(text, value):
    for content in (text, text.encode(), "\ufeff" + text, ("\ufeff" + text).encode(), text.encode("utf-16")):
        assert read_yaml(content, "m.yaml") == {"a": value}
    assert read_yaml("# nothing\n", "m.yaml") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no", "which YAML 1.1 reads as False and YAML 1.2 does not; write false, or quote it: 'no'"),
        ("On", "which YAML 1.1 reads as True and YAML 1.2 does not; write true, or quote it: 'On'"),
        (
            "01300",
            "which YAML 1.1 reads as 704 and YAML 1.2 does not; quote it: '01300', or write it as a plain decimal",
        ),
        ("08", "which YAML 1.2 reads as 8 and YAML 1.1 as text; quote it: '08', or write it as a plain decimal number"),
        ("0o17", "which YAML 1.2 reads as 15 and YAML 1.1 as text"),
        ("0x1F", "which YAML 1.1 reads as 31 and"),
        ("0b11", "which YAML 1.1 reads as 3 and"),
        ("1_000", "which YAML 1.1 reads as 1000 and"),
        ("5:00", "which YAML 1.1 reads as 300 and"),
        ("1:30.5", "which YAML 1.1 reads as 90.5 and"),
        ("2024-01-31", "which YAML 1.1 reads as 2024-01-31 and YAML 1.2 does not; quote it: '2024-01-31'"),
        ("2024-13-31", "which YAML 1.1 reads as no text; quote it: '2024-13-31'"),
        ("=", "which YAML 1.1 reads as no text; quote it: '='"),
    ],
)
def test_what_yaml_1_1_and_1_2_read_differently_is_refused(text, message):
    for content, said in (
        (f"\na:\n  b: {text}", f"m.yaml, line 3: a.b is {text}, {message}"),
        (f"a: [1, {text}]", f"m.yaml, line 1: a[1] is {text}, {message}"),
        (f"a: {{{text}: 1}}", f"m.yaml, line 1: a has the key {text}, {message.partition(';')[0]}"),
    ):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at below
            read_yaml(content, "m.yaml")
        assert str(caught.value).startswith(said)
        assert "quote it" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "m.yaml, line 3: a stands in line 1 too; leave one of them out"),
        ("a: {b: 1, 'b': 2}", "m.yaml, line 1: a.b stands in line 1 too; leave one of them out"),
        ("a: {1: x, '1': y}", "m.yaml, line 1: a.1 stands in line 1 too"),
        ("1.5: x", "m.yaml, line 1: the document has the key 1.5, which is a number; quote it: '1.5'"),
        ("true: x", "m.yaml, line 1: the document has the key true, which is a truth value; quote it: 'true'"),
        ("a: {null: x}", "m.yaml, line 1: a has the key null, which is null; quote it: 'null'"),
        ("? [a]\n: x", "m.yaml, line 1: the document has a mapping or a list for a key; a key is a text"),
        ("a: &x [*x]", "m.yaml, line 1: a[0] is an alias of what it stands in; write it out"),
        ("a: {<<: 3}", "m.yaml, line 1: a.<< merges what is no mapping; give the alias of one"),
        ("a: !!python/name:os.system x", "m.yaml, line 1: a has the tag tag:yaml.org,2002:python/name:os.system for"),
        ("a: !!int 1_0", "m.yaml, line 1: a has the tag tag:yaml.org,2002:int for '1_0'; leave the tag out"),
        ("a: !!set {b}", "m.yaml, line 1: a has the tag tag:yaml.org,2002:set, which has no meaning here"),
        ("a: " + 5000 * "9", "m.yaml, line 1: a is a number of 5000 digits; give a smaller one"),
        ("a:\n\tb: 1", "m.yaml, line 2, is not YAML: while scanning for the next token found character '\\t'"),
        ("a: 1\n---\nb: 1", "m.yaml, line 2, is not YAML: expected a single document in the stream but found another"),
        ("a: caf\xe9".encode("latin-1"), "m.yaml is not YAML: "),
        (5000 * "[", "m.yaml is not usable YAML: it is nested too deep; write it flatter"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(text, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at below
        read_yaml(text, "m.yaml")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
