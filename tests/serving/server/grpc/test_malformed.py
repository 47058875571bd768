"""Malformed requests get TF Serving's codes, and nobody else notices; the benchmarks send 10 000 of them."""

from __future__ import annotations

import grpc
import pytest

from benchmarks.serving.malformed import KINDS, malformed, text


def plain(channel, method: str):
    """Returns a call that sends and returns bytes."""
    return channel.unary_unary(method, request_serializer=None, response_deserializer=None)


@pytest.mark.parametrize("seed", range(3))
def test_each_kind_gets_its_code_and_the_server_lives_on(channel, prediction, seed):
    expected = prediction.Predict(text(), timeout=20).outputs["embedding"]
    wrong = []
    for request in malformed(seed, 6 * len(KINDS)):
        try:
            plain(channel, request.method)(request.message, timeout=30)
            code, said = "OK", ""
        except grpc.RpcError as error:
            code, said = error.code().name, error.details()
        if code not in request.codes or "Exception" in said:
            wrong.append((request.kind, code, said[:200], request.message[:120]))
    assert not wrong
    assert prediction.Predict(text(), timeout=20).outputs["embedding"] == expected
