"""The processes that train together, as one of them sees them: how they agree, and what is said when one is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

_GONE = (  # Unavailable in most cases; FailedPrecondition where it came back meanwhile
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
)


class WorkerLost(RuntimeError):
    """Another worker ended, or cannot be reached, while this one needed it."""


class Workers:
    """The workers of a strategy; a single process is the only worker of its own.

    Attributes:
      count: of all.
      index: of this one, from 0, in the order of replicas.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self.count, self.index = 1, 0
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            cluster, here = strategy.cluster_resolver.cluster_spec().as_dict(), strategy.cluster_resolver
            chiefs = len(cluster.get("chief", []))
            self.count = chiefs + len(cluster.get("worker", []))
            self.index = here.task_id + (chiefs if here.task_type == "worker" else 0)

        @tf.function(autograph=False)
        def gather(value: tf.Tensor) -> tf.Tensor:
            return strategy.gather(strategy.run(lambda: value[tf.newaxis]), axis=0)

        self._gather = gather

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes for all."""
        return self.index == 0

    def tell(self, value: int) -> list[int]:
        """Give a number to all workers, who must all call this, and as often as each other.

        Args:
          value: of 63 bits at most.

        Returns:
          What each worker gave, in the order of their indices.

        Raises:
          WorkerLost: where one of them is gone.
        """
        if self.count == 1:
            return [value]
        with self.needed():
            by_replica = self._gather(tf.constant(value, tf.int64)).numpy().tolist()
        return by_replica[:: len(by_replica) // self.count]

    def check_same(self, name: str) -> None:
        """Raise ValueError where a worker has another name for what it trains.

        Args:
          name: hexadecimal, as `checkpoints.identity` makes it of settings and files.
        """
        names = self.tell(int(name, 16) >> 1)
        others = [index for index, other in enumerate(names) if other != names[0]]
        if others:
            raise ValueError(
                f"worker {others[0]} of {self.count} has other settings or other training files than worker 0; start "
                "all of them with the same config, on storage that they share (files are compared by path, size and "
                "time)"
            )

    @contextmanager
    def needed(self) -> Iterator[None]:
        """While entered, the failure of another worker raises WorkerLost in place of TensorFlow's errors."""
        try:
            yield
        except _GONE as error:
            if self.count == 1:
                raise
            raise WorkerLost(
                f"worker {self.index} of {self.count} lost another one ({_reason(error)}); see what that one said "
                "last, and start all of them again to go on from the last checkpoint"
            ) from error


def _reason(error: tf.errors.OpError) -> str:
    """Returns the line that says why: the first that is not about where in the graph."""
    lines = [line.strip() for line in str(error.message).splitlines()]
    return next((line for line in lines if "aborted by" in line), lines[0] if lines else type(error).__name__)
