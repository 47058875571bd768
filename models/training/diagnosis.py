"""Says in plain words what goes wrong in training, what usually causes it and what to change. Imports no framework.

Legend: G pairs of the global batch, N pairs that each pair is told from, itself included.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from models.training_config import MAX_TEMPERATURE, MIN_TEMPERATURE, TrainingConfig

Line = Mapping[str, float]  # of models/training/history.py; NaN where a measure is not known

LINES_JUDGED = 10  # a warning looks at that many lines, so that one odd batch raises none
LINES_AT_BOUND = 3  # the temperature moves slowly: it does not touch its bound by chance
LINES_OF_EXPLOSION = 3
LINES_NEEDED = LINES_JUDGED + LINES_OF_EXPLOSION  # a caller may forget older ones
PATIENCE_STEPS = 200  # after the warm-up; a healthy run passes by the loss of chance on its way down
CHANCE_SHARE = 0.99  # of the loss of chance: from here up the loss counts as stuck there
LUCK = 2.0  # standard deviations that guessing reaches above its mean
COMMON_POSITIVES = 5  # of a pair, where pairs repeat: captions of an image in Flickr30K and MSCOCO
BOUND_SHARE = 0.01  # the temperature is at its bound this close to it, relative
INPUT_WAIT_SHARE = 0.1  # of the time; the aim is 0.05
EXPLOSION = 10.0  # times the gradients' usual norm


def warnings(training: TrainingConfig, lines: Sequence[Line]) -> dict[str, str]:
    """Returns the name and the words of each warning that holds at the last of `lines`.

    Args:
      training: how the model is trained.
      lines: the history so far, in order; the last LINES_NEEDED of it suffice.
    """
    found = {name: words for name, rule in _RULES.items() if (words := rule(training, lines))} if lines else {}
    return {name: words for name, words in found.items() if found.keys().isdisjoint(_TOLD_BY.get(name, ()))}


def candidates(training: TrainingConfig) -> int:
    """Returns N, as models/losses/objective.py has it."""
    return 1 + round(training.negatives * (training.batch - 1))


def chance_loss(training: TrainingConfig) -> float:
    """Returns the loss of a model that tells no pair from another.

    Softmax: all N logits of a row are equal, so each direction has ln N, whatever the targets are, as they sum to 1:
    smoothing and further positives change nothing. Both directions are summed: 2 ln N.

    Sigmoid: all G logits of a row are the same; the best that its bias can do is to call each pair a match with
    probability 1/G: ln G + (G - 1) ln(G / (G - 1)).
    """
    if training.loss == "sigmoid":
        others = training.batch - 1
        return math.log(training.batch) + others * math.log(training.batch / others)
    return 2 * math.log(candidates(training))


def chance_recall(training: TrainingConfig) -> float:
    """Returns the in-batch R@1 of guessing, 1/N; under the loss "multi_positive" more, by as much as pairs repeat."""
    return 1 / candidates(training)


def greatest_lucky_recall(batch: int, lines: int, share: float) -> float:
    """Returns the in-batch R@1 over `lines` batches that guessing does not pass but by rare luck.

    Of the R = lines * G rows guessing gets R p right, give or take sqrt(R p (1 - p)).

    Args:
      batch: G.
      lines: batches that are judged.
      share: p, what guessing gets right on average, in (0, 1].
    """
    rows = lines * batch
    return (rows * share + LUCK * math.sqrt(rows * share * (1 - share))) / rows


def _loss_not_finite(training: TrainingConfig, lines: Sequence[Line]) -> str | None:
    broken = [line for line in lines[-LINES_JUDGED:] if not math.isfinite(line["loss"])]
    if not broken:
        return None
    line = broken[-1]
    return (
        f"The loss was not finite at step {_at(line)}, where the learning rate was {line['learning_rate']:.3g} and the "
        f"temperature {line['temperature']:.3g}; {_skipped(training, lines[-1])}. {_OVERFLOW}"
    )


def _skipped_steps(training: TrainingConfig, lines: Sequence[Line]) -> str | None:
    judged = lines[-LINES_JUDGED - 1 :]
    before = judged[0]["skipped_steps"] if len(judged) > LINES_JUDGED else 0
    if not judged[-1]["skipped_steps"] > before:
        return None
    return f"Gradients were not finite: {_skipped(training, lines[-1])} up to step {_at(lines[-1])}. {_OVERFLOW}"


def _loss_at_chance(training: TrainingConfig, lines: Sequence[Line]) -> str | None:
    judged = _after_warmup(training, lines)
    chance = chance_loss(training)
    positives = COMMON_POSITIVES if training.loss == "multi_positive" else 1  # each one is right, and so a guess's luck
    guessing = min(positives * chance_recall(training), 1.0)
    if not judged or not _mean(judged, "loss") >= CHANCE_SHARE * chance or not _guesses(training, judged, guessing):
        return None
    return (
        f"The loss is stuck: {_mean(judged, 'loss'):.3g} over the last {len(judged)} lines up to step "
        f"{_at(lines[-1])}, where a model that tells no pair from another has {chance:.3g}, and in-batch R@1 is "
        f"{_recall(training, judged)}. Usually the learning rate is so high that all vectors fell into one, or so low "
        "that nothing moves; or the captions do not belong to their images. Change training.learning_rate "
        f"({training.learning_rate:.3g}) to a third of it, then to three times it, lengthen training.warmup_steps "
        f"({training.warmup_steps}), and look at the kept pairs in the report."
    )


def _recall_at_chance(training: TrainingConfig, lines: Sequence[Line]) -> str | None:
    judged = _after_warmup(training, lines)
    if not judged or not _guesses(training, judged, chance_recall(training)):
        return None
    other = "" if training.loss == "multi_positive" else ", or where pairs repeat set training.loss to multi_positive"
    return (
        f"In-batch R@1 is that of guessing: {_recall(training, judged)}, over the last {len(judged)} lines up to step "
        f"{_at(lines[-1])}, though the loss is {_mean(judged, 'loss'):.3g}. Usually only the temperature or the bias "
        "was learnt so far, or many captions or images of a batch are the same. Wait some hundred steps more; then "
        f"raise training.learning_rate ({training.learning_rate:.3g}){other}."
    )


def _temperature_at_bound(training: TrainingConfig, lines: Sequence[Line]) -> str | None:
    judged = [line["temperature"] for line in lines[-LINES_AT_BOUND:]]
    if not training.learn_temperature or len(judged) < LINES_AT_BOUND:
        return None
    if all(value <= MIN_TEMPERATURE * (1 + BOUND_SHARE) for value in judged):
        return (
            f"The temperature is at its floor of {MIN_TEMPERATURE:.3g} at step {_at(lines[-1])}; the paper's ends near "
            "1/64. Usually the learning rate is too high for it, or the model knows its few training pairs by heart. "
            f"Lower training.learning_rate ({training.learning_rate:.3g}), train on more pairs, or keep the "
            "temperature: training.learn_temperature false and training.initial_temperature 0.0156."
        )
    if all(value >= MAX_TEMPERATURE * (1 - BOUND_SHARE) for value in judged):
        return (
            f"The temperature is at its ceiling of {MAX_TEMPERATURE:.3g} at step {_at(lines[-1])}: the model does best "
            "by calling all pairs alike. Usually the captions do not belong to their images, or the learning rate is "
            f"too high. Look at the kept pairs in the report, lower training.learning_rate "
            f"({training.learning_rate:.3g}), or start from training.initial_temperature 0.05."
        )
    return None


def _input_wait(training: TrainingConfig, lines: Sequence[Line]) -> str | None:
    judged = [line for line in lines[-LINES_JUDGED:] if math.isfinite(line["input_wait"])]
    if len(judged) < LINES_JUDGED - 1 or not _mean(judged, "input_wait") > INPUT_WAIT_SHARE:  # the first has none
        return None
    return (
        f"Training waits for its input {100 * _mean(judged, 'input_wait'):.0f} % of the time, over the last "
        f"{len(judged)} lines up to step {_at(lines[-1])}: reading and decoding images is slower than the step. "
        "Give it more CPU cores or a faster disk, or less to decode: images stored beforehand at about "
        "model.image_resize_px pixels, a smaller model.image_resize_px, or a training.kept_images_gib that holds all."
    )


def _gradients_explode(training: TrainingConfig, lines: Sequence[Line]) -> str | None:
    norms = [line["gradient_norm"] for line in lines[-LINES_NEEDED:]]
    if len(norms) < LINES_NEEDED or not all(map(math.isfinite, norms)):
        return None
    usual, now = (statistics.median(part) for part in (norms[:-LINES_OF_EXPLOSION], norms[-LINES_OF_EXPLOSION:]))
    if not now > EXPLOSION * usual > 0 or now <= (training.clip_norm or 0.0):  # what is not clipped is not large
        return None
    clip = (
        f"set training.clip_norm to {2 * usual:.2g}"
        if training.clip_norm is None
        else f"lower training.clip_norm ({training.clip_norm:.3g})"
    )
    return (
        f"The gradients explode: their norm is {now:.3g} at step {_at(lines[-1])}, {now / usual:.0f} times the "
        f"{usual:.3g} of the lines before. Usually the learning rate is too high or the temperature too low "
        f"({lines[-1]['temperature']:.3g}). Lower training.learning_rate ({training.learning_rate:.3g}), lengthen "
        f"training.warmup_steps ({training.warmup_steps}), or {clip}."
    )


def _after_warmup(training: TrainingConfig, lines: Sequence[Line]) -> Sequence[Line]:
    """Returns the lines to judge learning by; none before it can be judged."""
    judged = [line for line in lines[-LINES_JUDGED:] if line["step"] > training.warmup_steps]
    patient = lines[-1]["step"] >= training.warmup_steps + PATIENCE_STEPS
    return judged if patient and len(judged) == LINES_JUDGED else []


def _guesses(training: TrainingConfig, judged: Sequence[Line], share: float) -> bool:
    return _mean(judged, "in_batch_recall_at_1") <= greatest_lucky_recall(training.batch, len(judged), share)


def _recall(training: TrainingConfig, judged: Sequence[Line]) -> str:
    found = 100 * _mean(judged, "in_batch_recall_at_1")
    more = ", more where pairs repeat" if training.loss == "multi_positive" else ""
    return (
        f"{found:.2g} %, where guessing among {candidates(training)} pairs has "
        f"{100 * chance_recall(training):.2g} %{more}"
    )


def _mean(lines: Sequence[Line], name: str) -> float:
    return statistics.fmean(line[name] for line in lines)


def _at(line: Line) -> str:
    return f"{int(line['step']):,}"


def _skipped(training: TrainingConfig, line: Line) -> str:
    skipped = int(line["skipped_steps"])
    steps = f"{skipped} step was skipped" if skipped == 1 else f"{skipped} steps were skipped"
    return f"{steps}, and training ends with the step after {training.max_skipped_steps}"


_OVERFLOW = (
    "Usually the learning rate is too high. Lower training.learning_rate, lengthen training.warmup_steps, set "
    "training.clip_norm, or where a precision is bfloat16 try float32."
)
_RULES: dict[str, Callable[[TrainingConfig, Sequence[Line]], str | None]] = {
    "loss_not_finite": _loss_not_finite,
    "skipped_steps": _skipped_steps,
    "loss_at_chance": _loss_at_chance,
    "recall_at_chance": _recall_at_chance,
    "temperature_at_bound": _temperature_at_bound,
    "gradients_explode": _gradients_explode,
    "input_wait": _input_wait,
}
_TOLD_BY = {  # one cause, one warning
    "skipped_steps": ("loss_not_finite",),
    "gradients_explode": ("loss_at_chance",),  # where all vectors are one, gradients are rounding errors
    "recall_at_chance": ("loss_at_chance", "loss_not_finite"),  # of equal or undefined cosines R@1 is that of guessing
}
