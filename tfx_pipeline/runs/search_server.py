"""The search server that runs for an index: a small file in the index's folder says where, and it is asked by HTTP.

Nothing here imports more than Python brings along, so that `align query` answers at once.
"""

from __future__ import annotations

import http.client
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tfx_pipeline.runs.folders import INDEXES
from tfx_pipeline.settings.config import ConfigError

FILE = "server.json"  # in the folder of an index
_HEALTH_S, _ANSWER_S = 1.0, 60.0


@dataclass(frozen=True)
class Note:
    """What a server writes of itself.

    Attributes:
      address: its http:// address.
      pid: its process.
      token: what its /healthz says: another server may have the address by now.
    """

    address: str
    pid: int
    token: str


@contextmanager
def noted(folders: list[Path], address: str, token: str) -> Iterator[None]:
    """Say inside of the block where the server of some indexes is; a folder that cannot be written says nothing."""
    note = json.dumps(asdict(Note(address, os.getpid(), token)))
    for folder in folders:
        aside = folder / f".{FILE}.{uuid.uuid4().hex}"
        with suppress(OSError):
            aside.write_text(note, encoding="utf-8")
            aside.replace(folder / FILE)
    try:
        yield
    finally:
        for folder in folders:
            with suppress(OSError):
                if (folder / FILE).read_text(encoding="utf-8") == note:  # else a later server's
                    (folder / FILE).unlink()


def running_server(index: Path) -> SearchServer | None:
    """Returns the server that runs for an index, where one answers."""
    try:
        note = Note(**json.loads((index / FILE).read_text(encoding="utf-8")))
        server = SearchServer(note.address)
        status, body = server.call("GET", "/healthz", timeout_s=_HEALTH_S)
        return server if status == 200 and json.loads(body)["token"] == note.token else None
    except (OSError, ValueError, TypeError, KeyError, http.client.HTTPException):
        return None


def newest_made(root: Path) -> Path | None:
    """Returns the folder below a pipeline's root whose index was built last, by its index.json; None without any."""
    found = []
    for path in (root / INDEXES).glob("*/index.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            found.append((str(json.loads(path.read_text(encoding="utf-8"))["created"]), path.parent.name, path.parent))
    return max(found)[2] if found else None


class SearchServer:
    """Asks a search server."""

    def __init__(self, address: str) -> None:
        """Name it; nothing is sent.

        Raises:
          ValueError: for what is no http:// address or HOST:PORT.
        """
        self.address = address if "://" in address else f"http://{address}"
        parts = urlsplit(self.address)
        if parts.scheme != "http" or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"--server is {address!r}; give http://HOST:PORT, as `align search` prints it")
        self._host, self._port = parts.hostname, parts.port or 80

    def search(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the answer to a question, both as docs/search-api.md has them; raises ConfigError."""
        return json.loads(self._asked("POST", "/api/search", json.dumps(question).encode()))

    @cached_property
    def info(self) -> dict[str, Any]:
        """Returns what there is to search; raises ConfigError."""
        return json.loads(self._asked("GET", "/api/info"))

    @property
    def described(self) -> str:
        """What is searched, in words; raises ConfigError."""
        return f"model version {self.info['models'][0]['version']}"

    def splits(self) -> list[str]:
        """Returns the splits that images of the index belong to; raises ConfigError."""
        return self.info["fields"]["split"]

    def picture(self, name: str, side: int) -> bytes | None:
        """Returns the picture of a hit, made small; None where its source is gone."""
        status, body = self._reached("GET", f"/api/images/{quote(name, safe='')}?size={side}")
        return body if status == 200 else None

    def call(
        self, method: str, path: str, body: bytes | None = None, timeout_s: float = _ANSWER_S
    ) -> tuple[int, bytes]:
        """Returns status and body; raises OSError and HTTPException."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _asked(self, method: str, path: str, body: bytes | None = None) -> bytes:
        status, answer = self._reached(method, path, body)
        if status == 200:
            return answer
        try:
            why = json.loads(answer)["error"]
        except (ValueError, KeyError, TypeError):
            why = f"it answered {status}, which is no search server's answer"
        raise ConfigError(f"{self.address}: {why}")

    def _reached(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        try:
            return self.call(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            raise ConfigError(f"{self.address} does not answer ({error}); start one by `align search`") from error
