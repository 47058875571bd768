"""Compare two and four logical CPU replicas with one device on the joined batch; prints JSON.

Run as its own process: devices must be split before TensorFlow starts.
Legend: B per-replica batch, G global batch, D embedding dimension.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from halved import Halved
from models.losses.gather import gather_replicas
from models.losses.objective import Embedded, MultiPositiveObjective, SigmoidObjective, SoftmaxObjective
from models.optimizers.adamw import AdamW
from models.optimizers.lamb import Lamb
from models.texts.trim import trim
from models.towers.batch_norm import BatchNormalization
from models.towers.dual_encoder import DualEncoder
from models.training.loop import compile_step
from models.training.step import Learner
from models.training.strategies import distribute, pick_strategy

PIECES = 20
PAIRS = 8  # G


class Recorder(Lamb):
    """LAMB that keeps the gradients it steps by: summed over replicas, clipped."""

    def build(self, variables):
        super().build(variables)
        self.gradients = self.add_optimizer_variables(variables, "gradient")

    def update_step(self, gradient, variable, learning_rate):
        self.assign(self.gradients[self._get_variable_index(variable)], gradient)
        super().update_step(gradient, variable, learning_rate)


class Beside(tf.distribute.MirroredStrategy):
    """For use beside another: TensorFlow knows a group of devices by a number that each strategy counts from here."""

    _collective_key_base = 100


def small_image_tower(mode):
    """Two convolutions with batch norm between: all that replicas can differ by, and quick to trace."""
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, use_bias=False, name="conv")(images)
    norm = BatchNormalization(epsilon=1e-3, synchronized=mode == "synchronized", name="bn")
    x = keras.layers.Activation("silu")(norm(x))
    x = keras.layers.Conv2D(10, 3, name="top")(x)
    norm.trainable = mode != "inference"
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(x))


def small_text_tower():
    """An embedding, whose gradient is sparse, under a mean."""
    token_ids = keras.Input((None,), dtype="int32")
    pieces = keras.layers.Embedding(PIECES, 16)(token_ids)
    return keras.Model(token_ids, keras.layers.GlobalAveragePooling1D()(pieces))


def one_step(strategy, mode, encoder_class=DualEncoder, objective=lambda: SoftmaxObjective(0.1), **settings):
    """Take one step as training does; returns the loss, the gradients and the weights after it."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    batch = {
        "image": rng.integers(0, 256, (PAIRS, 16, 16, 3)).astype("uint8"),
        "token_ids": rng.integers(0, PIECES, (PAIRS, 5)).astype("int32"),
        "image_id": rng.integers(0, 5, (PAIRS, 2)).astype("int32"),
        "caption_id": rng.integers(0, 2, (PAIRS, 2)).astype("int32"),
    }
    with strategy.scope():
        encoder = encoder_class(
            small_image_tower(mode),
            small_text_tower(),
            embedding=12,
            initial_temperature=0.1,
            dropout=0.0,
        )
        optimizer = Recorder(0.01, weight_decay=0.01, clip_norm=settings.get("clip_norm"))
        learner = Learner(encoder, objective(), optimizer)
    batches = tf.data.Dataset.from_tensors(batch)
    micro_batches = None
    if "micro_batch" in settings:
        micro_batches = PAIRS // strategy.num_replicas_in_sync // settings["micro_batch"]
        batches = batches.unbatch().batch(settings["micro_batch"], drop_remainder=True)
    batches = distribute(strategy, lambda worker, workers: batches.repeat(), micro_batches)
    measures = compile_step(learner, strategy)(next(batches))
    return {
        "loss": float(measures["loss"]),
        "norm": float(measures["gradient_norm"]),
        "gradients": [np.asarray(g) for g in optimizer.gradients],
        "trained": [np.asarray(w) for w in learner.trainable_variables],
        "moving": [np.asarray(w) for w in encoder.non_trainable_weights if "moving" in w.name],
    }


def traces_on(strategy):
    """Step on batches whose texts are cut to 3, 5, 3 and 5 of 5 places; returns how often the step was traced."""

    def batch(number):
        token_ids = tf.sequence_mask(tf.fill([PAIRS], 3 + 2 * (number % 2)), 5, tf.int32)
        return {"image": tf.zeros([PAIRS, 16, 16, 3], tf.uint8), "token_ids": trim(token_ids)}

    with strategy.scope():
        encoder = DualEncoder(small_image_tower("per_replica"), small_text_tower(), embedding=12)
        learner = Learner(encoder, SoftmaxObjective(0.1), Lamb(0.01))
    batches = distribute(strategy, lambda worker, workers: tf.data.Dataset.counter().map(batch))
    step = compile_step(learner, strategy)
    for _ in range(4):
        step(next(batches))
    return step.experimental_get_tracing_count()


