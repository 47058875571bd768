"""The encoder that one word names, as a command takes it: a SavedModel's folder, a server, a Python object."""

from __future__ import annotations

import os
import pkgutil
import re
from pathlib import Path
from typing import Any

from serving.calling.channel import Tls
from serving.encoders.checked import CheckedEncoder
from serving.encoders.encoder import EncodeError, Encoder
from serving.encoders.python_object import ObjectEncoder
from serving.signatures import MODEL_NAME
from serving.versions import SAVED_MODEL_FILE, base_within, complete_versions

FORMS = "the folder of a SavedModel, HOST:PORT (or HOST:PORT/MODEL/VERSION) of a server, or package.module:object"
_SERVER = re.compile(r"(?P<address>(?:\[[^\]/]+\]|[^\s/:]+):(?P<port>\d+))(?:/(?P<model>[^/]+)(?:/(?P<version>\d+))?)?")
_OBJECT = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def open_encoder(spec: str, tls: Tls | None = None) -> Encoder:
    """Open what a word names; nothing is loaded, and no server is asked, before something is encoded.

    Args:
      spec: one of
        - a folder: a SavedModel, numbered versions of one (the newest complete one is taken), or what `align import-hf`
          and `align import-keras-hub` write;
        - HOST:PORT of TensorFlow Serving's gRPC API, where the model is called `align`; HOST:PORT/MODEL for another
          name, HOST:PORT/MODEL/VERSION for another version than the newest;
        - package.module:object with `encode_image` and `encode_text` (serving/encoders/python_object.py).
      tls: what a connection to a server is encrypted by; None sends in the clear.

    Returns:
      An encoder whose every answer is checked (serving/encoders/checked.py).

    Raises:
      EncodeError: where the word names nothing that encodes, or a certificate cannot be read, with the remedy.
    """
    return CheckedEncoder(_open(spec, tls))


def encoder_of(wrapped: Any, name: str) -> Encoder:
    """Returns an encoder of a Python object, checked as `open_encoder` does; raises EncodeError."""
    return CheckedEncoder(ObjectEncoder(wrapped, name))


def _open(spec: str, tls: Tls | None) -> Encoder:
    server = None if os.path.isdir(spec) else _SERVER.fullmatch(spec)
    if tls is not None and server is None:
        raise EncodeError(
            f"certificates are given, and the model {spec!r} is no HOST:PORT; leave them out, or name one"
        )
    if os.path.isdir(spec):
        from serving.encoders.saved_model import SavedModelEncoder  # TensorFlow comes with it, as with AlignClient

        return SavedModelEncoder(_saved_model(Path(spec)))
    if server is not None:
        return _server(**server.groupdict(), tls=tls)
    if _OBJECT.fullmatch(spec):
        return ObjectEncoder(_object(spec), spec)
    raise EncodeError(f"the model {spec!r} is no folder that is there, and no server or object; give {FORMS}")


def _saved_model(folder: Path) -> Path:
    """Returns the SavedModel that a folder is or holds."""
    if (folder / SAVED_MODEL_FILE).is_file():
        return folder
    if base := base_within(folder):
        versions = complete_versions(base)
        return versions[max(versions)]
    raise EncodeError(
        f"{folder} holds no {SAVED_MODEL_FILE} and no complete version such as {folder / '1'}; give the folder of a "
        "SavedModel, or one of numbered versions"
    )


def _server(address: str, port: str, model: str | None, version: str | None, tls: Tls | None) -> Encoder:
    if not 0 < int(port) < 2**16:
        raise EncodeError(f"the server {address} has the port {port}; a port is from 1 to {2**16 - 1}")
    from serving.client import AlignClient

    number = None if version is None else int(version)
    try:
        return AlignClient(address, model=model or MODEL_NAME, version=number, tls=tls)
    except ValueError as error:
        raise EncodeError(str(error)) from error


def _object(spec: str) -> Any:
    try:
        return pkgutil.resolve_name(spec)
    except ModuleNotFoundError as error:
        raise EncodeError(
            f"{spec} needs the module {error.name}, which Python does not find; install it, or name its folder in "
            "PYTHONPATH"
        ) from error
    except AttributeError as error:
        raise EncodeError(f"{spec} names what is not there: {error}; name an object of that module") from error
    except Exception as error:  # it is anybody's code
        cause = " ".join(str(error).split())
        raise EncodeError(f"{spec} cannot be imported: {type(error).__name__}: {cause}") from error
