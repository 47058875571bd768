"""Counts of images and captions by split and fate, which many workers keep and which merge in any order."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from components.tally import Tally

IMAGES = "images"
CAPTIONS = "captions"
SAMPLES_PER_REASON = 5
MAX_SEEN = 10_000  # names of one kind that are kept in mind
_FATES = ("read", "kept", "dropped", "noted")  # fields of Counts
_ALWAYS_SHOWN = ("record", "detail")


class Preview(NamedTuple):
    """What a report shows of a dropped record beside its name: a caption, and a small JPEG in base64; "" for none."""

    caption: str = ""
    thumbnail: str = ""


class Sample(NamedTuple):
    """One dropped record, as a report shows it. `rank` orders samples by hash: chance picks them, the same each run."""

    rank: str
    record: str
    detail: str
    caption: str = ""
    thumbnail: str = ""


@dataclass
class Counts:
    """What became of the records that one worker saw.

    Attributes:
      read, kept: (split, kind) -> records, where kind is IMAGES or CAPTIONS.
      dropped: (split, kind, reason) -> records.
      noted: (split, kind, name of what could not be used of them) -> records that were kept.
      seen: kind of name -> the different names that records had, at most some MAX_SEEN.
      samples: reason -> the samples of least rank, at most SAMPLES_PER_REASON, in order.
    """

    read: Counter = field(default_factory=Counter)
    kept: Counter = field(default_factory=Counter)
    dropped: Counter = field(default_factory=Counter)
    noted: Counter = field(default_factory=Counter)
    seen: dict[str, set[str]] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    _previews: dict[tuple[str, str], Callable[[], Preview]] = field(default_factory=dict, repr=False, compare=False)

    def drop(
        self, split: str, kind: str, reason: str, record: str, detail: str, preview: Callable[[], Preview] | None = None
    ) -> None:
        """Count one dropped record and consider it as a sample, whose preview is asked for by `make_previews` alone."""
        self.dropped[split, kind, reason] += 1
        self.add_sample(reason, record, detail, preview)

    def note(self, split: str, kind: str, name: str, record: str, detail: str) -> None:
        """Count one kept record of which something could not be used, and consider it as a sample."""
        self.noted[split, kind, name] += 1
        self.add_sample(name, record, detail)

    def see(self, kind: str, names: Iterable[str]) -> None:
        """Keep names in mind that a record has."""
        known = self.seen.setdefault(kind, set())
        if len(known) < MAX_SEEN:
            known.update(names)

    def all_seen(self, kind: str) -> list[str] | None:
        """Returns all names of a kind, sorted; None where they are too many to have been kept in mind."""
        names = self.seen.get(kind, set())
        return sorted(names) if len(names) < MAX_SEEN else None

    def add_sample(self, reason: str, record: str, detail: str, preview: Callable[[], Preview] | None = None) -> None:
        """Consider a record as a sample of a reason."""
        rank = hashlib.blake2b(f"{record}\n{detail}".encode(errors="backslashreplace"), digest_size=8).hexdigest()
        found = self.samples.setdefault(reason, [])
        if len(found) < SAMPLES_PER_REASON or rank < found[-1].rank:
            found.append(Sample(rank, record, detail))
            if preview:
                self._previews[reason, rank] = preview
            found.sort()
            del found[SAMPLES_PER_REASON:]

    def make_previews(self) -> None:
        """Give the samples their previews, which most that were samples for a while never need."""
        for reason, found in self.samples.items():
            for place, sample in enumerate(found):
                if preview := self._previews.get((reason, sample.rank)):
                    found[place] = Sample(*sample[:3], *preview())
        self._previews.clear()

    def tally(self, split: str, kind: str) -> Tally:
        """Returns the balanced tally of one kind in one split.

        Raises:
          ValueError: where the counts do not balance.
        """
        dropped, noted = (
            {reason: number for (*of, reason), number in counter.items() if of == [split, kind]}
            for counter in (self.dropped, self.noted)
        )
        return Tally(read=self.read[split, kind], kept=self.kept[split, kind], dropped=dropped, noted=noted)

    def report_splits(self, splits: Sequence[str]) -> dict[str, dict]:
        """Returns {split: {"images": TALLY, "captions": TALLY}} for the report artifacts."""
        return {split: {kind: self.tally(split, kind).to_json() for kind in (IMAGES, CAPTIONS)} for split in splits}

    def report_samples(self) -> dict[str, list[dict]]:
        """Returns {reason: [{"record": name, "detail": text}, ...]} for the report artifacts, reasons by name.

        A sample that has them has "caption" and "thumbnail" too.
        """
        return {
            reason: [
                {name: value for name, value in sample._asdict().items() if name in _ALWAYS_SHOWN or value}
                for sample in (sample._replace(rank="") for sample in found)
            ]
            for reason, found in sorted(self.samples.items())
        }

    def totals(self) -> dict[str, int]:
        """Returns images_read, images_kept, captions_read and captions_kept over all splits."""
        return {
            f"{kind}_{fate}": sum(number for (_, of_kind), number in counter.items() if of_kind == kind)
            for kind in (IMAGES, CAPTIONS)
            for fate, counter in (("read", self.read), ("kept", self.kept))
        }

    def to_json(self) -> dict:
        """Returns a mapping that `from_json` reads back."""
        return {
            **{fate: [[*key, number] for key, number in sorted(getattr(self, fate).items())] for fate in _FATES},
            "seen": {kind: sorted(names) for kind, names in self.seen.items()},
            "samples": {reason: [list(sample) for sample in found] for reason, found in self.samples.items()},
        }

    @classmethod
    def from_json(cls, content: dict) -> Counts:
        """Returns the counts that `to_json` described."""
        counts = cls(
            seen={kind: set(names) for kind, names in content["seen"].items()},
            samples={reason: [Sample(*sample) for sample in found] for reason, found in content["samples"].items()},
        )
        for fate in _FATES:
            getattr(counts, fate).update({tuple(key): number for *key, number in content[fate]})
        return counts


def merge(parts: Iterable[Counts]) -> Counts:
    """Add counts up; the order of `parts` does not matter, and no part is changed."""
    whole = Counts()
    for part in parts:
        for fate in _FATES:
            getattr(whole, fate).update(getattr(part, fate))
        for kind, names in part.seen.items():
            whole.see(kind, names)
        for reason, found in part.samples.items():
            joined = [*whole.samples.get(reason, []), *found]
            whole.samples[reason] = heapq.nsmallest(SAMPLES_PER_REASON, joined)
    return whole
