"""The body of `align smoke`: holds a server to what TensorFlow Serving does, quickly or in every detail."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from serving.conformance.check import Outcome
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import ConfigError, as_config_error
from tfx_pipeline.wording import counted

if TYPE_CHECKING:
    from serving.calling.channel import Tls

_MARKS = {
    "same": ("same", "green"),
    "ours": ("ours", "cyan"),
    "skipped": ("-", "dim"),
    "differs": ("DIFFERS", "bold red"),
}


def smoke(
    address: str,
    *,
    rest_port: int | None = None,
    model: str,
    half_plus_two: str | None = None,
    conformance: bool = False,
    tls: Tls | None = None,
    console: Console | None = None,
) -> bool:
    """Check a server and print a line a check.

    Args:
      address: HOST:PORT of gRPC.
      rest_port: the port of HTTP on the same host; None leaves its checks out.
      model: the name of our model there.
      half_plus_two: the name of the suite's small model there; None leaves its checks out.
      conformance: every check, where the quick ones are not enough.
      tls: what both ports are asked by; None sends in the clear.
      console: where to print.

    Returns:
      Whether nothing differs.

    Raises:
      ConfigError: for an address that is none, and a certificate that cannot be read.
    """
    console = console or Console()
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 2**16:
        raise ConfigError(f"{address} is no HOST:PORT of a gRPC port, such as 127.0.0.1:8500")
    if rest_port is not None and not 0 < rest_port < 2**16:
        raise ConfigError(f"--rest-port is {rest_port}; a port is from 1 to {2**16 - 1}")
    with quiet_imports():
        from serving.conformance.suite import CONFORMANCE, SMOKE, run_checks
        from serving.conformance.target import Target

    rest = None if rest_port is None else f"{host}:{rest_port}"
    with as_config_error(ValueError):
        target = Target(address, rest=rest, model=model, half_plus_two=half_plus_two, tls=tls)
    verdicts: Counter[str] = Counter()
    try:
        for outcome in run_checks(CONFORMANCE if conformance else SMOKE, target):
            verdicts[outcome.verdict] += 1
            _tell(outcome, console)
    finally:
        target.close()
    told = [
        f"{verdicts['same']} as TensorFlow Serving",
        *([f"{verdicts['ours']} otherwise on purpose"] if verdicts["ours"] else []),
        *([f"{verdicts['skipped']} not made"] if verdicts["skipped"] else []),
        f"{counted(verdicts['differs'], 'failure')}",
    ]
    console.print(f"{address}: {', '.join(told)}", highlight=False, markup=False, soft_wrap=True)
    return not verdicts["differs"]


def _tell(outcome: Outcome, console: Console) -> None:
    """Print a line, and what differs below it."""
    words, style = _MARKS[outcome.verdict]
    line = Text.assemble((f"{words:<8} ", style), outcome.check.name, (f"  {outcome.check.source}", "dim"))
    console.print(line, soft_wrap=True)
    said = outcome.check.ours if outcome.verdict == "ours" else outcome.said
    if said:
        console.print(Text(f"         {said}", style), soft_wrap=True)


def write_model(folder: Path, console: Console | None = None) -> Path:
    """Write the suite's small model below a folder, for a server to serve; returns the folder of its versions."""
    with quiet_imports():
        from serving.conformance.half_plus_two import write_half_plus_two
    written = write_half_plus_two(folder)
    (console or Console()).print(f"Serve {written} as {written.name}", highlight=False, markup=False, soft_wrap=True)
    return written
