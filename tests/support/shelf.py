"""An object store in the test's own process, which Beam takes for one of its file systems."""

from __future__ import annotations

from apache_beam.io.filesystem import BeamIOError, FileMetadata, FileSystem


class Shelf(FileSystem):
    """An object store in this process, under shelf://; Beam finds it as it finds those of its own."""

    FILES: dict[str, tuple[int, float]] = {}  # noqa: RUF012 - address -> (size, seconds since 1970)

    @classmethod
    def scheme(cls) -> str:
        return "shelf"

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix):
        if dir_or_prefix.startswith("shelf://closed"):
            raise BeamIOError("List operation failed", {dir_or_prefix: PermissionError("no")})
        yield from (FileMetadata(path, *found) for path, found in self.FILES.items() if path.startswith(dir_or_prefix))

    def exists(self, path):
        return path in self.FILES

    def metadata(self, path):
        return FileMetadata(path, *self.FILES[path])

    def checksum(self, path):
        return str(self.FILES[path])

    def _unused(self, *_, **__):
        raise NotImplementedError

    join = split = mkdirs = create = open = copy = rename = size = last_updated = delete = _unused
