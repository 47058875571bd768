"""Every objective against the losses written out in NumPy: value, recall and gradient, on one device and on slices."""

from dataclasses import dataclass, field

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from loss_oracle import (
    multi_positive_loss,
    numeric_gradient,
    positives,
    recall,
    sigmoid_loss,
    softmax_loss,
    unit_rows,
    window,
)
from models.losses.objective import (
    Embedded,
    MultiPositiveObjective,
    SigmoidObjective,
    SoftmaxObjective,
    WindowedObjective,
    build_objective,
)
from models.training_config import TrainingConfig

KINDS = ("softmax", "windowed", "multi_positive", "sigmoid")
BIAS = -1.0


@dataclass
class Case:
    """A batch of G pairs, an objective for it and what NumPy says of both."""

    kind: str
    pairs: int
    width: int = 4
    temperature: float = 0.2
    smoothing: float = 0.1
    following: int = 2
    seed: int = 0
    block_logits: int = 1 << 22
    x: np.ndarray = field(init=False)

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        self.x, self.y = unit_rows(rng, self.pairs, self.width), unit_rows(rng, self.pairs, self.width)
        self.image_ids, self.caption_ids = rng.integers(0, 2, (2, self.pairs, 2)).astype("int32")
        self.objective = {
            "softmax": lambda: SoftmaxObjective(self.smoothing),
            "windowed": lambda: WindowedObjective(self.following, self.smoothing),
            "multi_positive": lambda: MultiPositiveObjective(self.smoothing),
            "sigmoid": SigmoidObjective,
        }[self.kind]()
        self.objective.block_logits = self.block_logits
        for weight in self.objective.trainable_variables:
            weight.assign(BIAS)

    def oracle(self, x, y, temperature, bias=BIAS):
        if self.kind == "sigmoid":
            return sigmoid_loss(x, y, temperature, bias)
        if self.kind == "multi_positive":
            return multi_positive_loss(x, y, temperature, self.smoothing, self.image_ids, self.caption_ids)
        return softmax_loss(x, y, temperature, self.smoothing, self.following if self.kind == "windowed" else None)

    def recall(self):
        if self.kind == "multi_positive":
            return recall(self.x, self.y, lambda i: positives(i, self.image_ids, self.caption_ids))
        among = (lambda i: window(i, self.following, self.pairs)) if self.kind == "windowed" else None
        return recall(self.x, self.y, lambda i: [i], among)

    def score(self, replicas):
        """Returns the means over replicas of loss and recall, and the gradient of the former, all by slices."""
        temperature = tf.constant(self.temperature)
        x, y = tf.constant(self.x), tf.constant(self.y)
        rows = self.pairs // replicas
        losses, recalls, gradients = [], [], []
        for offset in range(0, self.pairs, rows):
            with tf.GradientTape() as tape:
                tape.watch([x, y, temperature])
                everyone = Embedded(x, y, self.image_ids, self.caption_ids)
                own = Embedded(*(side[offset : offset + rows] for side in everyone))
                scored = self.objective(own, everyone, tf.constant(offset), temperature)
            losses.append(float(scored.loss))
            recalls.append(float(scored.recall_at_1))
            found = tape.gradient(scored.loss, [x, y, temperature, *self.objective.trainable_variables])
            gradients.append([np.asarray(tf.convert_to_tensor(gradient)) for gradient in found])
        return np.mean(losses), np.mean(recalls), [sum(parts) / replicas for parts in zip(*gradients, strict=True)]


def relative_error(found, expected, floor=1e-3):
    """Returns |found - expected| / |expected| of all arrays together, of `floor` where they cancel to less."""
    found, expected = (np.concatenate([np.ravel(a) for a in arrays]) for arrays in (found, expected))
    return np.linalg.norm(found - expected) / max(np.linalg.norm(expected), floor)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12)
