"""Classify, Regress, MultiInference and the default signature, on the model of half_plus_two.py."""

from __future__ import annotations

import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

from serving.conformance.check import HALF_PLUS_TWO, REST, Checks, expect_equal
from serving.conformance.target import TIMEOUT_S, Target, refused

CHECKS = Checks()
TEST, JSON = "model_servers/tensorflow_model_server_test.py", "util/json_tensor.cc"
CLASSIFY, REGRESS = "classify_x_to_y", "regress_x_to_y"
_METHODS = {CLASSIFY: "tensorflow/serving/classify", REGRESS: "tensorflow/serving/regress"}


def _asked(target: Target, message: type, signature: str, *values: float):
    request = message()
    request.model_spec.name, request.model_spec.signature_name = str(target.half_plus_two), signature
    _fill(request, *values)
    return request


def _fill(request, *values: float) -> None:
    for value in values:
        request.input.example_list.examples.add().features.feature["x"].float_list.value.append(value)


@CHECKS.add("without a signature's name serving_default answers", TEST, HALF_PLUS_TWO)
def _default(target: Target) -> None:
    response = target.prediction.Predict(target.request("", target.half_plus_two, x=[2.0, 3.0]), timeout=TIMEOUT_S)
    expect_equal(tf.make_ndarray(response.outputs["y"]).tolist(), [3.0, 3.5], "y of 2 and 3")
    expect_equal(response.model_spec.signature_name, "serving_default", "the signature that is named")


@CHECKS.add("Classify gives a label and a score of each class", TEST, HALF_PLUS_TWO)
def _classify(target: Target) -> None:
    asked = _asked(target, classification_pb2.ClassificationRequest, CLASSIFY, 2.0, 4.0)
    response = target.prediction.Classify(asked, timeout=TIMEOUT_S)
    found = [[(one.label, one.score) for one in row.classes] for row in response.result.classifications]
    expect_equal(found, [[("", 3.0)], [("", 4.0)]], "the classes")
    expect_equal(response.model_spec.signature_name, CLASSIFY, "the signature that is named")


@CHECKS.add("Regress gives a number of each Example", TEST, HALF_PLUS_TWO)
def _regress(target: Target) -> None:
    asked = _asked(target, regression_pb2.RegressionRequest, REGRESS, 2.0, 4.0)
    response = target.prediction.Regress(asked, timeout=TIMEOUT_S)
    expect_equal([one.value for one in response.result.regressions], [3.0, 4.0], "the values")


@CHECKS.add("MultiInference gives each task's result", TEST, HALF_PLUS_TWO)
def _multi(target: Target) -> None:
    request = inference_pb2.MultiInferenceRequest()
    for signature in (REGRESS, CLASSIFY):
        task = request.tasks.add(method_name=_METHODS[signature])
        task.model_spec.name, task.model_spec.signature_name = str(target.half_plus_two), signature
    _fill(request, 2.0)
    first, second = target.prediction.MultiInference(request, timeout=TIMEOUT_S).results
    expect_equal(first.regression_result.regressions[0].value, 3.0, "the regression")
    expect_equal(second.classification_result.classifications[0].classes[0].score, 3.0, "the classification")


@CHECKS.add("Classify and Regress without an Example are refused", "servables/tensorflow/util.cc", HALF_PLUS_TWO)
def _empty(target: Target) -> None:
    for call, message, signature in (
        (target.prediction.Classify, classification_pb2.ClassificationRequest, CLASSIFY),
        (target.prediction.Regress, regression_pb2.RegressionRequest, REGRESS),
    ):
        got = refused(call, _asked(target, message, signature))
        expect_equal(got, ("INVALID_ARGUMENT", "Input is empty."), "code and message")


@CHECKS.add("REST: classify and regress", JSON, REST, HALF_PLUS_TWO)
def _over_rest(target: Target) -> None:
    for method, signature, text in (
        (":classify", CLASSIFY, '{\n    "results": [[["", 3.0]]\n    ]\n}'),
        (":regress", REGRESS, '{\n    "results": [3.0]\n}'),
    ):
        body = {"signature_name": signature, "examples": [{"x": 2.0}]}
        answer = target.http("POST", target.path(method, target.half_plus_two), body)
        expect_equal((answer.status, answer.text), (200, text), f"status and body of {method}")


@CHECKS.add("REST: classify refuses a body without Examples", JSON, REST, HALF_PLUS_TWO)
def _bad_examples(target: Target) -> None:
    for body, words in (
        ({}, "When method is classify, key 'examples' is expected and was not found"),
        ({"examples": 1}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"x": None}]}, "Feature: x has element with unexpected JSON type: Null"),
    ):
        answer = target.http("POST", target.path(":classify", target.half_plus_two), body)
        expect_equal(answer.status, 400, f"the status for {body}")
        expect_equal(answer.json()["error"].endswith(words), True, f"{answer.json()['error']!r} ends with {words!r}")
