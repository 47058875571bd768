"""How slices are chosen and named."""

import pytest

from components.evaluator.metrics.slices import MAX_SLICES, SliceKey, largest, prefix_of, read_key, source_of


@pytest.mark.parametrize(
    ("record", "source"),
    [
        ("https://Example.org:8080/cats/1.jpg?a=b#c", "example.org"),
        ("00003.tar#000030017", "00003.tar"),
        ("part-1.parquet#row 7#8", "part-1.parquet"),
        ("http://[::1/broken", "[::1"),
        ("", ""),
    ],
)
def test_where_a_record_came_from(record, source):
    assert source_of(record) == source


@pytest.mark.parametrize("value", ["de", "a/b=c", "=", "/"])
def test_a_name_is_read_as_it_was_written(value):
    assert read_key(f"{prefix_of('class', value)}t2i_recall_at_1") == SliceKey("class", value, "t2i_recall_at_1")


def test_a_metric_of_a_whole_split_names_no_slice():
    assert read_key("t2i_recall_at_1") is None


def test_the_largest_are_taken_by_name_where_they_tie():
    counts = {f"{number:02}": 1 for number in range(30)} | {"zz": 2, "": 9}
    assert largest(counts) == (*(f"{number:02}" for number in range(MAX_SLICES - 1)), "zz")
    assert largest({}) == ()
