"""Asks a collection of Milvus, and says in one sentence when it does not answer."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pymilvus import MilvusClient

TOKEN = "MILVUS_TOKEN"  # the environment variable that holds USER:PASSWORD or an API key, where Milvus wants one
_CONNECT_S = 5.0
_AGAIN_S = 2.0  # after which an address that did not answer is tried again; who asks meanwhile is told at once
_ANSWER_S = 60.0
_TRIES = 3  # of a call on a connection: a server that came back answers on a new one alone, as gRPC waits for minutes
_NOT_FOUND = 100  # Milvus's code for a collection that is not there
_LOGICAL_BITS = 18  # of Milvus's times: what tells those of one millisecond apart
Answer = TypeVar("Answer")


class MilvusUnavailable(OSError):
    """Milvus cannot be reached, or refused what it was asked."""


class CollectionGone(MilvusUnavailable):
    """A collection that was there is not there any more."""


class Connection:
    """A collection of the server or cluster at an address, as https://HOST:PORT; threads may share it.

    Attributes:
      address: of Milvus.
      collection: its name, or an alias of it.
    """

    def __init__(self, address: str, collection: str, server: _Server | None = None) -> None:
        """Connect, or take a server that is connected.

        Raises:
          ModuleNotFoundError: where pymilvus is not installed.
          MilvusUnavailable: when nothing answers at the address.
        """
        self.address, self.collection = address, collection
        self._server = server or _Server(address)

    def to(self, collection: str) -> Connection:
        """Returns a connection to another collection of the server."""
        return Connection(self.address, collection, self._server)

    def ask(self, what: str, **arguments: Any) -> Any:
        """Returns what the client's method `what` says of the collection."""
        return self.ask_server(what, collection_name=self.collection, **arguments)

    def ask_server(self, what: str, **arguments: Any) -> Any:
        """Returns what the client's method `what` says."""
        arguments = {"timeout": _ANSWER_S, "retry_times": _TRIES, **arguments}
        return self._server.asked(lambda client: getattr(client, what)(**arguments))

    def query(self, where: str, fields: Sequence[str], **arguments: Any) -> list[dict[str, Any]]:
        """Returns columns of the rows for which an expression holds."""
        return self.ask("query", filter=where, output_fields=list(fields), **arguments)

    def now(self) -> int:
        """Returns Milvus's own time, which is that of all its clients; this machine's where an old one gives none."""
        given = self._server.asked(
            lambda client: client._get_connection().alloc_timestamp(timeout=_ANSWER_S, retry_times=1)
        )
        return given or int(time.time() * 1000) << _LOGICAL_BITS

    def insert_file(self, path: str) -> int:
        """Have Milvus read a file that it calls `path` into the collection; returns the number of that task."""
        return self._server.asked(
            lambda client: client._get_connection().do_bulk_insert(self.collection, "", [path], timeout=_ANSWER_S)
        )

    def inserted(self, task: int) -> tuple[str, int, str]:
        """Returns the state of such a task as Milvus calls it, how many rows it read, and why it failed."""
        said = self._server.asked(
            lambda client: client._get_connection().get_bulk_insert_state(task, timeout=_ANSWER_S)
        )
        return said.state_name, said.row_count, said.failed_reason


class _Server:
    """A client of one address, made anew where the one that is held fails."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._held: MilvusClient | None = None
        self._failed: tuple[float, str] | None = None  # when, by the monotonic clock, and how
        self._client()

    def asked(self, ask: Callable[[MilvusClient], Answer]) -> Answer:
        """Returns what Milvus answers, on a new connection where the one that is held fails."""
        client = self._client()
        try:
            return self._answer(lambda: ask(client))
        except CollectionGone:
            raise
        except MilvusUnavailable:
            with self._lock:
                if self._held is client:
                    self._held = None
        client = self._client()
        return self._answer(lambda: ask(client))

    def _client(self) -> MilvusClient:
        token = os.environ.get(TOKEN, "")
        with self._lock:
            if self._held is None:
                if self._failed and time.monotonic() - self._failed[0] < _AGAIN_S:
                    raise MilvusUnavailable(self._failed[1])
                connect, name = _milvus_client(), uuid.uuid4().hex  # or pymilvus gives all of an address one channel
                try:
                    self._held = self._answer(
                        lambda: connect(uri=self._address, token=token, timeout=_CONNECT_S, alias=name)
                    )
                except MilvusUnavailable as error:
                    self._failed = time.monotonic(), str(error)
                    raise
            return self._held

    def _answer(self, ask: Callable[[], Answer]) -> Answer:
        """Returns what Milvus answers; raises MilvusUnavailable where it does not."""
        from grpc import RpcError
        from pymilvus import MilvusException

        try:
            return ask()
        except (MilvusException, RpcError) as error:
            said = error.message if isinstance(error, MilvusException) else error.details()
            why = (str(said).strip().splitlines() or ["no reason given"])[0]
            if isinstance(error, MilvusException) and error.code == _NOT_FOUND:
                raise CollectionGone(
                    f"Milvus at {self._address} holds the collection no more ({why}); search again, or build it anew"
                ) from error
            raise MilvusUnavailable(
                f"Milvus at {self._address} does not answer as it should ({why}); see that it is up"
            ) from error


def nanoseconds(moment: int) -> int:
    """Returns a time of Milvus as nanoseconds since 1970, which no two times of Milvus share.

    Examples:
      >>> nanoseconds(1_700_000_000_123 << 18 | 5)
      1700000000123000005
    """
    return (moment >> _LOGICAL_BITS) * 1_000_000 + (moment & ((1 << _LOGICAL_BITS) - 1))


def _milvus_client() -> type[MilvusClient]:
    try:
        from pymilvus import MilvusClient
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("an index in Milvus needs pymilvus; pip install 'align-tfx[milvus]'") from error
    for name in ("pymilvus", "pymilvus.milvus_client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # it logs each error that it raises too
    return MilvusClient