@given(
    rows=st.integers(1, 3),
    replicas=st.sampled_from([1, 2, 3]),
    width=st.integers(1, 4),
    temperature=st.floats(0.05, 2),
    smoothing=st.floats(0, 0.9),
    negatives=st.floats(0, 1),
    block_logits=st.integers(1, 40),
    seed=st.integers(0, 1000),
)
def test_equals_the_oracle(kind, rows, replicas, width, temperature, smoothing, negatives, block_logits, seed):
    """Blocks of one row to all rows, and of numbers that do not divide them; slices from the whole to one row each."""
    pairs = max(2, rows * replicas)
    replicas = replicas if pairs % replicas == 0 else 1
    following = max(1, round(negatives * (pairs - 1)))
    case = Case(kind, pairs, width, temperature, smoothing, following, seed, block_logits)
    loss, recall_at_1, gradient = case.score(replicas)
    values = [case.x, case.y, temperature] + [BIAS] * (kind == "sigmoid")
    assert loss == pytest.approx(case.oracle(case.x, case.y, temperature), rel=2e-5, abs=2e-5)
    assert relative_error(gradient, numeric_gradient(case.oracle, values), 0.01 / temperature) < 1e-4
    if width > 1:  # in one dimension cosines tie, and which of equals is greatest is rounding's choice
        assert recall_at_1 == pytest.approx(case.recall(), abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("replicas", [2, 4])
def test_slices_equal_one_device(kind, replicas):
    case = Case(kind, pairs=16, width=8, following=7)
    loss, recall_at_1, gradient = case.score(1)
    sliced_loss, sliced_recall, sliced_gradient = case.score(replicas)
    assert sliced_loss == pytest.approx(loss, rel=1e-6)
    assert sliced_recall == pytest.approx(recall_at_1)
    for one, parts in zip(gradient, sliced_gradient, strict=True):
        assert relative_error([parts], [one]) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_holds_at_the_lowest_temperature(kind):
    """Logits reach +-1024: nothing overflows, and single precision is enough."""
    case = Case(kind, pairs=8, temperature=1 / 1024, following=5)
    case.y[:4] = case.x[:4]
    loss, _, gradient = case.score(1)
    assert loss == pytest.approx(case.oracle(case.x, case.y, 1 / 1024), rel=1e-6)
    values = [case.x, case.y, 1 / 1024] + [BIAS] * (kind == "sigmoid")
    assert relative_error(gradient, numeric_gradient(case.oracle, values, step=1e-8)) < 1e-4


def traced(kind, pairs, block_logits):
    """Returns every graph of the objective and its gradient, one device of B = G = pairs: the bodies of loops, too."""
    case = Case(kind, pairs, width=2, block_logits=block_logits)

    @tf.function
    def step(x, y, temperature):
        with tf.GradientTape() as tape:
            tape.watch([x, y, temperature])
            pairs = Embedded(x, y, case.image_ids, case.caption_ids)
            loss = case.objective(pairs, pairs, tf.constant(0), temperature).loss
        return tape.gradient(loss, [x, y, temperature])

    graph = step.get_concrete_function(tf.constant(case.x), tf.constant(case.y), tf.constant(0.1)).graph
    graphs = [graph]
    for one in graphs:
        graphs += [one._get_function(name).graph for name in one._functions if one._get_function(name) is not None]
    return graphs


def greatest_tensor(graphs):
    """Returns the most elements of any tensor; a loop's condition has placeholders of no shape that nothing reads."""
    outputs = [output for graph in graphs for op in graph.get_operations() for output in op.outputs]
    sizes = [output.shape.num_elements() for output in outputs if output.op.type != "Placeholder" or output.consumers()]
    assert None not in sizes, "a shape is not static"
    return max(sizes)


@pytest.mark.parametrize("kind", KINDS)
def test_no_tensor_is_larger_than_a_block(kind):
    """Forward and backward: where B x G is 60 x 60 and a block 7 rows of 60, with 4 rows left over."""
    pairs, block = 60, 7 * 60
    graphs = traced(kind, pairs, block)
    assert greatest_tensor(graphs) == block
    # Nor does a loop keep its blocks for a backward pass.
    assert not [op.type for graph in graphs for op in graph.get_operations() if "TensorList" in op.type]
    assert greatest_tensor(traced(kind, pairs, pairs * pairs)) == pairs * pairs


def test_training_names_the_objective():
    def build(batch=16, **settings):
        return build_objective(TrainingConfig(label_smoothing=0.2, **settings), batch)

    assert type(build()) is SoftmaxObjective
    assert type(build(loss="multi_positive")) is MultiPositiveObjective
    assert type(build(loss="sigmoid")) is SigmoidObjective
    assert type(build(negatives=0.99)) is SoftmaxObjective  # 0.99 of 15 others is all of them
    assert [build(negatives=share).following for share in (0.5, 0.25)] == [8, 4]  # of 15: 7.5 and 3.75
    assert build(negatives=0.5).label_smoothing == build().label_smoothing == 0.2


def test_negatives_that_leave_none_are_an_error():
    with pytest.raises(ValueError, match=r"training.negatives is 0.01.*batch of 16.*set it to 0.067 or more"):
        build_objective(TrainingConfig(negatives=0.01), 16)


def test_several_positives_need_fingerprints():
    x = np.eye(3, dtype="float32")
    with pytest.raises(ValueError, match=r"image_ids is None.*multi_positive"):
        MultiPositiveObjective(0.1)(Embedded(x, x), Embedded(x, x), tf.constant(0), tf.constant(1.0))


def test_only_the_sigmoid_has_a_weight():
    assert [float(weight) for weight in SigmoidObjective().trainable_variables] == [-10.0]
    assert SoftmaxObjective(0.1).variables == []


def test_half_precision_and_a_variable_as_temperature_are_taken_in_single():
    x = np.eye(3, dtype="float32")
    temperature = keras.Variable(0.5)
    half = Embedded(tf.cast(x, tf.bfloat16), tf.cast(x, tf.bfloat16))
    scored = [SoftmaxObjective(0.1)(pairs, pairs, tf.constant(0), temperature) for pairs in (half, Embedded(x, x))]
    assert scored[0].loss.dtype == tf.float32
    assert float(scored[0].loss) == float(scored[1].loss)  # an identity is exact in half precision
