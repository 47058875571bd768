"""The quick checks: does this server serve our model as it must?"""

from __future__ import annotations

import base64

import numpy as np

from serving.conformance.check import METRICS, REST, Checks, Differs, expect_equal, shown
from serving.conformance.target import METRICS_PATH, NOWHERE, Target, picture, refused
from serving.signatures import ENCODE_IMAGE, ENCODE_TEXT, IMAGE_BYTES, TEXT

CHECKS = Checks()
AVAILABLE = 30
_UNIT = 1e-3  # of a vector's length; half precision may miss 1 by so much
_CLOSE = 1e-4  # between a batch and one by one
_PICTURES = [picture(200, 30, 30), picture(30, 200, 30), picture(30, 30, 200)]
_WORDS = [b"a red boat", "smutná kočka".encode(), "北京的猫".encode()]
_INPUTS = ((ENCODE_TEXT, TEXT, _WORDS), (ENCODE_IMAGE, IMAGE_BYTES, _PICTURES))
_PREDICT = "model_servers/prediction_service_impl.cc"


@CHECKS.add("a version is available", "model_servers/get_model_status_impl.cc")
def _is_available(target: Target) -> None:
    states = {status.version: status.state for status in target.status()}
    if AVAILABLE not in states.values():
        raise Differs(f"version -> state is {states}; 30 is available")


@CHECKS.add("metadata has both signatures", "servables/tensorflow/get_model_metadata_impl.cc")
def _has_signatures(target: Target) -> None:
    packed = target.metadata().metadata["signature_def"].value
    for signature in (ENCODE_TEXT, ENCODE_IMAGE):
        if signature.encode() not in packed:
            raise Differs(f"there is no signature {signature}")


@CHECKS.add("texts and images have unit vectors in one space", _PREDICT)
def _are_unit(target: Target) -> None:
    sizes = set()
    for signature, name, values in _INPUTS:
        vectors = target.vectors(signature, name, values)
        expect_equal((vectors.dtype.name, vectors.ndim, len(vectors)), ("float32", 2, len(values)), f"of {signature}")
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
        if not np.all(np.abs(lengths - 1) <= _UNIT):
            raise Differs(f"{signature} gives lengths {lengths.tolist()}")
        sizes.add(vectors.shape[1])
    expect_equal(len(sizes), 1, "spaces")


@CHECKS.add("a batch of none, one and several gives what one by one gives", _PREDICT)
def _any_batch(target: Target) -> None:
    for signature, name, values in _INPUTS:
        together = target.vectors(signature, name, values)
        alone = np.concatenate([target.vectors(signature, name, [value]) for value in values])
        np.testing.assert_allclose(alone, together, atol=_CLOSE, err_msg=signature)
        expect_equal(target.vectors(signature, name, []).shape, (0, together.shape[1]), f"{signature} of none")


@CHECKS.add("a picture that is none is refused, and the next request answered", _PREDICT)
def _bad_picture(target: Target) -> None:
    for broken in (b"no picture", _PICTURES[0][:-30]):
        code, said = refused(target.prediction.Predict, target.request(ENCODE_IMAGE, image_bytes=[broken]))
        expect_equal(code, "INVALID_ARGUMENT", f"the code (its message: {shown(said)})")
    target.vectors(ENCODE_IMAGE, IMAGE_BYTES, _PICTURES[:1])


@CHECKS.add("a model that is not served is not found", "core/basic_manager.cc")
def _unknown(target: Target) -> None:
    got = refused(target.prediction.Predict, target.request(ENCODE_TEXT, NOWHERE, text=[b"cat"]))
    expect_equal(got, ("NOT_FOUND", f"Servable not found for request: Latest({NOWHERE})"), "code and message")


@CHECKS.add("REST gives what gRPC gives", "util/json_tensor.cc", REST)
def _same_over_rest(target: Target) -> None:
    encoded = [{"b64": base64.b64encode(one).decode()} for one in _PICTURES]
    for signature, name, values, instances in (
        (ENCODE_TEXT, TEXT, _WORDS, [word.decode() for word in _WORDS]),
        (ENCODE_IMAGE, IMAGE_BYTES, _PICTURES, encoded),
    ):
        answer = target.http("POST", target.path(":predict"), {"signature_name": signature, "instances": instances})
        expect_equal(answer.status, 200, f"the status of {signature} (its body: {shown(answer.text)})")
        got = np.array(answer.json()["predictions"], np.float32)
        np.testing.assert_allclose(got, target.vectors(signature, name, values), atol=_CLOSE, err_msg=signature)


@CHECKS.add("REST has status and metadata", "model_servers/http_rest_api_handler.cc", REST)
def _rest_status(target: Target) -> None:
    expect_equal(target.http("GET", target.path()).status, 200, "the status route's status")
    expect_equal(target.http("GET", target.path("/metadata")).status, 200, "the metadata route's status")


@CHECKS.add("requests are measured", "util/prometheus_exporter.cc", METRICS)
def _measured(target: Target) -> None:
    text = target.http("GET", METRICS_PATH).text
    expect_equal(":tensorflow:serving:request_count{" in text, True, "the page has request_count")
