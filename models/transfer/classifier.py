"""An image tower with a linear classifier on its features, and its steps of SGD.

The classifier begins with zeros, as in VTAB's public code (google-research/task_adaptation, model.py).

Legend: B images in a batch, M of them at a time, S pixels of a side, F features, K classes.
"""

from __future__ import annotations

from typing import Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.images import preprocessing
from models.optimizers.guarded_optimizer import NOT_ADAPTED
from models.transfer.recipes import Phase

RANKED = 5  # classes that an image is answered with, the best first

Trains = Literal["head", "all"]


class Diverged(ArithmeticError):
    """A training whose loss or scores are no numbers any more."""


class Tower:
    """A tower that learns one task after another, each from the weights that it has when it is handed over.

    Args:
      model: images [B, S, S, 3] in [-1, 1] -> features [B, F]; it is trained in place.
      fingerprint: of its weights.
      least_px: what it divides the side of an image by, of which it leaves nothing below.
    """

    def __init__(self, model: keras.Model, fingerprint: str, least_px: int) -> None:
        model.trainable = True
        self.model, self.fingerprint, self.least_px = model, fingerprint, least_px
        self._start = [np.array(weight) for weight in model.weights]
        weights = {id(weight) for weight in model.weights}
        self._chance = [variable for variable in model.variables if id(variable) not in weights]
        self._classifiers: dict[tuple[int, float, int | None], Classifier] = {}

    def classifier(self, classes: int, momentum: float, micro_batch: int | None = None) -> Classifier:
        """Returns one that stands on this tower, the same for the same arguments: its graphs are slow to trace."""
        key = (classes, momentum, micro_batch)
        if key not in self._classifiers:
            self._classifiers[key] = Classifier(self, *key)
        return self._classifiers[key]

    def begin(self, seed: int) -> None:
        """Put the weights back, and seed what training in the tower leaves to chance, which is stochastic depth."""
        for weight, value in zip(self.model.weights, self._start, strict=True):
            weight.assign(value)
        for number, state in enumerate(self._chance):
            state.assign(np.array([seed, number], "uint32"))


class Classifier:
    """A tower that learns to name classes.

    The two have an optimizer each, so that the tower's rate is a share of the classifier's. A batch goes through the
    tower in equal parts of at most `micro_batch` images: gradients are those of the whole batch, batch norm's
    statistics those of a part.

    Args:
      tower: on whose features it stands.
      classes: K.
      momentum: of SGD.
      micro_batch: M; None takes each batch at once.

    Examples:
      >>> from models.towers.image_tower import ImageTower
      >>> tower = Tower(ImageTower(0.25, 0.1), fingerprint="random", least_px=32)
      >>> classifier = tower.classifier(classes=3, momentum=0.9)
      >>> classifier.rank(tf.zeros([2, 32, 32, 3], tf.uint8)).tolist()  # of equal classes the first comes first
      [[0, 1, 2], [0, 1, 2]]
    """

    def __init__(self, tower: Tower, classes: int, momentum: float, micro_batch: int | None = None) -> None:
        self.tower = tower
        self.head = keras.layers.Dense(classes, kernel_initializer="zeros", name="classifier")
        self.head.build(tower.model.output_shape)
        self._classes, self._micro_batch = classes, micro_batch
        self._trained = {"head": self.head.trainable_variables, "tower": tower.model.trainable_variables}
        self._optimizers = {part: keras.optimizers.SGD(0.0, momentum=momentum) for part in self._trained}
        for part, variables in self._trained.items():
            self._optimizers[part].build(variables)
        self._gradients = tf.function(self._find_gradients, autograph=False)
        self._apply = tf.function(self._apply_gradients, autograph=False)
        self._rank = tf.function(self._find_best, autograph=False, reduce_retracing=True)

    def begin(self, seed: int) -> None:
        """Put the tower back to what it was when it was handed over, and the classifier to zeros.

        Args:
          seed: of the training that begins.
        """
        self.tower.begin(seed)
        for weight in self.head.weights:
            weight.assign(tf.zeros(weight.shape))
        self.forget()

    def forget(self) -> None:
        """Begin a phase: no gradient of the one before counts any more."""
        for optimizer in self._optimizers.values():
            for variable in optimizer.variables:
                variable.assign(tf.zeros(variable.shape, variable.dtype))

    def step(self, images: tf.Tensor, labels: tf.Tensor, phase: Phase, number: int) -> float:
        """Take one step of SGD.

        Args:
          images: [B, S, S, 3] uint8.
          labels: [B] int64.
          phase: what is trained, and how fast.
          number: of the step within its phase, from 0.

        Returns:
          The mean cross entropy over the batch, before the step.
        """
        size = len(labels)
        parts = 1 if self._micro_batch is None else -(-size // self._micro_batch)  # alike: one image has no statistics
        how = {"trains": phase.trains, "by_batch": phase.trains == "all" and phase.statistics == "batch"}
        loss, total = 0.0, None
        for part in range(parts):
            rows = slice(size * part // parts, size * (part + 1) // parts)
            found, gradients = self._gradients(images[rows], labels[rows], tf.constant(float(size)), **how)
            loss += float(found)
            total = gradients if total is None else [sum_ + g for sum_, g in zip(total, gradients, strict=True)]
        rate = phase.schedule(number)
        self._optimizers["head"].learning_rate = rate
        self._optimizers["tower"].learning_rate = rate * phase.backbone_share
        self._apply(total, tf.constant(phase.weight_decay, tf.float32), trains=phase.trains)
        return loss

    def rank(self, images: tf.Tensor) -> NDArray[np.int64]:
        """Returns [B, RANKED or K] classes of images [B, S, S, 3] uint8, the best first; of equals the first.

        Raises:
          Diverged: where a score is no number, so that none is best.
        """
        best, finite = self._rank(images)
        if not finite:
            raise Diverged(
                "the classifier's scores are no numbers after its last step; lower the recipe's learning rate"
            )
        return best.numpy().astype(np.int64)

    def _parts(self, trains: Trains) -> tuple[str, ...]:
        return ("head",) if trains == "head" else ("head", "tower")

    def _find_gradients(
        self, images: tf.Tensor, labels: tf.Tensor, size: tf.Tensor, *, trains: Trains, by_batch: bool
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Returns these images' part of the batch's mean loss, and its gradients."""
        variables = [variable for part in self._parts(trains) for variable in self._trained[part]]
        pixels = preprocessing.scale(images)
        fixed = self.tower.model(pixels, training=False) if trains == "head" else None
        with tf.GradientTape() as tape:
            features = self.tower.model(pixels, training=by_batch) if fixed is None else fixed
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, self.head(features))
            loss = tf.reduce_sum(losses) / size
        return loss, tape.gradient(loss, variables)

    def _apply_gradients(self, gradients: list[tf.Tensor], decay: tf.Tensor, *, trains: Trains) -> None:
        rest = list(gradients)
        for part in self._parts(trains):
            variables = self._trained[part]
            own, rest = rest[: len(variables)], rest[len(variables) :]
            decayed = [
                g if variable.name in NOT_ADAPTED else g + decay * variable
                for g, variable in zip(own, variables, strict=True)
            ]
            self._optimizers[part].apply(decayed, variables)

    def _find_best(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        scores = self.head(self.tower.model(preprocessing.scale(images), training=False))
        best = tf.math.top_k(scores, k=min(RANKED, self._classes)).indices
        return best, tf.reduce_all(tf.math.is_finite(scores))
