"""SimLex-999: 999 pairs of English words, rated by how similar they are, not by how related.

Reference: https://fh295.github.io/simlex.html, arXiv:1408.3456
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import DataSetError, RatedSet

_FILE = "simlex999/SimLex-999.txt"
PUBLISHED_PAIRS = 999


def read_simlex(root: Path, pairs: int = PUBLISHED_PAIRS) -> RatedSet:
    """Read SimLex-999.txt, a table with the columns word1, word2 and SimLex999 among others, divided by tabs.

    Raises:
      DataSetError: it is another file, or a part of it.
    """
    path = root / _FILE
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        left, right = ([row[column] for row in rows] for column in ("word1", "word2"))
        scores = np.array([row["SimLex999"] for row in rows], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise DataSetError(f"{path} is no SimLex-999 ({type(error).__name__}: {error}); get it again") from error
    if len(rows) != pairs:
        raise DataSetError(f"{path} has {len(rows)} of {pairs} pairs; get it again")
    words = tuple(dict.fromkeys(left + right))
    place = {word: index for index, word in enumerate(words)}
    return RatedSet(
        texts=words,
        image_ids=(),
        images=(),
        left_modality="text",
        left=np.array([place[word] for word in left], np.int64),
        right_modality="text",
        right=np.array([place[word] for word in right], np.int64),
        scores=scores,
    )


ENTRIES = (
    Entry(
        name="simlex999",
        about="SimLex-999: how similar English words are, to the text tower alone",
        kind="rated",
        metrics=("spearman",),
        layout=(_FILE,),
        where="get SimLex-999.zip from fh295.github.io/simlex.html and put SimLex-999.txt into simlex999/ of the data "
        "folder",
        read=read_simlex,
    ),
)
