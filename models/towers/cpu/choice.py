"""The one choice between what runs on CPUs and Keras's plain layers, which run everywhere else.

Both have the same layers, weights, names and settings: what was trained on a CPU goes on, and answers, on a GPU.
"""

from __future__ import annotations

from types import ModuleType

import keras


def fast_forms() -> ModuleType | None:
    """Returns models.towers.cpu.forms where TensorFlow sees CPUs alone, else None; asked as a layer is made."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf  # here, so that other backends do without

    if any(device.device_type != "CPU" for device in tf.config.list_logical_devices()):
        return None
    from models.towers.cpu import forms

    return forms
