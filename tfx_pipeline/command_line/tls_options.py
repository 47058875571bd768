"""The options of commands that ask a server over TLS; any of them encrypts, and none of them sends in the clear."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tfx_pipeline.command_line.options import path_option
from tfx_pipeline.settings.config import as_config_error

if TYPE_CHECKING:
    from serving.calling.channel import Tls

TlsCa = Annotated[
    Path | None, path_option(help="Ask over TLS; PEM file of the authorities that the server's certificate is held to.")
]
TlsCert = Annotated[Path | None, path_option(help="PEM file of this client's certificate, for mutual TLS.")]
TlsKey = Annotated[Path | None, path_option(help="PEM file of its key.")]


def tls_of(authorities: Path | None, certificate: Path | None, key: Path | None) -> Tls | None:
    """Returns what a connection is encrypted by, or None without any file; raises ConfigError."""
    if authorities is None and certificate is None and key is None:
        return None
    from serving.calling.channel import Tls

    tls = Tls(authorities, certificate, key)
    with as_config_error(ValueError):
        tls.credentials()
    return tls
