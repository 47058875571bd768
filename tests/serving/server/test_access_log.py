"""The access log: a JSON line for each request, answered or refused, to a file that may be moved away."""

from __future__ import annotations

import json
from datetime import datetime

import grpc
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from predict_requests import VERSION, predict_request, refusal
from serving.server.access_log import STDERR, AccessLog
from serving.server.server import ModelServer


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_call_is_a_line(base, tmp_path):
    log = tmp_path / "access.jsonl"
    with (
        ModelServer(base, port=0, access_log=AccessLog(str(log))) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.Predict(predict_request(text=["red", "grün\n"]), timeout=20)
        refusal(stub.Predict, predict_request("x", model="clip\n", text=["red"]))
    good, bad = lines(log)
    assert datetime.fromisoformat(good.pop("time")).tzinfo is not None
    assert good.pop("ms") > 0
    assert good.pop("peer").startswith("ipv4:127.0.0.1:")
    assert good == {
        "api": "GRPC",
        "method": "Predict",
        "model": "align",
        "version": VERSION,
        "signature": "encode_text",
        "rows": 2,
        "request_bytes": predict_request(text=["red", "grün\n"]).ByteSize(),
        "response_bytes": answer.ByteSize(),
        "status": "OK",
    }
    assert {name: bad[name] for name in ("model", "version", "signature", "status")} == {
        "model": "clip\n",
        "version": None,
        "signature": "x",
        "status": "NOT_FOUND",
    }


def test_a_file_that_is_moved_away_is_opened_anew(tmp_path):
    path = tmp_path / "access.jsonl"
    log = AccessLog(str(path))
    for name in ("first", "second"):
        with log.request("REST", name, "peer"):
            pass
        if name == "first":
            path.rename(tmp_path / "moved.jsonl")
    log.close()
    assert [line["method"] for line in lines(tmp_path / "moved.jsonl") + lines(path)] == ["first", "second"]


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path):
    with pytest.raises(OSError, match="absent"):
        AccessLog(str(tmp_path / "absent" / "access.jsonl"))


def test_a_fault_of_ours_is_logged_as_unknown(capsys):
    log = AccessLog(STDERR)
    with pytest.raises(ZeroDivisionError), log.request("V2", "infer", "peer") as access:
        access.rows = 1 // 0
    line = json.loads(capsys.readouterr().err)
    assert (line["api"], line["status"]) == ("V2", "UNKNOWN")


def test_a_full_disk_stops_the_log_and_not_the_server(capsys):
    log = AccessLog("/dev/full")
    for _ in range(2):
        with log.request("REST", "GET /", "peer") as access:
            access.status = 200
    said = "the access log cannot be written ([Errno 28] No space left on device); requests are answered all the same\n"
    assert capsys.readouterr().err == said


def test_a_folder_that_is_gone_stops_the_log_and_not_the_server(tmp_path, capsys):
    folder = tmp_path / "logs"
    folder.mkdir()
    log = AccessLog(str(folder / "access.jsonl"))
    for name in ("first", "second", "third", "fourth"):
        with log.request("REST", name, "peer"):
            pass
        if name == "first":
            folder.rename(tmp_path / "moved")
        if name == "third":
            folder.mkdir()
    log.close()
    assert [line["method"] for line in lines(folder / "access.jsonl")] == ["fourth"]
    assert capsys.readouterr().err.count("the access log cannot be written") == 1
