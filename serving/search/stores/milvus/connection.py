"""Asks a collection of Milvus, and says in one sentence when it does not answer."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pymilvus import MilvusClient

TOKEN = "MILVUS_TOKEN"  # the environment variable that holds USER:PASSWORD or an API key, where Milvus wants one
_SECONDS = 60.0  # that an answer may take
Answer = TypeVar("Answer")


class MilvusUnavailable(OSError):
    """Milvus cannot be reached, or refused what it was asked."""


@dataclass(frozen=True)
class Connection:
    """A collection of the server or cluster at an address, as https://HOST:PORT."""

    address: str
    collection: str
    client: MilvusClient

    def ask(self, what: str, **arguments: Any) -> Any:
        """Returns what the client's method `what` says of the collection."""
        return asked(self.address, lambda: getattr(self.client, what)(self.collection, timeout=_SECONDS, **arguments))

    def query(self, where: str, fields: Sequence[str], **arguments: Any) -> list[dict[str, Any]]:
        """Returns columns of the rows for which an expression holds."""
        return self.ask("query", filter=where, output_fields=list(fields), consistency_level="Strong", **arguments)


def connect(address: str, collection: str) -> Connection:
    """Connect to Milvus.

    Raises:
      ModuleNotFoundError: where pymilvus is not installed.
      MilvusUnavailable: when nothing answers at the address.
    """
    try:
        from pymilvus import MilvusClient
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("an index in Milvus needs pymilvus; pip install 'align-tfx[milvus]'") from error
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs each error that it raises too
    client = asked(address, lambda: MilvusClient(uri=address, token=os.environ.get(TOKEN, ""), timeout=10))
    return Connection(address, collection, client)


def asked(address: str, ask: Callable[[], Answer]) -> Answer:
    """Returns what Milvus answers; raises MilvusUnavailable where it does not."""
    from pymilvus import MilvusException

    try:
        return ask()
    except MilvusException as error:
        why = str(error.message).strip().splitlines()[0]
        raise MilvusUnavailable(
            f"Milvus at {address} does not answer as it should ({why}); see that it is up"
        ) from error
