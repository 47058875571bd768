"""Run inside the image: prints its size by part, in MB of file contents; a file belongs to what installed it."""

from __future__ import annotations

import os
import re
from collections import Counter
from importlib import metadata, util
from pathlib import Path

PARTS = {  # the first pattern that a distribution's name matches
    "TensorFlow and Keras": r"tensorflow-(cpu|text)|(tf-)?keras|h5py|flatbuffers|ml-dtypes|opt-einsum|optree",
    "TFX and its family": r"tfx.*|tensorflow-.*|ml-.*|keras-tuner|kt-legacy",
    "Beam": r"apache-beam|fastavro|pymongo|dnspython|beartype|google-apitools|hdfs|boto.*|objsize|fasteners",
    "NumPy, SciPy, pandas, Arrow, scikit-learn": r"numpy|scipy|pandas|pyarrow|scikit-learn",
    "ONNX Runtime": r"onnxruntime",
}
MB = 1e6
NOT_FILES_OF_THE_IMAGE = ("/proc", "/sys", "/dev", "/run", "/tmp")


def owners() -> dict[str, str]:
    """Returns path -> the part of the distribution that installed it, compiled files with their sources."""
    found = {}
    for distribution in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        part = next((part for part, pattern in PARTS.items() if re.fullmatch(pattern, name)), "other packages")
        for file in distribution.files or ():
            path = os.path.normpath(str(distribution.locate_file(file)))
            found[path] = part
            if path.endswith(".py"):
                found[util.cache_from_source(path)] = part
    return found


def main() -> None:
    """Print one line for each part, the largest first, and what is not TensorFlow."""
    of, sizes, compiled = owners(), Counter[str](), 0
    compiled_size = 0
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in NOT_FILES_OF_THE_IMAGE]
        for file in files:
            path = os.path.join(folder, file)
            size = Path(path).lstat().st_size
            sizes[part_of(path, of)] += size
            if file.endswith(".pyc"):
                compiled, compiled_size = compiled + 1, compiled_size + size
    for part, size in sizes.most_common():
        print(f"{size / MB:8.1f} MB  {part}")
    total = sum(sizes.values())
    print(f"{total / MB:8.1f} MB  in all")
    print(f"{(total - sizes['TensorFlow and Keras']) / MB:8.1f} MB  of these are not TensorFlow and Keras")
    print(f"{compiled_size / MB:8.1f} MB  of these are {compiled} byte-compiled files")


def part_of(path: str, of: dict[str, str]) -> str:
    """Returns the part of the image that a file belongs to."""
    if path.startswith(("/opt/align-tfx/", "/usr/local/lib/align-tfx/")):
        return "this project"
    if path.startswith("/opt/apache/beam/"):
        return "Beam"
    if path.startswith("/opt/python/"):
        return "Python"
    if path.startswith("/opt/align/"):
        return of.get(path, "other packages")
    return "Debian"


if __name__ == "__main__":
    main()
