"""Has Beam inspect each function once: for a job of fifty stages it asks a hundred thousand times for signatures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any
from weakref import WeakKeyDictionary

Inspected = tuple[list[str], list[Any]]  # names of arguments, and the defaults of the last of them


def inspect_functions_once() -> None:
    """Let this process's Beam, where it was imported, keep what it found out about functions and methods."""
    core = sys.modules.get("apache_beam.transforms.core")
    if core is not None:
        core.get_function_args_defaults = kept(core.get_function_args_defaults)  # type: ignore[attr-defined]


def kept(inspect: Callable[[Any], Inspected]) -> Callable[[Any], Inspected]:
    """Returns `inspect`, which keeps its answers for plain functions and their methods as long as those live."""
    of_functions: WeakKeyDictionary[FunctionType, Inspected] = WeakKeyDictionary()
    of_methods: WeakKeyDictionary[FunctionType, Inspected] = WeakKeyDictionary()  # without what they are bound to

    def inspected(asked: Any) -> Inspected:
        bound = isinstance(asked, MethodType)
        function = asked.__func__ if bound else asked
        if not isinstance(function, FunctionType):
            return inspect(asked)
        answers = of_methods if bound else of_functions
        if function not in answers:
            answers[function] = inspect(asked)
        arguments, defaults = answers[function]
        return list(arguments), list(defaults)

    return inspected
