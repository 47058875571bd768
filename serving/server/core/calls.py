"""A signature that does nothing but call functions of its model is run call by call, from Python.

TensorFlow compiles what a function calls into that function, so a tower that four signatures call is optimised and held
four times. Called by itself it is compiled once, and each signature is ready as soon as its steps are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
Tensors = list[tf.Tensor]
Flat = Callable[[Tensors], Tensors]  # without the variables that a function holds by itself


@dataclass(frozen=True)
class _Call:
    """One step: a function, and the names of the tensors that it takes and gives."""

    function: Flat
    takes: tuple[str, ...]
    gives: tuple[str, ...]


def by_name(model: Any) -> dict[str, Any]:
    """Returns graph function name -> ConcreteFunction of a loaded model's attributes that take tensors in order."""
    found = {}
    for attribute in vars(model).values():
        for function in getattr(attribute, "concrete_functions", ()):
            positional, named = function.structured_input_signature
            if not named and all(isinstance(spec, tf.TensorSpec) for spec in positional):
                found[_text(function.name)] = function
    return found


def step_by_step(signature: Any, functions: Mapping[str, Any]) -> Callable[..., dict[str, tf.Tensor]]:
    """Returns what computes as a signature does: its calls, one after the other, or itself where it has other steps.

    Args:
      signature: ConcreteFunction, as a loaded model's `signatures` has it.
      functions: of `by_name`.

    Returns:
      A function from the signature's inputs, by name, to its outputs by name.
    """
    flat = _calls(signature, functions)
    if flat is None:
        return signature

    def run(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return tf.nest.pack_sequence_as(signature.structured_outputs, flat(tf.nest.flatten(inputs)))

    return run


def _calls(function: Any, functions: Mapping[str, Any]) -> Flat | None:
    """Returns a function's calls in order, those of the functions that it calls among them; None for other steps."""
    given = [tensor.name for tensor in _own_inputs(function)]
    known = {name: name for name in given}  # name -> that of the tensor whose value it has
    calls: list[_Call] = []
    for operation in function.graph.get_operations():
        if operation.type in _CALLS:
            called = functions.get(operation.get_attr("f").name)
            if called is None:
                return None
            takes = [tensor.name for tensor in operation.inputs][: len(_own_inputs(called))]
            gives = tuple(tensor.name for tensor in operation.outputs)
            if not known.keys() >= set(takes):  # a variable, perhaps, which is handed over
                return None
            calls.append(
                _Call(_calls(called, functions) or _whole(called), tuple(known[name] for name in takes), gives)
            )
            known.update({name: name for name in gives})
        elif operation.type == "Identity":
            before, after = operation.inputs[0].name, operation.outputs[0].name
            known.update({after: known[before]} if before in known else {})
        elif operation.type not in ("Placeholder", "NoOp"):
            return None
    wanted = [known.get(tensor.name) for tensor in function.graph.outputs]
    if None in wanted:
        return None

    def run(tensors: Tensors) -> Tensors:
        values = dict(zip(given, tensors, strict=True))
        for call in calls:
            values.update(zip(call.gives, call.function([values[name] for name in call.takes]), strict=True))
        return [values[name] for name in wanted]

    return run


def _own_inputs(function: Any) -> list[Any]:
    """Returns the inputs that are not a function's variables."""
    return function.inputs[: len(function.inputs) - len(function.captured_inputs)]


def _whole(function: Any) -> Flat:
    return lambda tensors: tf.nest.flatten(function(*tensors), expand_composites=True)


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
