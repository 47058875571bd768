"""Fields that the config names and no record has."""

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging.names_seen import unknown_fields


def test_each_field_that_no_record_has_is_named_with_the_closest():
    config = IngestConfig(
        shards="s", format="csv", captions={"caption": "en", "Title": "en"}, label_field="clas", language_field="lang"
    )
    assert unknown_fields(config, ["caption", "class", "image", "lang", "title"]) == [
        "ingest.captions names 'Title', which no record has; did you mean 'title'?",
        "ingest.label_field is 'clas', which no record has; did you mean 'class'?",
    ]
    assert unknown_fields(config, ["Title", "caption", "clas", "lang"]) == []
    assert unknown_fields(config, None) == []  # too many to tell


def test_what_a_format_reads_by_itself_is_named_too():
    config = IngestConfig(shards="s", format="laion")
    assert unknown_fields(config, ["caption", "url"]) == ["ingest.language_field is 'LANGUAGE', which no record has"]
