"""What `ingest` may say: each format brings its defaults, and what makes no sense is refused in one sentence."""

import pytest

from components.pair_example_gen.config import IngestConfig, read_config
from components.pair_example_gen.formats import FORMATS, PUBLISHED_COLUMNS
from components.pair_example_gen.storage.sources import READERS


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_reader_and_is_ready_as_it_stands(name):
    config = IngestConfig(shards="s", format=name)
    assert name in READERS
    assert config.globs == {"all": FORMATS[name].glob}
    assert config.fields.captions == FORMATS[name].captions
    assert "train" in config.split_names
    assert ("metadata" in FORMATS[name].uses) is (name in PUBLISHED_COLUMNS)


def test_what_is_set_wins_over_the_format():
    config = IngestConfig(
        shards="s", format="laion", splits={"all": "*.tar.gz"}, captions={"alt": "en"}, url_field="u",
        language_field="lang",
    )  # fmt: skip
    assert (config.globs, config.fields.captions) == ({"all": "*.tar.gz"}, {"alt": "en"})
    assert config.named_fields == ["alt", "lang", "u"]
    assert IngestConfig(shards="s", format="laion").named_fields == ["caption", "LANGUAGE", "url"]
    assert IngestConfig(shards="s", format="karpathy").split_names == ["train", "validation", "test"]
    assert IngestConfig(shards="s", splits={"train": "a", "b": "c"}).shares == {}
    said = IngestConfig(shards="s", format="parquet", captions={"txt": "und"})  # as tar has it by default
    assert said.named_fields == ["txt", "image"]


def test_false_switches_off_what_a_format_has_and_null_does_not():
    assert IngestConfig(shards="s", format="laion", language_field=False).named_fields == ["caption", "url"]
    assert IngestConfig(shards="s", format="laion", language_field=None).fields.language == "LANGUAGE"
    assert IngestConfig(shards="s", format="laion", url_field=False).named_fields == ["caption", "LANGUAGE"]
    assert IngestConfig(shards="s", format="csv", language_field=False).fields.language is None


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("off", [{}, {"language_field": False, "url_field": False}])
def test_the_executor_reads_what_was_configured(name, off):
    config = IngestConfig(shards="s", format=name, **off)
    read = read_config(config.to_json())
    assert read.fields == config.fields
    assert (read.globs, read.shares, read.named_fields) == (config.globs, config.shares, config.named_fields)
    assert read.to_json() == config.to_json()


def test_no_text_names_no_field():
    config = IngestConfig(shards="s", format="csv", language_field="", label_field="", url_field="", key_field="")
    assert config.named_fields == ["caption", "image"]


def test_languages_of_captions_are_spelt_as_bcp_47_has_them():
    assert IngestConfig(shards="s", captions={"a": "pt_BR", "b": "ZH-hant"}).fields.captions == {
        "a": "pt-BR",
        "b": "zh-Hant",
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"format": "zip"},
            "ingest.format is 'zip'; it must be one of tar, parquet, tfrecord, csv, tsv, jsonl, imagefolder",
        ),
        ({"image_field": "image"}, "ingest.image_field is 'image', which ingest.format 'tar' has no use for; leave it"),
        ({"image_folder": "i"}, "set the format to one of parquet, csv, tsv, jsonl, karpathy"),
        (
            {"columns": ("a",), "format": "parquet"},
            "ingest.columns is ('a',), which ingest.format 'parquet' has no use",
        ),
        ({"metadata": "*.tsv", "format": "csv"}, "set the format to one of conceptual_captions, coyo, laion"),
        ({"key_field": "key"}, "ingest.key_field is 'key', which ingest.format 'tar' has no use for"),
        ({"key_field": "key", "format": "coyo"}, "ingest.key_field is 'key' without ingest.metadata; name the files"),
        ({"columns": ("image",), "format": "csv"}, "ingest.columns is ['image'], without 'caption'; name that column"),
        ({"columns": ("caption",), "format": "tsv"}, "ingest.columns is ['caption'], without 'image'"),
        ({"columns": ("image", "caption", "image"), "format": "csv"}, "each name may come once"),
        ({"sample": 0}, "ingest.sample is 0; it must be at least 1, or null for all records"),
        ({"max_image_pixels": 0}, "ingest.max_image_pixels is 0; it must be from 1 to 134_217_727"),
        ({"max_image_pixels": 1 << 27}, "ingest.max_image_pixels is 134217728; it must be from 1 to 134_217_727"),
        ({"captions": {}}, "ingest.captions is {}; name at least one caption field, none of them without a name"),
        (
            {"captions": {"": "en"}},
            "ingest.captions is {'': 'en'}; name at least one caption field, none of them without",
        ),
        (
            {"captions": {"txt": "English"}},
            "ingest.captions['txt'] is 'English', which is no language tag; give one of",
        ),
        ({"captions": {"txt": ""}}, "ingest.captions['txt'] is '', which is no language tag"),
        (
            {"format": "laion", "metadata": "*", "url_field": False},
            "url_field is false, by which ingest.metadata is jo",
        ),
        (
            {"columns": ("image", "caption"), "format": "csv", "language_field": "lang"},
            "without 'lang'; name that column there, or the right one in ingest.captions, image_field or whichever",
        ),
        ({"splits": {}}, "ingest.splits is empty; name at least one glob"),
        ({"hash_split": {}}, "ingest.hash_split is empty but ingest.splits has the single entry ['all']"),
        ({"hash_split": {"test": 1}}, "ingest names the splits ['test']; one of them must be \"train\""),
        ({"hash_split": {"train": 0}}, "ingest.hash_split['train'] is 0; a share must be at least 1"),
        (
            {"splits": {"train": "a", "test": "b"}, "hash_split": {"train": 1}},
            "ingest.splits already names ['train', 'test']; set hash_split to null",
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
