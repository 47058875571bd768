"""A stand-in for Kubeflow Pipelines' API on loopback: it keeps what it is sent, and refuses what the real one refuses.

Its paths, fields and refusals are those of kubeflow/pipelines' api/v2beta1 and backend/src/apiserver of August 2026. It
runs nothing: a run's nodes are what a test gives.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import yaml

VERSION = "/apis/v2beta1"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")


class StandIn:
    """What the stand-in holds.

    Attributes:
      address: where it listens.
      multi_user, token: what it asks of clients; None asks for no token.
      experiments, pipelines: name -> id.
      versions: id -> (pipeline's id, name, documents of the file).
      runs: id -> body of the request that started it.
      states: what becomes of each run, one (state, nodes, error) a look; the last one stays.
      requests: (method, path) of each.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.multi_user = False
        self.token: str | None = None
        self.experiments: dict[str, str] = {}
        self.pipelines: dict[str, str] = {}
        self.versions: dict[str, tuple[str, str, list]] = {}
        self.runs: dict[str, dict] = {}
        self.states: list[tuple[str, list[dict], str | None]] = [("SUCCEEDED", [], None)]
        self.requests: list[tuple[str, str]] = []

    def answer(self, method: str, path: str, query: dict[str, str], headers, body: bytes) -> tuple[int, dict]:
        """Returns status and body."""
        self.requests.append((method, path))
        if self.token is not None and headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {"error": "Unauthenticated"}
        parts = path.removeprefix(f"{VERSION}/").split("/")
        match method, parts:
            case "GET", ["healthz"]:
                return 200, {"multi_user": self.multi_user}
            case "GET", ["experiments"]:
                return 200, self._named("experiments", "experiment_id", self.experiments, query)
            case "POST", ["experiments"]:
                name = json.loads(body)["display_name"]
                self.experiments[name] = f"experiment-{len(self.experiments)}"
                return 200, {"experiment_id": self.experiments[name], "display_name": name}
            case "GET", ["pipelines"]:
                return 200, self._named("pipelines", "pipeline_id", self.pipelines, query)
            case "POST", ["pipelines", "upload"]:
                if query["name"] in self.pipelines:
                    return 409, {"error": "Already exist error: the name is taken"}
                self.pipelines[query["name"]] = f"pipeline-{len(self.pipelines)}"
                pipeline_id = self.pipelines[query["name"]]
                status, said = self._upload(pipeline_id, query["name"], headers, body)
                return (status, {"pipeline_id": pipeline_id}) if status == 200 else (status, said)
            case "POST", ["pipelines", "upload_version"]:
                return self._upload(query["pipelineid"], query["name"], headers, body)
            case "GET", ["pipelines", pipeline_id, "versions"]:
                listed = [self._version(key) for key, version in self.versions.items() if version[0] == pipeline_id]
                return 200, {"pipeline_versions": listed[::-1]}
            case "GET", ["pipelines", _, "versions", version_id]:
                return 200, self._version(version_id)
            case "POST", ["runs"]:
                return self._start(json.loads(body))
            case "GET", ["runs", run_id] if run_id in self.runs:
                return 200, self._look(run_id)
        return 404, {"error": "ResourceNotFoundError: not found", "code": 5}

    @staticmethod
    def _named(kind: str, key: str, ids: dict[str, str], query: dict[str, str]) -> dict:
        (predicate,) = json.loads(query["filter"])["predicates"]
        assert (predicate["key"], predicate["operation"]) in {("display_name", 1), ("display_name", "EQUALS")}
        found = [name for name in ids if name == predicate["stringValue"]]
        return {kind: [{key: ids[name], "display_name": name} for name in found]} if found else {}

    def _upload(self, pipeline_id: str, name: str, headers, body: bytes) -> tuple[int, dict]:
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
        (part,) = message.iter_parts()
        if part.get_param("name", header="content-disposition") != "uploadfile":
            return 400, {"error": "Failed to read the form file"}
        documents = list(yaml.safe_load_all(part.get_payload(decode=True)))
        spec, *platform = documents
        if spec.get("schemaVersion") != "2.1.0":
            return 400, {"error": f"KFP only supports schema version 2.1.0, but it has {spec.get('schemaVersion')}"}
        if not NAME.fullmatch(spec["pipelineInfo"]["name"]):
            return 400, {"error": "pipeline's name must contain only lowercase alphanumeric characters or '-'"}
        if [set(each) for each in platform] not in ([], [{"platforms"}]):
            return 400, {"error": "multiple pipeline specs provided"}
        version_id = f"version-{len(self.versions)}"
        self.versions[version_id] = (pipeline_id, name, documents)
        return 200, self._version(version_id)

    def _version(self, version_id: str) -> dict:
        pipeline_id, name, (spec, *platform) = self.versions[version_id]
        shown = {"pipeline_spec": spec, "platform_spec": platform[0]} if platform else spec
        return {
            "pipeline_id": pipeline_id,
            "pipeline_version_id": version_id,
            "display_name": name,
            "pipeline_spec": shown,
        }

    def _start(self, body: dict) -> tuple[int, dict]:
        if body.get("experiment_id") not in self.experiments.values():
            return 400, {"error": "Invalid input error: the experiment does not exist"}
        version = body.get("pipeline_version_reference", {})
        if self.versions.get(version.get("pipeline_version_id"), [None])[0] != version.get("pipeline_id"):
            return 400, {"error": "Invalid input error: the pipeline version does not exist"}
        run_id = f"run-{len(self.runs)}"
        self.runs[run_id] = body
        return 200, {**body, "run_id": run_id, "state": "PENDING"}

    def _look(self, run_id: str) -> dict:
        state, nodes, error = self.states[0] if len(self.states) == 1 else self.states.pop(0)
        return {
            **self.runs[run_id],
            "run_id": run_id,
            "state": state,
            **({"error": {"code": 2, "message": error}} if error else {}),
            "run_details": {"task_details": nodes},
        }


def node(name: str, state: str, *, started: int = 0, ended: int = 0, number: int = 0, below: int | None = None) -> dict:
    """Returns a node of a run's workflow as the API lists it; `number` is its id's, `below` that of its child."""
    moment = "2026-08-21T10:{:02d}:00Z"
    return {
        "display_name": name,
        "task_id": f"mine-abcde-{number}",
        "state": state,
        "start_time": moment.format(started),
        "end_time": moment.format(ended) if ended else "0001-01-01T00:00:00Z",
        **({"child_tasks": [{"pod_name": f"mine-abcde-system-container-impl-{below}"}]} if below else {}),
    }


@contextmanager
def kubeflow_api() -> Iterator[StandIn]:
    """Run a stand-in while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def _do(self) -> None:
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, said = stand_in.answer(self.command, url.path, query, self.headers, body)
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _do

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stand_in = StandIn(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join()
