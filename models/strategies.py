"""On which devices a batch is trained, and how each gets its share of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from models.training_config import TrainingConfig

MakeBatches = Callable[[int, int], tf.data.Dataset]  # (worker, workers) -> that worker's share of each global batch


def pick_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the strategy that `training.strategy` names; call it before anything else of TensorFlow.

    "auto" mirrors over all GPUs of this machine, or over all logical CPUs where there is no GPU; one device needs no
    mirror. "multi_worker" reads TF_CONFIG, and "tpu" the environment that Cloud TPUs come with, as TensorFlow does.
    """
    return {"auto": _mirrored, "one_device": _one_device, "multi_worker": _multi_worker, "tpu": _tpu}[name]()


def _mirrored() -> tf.distribute.Strategy:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _one_device() -> tf.distribute.Strategy:
    return tf.distribute.get_strategy()


def _multi_worker() -> tf.distribute.Strategy:
    if not tf.distribute.cluster_resolver.TFConfigClusterResolver().cluster_spec():
        raise ValueError(
            "training.strategy is 'multi_worker', but TF_CONFIG names no cluster; start each worker with TF_CONFIG as "
            "TensorFlow's guide on MultiWorkerMirroredStrategy has it, or set training.strategy to 'auto'"
        )
    return tf.distribute.MultiWorkerMirroredStrategy()


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


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Says whether this process is the one that writes for all: the first worker, or the only one."""
    resolver = strategy.cluster_resolver
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) or not resolver.task_type:
        return True
    return resolver.task_type == "chief" or (
        resolver.task_type == "worker" and resolver.task_id == 0 and "chief" not in resolver.cluster_spec().as_dict()
    )


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


def distribute(strategy: tf.distribute.Strategy, make_batches: MakeBatches) -> Iterator[Any]:
    """Iterate over batches as `strategy.run` takes them: replica r of n trains rows r G/n to (r + 1) G/n.

    Args:
      strategy: whose replicas share each batch.
      make_batches: makes the batches of one worker.
    """
    if strategy.num_replicas_in_sync == 1:
        return iter(make_batches(0, 1))

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        workers = context.num_input_pipelines
        replicas = context.num_replicas_in_sync // workers

        def by_replica(batch: dict[str, tf.Tensor]) -> tf.data.Dataset:
            shares = {
                name: tf.reshape(v, [replicas, v.shape[0] // replicas, *(-1 if n is None else n for n in v.shape[1:])])
                for name, v in batch.items()  # texts alone are of a length that differs from batch to batch
            }
            return tf.data.Dataset.from_tensor_slices(shares)

        return make_batches(context.input_pipeline_id, workers).flat_map(by_replica).prefetch(replicas)

    return iter(strategy.distribute_datasets_from_function(of_worker))
