"""The project's own artifact types; each docstring draws the file tree that its uri holds.

The compiler for Kubeflow takes a TYPE_NAME with one dot in it.
"""

from __future__ import annotations

from tfx.types import artifact


class IngestReport(artifact.Artifact):
    """What PairExampleGen read, kept and skipped.

    ```
    <uri>/
      ingest_report.json   {"splits": {split: {"images": TALLY, "captions": TALLY}},
                            "samples": {reason: [{"record": name, "detail": text}, ...]},   at most 5 a reason
                            "labels": [label, ...], "unknown_fields": [sentence, ...],
                            "copies": [sentence, ...]}
    ```
    "labels" are the classes of kept images, null where they are too many to list; "unknown_fields" a sentence for each
    field that the config names and no record has; "copies" one for each file that seems to be a copy of another.
    TALLY is `components.tally.Tally.to_json()`: {"read": n, "kept": n, "dropped": {reason: n}}, with "noted": {name: n}
    where kept records had something that could not be used. The reasons and names are those of
    components/pair_example_gen/judging/reasons.py; a record's name is its url, else '<file>#<name in file>'.
    """

    TYPE_NAME = "align.IngestReport"


class FilterReport(artifact.Artifact):
    """What PairFilter kept and dropped, by rule and split.

    ```
    <uri>/
      filter_report.json   {"rules": [{"name": rule, "drops": "image" | "caption", "threshold": x, "source": text}],
                            "splits": {split: {"filtered": bool, "images": TALLY, "captions": TALLY}},
                            "samples": {rule: [{"record": name, "detail": text, "caption": text,
                                                "thumbnail": JPEG in base64}, ...]}}     at most 5 a rule
    ```
    TALLY is `components.tally.Tally.to_json()`; rules stand in the order in which they are applied, and one that is not
    in force has the threshold "off".
    """

    TYPE_NAME = "align.FilterReport"


class Captions(artifact.Artifact):
    """The captions of the filtered train split without their images; those of other splits are not in it.

    ```
    <uri>/
      Split-train/
        <name of a file of the Examples>.arrow   the captions of that file: components/files/caption_table.py
    ```
    Workers write a table a file. Equal captions are counted together within a file, not across files.
    """

    TYPE_NAME = "align.Captions"


class RecordCounts(artifact.Artifact):
    """How many records each file of the filtered Examples holds, so that nobody reads the files to know.

    ```
    <uri>/
      Split-<split>/
        record_counts.json   {name of a file of the Examples: {"records": n, "captions": n}}
    ```
    """

    TYPE_NAME = "align.RecordCounts"


class Vocabulary(artifact.Artifact):
    """Word pieces learnt from the filtered captions of the train split.

    ```
    <uri>/
      vocab.txt                one piece a line, UTF-8; a piece's id is its line number, counted from 0;
                               [PAD], [UNK], [CLS], [SEP], [MASK] come first
      vocabulary_report.json   {"pieces": n, "least_word_count": n, ...COVERAGE,
                                "languages": {BCP 47 tag: COVERAGE}}     most captions first, at most 100, then "other"
    ```
    COVERAGE is a `components.vocabulary.counting.coverage.Coverage`: "captions": n, "words": n, "distinct_words": n,
    "unknown_word_rate": x, "pieces_per_word": x.
    """

    TYPE_NAME = "align.Vocabulary"
