"""A server in front of another, which answers what that one answers but for what a test changes."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import grpc

Change = Callable[[str, Any], Any]  # method, and bytes of an answer or (code, words) of a refusal -> the same


@contextmanager
def lying_grpc(address: str, change: Change) -> Iterator[str]:
    """Forward every method of gRPC; yields host:port."""

    class Forwarding(grpc.GenericRpcHandler):
        def service(self, details):
            def forward(request: bytes, context: grpc.ServicerContext) -> bytes:
                try:
                    answer = channel.unary_unary(details.method)(request, timeout=60)
                except grpc.RpcError as error:
                    context.abort(*change(details.method, (error.code(), error.details())))
                return change(details.method, answer)

            return grpc.unary_unary_rpc_method_handler(forward)

    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Forwarding(),))
    with grpc.insecure_channel(address) as channel:
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()


@contextmanager
def lying_http(address: str, change: Callable[[str, int, str], tuple[int, str]]) -> Iterator[str]:
    """Forward every request of HTTP through change(path, status, body); yields host:port."""

    class Forwarding(BaseHTTPRequestHandler):
        def forward(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            connection = http.client.HTTPConnection(address)
            headers = {"Origin": self.headers["origin"]} if self.headers.get("origin") else {}
            connection.request(self.command, self.path, self.rfile.read(length) if length else None, headers)
            response = connection.getresponse()
            status, body = change(self.path, response.status, response.read().decode())
            connection.close()
            self.send_response(status)
            self.send_header("Content-Type", response.headers.get("content-type", ""))
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = forward

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Forwarding)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
