"""The Examples by which a model is asked what the texts of a class look like: texts, a blank picture, no caption."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from components.evaluator.metrics.classes.prompts import class_texts
from components.schema import CLASS_LABEL, CLASS_TEXTS, IMAGE_ENCODED


def class_examples(
    labels: Iterable[str], prompts: Sequence[str], class_names: Mapping[str, Sequence[str]]
) -> dict[str, bytes]:
    """Make a serialized Example of each class.

    Args:
      labels: that images have; none is twice.
      prompts: templates with one "{}" for a name of the class.
      class_names: label -> its names; each label is a class as well.

    Returns:
      Label -> its Example, in the order of the labels; none where no image has a label.
    """
    found = set(labels)
    if not found:
        return {}
    image = tf.io.encode_png(tf.zeros([1, 1, 3], tf.uint8)).numpy()  # a model wants one; nothing is made of it
    made = {}
    for label in sorted(found | set(class_names)):
        example = tf.train.Example()
        for name, values in {
            IMAGE_ENCODED: [image],
            CLASS_LABEL: [label.encode()],
            CLASS_TEXTS: [text.encode() for text in class_texts(label, prompts=prompts, class_names=class_names)],
        }.items():
            example.features.feature[name].bytes_list.value.extend(values)
        made[label] = example.SerializeToString()
    return made
