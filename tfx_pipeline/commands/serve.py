"""The body of `align serve`: answers TensorFlow Serving's gRPC API from the pushed folder until it is stopped."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from serving.versions import base_within
from tfx_pipeline.commands.query import pushed_model
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import ConfigError, as_config_error


def serve(
    root: Path,
    *,
    model: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8500,
    console: Console | None = None,
) -> None:
    """Serve the newest pushed model; returns after Ctrl-C or SIGTERM, when the requests in work have been answered.

    Args:
      root: the pipeline's folder, `<output>/<name>`.
      model: a folder of numbered versions to serve in the place of the pipeline's, or one with `servable/` in it.
      host: address to listen on.
      port: gRPC port; 0 takes a free one.
      console: where to print.

    Raises:
      ConfigError: when there is no model to serve, or the port is taken or none at all.
    """
    console = console or Console()
    if not 0 <= port < 2**16:
        raise ConfigError(f"--port is {port}; it must be from 1 to {2**16 - 1}, or 0 for any free one")
    base = pushed_model(root)[1].parent if model is None else _versions(model)  # before TensorFlow's slow import
    stopped = threading.Event()
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with quiet_imports():
            from serving.server.server import ModelServer

        with ExitStack() as running:
            with as_config_error((OSError, ValueError)):
                server = running.enter_context(ModelServer(base, host=host, port=port))
            (versions,) = server.available().values()
            for line in _banner(server.address, versions[-1], base):
                console.print(line, soft_wrap=True, highlight=False, markup=False)
            stopped.wait()
            console.print("Stopping: requests in work are answered first.", highlight=False)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _versions(model: Path) -> Path:
    base = base_within(model)
    if base is None:
        raise ConfigError(
            f"--model {model} holds no complete version such as {model / '1'}; give a folder of numbered versions, or "
            "what align import-hf or align import-keras-hub wrote"
        )
    return base


def _banner(address: str, version: int, base: Path) -> list[str]:
    return [
        f"Serving align version {version} on {address}, TensorFlow Serving's gRPC API",
        f"  from    {base}",
        f"  client  python -c \"from serving.client import AlignClient; print(AlignClient('{address}')"
        ".encode_text(['sad cat']))\"",
        "Ctrl-C stops it.",
    ]
