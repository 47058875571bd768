"""Takes the steps of one container's start, and prints the seconds of each, by the clock and of CPU time, as JSON.

Started by container_start.py, with the executor, Beam's module or another in its place, and the time of the start in
seconds since 1970.
"""

from __future__ import annotations

import itertools
import json
import pkgutil
import sys
import time

from tfx_pipeline.cluster.container.source import source_fingerprint
from tfx_pipeline.quick import quick_imports

ENTRY_POINT = "tfx_pipeline.cluster.container.entry_point"


def main() -> None:
    executor, beam, started = sys.argv[1:]
    reached = [(float(started), 0.0)]
    source_fingerprint()
    with quick_imports():
        for module in (ENTRY_POINT, "tensorflow", "tfx.types", beam, executor.rpartition(".")[0]):
            pkgutil.resolve_name(module)
            reached.append((time.time(), time.process_time()))
    steps = itertools.pairwise(reached)
    print(json.dumps([(after[0] - before[0], after[1] - before[1]) for before, after in steps]))


if __name__ == "__main__":
    main()
