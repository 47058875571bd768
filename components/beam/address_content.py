"""What stands at an address that a config names, as one word, by what its file system tells without reading it."""

from __future__ import annotations

import hashlib

from apache_beam.io.filesystems import FileSystems

from components.files.content import content_hash


def content_of(path: str) -> str:
    """Returns a hash of what a path or an address holds, for pipelines whose caches live where it can be asked.

    Of an address, such as gs://bucket/model, it is one of each file's name, size, time of change and checksum, as the
    file system has them.

    Raises:
      ValueError: where the file system cannot be asked.
    """
    if "://" not in path:
        return content_hash(path)
    try:
        files = FileSystems.get_filesystem(path)
        found = [files.metadata(path)] if files.exists(path) and not files.has_dirs() else []
        found = found or list(files._list(f"{path.rstrip('/')}/"))
        facts = [
            (file.path, file.size_in_bytes, file.last_updated_in_seconds, files.checksum(file.path))
            for file in sorted(found, key=lambda file: file.path)
            if not file.path.endswith("/")
        ]
    except Exception as error:  # each of Beam's file systems has errors of its own
        raise ValueError(
            f"{path} cannot be looked at, so that no cache can know whether it changed "
            f"({' '.join(str(error).split())[:200]}); check the address and the credentials, or copy it to this machine"
        ) from error
    return hashlib.sha256(repr(facts).encode(errors="surrogateescape")).hexdigest()
