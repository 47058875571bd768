"""Runs Milvus of PyPI's `milvus` on loopback, in that package's environment, until its standard input ends.

Usage: .milvus-venv/bin/python tests/milvus/serve.py FOLDER

Says the server's port on standard output once it answers. FOLDER takes what it stores.
"""

from __future__ import annotations

import sys

from milvus import MilvusServer, MilvusServerConfig


def main() -> None:
    server = MilvusServer(MilvusServerConfig(data_dir=sys.argv[1]))
    for part in ("proxy", "rootCoord", "dataCoord", "queryCoord", "indexCoord", "dataNode", "queryNode", "indexNode"):
        server.config.set(f"{part}.ip", "127.0.0.1")
    with server:
        print(server.listen_port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
