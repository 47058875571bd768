"""What a trial of a candidate found; it is written beside the verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from serving.precision import Precision


@dataclass
class Findings:
    """All that is known of a candidate so far.

    Attributes:
      reasons: why it is refused, a sentence each; a candidate without one is blessed.
      precision: in which it computes images.
      least_cosine_to_float32: signature -> that of a vector to the one of the same weights in float32; empty where the
        model is in float32.
      load_s: seconds from the start of the server's process until it answered; None where it never did.
      peak_memory_bytes: the most that the server held; None where it never answered, or the system does not tell.
      largest_difference: protocol -> signature -> how far a number of a served vector was from that in process.
      latency_ms: protocol -> signature -> {"p50": x, "p99": y} of requests with one input, one after the other.
    """

    reasons: list[str] = field(default_factory=list)
    precision: Precision = "float32"
    least_cosine_to_float32: dict[str, float] = field(default_factory=dict)
    load_s: float | None = None
    peak_memory_bytes: int | None = None
    largest_difference: dict[str, dict[str, float]] = field(default_factory=dict)
    latency_ms: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    @property
    def is_blessed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons

    def to_json(self) -> dict[str, Any]:
        """Returns the content of the file."""
        return {"blessed": self.is_blessed, **asdict(self)}
