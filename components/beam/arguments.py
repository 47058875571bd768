"""Spells Beam options as the arguments that Beam's own parser reads. Imports no Beam."""

from __future__ import annotations

# Beam's DirectRunner first downloads Prism, a program of its own, and lets that run a job. It does not where a job may
# have unsafe triggers, of which ours have none.
NO_PRISM = "allow_unsafe_triggers"
BeamOption = int | float | bool | str | tuple[str, ...]


def spell(name: str, value: BeamOption) -> list[str]:
    """Returns the arguments of one option: true is a flag, false none at all, each item of a list the flag again."""
    if value is False:
        return []  # checked to be what Beam does without the flag, see components/beam/options.py
    if value is True:
        return [f"--{name}"]
    return [f"--{name}={item}" for item in (value if isinstance(value, tuple) else (value,))]
