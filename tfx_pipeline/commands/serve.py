"""The body of `align serve`: answers TensorFlow Serving's APIs from folders of versions until it is stopped."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from serving.server.ports import check_free
from serving.versions import base_within
from tfx_pipeline.quick import without_keras
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.runs.pushed_model import pushed_model
from tfx_pipeline.settings.config import ConfigError, as_config_error

if TYPE_CHECKING:
    from serving.server.server import ModelServer
    from serving.server.tls import Tls

SIGNALS = (signal.SIGINT, signal.SIGTERM)
MIB = 2**20


@dataclass(frozen=True)
class Serving:
    """What is served, and how.

    Attributes:
      root: the pipeline's folder, `<output>/<name>`, whose pushed model is served where nothing else is named.
      model_dir: a folder of numbered versions, or one with `servable/` in it; or the address of such versions.
      name: what requests call the model of that folder.
      model_config_file: a ModelServerConfig as text, in the place of one folder.
      batching_parameters_file: a BatchingParameters as text; None takes what is measured to be good.
      monitoring_config_file: a MonitoringConfig as text; None shows metrics at TensorFlow Serving's path.
      poll_s: seconds between two looks for new versions; 0 looks once.
      host: address to listen on.
      port: gRPC port; 0 takes a free one.
      rest_port: HTTP port, likewise; None opens none.
      cors: whether web pages of any origin may ask over REST.
      ssl_key, ssl_cert, ssl_client_ca: PEM files; without key and certificate nothing is encrypted.
      ssl_config_file: an SSLConfig as text, in the place of these.
      access_log: a file, or - for standard error; None for no log.
      max_items: most rows of one request.
      max_megapixels: most million pixels of one request's pictures, in all.
      max_message_mb: largest request or answer, in MiB.
      max_calls: requests of one port in work at once.
      grace_s: seconds that requests in work have to end.
    """

    root: Path
    model_dir: Path | str | None = None
    name: str = "align"
    model_config_file: Path | None = None
    batching_parameters_file: Path | None = None
    monitoring_config_file: Path | None = None
    poll_s: float = 1.0
    host: str = "127.0.0.1"
    port: int = 8500
    rest_port: int | None = 8501
    cors: bool = False
    ssl_key: Path | None = None
    ssl_cert: Path | None = None
    ssl_client_ca: Path | None = None
    ssl_config_file: Path | None = None
    access_log: str | None = None
    max_items: int = 4096
    max_megapixels: int = 4096
    max_message_mb: int = 256
    max_calls: int = 128
    grace_s: float = 20.0

    def __post_init__(self) -> None:
        for option, port in (("--port", self.port), ("--rest-port", self.rest_port)):
            if port is not None and not 0 <= port < 2**16:
                raise ConfigError(f"{option} is {port}; it must be from 1 to {2**16 - 1}, or 0 for any free one")
        if self.model_dir is not None and self.model_config_file is not None:
            raise ConfigError("--model-dir and --model-config-file exclude each other; put the folder into the file")
        if (self.ssl_key is None) != (self.ssl_cert is None):
            raise ConfigError("--ssl-key and --ssl-cert belong together; give both or neither")
        if self.ssl_client_ca is not None and self.ssl_key is None:
            raise ConfigError("--ssl-client-ca needs --ssl-key and --ssl-cert beside it")
        if self.ssl_config_file is not None and self.ssl_key is not None:
            raise ConfigError("--ssl-config-file and --ssl-key exclude each other; give one of them")
        counts = {"max-calls": self.max_calls, "max-items": self.max_items, "max-megapixels": self.max_megapixels}
        for option, count in counts.items():
            if count < 1:
                raise ConfigError(f"--{option} is {count}; it must be at least 1")
        if not 1 <= self.max_message_mb < 2**11:
            raise ConfigError(
                f"--max-message-mb is {self.max_message_mb}; it must be from 1 to {2**11 - 1}, below 2 GiB"
            )
        for option, seconds in (("--poll-s", self.poll_s), ("--grace-s", self.grace_s)):
            if not 0 <= seconds < float("inf"):
                raise ConfigError(f"{option} is {seconds}; it must be a number of seconds, 0 or more")


def serve_until_stopped(serving: Serving, console: Console | None = None) -> None:
    """Serve; returns after Ctrl-C or SIGTERM, when the requests in work have been answered. A second one ends at once.

    Raises:
      ConfigError: when there is no model to serve, a file cannot be used, or a port is taken.
    """
    console = console or Console()
    with stop_signals() as stopped, ExitStack() as running:
        source = _source(serving, running)  # before TensorFlow's slow import
        with as_config_error((OSError, ValueError)):
            server = running.enter_context(_server(serving, source))
        for line in _banner(server, serving.model_dir if isinstance(serving.model_dir, str) else source):
            console.print(line, soft_wrap=True, highlight=False, markup=False)
        stopped.wait()
        console.print(
            f"Stopping: requests in work are answered first, for up to {serving.grace_s:g} s.", highlight=False
        )


def _source(serving: Serving, running: ExitStack) -> Path:
    """Returns the folder of versions to serve, or the file that says which; versions of an address are fetched."""
    if isinstance(serving.model_dir, str):
        from serving.server.bucket import Bucket

        with as_config_error((OSError, ValueError)):
            fetched = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="align-versions-")))
            running.enter_context(Bucket(serving.model_dir, fetched, serving.poll_s))
        return fetched
    if serving.model_config_file is not None:
        if not serving.model_config_file.is_file():
            raise ConfigError(f"--model-config-file {serving.model_config_file} is no file; name a ModelServerConfig")
        return serving.model_config_file
    if serving.model_dir is None:
        return pushed_model(serving.root)[1].parent
    base = base_within(serving.model_dir)
    if base is None:
        raise ConfigError(
            f"--model-dir {serving.model_dir} holds no complete version such as {serving.model_dir / '1'}; give a "
            "folder of numbered versions, or what align import-hf or align import-keras-hub wrote"
        )
    return base


def _server(serving: Serving, source: Path) -> ModelServer:
    """Returns the server, its ports bound; raises OSError and ValueError."""
    for port in (serving.port, serving.rest_port):
        if port is not None:
            check_free(serving.host, port)  # before TensorFlow's slow import
    with quiet_imports(), without_keras():
        from serving.server.access_log import AccessLog
        from serving.server.batching.settings import DEFAULT_BATCHING, read_batching_parameters
        from serving.server.core import memory
        from serving.server.core.limits import RequestLimits
        from serving.server.grpc.server import GrpcLimits
        from serving.server.http_app import CORS_HEADERS, HttpSettings
        from serving.server.http_calls import HttpLimits
        from serving.server.monitoring.config_file import DEFAULT_PATH, read_prometheus_path
        from serving.server.server import ModelServer

    memory.spare_what_is_there()
    parameters, monitoring = serving.batching_parameters_file, serving.monitoring_config_file
    message_bytes = serving.max_message_mb * MIB
    return ModelServer(
        source,
        name=serving.name,
        host=serving.host,
        port=serving.port,
        rest_port=serving.rest_port,
        batching=DEFAULT_BATCHING if parameters is None else read_batching_parameters(parameters),
        limits=RequestLimits(serving.max_items, message_bytes, serving.max_megapixels * 1_000_000),
        grpc=GrpcLimits(serving.max_calls, message_bytes),
        http=HttpSettings(
            HttpLimits(body_bytes=message_bytes, in_work=serving.max_calls),
            extra_headers=CORS_HEADERS if serving.cors else {},
            metrics_path=DEFAULT_PATH if monitoring is None else read_prometheus_path(monitoring),
        ),
        tls=_tls(serving),
        access_log=AccessLog(serving.access_log),
        poll_s=serving.poll_s,
        grace_s=serving.grace_s,
    )


def _tls(serving: Serving) -> Tls | None:
    """Returns what the options say of TLS; raises OSError and ValueError."""
    from serving.server.tls import read_ssl_config, read_tls

    if serving.ssl_config_file is not None:
        return read_ssl_config(serving.ssl_config_file)
    if serving.ssl_key is None or serving.ssl_cert is None:
        return None
    return read_tls(serving.ssl_key, serving.ssl_cert, serving.ssl_client_ca)


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Give an event that the first of SIGNALS sets; the second ends this process at once."""
    stopped = threading.Event()

    def stop(number: int, frame: object) -> None:
        if stopped.is_set():
            os._exit(128 + number)
        stopped.set()

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _banner(server: ModelServer, source: Path | str) -> list[str]:
    """Returns what is printed once requests are answered."""
    lines = [f"Serving {', '.join(_called(server))} on {server.address}, TensorFlow Serving's gRPC API"]
    if server.rest_address is not None:
        scheme = "https" if server.is_encrypted else "http"
        lines.append(f"  REST    {scheme}://{server.rest_address}, also v2, health and metrics")
    lines.append(f"  from    {source}")
    lines += [f"  without {name}: {problem}" for name, problem in server.models.problems().items()]
    if not server.is_encrypted:
        lines.append(
            f"  client  python -c \"from serving.client import AlignClient; print(AlignClient('{server.address}')"
            ".encode_text(['sad cat']))\""
        )
    return [*lines, "Ctrl-C stops it."]


def _called(server: ModelServer) -> list[str]:
    return [
        f"{name} version {', '.join(map(str, versions))}" for name, versions in server.available().items() if versions
    ]
