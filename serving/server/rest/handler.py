"""TensorFlow Serving's REST, from a request's method, path and body to its answer.

model_servers/http_rest_api_handler.cc and http_server.cc of tensorflow/serving are what is exact. On purpose `GET
/v1/models` lists the models, where TensorFlow Serving answers "Missing model name in request."
"""

from __future__ import annotations

import json
import re
from typing import Any

import grpc
from tensorflow_serving.apis import classification_pb2, get_model_metadata_pb2, get_model_status_pb2, regression_pb2

from serving.server.access_log import Access
from serving.server.core.models import ServedModels
from serving.server.core.spec import Caller, ModelSpec
from serving.server.http_answer import Answer, http_status
from serving.server.inference.classify import run_classify
from serving.server.inference.metadata import SIGNATURE_DEF, run_metadata
from serving.server.inference.model_spec import DEFAULT_SIGNATURE
from serving.server.inference.predict import check_inputs
from serving.server.inference.regress import run_regress
from serving.server.monitoring.observer import Monitoring, Request
from serving.server.refusal import Refusal, invalid_argument
from serving.server.rest import answers
from serving.server.rest.paths import malformed, parse_path
from serving.server.rest.proto_json import to_json
from serving.server.rest.requests import parse_document, read_examples, read_inputs

_ORIGIN = re.compile("https?://")


class RestHandler:
    """Answers REST requests from the models of a server; may be called from many threads."""

    def __init__(self, models: ServedModels, monitoring: Monitoring) -> None:
        self._models = models
        self._monitoring = monitoring

    def answer(self, method: str, path: str, body: bytes, caller: Caller, access: Access) -> Answer:
        """Answer one request.

        Args:
          method: of HTTP, in upper case; any but OPTIONS.
          path: as the request line has it, with the query.
          body: whole, not compressed.
          caller: who waits.
          access: where to write what the log says of it.
        """
        asked = parse_path(method, path)
        access.model = asked.model
        try:
            with self._monitoring.request(api=asked.method, entrypoint="REST", model=asked.model) as measured:
                try:
                    spec = asked.spec()
                    if not asked.matched:
                        raise malformed(method, path)
                    if method == "GET":
                        return Answer(200, self._get(spec, is_metadata=asked.subresource == "metadata"))
                    if asked.method not in _ACTIONS:  # the pattern of the path takes any case, what follows does not
                        raise malformed(method, path)
                    return Answer(200, _ACTIONS[asked.method](self, spec, body, caller, measured))
                finally:
                    access.version, access.signature = measured.version, measured.signature
                    access.rows = measured.rows
        except Refusal as refusal:
            return Answer(http_status(refusal.code), answers.error(refusal.message))

    def _predict(self, spec: ModelSpec, body: bytes, caller: Caller, measured: Request) -> bytes:
        document = parse_document(body)
        name = document.signature_name or DEFAULT_SIGNATURE
        with self._models.use(spec) as version:
            measured.version = version.version
            if name not in version.signature_defs:
                raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
            measured.signature = name
            inputs = read_inputs(document, version.signature_defs[name].inputs)
            measured.rows = next((len(array) for array in inputs.arrays.values() if array.ndim), None)
            check_inputs(version.signature_defs[name], inputs.arrays)
            outputs = version.run(name, inputs.arrays, caller)
        return answers.predictions(outputs) if inputs.in_rows else answers.columns(outputs)

    def _classify(self, spec: ModelSpec, body: bytes, caller: Caller, measured: Request) -> bytes:
        request = classification_pb2.ClassificationRequest()
        response = self._on_examples(run_classify, request, spec, body, caller, measured)
        return answers.classifications(response.result)

    def _regress(self, spec: ModelSpec, body: bytes, caller: Caller, measured: Request) -> bytes:
        request = regression_pb2.RegressionRequest()
        response = self._on_examples(run_regress, request, spec, body, caller, measured)
        return answers.regressions(response.result)

    def _on_examples(
        self, run: Any, request: Any, spec: ModelSpec, body: bytes, caller: Caller, measured: Request
    ) -> Any:
        """Run a method that takes Examples on those of a request's body."""
        document = parse_document(body)
        examples, context = read_examples(document)
        request.model_spec.name, request.model_spec.signature_name = spec.name, document.signature_name
        if context is None:
            request.input.example_list.examples.extend(examples)
        else:
            request.input.example_list_with_context.context.CopyFrom(context)
            request.input.example_list_with_context.examples.extend(examples)
        with self._models.use(spec) as version:
            measured.version, measured.rows = version.version, len(examples)
            measured.signature = document.signature_name or DEFAULT_SIGNATURE
            response = run(version, request, caller)
        self._monitoring.examples(model=spec.name, count=len(examples))
        return response

    def _get(self, spec: ModelSpec, *, is_metadata: bool) -> bytes:
        # METADATA matches the path's pattern too, and is answered with the status.
        if not spec.name and (is_metadata or spec.version is not None or spec.label is not None):
            raise invalid_argument("Missing model name in request.")
        if is_metadata:
            return self._metadata(spec)
        return self._status(spec) if spec.name else self._list()

    def _status(self, spec: ModelSpec) -> bytes:
        spec = ModelSpec(spec.name, spec.version)  # a label is not looked at (get_model_status_impl.cc)
        return (to_json(self._statuses(spec), keep_field_names=False) + "\n").encode()

    def _metadata(self, spec: ModelSpec) -> bytes:
        with self._models.use(spec) as version:
            response = run_metadata(version)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata[SIGNATURE_DEF].Unpack(signatures)
        model_spec, signature_def = (
            to_json(message, keep_field_names=True) + "\n" for message in (response.model_spec, signatures)
        )
        return f'{{\n"model_spec":{model_spec},\n"metadata": {{"signature_def": {signature_def}}}\n}}\n'.encode()

    def _list(self) -> bytes:
        models = []
        for name in sorted(self._models.names()):
            try:
                statuses = to_json(self._statuses(ModelSpec(name)), keep_field_names=False)
            except Refusal:  # no version of it has been seen
                statuses = '{"model_version_status": []}'
            models.append({"name": name, **json.loads(statuses)})
        return (json.dumps({"models": models}, indent=1) + "\n").encode()

    def _statuses(self, spec: ModelSpec) -> Any:
        response = get_model_status_pb2.GetModelStatusResponse()
        for status in self._models.statuses(spec):
            shown = response.model_version_status.add(version=status.version, state=int(status.state))
            shown.status.error_code = status.code.value[0]
            shown.status.error_message = status.message
        return response


_ACTIONS = {
    "predict": RestHandler._predict,
    "classify": RestHandler._classify,
    "regress": RestHandler._regress,
}


def preflight(origin: str) -> Answer:
    """Returns the answer to an OPTIONS request from a page of `origin` ("" for none)."""
    code = grpc.StatusCode.OK if _ORIGIN.search(origin) else grpc.StatusCode.FAILED_PRECONDITION
    return Answer(http_status(code), b"", {})
