"""Compare two logical CPU replicas with one device on the joined batch; prints what it finds as JSON.

Run as its own process: devices must be split before TensorFlow starts.
Legend: B per-replica batch, G = 2 B global batch, D embedding dimension.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from models.batch_norm import BatchNormalization
from models.dual_encoder import DualEncoder
from models.gather import gather_replicas
from models.lamb import Lamb

PIECES = 20
PAIRS = 8  # G


class Recorder(Lamb):
    """LAMB that keeps the gradients it was given, summed over replicas."""

    def build(self, variables):
        super().build(variables)
        self.gradients = self.add_optimizer_variables(variables, "gradient")

    def update_step(self, gradient, variable, learning_rate):
        self.assign(self.gradients[self._get_variable_index(variable)], tf.convert_to_tensor(gradient))
        super().update_step(gradient, variable, learning_rate)


class Halved(DualEncoder):
    """One device that embeds each half of the batch on its own: what replicas with their own statistics do."""

    def call(self, batch, training=False):
        halves = [
            super(Halved, self).call({key: value[rows] for key, value in batch.items()}, training=training)
            for rows in (slice(None, PAIRS // 2), slice(PAIRS // 2, None))
        ]
        return {key: tf.concat([half[key] for half in halves], axis=0) for key in halves[0]}


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


def one_step(strategy, mode, encoder_class=DualEncoder):
    """Take one step through compile and fit; returns the loss, the gradients and the weights after it."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    batch = {
        "image": rng.uniform(-1, 1, (PAIRS, 16, 16, 3)).astype("float32"),
        "token_ids": rng.integers(0, PIECES, (PAIRS, 5)).astype("int32"),
    }
    with strategy.scope():
        encoder = encoder_class(
            small_image_tower(mode), small_text_tower(), embedding=12, initial_temperature=0.1, dropout=0.0
        )
        encoder.compile(optimizer=Recorder(0.01, weight_decay=0.01), jit_compile=False)
    history = encoder.fit(tf.data.Dataset.from_tensor_slices(batch).batch(PAIRS), epochs=1, verbose=0).history
    return {
        "loss": history["loss"][0],
        "gradients": [np.asarray(g) for g in encoder.optimizer.gradients],
        "trained": [np.asarray(w) for w in encoder.trainable_weights],
        "moving": [np.asarray(w) for w in encoder.non_trainable_weights if "moving" in w.name],
    }


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
            gathered = gather_replicas(rows)
            weighted = tf.reduce_sum(gathered.embeddings[:, 0] * (replica + 1) * tf.constant([1.0, 2.0, 3.0, 4.0]))
        return gathered.embeddings[:, 0], gathered.row_offset, tape.gradient(weighted, rows)[:, 0]

    results = tf.function(lambda: strategy.run(replica_fn))()
    embeddings, offsets, gradients = (strategy.experimental_local_results(result) for result in results)
    return {
        "embeddings": [x.numpy().tolist() for x in embeddings],
        "offsets": [int(x) for x in offsets],
        "gradients": [x.numpy().tolist() for x in gradients],
    }


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    two_replicas = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    one_device = tf.distribute.get_strategy()
    found = {"gather": gather_on(two_replicas)}
    for mode in ("inference", "synchronized", "per_replica"):
        two = one_step(two_replicas, mode)
        found[mode] = compare(two, one_step(one_device, mode))
        if mode == "per_replica":
            found["halved"] = compare(two, one_step(one_device, mode, Halved))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
