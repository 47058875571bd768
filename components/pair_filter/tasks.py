"""The files that the filter works through: one is the grain of parallelism, of retry and of memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileTask:
    """One file of Examples.

    Attributes:
      index: its number among all files of the job.
      split: the split that it belongs to, or the name of the evaluation set that it comes from.
      source: path to read.
      facts: path, aside, of what later passes need to know of it.
      target: path to write what is kept to; "" for a file of an evaluation set, which is only compared with.
      rejects: path to write what is dropped to; "" where it is not kept.
      captions: path to write the table of the kept captions to; "" where it is of no use, beyond the train split.
    """

    index: int
    split: str
    source: str
    facts: str
    target: str = ""
    rejects: str = ""
    captions: str = ""
