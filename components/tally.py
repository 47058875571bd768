"""Counts of what was read, kept and dropped, which must balance: the core of every data report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Tally:
    """What became of the records of one kind (images or captions) in one split.

    Invariant, checked at construction: read = kept + sum(dropped.values()).

    Attributes:
      read: records that came in.
      kept: records that went out.
      dropped: records left out, by the name of the one reason that dropped each.
      noted: kept records of which something could not be used, by its name; one record may be in several.
    """

    read: int
    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    noted: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lost = self.read - self.kept - sum(self.dropped.values())
        if lost:
            raise ValueError(
                f"tally does not balance: read {self.read}, kept {self.kept}, dropped {dict(self.dropped)}, "
                f"unaccounted for {lost}; records were lost or counted twice on the way"
            )

    def to_json(self) -> dict:
        """Returns {"read": n, "kept": n, "dropped": {reason: n}} with reasons sorted by name.

        Where something was noted, it also has "noted": {name: n}.
        """
        tally = {"read": self.read, "kept": self.kept, "dropped": dict(sorted(self.dropped.items()))}
        return {**tally, "noted": dict(sorted(self.noted.items()))} if self.noted else tally
