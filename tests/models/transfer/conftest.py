"""A tower that is traced in no time, for what does not depend on which tower learns."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def tiny_tower() -> Callable:
    """Returns what makes a tower of three layers, with what trains in a large one: kernel, norm, stochastic depth."""
    import keras

    from models.towers.batch_norm import BatchNormalization
    from models.towers.stochastic_depth import StochasticDepth

    def build() -> keras.Model:
        keras.utils.set_random_seed(1)
        images = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(8, 3, strides=2, name="conv")(images)
        normed = BatchNormalization(name="bn")(x)
        x = StochasticDepth(0.3, name="add")(normed, x)
        return keras.Model(images, keras.layers.GlobalAveragePooling2D()(keras.ops.silu(x)))

    return build