def adamw_on(strategy, replicas):
    """Take four steps by gradients that are shared out to the replicas, the third of them broken on the first replica.

    Returns the kernel of [2, 3] and the bias of [3] after each step, as each replica holds them, and the steps skipped.
    """
    own = strategy.num_replicas_in_sync
    rng = np.random.default_rng(0)
    shares = [rng.normal(size=(4, replicas, *shape)).astype("float32") for shape in ((2, 3), (3,))]
    shares[0][2, 0, 0, 0] = np.inf
    shares = [tf.constant(share.reshape(4, own, replicas // own, *share.shape[2:]).sum(2)) for share in shares]
    with strategy.scope():
        starts = {"kernel": np.full((2, 3), 0.5, "float32"), "bias": np.zeros(3, "float32")}
        variables = [keras.Variable(start, name=name) for name, start in starts.items()]
        optimizer = AdamW(0.1, weight_decay=0.5, clip_norm=1.0, epsilon=1e-3)
        optimizer.build(variables)

    def replica_fn(number):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        optimizer.step([share[number][replica] for share in shares], variables)

    step = tf.function(lambda number: strategy.run(replica_fn, args=(number,)), autograph=False)
    weights = []
    for number in tf.range(4):
        step(number)
        held = [strategy.experimental_local_results(variable.value) for variable in variables]
        weights.append([[np.asarray(copy).tolist() for copy in copies] for copies in held])
    return {"weights": weights, "skipped": int(np.asarray(optimizer.skipped_steps))}


def relative_error(found, expected):
    """Returns |found - expected| / |expected| over all arrays together."""
    difference = sum(float(np.sum((a - b) ** 2)) for a, b in zip(found, expected, strict=True))
    return (difference / sum(float(np.sum(b**2)) for b in expected)) ** 0.5


def worst_error(found, expected):
    """Returns the greatest relative error of any one array whose norm is not rounding noise."""
    floor = 1e-4 * max(float(np.linalg.norm(b)) for b in expected)
    pairs = [(a, b) for a, b in zip(found, expected, strict=True) if np.linalg.norm(b) > floor]
    return max(relative_error([a], [b]) for a, b in pairs)


def compare(two, one):
    return {
        "loss": [two["loss"], one["loss"]],
        "norm": [two["norm"], one["norm"]],
        "gradients": relative_error(two["gradients"], one["gradients"]),
        "worst_gradient": worst_error(two["gradients"], one["gradients"]),
        "trained": relative_error(two["trained"], one["trained"]),
        "moving": relative_error(two["moving"], one["moving"]) if one["moving"] else 0.0,
    }


def gather_on(strategy):
    """Gather rows of [2, 1] per replica and differentiate sum(gathered * (replica + 1) * (1, 2, 3, 4))."""

    def replica_fn():
        replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)
        rows = tf.constant([[1.0], [2.0]]) + 10 * replica
        with tf.GradientTape() as tape:
            tape.watch(rows)
            gathered = gather_replicas(Embedded(rows, -rows))
            images = gathered.everyone.images[:, 0]
            weighted = tf.reduce_sum(images * (replica + 1) * tf.constant([1.0, 2.0, 3.0, 4.0]))
        return images, gathered.row_offset, tape.gradient(weighted, rows)[:, 0]

    results = tf.function(lambda: strategy.run(replica_fn))()
    embeddings, offsets, gradients = (strategy.experimental_local_results(result) for result in results)
    return {
        "embeddings": [x.numpy().tolist() for x in embeddings],
        "offsets": [int(x) for x in offsets],
        "gradients": [x.numpy().tolist() for x in gradients],
    }


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
    two, four = (of([f"/cpu:{i}" for i in range(n)]) for of, n in ((tf.distribute.MirroredStrategy, 2), (Beside, 4)))
    one_device = tf.distribute.get_strategy()
    found = {
        "picked": pick_strategy("auto").num_replicas_in_sync,
        "two": {"objectives": {}},
        "four": {"objectives": {}},
    }
    objectives = {
        "softmax": lambda: SoftmaxObjective(0.1),
        "multi_positive": lambda: MultiPositiveObjective(0.1),
        "sigmoid": SigmoidObjective,
    }
    for name, objective in objectives.items():
        settings = {"objective": objective, "clip_norm": 0.05}
        expected = one_step(one_device, "inference", **settings)
        for replicas, strategy in (("two", two), ("four", four)):
            found[replicas]["objectives"][name] = compare(one_step(strategy, "inference", **settings), expected)
    found["two"] |= {
        "gather": gather_on(two),
        "adamw": [adamw_on(strategy, 2) for strategy in (two, one_device)],
        "traces": [traces_on(strategy) for strategy in (two, one_device)],
        "synchronized": compare(one_step(two, "synchronized"), one_step(one_device, "synchronized")),
        "per_replica": compare(halves := one_step(two, "per_replica"), one_step(one_device, "per_replica")),
        "halved": compare(halves, one_step(one_device, "per_replica", Halved)),
        "cached": compare(*(one_step(strategy, "per_replica", micro_batch=2) for strategy in (two, one_device))),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
