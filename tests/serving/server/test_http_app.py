"""The HTTP port asked over a real connection: routes, headers, bodies, and who has stopped waiting."""

import gzip
import json
import socket
import threading

import pytest
from http_port import ask, http_port
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

STARLETTES_THREADS = 40  # anyio's default for what is no coroutine
PREDICT = "/v1/models/half_plus_two:predict"
BODY = b'{"instances": [1.0, 2.0, 5.0]}'
JSON_TYPE = "application/json"


@pytest.fixture(scope="module")
def address(small_models):
    from serving.server.http_app import http_app
    from serving.server.monitoring.observer import Monitoring

    with http_port(http_app(small_models, Monitoring())) as address:
        yield address


def test_a_prediction_comes_as_tensorflow_servings_does(address):
    status, headers, body = ask(address, "POST", PREDICT, BODY)
    assert (status, headers["content-type"]) == (200, JSON_TYPE)
    assert body == b'{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'


def test_percent_signs_and_the_query_reach_the_path(address):
    assert ask(address, "POST", "/v1/models/half%5Fplus_two:predict", BODY)[0] == 200
    status, _, body = ask(address, "POST", PREDICT + "?a=%20", BODY)
    assert (status, json.loads(body)["error"]) == (400, f"Malformed request: POST {PREDICT}?a=%20")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_malformed(address, method):
    status, _, body = ask(address, method, PREDICT)
    assert (status, json.loads(body)["error"]) == (400, f"Malformed request: {method} {PREDICT}")


@pytest.mark.parametrize("path", ["/", "/v1", "/v3/models", "/favicon.ico"])
def test_other_paths_have_libevents_page(address, path):
    status, headers, body = ask(address, "GET", path)
    assert (status, headers["content-type"]) == (404, "text/html")
    assert b"<TITLE>404 Not Found</TITLE>" in body


def test_a_compressed_body_is_read(address):
    status, _, body = ask(address, "POST", PREDICT, gzip.compress(BODY), {"Content-Encoding": "gzip"})
    assert (status, json.loads(body)) == (200, {"predictions": [2.5, 3.0, 4.5]})


@pytest.mark.parametrize("body", [BODY, gzip.compress(BODY)[:-9]], ids=["plain", "cut"])
def test_a_body_that_does_not_uncompress_is_an_empty_one(address, body):
    status, _, answer = ask(address, "POST", PREDICT, body, {"Content-Encoding": "gzip"})
    assert (status, json.loads(answer)["error"]) == (400, "JSON Parse error: The document is empty")


def test_preflight_and_no_cors_unless_asked(address):
    asked = {"Origin": "http://page"}
    status, headers, body = ask(address, "OPTIONS", PREDICT, headers=asked)
    assert (status, body, headers["access-control-allow-origin"]) == (200, b"", None)
    assert ask(address, "OPTIONS", PREDICT)[0] == 400
    assert ask(address, "POST", PREDICT, BODY, asked)[1]["access-control-allow-origin"] is None


def test_cors_where_asked(small_models):
    from serving.server.http_app import CORS_HEADERS, HttpSettings, http_app
    from serving.server.monitoring.observer import Monitoring

    with http_port(http_app(small_models, Monitoring(), HttpSettings(extra_headers=CORS_HEADERS))) as address:
        for method, path in (("OPTIONS", PREDICT), ("POST", PREDICT), ("GET", "/v1/models/none")):
            headers = ask(address, method, path, BODY, {"Origin": "https://page"})[1]
            assert headers["access-control-allow-origin"] == "*"
            assert headers["access-control-allow-methods"] == "POST, GET"


def test_health_and_readiness(address, small_models):
    assert ask(address, "GET", "/healthz")[::2] == (200, b'{"alive": true}\n')
    assert ask(address, "GET", "/readyz")[::2] == (200, b'{"ready": true}\n')


