"""Has Beam find out once what it asks again and again while it builds a job, which is much of what a small one costs.

For the Evaluator's fifty stages it looks up a hundred thousand signatures, and builds three thousand argument parsers;
with TensorFlow and TFX loaded, it goes through ten thousand modules for each function and each side input.
"""

from __future__ import annotations

import copy
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

Inspected = tuple[list[str], list[Any]]  # names of arguments, and the defaults of the last of them
Specs = tuple[set[Any], set[Any]]  # of state and of timers


def find_out_once() -> None:
    """Let this process's Beam, where it was imported, keep what it found out about functions, options and modules."""
    for module, asked, once in (
        ("apache_beam.transforms.core", "get_function_args_defaults", inspected_once),
        ("apache_beam.transforms.userstate", "get_dofn_specs", specified_once),
        ("apache_beam.internal.cloudpickle.cloudpickle", "_find_imported_submodules", searched_if_named),
        ("objsize.traverse", "_iter_modules_globals", listed_once),
    ):
        if module in sys.modules:
            setattr(sys.modules[module], asked, once(getattr(sys.modules[module], asked)))
    if (options := sys.modules.get("apache_beam.options.pipeline_options")) is not None:
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


def specified_once(ask: Callable[[Any], Specs]) -> Callable[[Any], Specs]:
    """Returns `ask`, which keeps its answers for classes of DoFns, where they do not depend on what one wraps."""
    of_classes: WeakKeyDictionary[type, Specs] = WeakKeyDictionary()

    def specified(dofn: Any) -> Specs:
        if hasattr(dofn, "_inspect_process") and isinstance(dofn.process, MethodType):
            return ask(dofn)
        if type(dofn) not in of_classes:
            of_classes[type(dofn)] = ask(dofn)
        states, timers = of_classes[type(dofn)]
        return set(states), set(timers)

    return specified


def listed_once(iterate: Callable[[], Iterable[Any]]) -> Callable[[], Sequence[Any]]:
    """Returns `iterate`, which goes through the modules anew once there are more or fewer of them."""
    modules, found = 0, ()

    def listed() -> Sequence[Any]:
        nonlocal modules, found
        if len(sys.modules) != modules:
            modules, found = len(sys.modules), tuple(iterate())
        return found

    return listed


def searched_if_named(
    search: Callable[[CodeType, Iterable[Any]], list[ModuleType]],
) -> Callable[[CodeType, Iterable[Any]], list[ModuleType]]:
    """Returns `search` for the modules that some code uses, which passes over packages of which it names nothing."""

    def modules_of_packages() -> Iterable[dict[str, set[str]]]:
        of_packages: dict[str, set[str]] = defaultdict(set)
        for name in list(sys.modules):
            parts = name.split(".")
            for end in range(1, len(parts)):
                of_packages[".".join(parts[:end])].add(parts[end])
        return (of_packages,)

    listed = listed_once(modules_of_packages)

    def searched(code: CodeType, used: Iterable[Any]) -> list[ModuleType]:
        (of_packages,) = listed()
        named = set(code.co_names)

        def may_be(one: Any) -> bool:
            return isinstance(one, ModuleType) and not of_packages.get(one.__name__, set()).isdisjoint(named)

        return search(code, [one for one in used if may_be(one)])

    return searched


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
