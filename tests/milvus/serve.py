"""Runs Milvus of PyPI's `milvus` on loopback, in that package's environment, until its standard input ends.

Usage: .milvus-venv/bin/python tests/milvus/serve.py FOLDER

Says the server's port on standard output once it answers. FOLDER takes what it stores.
"""

from __future__ import annotations

import socket
import sys

from milvus import MilvusServer, MilvusServerConfig


class Config(MilvusServerConfig):
    """Takes the ports that the server before it has left, at once: clients go on asking there."""

    def try_bind_port(self, port: int) -> socket.socket | None:
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError:
            return None


def main() -> None:
    server = MilvusServer(Config(data_dir=sys.argv[1]))
    for part in ("proxy", "rootCoord", "dataCoord", "queryCoord", "indexCoord", "dataNode", "queryNode", "indexNode"):
        server.config.set(f"{part}.ip", "127.0.0.1")
    with server:
        print(server.listen_port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
