"""The Evaluator for galleries that no one worker can hold: a Beam job of ours in the place of TFMA's."""

from __future__ import annotations

from tfx.dsl.components.base import executor_spec

from components.evaluator.component import AlignEvaluator
from components.evaluator.sharded.executor import Executor


class ShardedEvaluator(AlignEvaluator):
    """Gives the numbers, the evaluation and the blessing of AlignEvaluator, shard by shard.

    No worker holds more than a shard of captions, a block of images and their similarities a chunk at a time.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
