"""What a candidate must do when it is served: the `serving_validation` section of a config."""

from __future__ import annotations

from dataclasses import dataclass

from components.config_fields import refuse_unless


@dataclass(frozen=True)
class ServingValidationConfig:
    """How the trained model is tried in a server before it is pushed.

    A candidate that does not load, lacks a signature, answers otherwise than in process, or not with unit vectors, is
    refused whatever stands here.

    Attributes:
      tolerance: how far a number of a served vector may be from that of the same model in process. [-; ours]
      max_load_s: how long the server may take from its start until it answers. [seconds; ours]
      max_latency_ms: the p99 of requests with one picture, and of those with one text, above which the model is
        refused; null measures alone. [milliseconds; ours]
      requests: how many of each are timed, one after the other. [requests; ours]

    Examples:
      >>> ServingValidationConfig(requests=0)
      Traceback (most recent call last):
        ...
      ValueError: serving_validation.requests is 0; it must be 1 or more
    """

    tolerance: float = 1e-5
    max_load_s: float = 300.0
    max_latency_ms: float | None = None
    requests: int = 32

    def __post_init__(self) -> None:
        above_zero = ("tolerance", "max_load_s", "max_latency_ms")
        refuse_unless(self, "serving_validation", lambda value: value > 0, "above 0", *above_zero)
        refuse_unless(self, "serving_validation", lambda count: count >= 1, "1 or more", "requests")