def test_probes_and_compressed_bodies_need_none_of_the_threads_that_all_share(small_models):
    from serving.server.http_app import http_app
    from serving.server.monitoring.observer import Monitoring

    entered, free = threading.Semaphore(0), threading.Event()

    def busy(request):
        entered.release()
        assert free.wait(60)
        return Response()

    app = http_app(small_models, Monitoring())
    app.routes.insert(0, Route("/busy", busy))
    with http_port(app) as address:
        asking = [threading.Thread(target=ask, args=(address, "GET", "/busy")) for _ in range(STARLETTES_THREADS)]
        for thread in asking:
            thread.start()
        assert all(entered.acquire(timeout=60) for _ in asking)
        assert [ask(address, "GET", path)[0] for path in ("/healthz", "/readyz")] == [200, 200]
        assert ask(address, "POST", PREDICT, gzip.compress(BODY), {"Content-Encoding": "gzip"})[0] == 200
        free.set()
        for thread in asking:
            thread.join()


def test_a_server_that_stops_or_has_no_model_is_not_ready(small_models):
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    from serving.server.core.models import ServedModels
    from serving.server.http_app import http_app
    from serving.server.monitoring.observer import Monitoring

    with http_port(http_app(small_models, Monitoring(), is_draining=lambda: True)) as address:
        assert ask(address, "GET", "/readyz")[::2] == (503, b'{"ready": false}\n')
        assert ask(address, "GET", "/healthz")[0] == 200
    config = ModelServerConfig()
    config.model_config_list.config.add(name="m", base_path="/nowhere", model_platform="tensorflow")
    with http_port(http_app(ServedModels(config), Monitoring())) as address:
        assert ask(address, "GET", "/readyz")[0] == 503


def test_metrics_are_at_their_path_without_a_query(address):
    ask(address, "POST", PREDICT, BODY)
    path = "/monitoring/prometheus/metrics"
    status, headers, body = ask(address, "GET", path)
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert b':tensorflow:serving:request_count{model_name="half_plus_two",status="OK"}' in body
    status, _, body = ask(address, "GET", f"{path}?x=1")
    assert (status, body) == (400, f"Unexpected path: {path}?x=1. Should be {path}".encode())


def test_metrics_may_be_elsewhere_or_nowhere(small_models):
    from serving.server.http_app import HttpSettings, http_app
    from serving.server.monitoring.observer import Monitoring

    for path, found in (("/metrics", 200), (None, 404)):
        with http_port(http_app(small_models, Monitoring(), HttpSettings(metrics_path=path))) as address:
            assert ask(address, "GET", "/metrics")[0] == found
            assert ask(address, "GET", "/monitoring/prometheus/metrics")[0] == 404


@pytest.fixture
def calls_port(tmp_path):
    """Returns a function that runs HttpCalls with one piece of work behind a port."""
    from serving.server.access_log import AccessLog
    from serving.server.http_calls import HttpCalls

    def run(work, limits):
        calls = HttpCalls(limits, AccessLog(str(tmp_path / "log")))

        async def answer(request):
            return await calls.answer(request, "REST", work, str.encode)

        return http_port(Starlette(routes=[Route("/", answer, methods=["GET", "POST"])]))

    return run


def test_bodies_past_the_limit_are_refused(calls_port):
    from serving.server.http_answer import Answer
    from serving.server.http_calls import HttpLimits

    with calls_port(lambda body, caller, access: Answer(200, body), HttpLimits(body_bytes=10)) as address:
        assert ask(address, "POST", "/", b"x" * 10)[0] == 200
        for body, headers in (
            (b"x" * 11, {}),
            (iter([b"x" * 6, b"x" * 6]), {"Transfer-Encoding": "chunked"}),
            (gzip.compress(b"x" * 11), {"Content-Encoding": "gzip"}),
        ):
            status, _, answer = ask(address, "POST", "/", body, headers)
            assert (status, answer) == (413, b"the body is larger than 10 bytes, which is the limit")


