"""Has Beam find out once what it asks again and again while it builds a job, which is much of what a small one costs.

For the Evaluator's fifty stages it looks up a hundred thousand signatures, and builds three thousand argument parsers.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Sequence
from types import FunctionType, MethodType
from typing import Any
from weakref import WeakKeyDictionary

Inspected = tuple[list[str], list[Any]]  # names of arguments, and the defaults of the last of them


def find_out_once() -> None:
    """Let this process's Beam, where it was imported, keep what it found out about functions and options."""
    core, options = (sys.modules.get(f"apache_beam.{name}") for name in ("transforms.core", "options.pipeline_options"))
    if core is not None:
        core.get_function_args_defaults = inspected_once(core.get_function_args_defaults)  # type: ignore[attr-defined]
    if options is not None:
        options.PipelineOptions.__init__ = parsed_once(options.PipelineOptions.__init__)


def inspected_once(inspect: Callable[[Any], Inspected]) -> Callable[[Any], Inspected]:
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


def parsed_once(parse: Callable[..., None]) -> Callable[..., None]:
    """Returns an __init__ of Beam's options that parses a command line once for each of their classes."""
    parsed: dict[tuple[type, tuple[str, ...]], dict[str, Any]] = {}

    def initialised(self: Any, flags: Sequence[str] | None = None, **given: Any) -> None:
        key = (type(self), tuple(sys.argv if flags is None else flags))
        if key not in parsed:
            parse(self, flags)
            parsed[key] = copy.deepcopy(vars(self))
        vars(self).update(copy.deepcopy(parsed[key]), _flags=flags)
        vars(self)["_all_options"].update(given)

    return initialised
