"""Keeps the newest version that lies at an address, such as gs://bucket/folder, in a folder of this machine.

A server reads folders. At an address a folder is a part of its files' names, and they come and go one by one: a version
is fetched once all of its files are there and stayed the same from one look to the next, and appears here whole.
"""

from __future__ import annotations

import logging
import posixpath
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from serving.versions import LARGEST, are_complete

LEAST_POLL_S = 10.0  # a listing costs money
SETTLE_S = 1.0
_ASIDE = ".aside-"
_log = logging.getLogger(__name__)

Listing = Mapping[str, tuple[int, int]]  # file of a version -> bytes, time of its last change in ns


class Bucket:
    """Versions at an address, to be used in a block: they are fetched again and again meanwhile.

    Args:
      address: of numbered versions, gs:// or s3://, as pyarrow's FileSystem.from_uri takes it. Credentials come from
        where Google's and Amazon's own libraries look for them.
      folder: where the newest version is put, and the one before it stays.
      poll_s: seconds between two looks, LEAST_POLL_S at least; 0 looks at the beginning alone.

    Raises:
      ValueError: as the block begins, where the address cannot be read or holds no complete version.
      OSError: where the folder cannot be written.
    """

    def __init__(self, address: str, folder: Path, poll_s: float) -> None:
        self.address, self._folder = address.rstrip("/"), folder
        self._every_s = max(poll_s, LEAST_POLL_S) if poll_s else 0.0
        try:
            self._files, self._base = fs.FileSystem.from_uri(self.address)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise ValueError(f"{address} cannot be read: {_in_a_line(error)}; give gs:// or s3://") from error
        self._seen: dict[int, Listing] = {}
        self._here: dict[int, Listing] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="bucket", daemon=True)

    def __enter__(self) -> Bucket:
        try:
            self.look()
            time.sleep(SETTLE_S)
            self.look()
        except (pa.ArrowException, OSError) as error:
            raise ValueError(
                f"{self.address} cannot be read: {_in_a_line(error)}; mend that, or copy it to a folder of this machine"
            ) from error
        if not self._here:
            raise ValueError(
                f"{self.address} holds no complete version such as {self.address}/1; give an address with numbered "
                "versions below it"
            )
        if self._every_s:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Fetch the newest version that has settled, and let go of what is older than the one before it or gone.

        Raises:
          OSError: where the address cannot be read or the folder not written; what was fetched before is untouched.
        """
        found = self._listed()
        settled = [number for number, listing in found.items() if self._seen.get(number) == listing]
        self._seen = found
        if not settled:
            return
        newest = max(settled)
        if self._here.get(newest) != found[newest]:
            self._fetch(newest, found[newest])
        before = max((number for number in self._here if number < newest and number in found), default=newest)
        for number in set(self._here) - {newest, before}:
            if number not in found or number < newest:  # one that is above may be settling again
                shutil.rmtree(self._folder / str(number))
                del self._here[number]

    def _listed(self) -> dict[int, Listing]:
        """Returns number -> files of the versions that are there whole."""
        versions: dict[int, dict[str, tuple[int, int]]] = {}
        for info in self._files.get_file_info(fs.FileSelector(self._base, recursive=True, allow_not_found=True)):
            number, _, name = posixpath.relpath(info.path, self._base).partition("/")
            if info.type is fs.FileType.File and name and number.isascii() and number.isdigit():
                versions.setdefault(int(number), {})[name] = (info.size, info.mtime_ns)
        return {number: files for number, files in versions.items() if number <= LARGEST and are_complete(files)}

    def _fetch(self, number: int, listing: Listing) -> None:
        started = time.monotonic()
        aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=self._folder))
        try:
            for name in listing:
                (aside / name).parent.mkdir(parents=True, exist_ok=True)
                source = posixpath.join(self._base, str(number), name)
                fs.copy_files(source, str(aside / name), self._files, fs.LocalFileSystem(), use_threads=False)
            if self._listed().get(number) != listing:  # it changed meanwhile, so that this may be half of each
                raise OSError(f"version {number} changes while it is fetched")
            place = self._folder / str(number)
            if place.exists():  # another of the same number; what a server holds of it is in memory
                shutil.rmtree(place)
            aside.rename(place)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        self._here[number] = listing
        _log.info("version %d of %s is here after %.1f s", number, self.address, time.monotonic() - started)

    def _work(self) -> None:
        said = ""
        while not self._stopped.wait(self._every_s):
            try:
                self.look()
                said = ""
            except (pa.ArrowException, OSError) as error:
                problem = _in_a_line(error)
                if problem != said:
                    _log.warning("%s cannot be read: %s; what is served goes on", self.address, problem)
                said = problem


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())
