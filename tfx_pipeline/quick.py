"""Lets libraries load quickly: without looking for garbage meanwhile, and without others that nobody asks for."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

LEGACY_KERAS = "TF_USE_LEGACY_KERAS"


@contextmanager
def quick_imports() -> Iterator[None]:
    """Collect no garbage inside of the block.

    Python looks through all that was loaded again and again, a sixth of the time that TFX's imports take.
    """
    collected_before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected_before:
            gc.enable()


@contextmanager
def without_keras() -> Iterator[None]:
    """Let TensorFlow load without Keras, and so without scikit-learn, pandas and IPython, inside of the block.

    That is a quarter of the time, and a SavedModel needs none of them. TensorFlow looks for the Keras that this
    variable names, and goes on where it is not installed. What asks for Keras behind the block gets it.
    """
    named_before = os.environ.get(LEGACY_KERAS)
    os.environ[LEGACY_KERAS] = "1"
    try:
        yield
    finally:
        if named_before is None:
            del os.environ[LEGACY_KERAS]
        else:
            os.environ[LEGACY_KERAS] = named_before
