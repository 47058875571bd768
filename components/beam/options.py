"""Refuses Beam options that Beam would drop with a warning, or exit on inside a component; asks Beam's own parser."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
from collections.abc import Mapping

from apache_beam.options.pipeline_options import PipelineOptions

from components.beam.arguments import BeamOption, spell
from components.beam.flink_options import CHOICES, FLINK_OPTIONS, INTEGER, SWITCH

SURELY_A_SLIP = 0.85  # how alike, of 1, an unknown option is to one of Beam's before it counts as that one misspelt


def check_beam_options(options: Mapping[str, BeamOption], runner: str = "direct") -> None:
    """Refuse the first option that is none of Beam's flags or has a value that its flag does not take.

    Args:
      options: value by flag without its dashes, in any spelling of Beam's: {"experiments": ...} or {"experiment": ...}.
      runner: as in the `beam` section of a config. "flink" takes its job server's options too. "portable" takes any
        that is not plainly one of Beam's misspelt: only the job server that it speaks to knows them, and Beam drops
        those that it does not.

    Raises:
      ValueError: naming the option, its value and what to write instead.
    """
    parser = _beam_parser()
    if runner == "flink":
        _add_flink_options(parser)
    flags = {flag[2:]: action for flag, action in parser._option_string_actions.items() if flag.startswith("--")}
    del flags["help"]  # argparse's own: it prints and exits
    for name, value in options.items():
        if name not in flags:
            if runner == "portable" and not difflib.get_close_matches(name, flags, n=1, cutoff=SURELY_A_SLIP):
                continue
            raise ValueError(f"beam.options holds {name!r}, which is not a Beam option; {_instead_of(name, flags)}")
        if value is False:
            _refuse_idle_false(name, flags)
        elif isinstance(value, tuple):
            _refuse_lost_items(name, value, flags[name].dest, parser)
        else:
            _parse(name, value, parser)


def _beam_parser() -> argparse.ArgumentParser:
    """Returns the parser of all options that Beam's installed runners define."""
    found: list[argparse.ArgumentParser] = []
    PipelineOptions([]).get_all_options(add_extra_args_fn=found.append)
    return found[0]


def _add_flink_options(parser: argparse.ArgumentParser) -> None:
    """Let a parser take what Beam takes once it has asked a job server for Flink."""
    for name, kind in FLINK_OPTIONS.items():
        if kind == SWITCH:
            parser.add_argument(f"--{name}", action="store_true", default=False)
        else:
            parser.add_argument(f"--{name}", type=int if kind == INTEGER else str, choices=CHOICES.get(name))


def _instead_of(name: str, flags: Mapping[str, argparse.Action]) -> str:
    namesakes = [flag for flag, action in flags.items() if action.dest == name]  # Beam's name for it inside a program
    close = namesakes or difflib.get_close_matches(name, flags, n=1)
    return f"did you mean {close[0]!r}?" if close else "see Beam's documentation of pipeline options"


def _refuse_idle_false(name: str, flags: Mapping[str, argparse.Action]) -> None:
    """Raise ValueError unless a switch is off without its flag: no argument says false, so it must be the default."""
    switch = flags[name]
    if switch.nargs != 0:
        raise ValueError(f"beam.options.{name} is False, but --{name} takes a value; give one or leave the option out")
    if switch.default is (not switch.const):
        return
    opposite = [flag for flag, other in flags.items() if other.dest == switch.dest and other.const is not switch.const]
    remedy = f"write {opposite[0]}: true" if opposite else "Beam has no flag that turns it off, so leave it out"
    raise ValueError(f"beam.options.{name} is False, which no flag of that name can say; {remedy}")


def _refuse_lost_items(name: str, items: tuple[str, ...], dest: str, parser: argparse.ArgumentParser) -> None:
    """Raise ValueError for a list whose items Beam does not all keep, since each replaces the one before it."""
    if not items:
        raise ValueError(f"beam.options.{name} is empty; list at least one value or leave the option out")
    alone = _parse(name, items[-1], parser)
    together = _parse(name, items, parser)
    if len(items) > 1 and getattr(alone, dest) == getattr(together, dest):
        raise ValueError(f"beam.options.{name} is {list(items)}, but --{name} takes one value; give one")


def _parse(name: str, value: BeamOption, parser: argparse.ArgumentParser) -> argparse.Namespace:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return parser.parse_args(spell(name, value))
    except (SystemExit, ValueError) as error:  # one of Beam's flags reads JSON after argparse's own checks
        cause = said.getvalue().rpartition(" error: ")[2] or str(error)
        shown = list(value) if isinstance(value, tuple) else value
        raise ValueError(
            f"beam.options.{name} is {shown!r}, which Beam refuses ({' '.join(cause.split())}); "
            "give a value that it takes"
        ) from error
