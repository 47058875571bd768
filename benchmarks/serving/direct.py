"""The direct side of throughput.py: the exported model in this process, called with so many inputs at once.

Started by throughput.py, with the model's folder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks.serving import small_model
from benchmarks.shared.in_turn import serve
from benchmarks.shared.machine import load_quietly

load_quietly()

import tensorflow as tf  # noqa: E402 - loaded without its words
import tensorflow_text  # noqa: E402, F401 - registers ops

from serving import signatures  # noqa: E402

CALLS_OF_ONE = 20


def main() -> None:
    loaded = tf.saved_model.load(sys.argv[1])
    batch = int(sys.argv[2])

    def of(signature: str, count: int, times: int) -> Callable[[], None]:
        name, function = small_model.INPUTS[signature], loaded.signatures[signature]
        values = small_model.items(signature, count)

        def call() -> None:
            for _ in range(times):
                function(**{name: tf.constant(values)})[signatures.EMBEDDING].numpy()

        return call

    both = small_model.INPUTS
    calls = {f"{signature} {batch}": of(signature, batch, 2) for signature in both}
    serve({**calls, **{f"{signature} 1": of(signature, 1, CALLS_OF_ONE) for signature in both}}, {})


if __name__ == "__main__":
    main()