def test_what_nobody_foresaw_is_logged_and_answered(calls_port, caplog):
    from serving.server.http_calls import HttpLimits

    def work(body, caller, access):
        raise ZeroDivisionError("of the test")

    with calls_port(work, HttpLimits()) as address:
        for _ in range(2):
            status, _, answer = ask(address, "POST", "/")
            assert (status, answer) == (500, b"the server failed; its log has the cause")
    assert "REST POST / failed" in caplog.text
    assert "ZeroDivisionError: of the test" in caplog.text


def test_a_caller_that_is_gone_does_not_wait(calls_port):
    from serving.server.http_answer import Answer
    from serving.server.http_calls import HttpLimits

    entered, left = threading.Event(), threading.Event()

    def work(body, caller, access):
        entered.set()
        while caller.is_waiting():
            left.wait(0.01)
        left.set()
        return Answer(499, b"")

    with calls_port(work, HttpLimits()) as address:
        host, _, port = address.partition(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            assert entered.wait(30)
        assert left.wait(30)


def test_one_more_than_may_wait_is_refused_at_once(calls_port):
    from serving.server.http_answer import Answer
    from serving.server.http_calls import HttpLimits

    entered, free = threading.Event(), threading.Event()

    def work(body, caller, access):
        entered.set()
        assert free.wait(30)
        return Answer(200, b"")

    statuses = []
    with calls_port(work, HttpLimits(in_work=1, waiting=0)) as address:
        first = threading.Thread(target=lambda: statuses.append(ask(address, "POST", "/")[0]))
        first.start()
        assert entered.wait(30)
        status, _, answer = ask(address, "POST", "/")
        assert (status, answer) == (429, b"1 requests are in work and 0 wait; send this one again later")
        free.set()
        first.join()
    assert statuses == [200]


def test_with_one_place_requests_wait_and_probes_do_not(calls_port):
    from serving.server.http_answer import Answer
    from serving.server.http_calls import HttpLimits

    entered, free = threading.Event(), threading.Event()

    def work(body, caller, access):
        if body == b"slow":
            entered.set()
            assert free.wait(30)
        return Answer(200, body)

    statuses = []
    with calls_port(work, HttpLimits(in_work=1)) as address:
        asking = [threading.Thread(target=lambda: statuses.append(ask(address, "POST", "/", b"slow")[0]))]
        asking[0].start()
        assert entered.wait(30)
        assert ask(address, "GET", "/")[0] == 200
        asking.append(threading.Thread(target=lambda: statuses.append(ask(address, "POST", "/", b"quick")[0])))
        asking[1].start()
        free.set()
        for thread in asking:
            thread.join()
    assert statuses == [200, 200]


def test_a_large_body_where_none_belongs_disturbs_nobody(address):
    status, _, body = ask(address, "GET", PREDICT, b"[" + b"1," * 2**21 + b"1]")
    assert (status, json.loads(body)["error"]) == (400, f"Malformed request: GET {PREDICT}")
    assert ask(address, "POST", PREDICT, BODY)[0] == 200


def test_each_request_has_a_deadline_and_a_line_in_the_log(calls_port, tmp_path):
    import time

    from serving.server.http_answer import Answer
    from serving.server.http_calls import HttpLimits

    deadlines = []

    def work(body, caller, access):
        deadlines.append(caller.deadline)
        access.model = "m"
        return Answer(404, b"no")

    before = time.monotonic()
    with calls_port(work, HttpLimits(timeout_s=5)) as address:
        ask(address, "POST", "/", b"12")
    assert before + 5 <= deadlines[0] <= time.monotonic() + 5
    line = json.loads((tmp_path / "log").read_text())
    assert (line["api"], line["method"], line["model"], line["status"]) == ("REST", "POST /", "m", 404)
    assert (line["request_bytes"], line["response_bytes"]) == (2, 2)
