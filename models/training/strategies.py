"""On which devices a batch is trained, and how each gets its share of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from models.texts.trim import trim_together
from models.training_config import TrainingConfig

MakeBatches = Callable[..., tf.data.Dataset]  # (worker=, workers=) -> that worker's share, or its micro-batches

_TF_CONFIG_REMEDY = (
    "start each worker with TF_CONFIG as in "
    """'{"cluster": {"worker": ["HOST_0:PORT", "HOST_1:PORT"]}, "task": {"type": "worker", "index": 0}}'"""
)


def pick_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the strategy that `training.strategy` names; call it before anything else of TensorFlow.

    "auto" mirrors over all GPUs of this machine, or over all logical CPUs where there is no GPU; one device needs no
    mirror. "multi_worker" reads TF_CONFIG, and "tpu" the environment that Cloud TPUs come with, as TensorFlow does.
    """
    ways = {"auto": _mirrored, "one_device": tf.distribute.get_strategy, "multi_worker": _multi_worker, "tpu": _tpu}
    return ways[name]()


def _mirrored() -> tf.distribute.Strategy:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _multi_worker() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        cluster, kind, index = resolver.cluster_spec().as_dict(), resolver.task_type, resolver.task_id
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"TF_CONFIG cannot be read ({error}); {_TF_CONFIG_REMEDY}") from error
    if not cluster:
        raise ValueError(
            f"training.strategy is 'multi_worker', but TF_CONFIG names no cluster; {_TF_CONFIG_REMEDY}, or set "
            "training.strategy to 'auto'"
        )
    if kind not in ("chief", "worker") or index not in range(len(cluster.get(kind, []))):
        raise ValueError(
            f"TF_CONFIG says that this process is task {index} of {kind!r}, which its cluster {cluster} does not "
            f"have among its chief and workers; {_TF_CONFIG_REMEDY}"
        )
    told_to_end = signal.getsignal(signal.SIGTERM)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # waits until all workers have come
    if told_to_end is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, told_to_end)  # TensorFlow has taken it, and would let it pass
    return strategy


def _tpu() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError) as error:
        raise ValueError(
            f"training.strategy is 'tpu', but no TPU answers ({str(error).splitlines()[0]}); run on a machine with "
            "one, or set training.strategy to 'auto'"
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def check_batch_divides(training: TrainingConfig, replicas: int) -> None:
    """Raise ValueError where `replicas` cannot share a batch evenly, or not in whole micro-batches and groups."""
    batch = training.batch
    if batch % replicas:
        raise ValueError(
            f"training.batch is {batch}, which {replicas} replicas cannot share evenly; set it to "
            f"{max(batch // replicas, 1) * replicas} or another multiple of {replicas}"
        )
    share = batch // replicas
    for name in ("micro_batch", "batch_norm_group"):
        part = getattr(training, name)
        if part is not None and share % part:
            raise ValueError(
                f"training.{name} is {part}, which does not divide the {share} pairs that each of {replicas} replicas "
                f"has of training.batch = {batch}; set it to a divisor of {share}, or to null"
            )


def distribute(
    strategy: tf.distribute.Strategy, make_batches: MakeBatches, micro_batches: int | None = None
) -> Iterator[tuple[Any, ...]]:
    """Iterate over batches as `strategy.run` takes them: of each the micro-batches that a replica encodes in turn.

    Without micro-batches replica r of n trains rows r G/n to (r + 1) G/n of a batch, at once. Micro-batches go to a
    worker's replicas in turn: of two replicas the first takes every other one, from the first on. A loss whose window
    of negatives follows the order of pairs then has other negatives on two replicas than on one, as many.

    Args:
      strategy: whose replicas share each batch.
      make_batches: makes the batches of one worker, or their micro-batches; without end.
      micro_batches: N, that each replica has of a batch; null where batches come whole.
    """
    if strategy.num_replicas_in_sync == 1:
        batches = _in_tuples(iter(make_batches(worker=0, workers=1)), micro_batches)
        return batches if micro_batches is None else map(trim_together, batches)

    # Its tuner sleeps for up to a minute and is not woken where replicas share an iterator: the process could not end.
    untuned = tf.data.Options()
    untuned.autotune.enabled = False  # as many calls at a time as there are cores, then

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        workers = context.num_input_pipelines
        replicas = context.num_replicas_in_sync // workers

        def by_replica(batch: dict[str, tf.Tensor]) -> tf.data.Dataset:
            shares = {
                name: tf.reshape(v, [replicas, v.shape[0] // replicas, *(-1 if n is None else n for n in v.shape[1:])])
                for name, v in batch.items()  # texts alone are of a length that differs from batch to batch
            }
            return tf.data.Dataset.from_tensor_slices(shares)

        batches = make_batches(worker=context.input_pipeline_id, workers=workers)
        shares = batches.flat_map(by_replica) if micro_batches is None else batches
        # Or else workers ask each other before each batch whether all still have one.
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return shares.apply(endless).prefetch(replicas).with_options(untuned)

    return _in_tuples(iter(strategy.distribute_datasets_from_function(of_worker)), micro_batches)


def _in_tuples(elements: Iterator[Any], micro_batches: int | None) -> Iterator[tuple[Any, ...]]:
    while True:
        yield tuple(next(elements) for _ in range(1 if micro_batches is None else micro_batches))
