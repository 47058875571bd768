"""The body of `align search`: one process with model, index, API and page, until it is stopped."""

from __future__ import annotations

import ipaddress
import os
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from serving.server.ports import check_free
from tfx_pipeline.commands.serve import stop_signals
from tfx_pipeline.quick import without_keras
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.runs.search_server import noted
from tfx_pipeline.settings.config import ConfigError, as_config_error

if TYPE_CHECKING:
    from serving.search.api.handlers import Searched

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Searching:
    """What is searched, and how.

    Attributes:
      root: the pipeline's folder, `<output>/<name>`, whose newest index is searched where none is named.
      indexes: folders of indexes, each of another version of the model; the first is searched unless asked otherwise.
      model: what encodes the queries, as `serving.encoders.opening` reads it; None for what the index names.
      host: address to listen on.
      port: 0 takes a free one.
      opens: whether a browser is opened, where there is a display.
      rate: requests a second that one address may send; None for no limit.
      max_body_mb: largest request, in MiB.
      max_calls: requests in work at once.
      access_log: a file, or - for standard error; None for no log.
      grace_s: seconds that requests in work have to end.
    """

    root: Path
    indexes: tuple[Path, ...] = ()
    model: str | None = None
    host: str = "127.0.0.1"
    port: int = 8600
    opens: bool = False
    rate: float | None = None
    max_body_mb: int = 32
    max_calls: int = 16
    access_log: str | None = None
    grace_s: float = 5.0

    def __post_init__(self) -> None:
        if self.max_body_mb < 1 or self.max_calls < 1:
            raise ConfigError("--max-body-mb and --max-calls must be at least 1")
        if self.model is not None and len(self.indexes) > 1:
            raise ConfigError("--model is of one index; give one --index, or leave --model out")


def search_until_stopped(searching: Searching, console: Console | None = None) -> None:
    """Answer searches; returns after Ctrl-C or SIGTERM.

    Raises:
      ConfigError: when there is no index, it is of another model, or the port is taken.
    """
    from tfx_pipeline.indexing.folder import newest_index

    console = console or Console()
    folders = list(searching.indexes) or [newest_index(searching.root)]
    with as_config_error((OSError, ValueError)):
        check_free(searching.host, searching.port)  # before TensorFlow's slow import
    with quiet_imports(), without_keras():
        from serving.encoders.encoder import EncodeError
        from serving.search.api.app import SearchSettings, search_app
        from serving.search.api.rate import Rate
        from serving.server.access_log import AccessLog
        from serving.server.http_calls import HttpLimits
        from serving.server.http_server import HttpServer

        with as_config_error((EncodeError, OSError, ValueError)):
            searched = [open_searched(folder, searching.model) for folder in folders]
    token = uuid.uuid4().hex
    with as_config_error((OSError, ValueError)), ExitStack() as running:
        settings = SearchSettings(
            HttpLimits(body_bytes=searching.max_body_mb * 2**20, in_work=searching.max_calls),
            rate=None if searching.rate is None else Rate(searching.rate),
            hosts=frozenset({*LOCAL_NAMES, searching.host}) if _is_local(searching.host) else None,
            token=token,
        )
        app = search_app(searched, settings, AccessLog(searching.access_log))
        server = HttpServer(app, host=searching.host, port=searching.port, tls=None, grace_s=searching.grace_s)
        stopped = running.enter_context(stop_signals())
        running.callback(server.stop)
        server.start()
        address = f"http://{server.address}"
        running.enter_context(noted(folders, address, token))
        for (searcher, _), folder in zip(searched, folders, strict=True):
            count = f"{searcher.store.count():,} images"
            console.print(
                f"{count} of model version {searcher.version}, from {folder}", soft_wrap=True, highlight=False
            )
        console.print(f"Search them at {address}", soft_wrap=True, highlight=False, markup=False)
        console.print("Ctrl-C stops it.", highlight=False)
        if searching.opens and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            typer.launch(address)
        stopped.wait()


def open_searched(folder: Path, model: str | None = None) -> Searched:
    """Open an index with its model and its pictures.

    Args:
      folder: of the index.
      model: what encodes the queries; None for what the index names.

    Raises:
      ConfigError: when there is no index.
      ValueError, OSError: when the index is damaged, or of another model.
      EncodeError: when the model cannot be asked.
    """
    from serving.encoders.batched import BatchedEncoder
    from serving.encoders.opening import open_encoder
    from serving.search.api.handlers import Searched
    from serving.search.pictures import Pictures
    from serving.search.same_model import known_by_index
    from serving.search.searcher import Searcher
    from serving.search.stores.opening import open_store
    from tfx_pipeline.indexing.folder import Made
    from tfx_pipeline.indexing.originals import Originals

    made, store = Made.read(folder), open_store(folder)
    pictures = Pictures(store, Originals(made))
    encoder = known_by_index(BatchedEncoder(open_encoder(model or made.model)), store, pictures)
    return Searched(Searcher(encoder, store, version=folder.resolve().name), pictures)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
