"""The one refusal of a cluster that may pass by itself."""

from __future__ import annotations

from tfx_pipeline.settings.config import ConfigError


class Unreachable(ConfigError):
    """A server that does not answer now."""
