"""Refuses Beam options that Beam does not know, which Beam itself drops with a warning."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from apache_beam.options.pipeline_options import PipelineOptions


def check_beam_options(names: Iterable[str]) -> None:
    """Raise ValueError naming the first of `names` that no Beam runner installed here defines.

    Args:
      names: option names without leading dashes, such as "direct_num_workers".
    """
    known = PipelineOptions([]).get_all_options()
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "see Beam's documentation of pipeline options"
            raise ValueError(f"beam.options holds {name!r}, which is not a Beam option; {hint}")
