"""The batching parameters file: what is followed, what is said not to be, and what is refused."""

from __future__ import annotations

import pytest

from serving.server.batching.settings import BatchingSettings, read_batching_parameters

GOOD = """
max_batch_size { value: 128 }
batch_timeout_micros { value: 1000 }
max_enqueued_batches { value: 5 }
num_batch_threads { value: 3 }
allowed_batch_sizes: 8
allowed_batch_sizes: 128
pad_variable_length_inputs: { value: true }
"""


def test_a_file_is_read(tmp_path, caplog):
    path = tmp_path / "batching.config"
    path.write_text(GOOD, encoding="utf-8")
    settings = read_batching_parameters(path)
    assert settings == BatchingSettings(128, 5, 3, allowed_batch_sizes=(8, 128))
    assert [settings.padded(rows) for rows in (1, 8, 9, 128, 500)] == [8, 8, 128, 128, 500]
    assert "batch_timeout_micros is not followed: a batch never waits" in caplog.text
    assert "pad_variable_length_inputs is not followed" in caplog.text


def test_an_empty_file_says_nothing(tmp_path):
    path = tmp_path / "batching.config"
    path.write_text("", encoding="utf-8")
    assert read_batching_parameters(path) == BatchingSettings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_batch_size: 128", "no text of BatchingParameters: 1:17"),
        ("max_batch { value: 1 }", 'no field named "max_batch"'),
        ("max_batch_size { value: 0 }", "max_batch_size is 0; it must be at least 1"),
        ("num_batch_threads { value: -1 }", "num_batch_threads is -1"),
        ("max_batch_size { value: 8 } allowed_batch_sizes: 4", "must grow, and end with max_batch_size 8"),
        ("max_batch_size { value: 8 } allowed_batch_sizes: [8, 4, 8]", "must grow"),
    ],
)
def test_a_file_that_cannot_be_followed_is_named(tmp_path, text, said):
    path = tmp_path / "batching.config"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said) as caught:
        read_batching_parameters(path)
    assert str(caught.value).startswith(str(path))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.config cannot be read"):
        read_batching_parameters(tmp_path / "none.config")
