"""The folder that stands for an index in Milvus: one small file says where its collection is.

FOLDER/milvus.json        {"format": 1, "address": "http://HOST:PORT", "collection": "NAME"}
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from serving.search.shards.files import sync_folder
from serving.search.stores.milvus.milvus_store import MilvusStore

FORMAT = 1
NAME = "milvus.json"
_COLLECTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


@dataclass(frozen=True)
class Place:
    """Where an index is.

    Attributes:
      address: of Milvus, as https://HOST:PORT.
      collection: what the index is called there.
    """

    address: str
    collection: str

    @classmethod
    def named(cls, said: str) -> Place:
        """Read it as a command line has it, http://HOST:PORT/COLLECTION.

        Raises:
          ValueError: for what is none.

        Examples:
          >>> Place.named("http://127.0.0.1:19530/pictures")
          Place(address='http://127.0.0.1:19530', collection='pictures')
        """
        parts = urlsplit(said)
        name = parts.path.strip("/")
        if parts.scheme not in ("http", "https") or not parts.hostname or not _COLLECTION.fullmatch(name):
            raise ValueError(
                f"{said!r} names no collection of Milvus; write http://HOST:PORT/NAME, a name of letters, digits and _"
            )
        if parts.username or parts.password:
            raise ValueError("an address of Milvus holds a password; put it into MILVUS_TOKEN, as USER:PASSWORD")
        return cls(f"{parts.scheme}://{parts.netloc}", name)

    @classmethod
    def read(cls, folder: Path) -> Place:
        """Read it from a folder.

        Raises:
          FileNotFoundError: where the folder stands for none.
          ValueError: when the file is damaged or of another format.
        """
        try:
            said = json.loads((folder / NAME).read_bytes())
            if said["format"] != FORMAT:
                raise ValueError(f"it has format {said['format']}, this version reads format {FORMAT}")
            return cls(str(said["address"]), str(said["collection"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{folder / NAME} does not say where an index is ({error}); delete it, and build anew"
            ) from error

    def write(self, folder: Path) -> None:
        """Let a folder stand for it."""
        aside = folder / f".{NAME}.{os.getpid()}"
        aside.write_text(json.dumps({"format": FORMAT, **asdict(self)}), encoding="utf-8")
        aside.replace(folder / NAME)
        sync_folder(folder)


def open_place(folder: Path) -> MilvusStore:
    """Open the collection that a folder stands for.

    Raises:
      ValueError: when the file that says so is damaged or of another format, or the collection is no index.
      FileNotFoundError: when there is no such collection.
      MilvusUnavailable: when Milvus does not answer.
    """
    place = Place.read(folder)
    return MilvusStore(place.address, place.collection)
