"""One word for all that the configured input holds: equal words mean that ingest would read the same again.

Every file that ingest opens is known by its stamp (`Stamps`), and so is one that is not there yet: the files that the
globs match, the Parquet file beside each shard, the images that tables name. Tables are read for these names; no image
is. What lies beside them, unnamed, counts for nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging.image_paths import resolve
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.passes.metadata import path_beside
from components.pair_example_gen.storage.listing import Listed, Stamps, list_files
from components.pair_example_gen.storage.sources import image_paths


def fingerprint(config: IngestConfig) -> str:
    """Returns the SHA-256 of path and stamp of every file that ingest reads, or would read if it were there.

    Raises:
      Exception: a file system's own, where it cannot be asked.
    """
    digest = hashlib.sha256()
    for kind, path, stamp in _reached(config):
        digest.update(f"{kind}\0{path}\0{stamp}\n".encode(errors="surrogatepass"))  # a name may be no UTF-8
    return digest.hexdigest()


def _reached(config: IngestConfig) -> Iterator[tuple[str, str, str]]:
    """Yield (what it is, path, stamp) of each file, in an order that depends on names and tables alone."""
    stamps = Stamps()
    for split, pattern in sorted(config.globs.items()):
        found = list_files(config.shards, pattern)
        yield from ((split, path, file.stamp) for path, file in found.items())
        if "metadata" in config.layout.uses:
            yield from (("beside", path, stamps.of(path)) for path in map(path_beside, found))
        for address in _images(found, config):
            yield "image", address, stamps.of(address)
    if config.metadata:
        for path, file in list_files(config.shards, config.metadata).items():
            yield "metadata", path, file.stamp


def _images(tables: dict[str, Listed], config: IngestConfig) -> Iterator[str]:
    """Yield the address of each image that the tables name; one that is refused unopened has none."""
    for table, file in tables.items():
        for path in image_paths(table, file.size, config):
            try:
                yield resolve(config.folder_of_images, path)
            except Refused:
                continue
