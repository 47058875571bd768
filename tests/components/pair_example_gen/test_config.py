"""What `ingest` may say: each format brings its defaults, and what makes no sense is refused in one sentence."""

import pytest

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.formats import FORMATS, PUBLISHED_COLUMNS
from components.pair_example_gen.sources import READERS


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_reader_and_is_ready_as_it_stands(name):
    config = IngestConfig(shards="s", format=name)
    assert name in READERS
    assert config.splits == {"all": FORMATS[name].glob}
    assert config.captions == FORMATS[name].captions
    assert "train" in config.split_names
    assert ("metadata" in FORMATS[name].uses) is (name in PUBLISHED_COLUMNS)


def test_what_is_set_wins_over_the_format():
    config = IngestConfig(
        shards="s", format="laion", splits={"all": "*.tar.gz"}, captions={"alt": "en"}, url_field="u",
        language_field="lang",
    )  # fmt: skip
    assert (config.splits, config.captions) == ({"all": "*.tar.gz"}, {"alt": "en"})
    assert config.named_fields == ["alt", "lang", "u"]
    assert IngestConfig(shards="s", format="laion").named_fields == ["caption", "LANGUAGE", "url"]
    assert IngestConfig(shards="s", format="karpathy").split_names == ["train", "validation", "test"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "zip"}, "ingest.format is 'zip'; it must be one of tar, parquet, tfrecord, csv, tsv, conceptual_"),
        ({"image_field": "image"}, "ingest.image_field is 'image', which ingest.format 'tar' has no use for; leave it"),
        ({"image_folder": "i"}, "set the format to one of parquet, csv, tsv, karpathy"),
        ({"columns": ["a"], "format": "parquet"}, "ingest.columns is ('a',), which ingest.format 'parquet' has no use"),
        ({"metadata": "*.tsv", "format": "csv"}, "set the format to one of conceptual_captions, coyo, laion"),
        ({"key_field": "key"}, "ingest.key_field is 'key', which ingest.format 'tar' has no use for"),
        ({"key_field": "key", "format": "coyo"}, "ingest.key_field is 'key' without ingest.metadata; name the files"),
        ({"columns": ["image"], "format": "csv"}, "ingest.columns is ['image'], without 'caption'; name that column"),
        ({"columns": ["caption"], "format": "tsv"}, "ingest.columns is ['caption'], without 'image'"),
        ({"columns": ["image", "caption", "image"], "format": "csv"}, "each name may come once"),
        ({"sample": 0}, "ingest.sample is 0; it must be at least 1, or null for all records"),
        ({"max_image_pixels": 0}, "ingest.max_image_pixels is 0; it must be at least 1"),
        ({"captions": {}}, "ingest.captions is empty; name at least one caption field"),
        ({"splits": {}}, "ingest.splits is empty; name at least one glob"),
        ({"hash_split": {}}, "ingest.hash_split is empty but ingest.splits has the single entry ['all']"),
        ({"hash_split": {"test": 1}}, "ingest names the splits ['test']; one of them must be \"train\""),
        ({"hash_split": {"train": 0}}, "ingest.hash_split['train'] is 0; a share must be at least 1"),
        (
            {"splits": {"train": "a", "test": "b"}},
            "ingest.splits already names ['train', 'test']; set hash_split to {}",
        ),
        ({"format": "karpathy", "hash_split": {"train": 1}}, "ingest.hash_split is {'train': 1}, but in ingest.format"),
        ({"format": "karpathy", "splits": {"train": "a", "b": "c"}}, "each record names its split; leave hash_split"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(fields, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at below
        IngestConfig(**{"shards": "s", **fields})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
