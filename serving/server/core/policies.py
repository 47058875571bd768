"""Which of the versions in a folder are to be served: ServableVersionPolicy, pure.

As sources/storage_path/file_system_storage_path_source.cc has it: the newest alone without a policy, `latest` at least
one, `all`, or the `specific` ones that are there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def aspired(policy: Any, versions: Iterable[int]) -> list[int]:
    """Returns the versions that a ServableVersionPolicy picks of those that are there, ascending."""
    there = sorted(versions)
    match policy.WhichOneof("policy_choice"):
        case "all":
            return there
        case "specific":
            return [version for version in there if version in policy.specific.versions]
        case _:
            return there[-max(policy.latest.num_versions, 1) :]
