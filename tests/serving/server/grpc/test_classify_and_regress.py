"""Classify, Regress and MultiInference over gRPC: true answers for Examples, and refusals in TF Serving's words.

The words are of servables/tensorflow/classifier.cc, regressor.cc, multi_inference.cc and util.cc.
"""

from __future__ import annotations

import grpc
import pytest
import tensorflow as tf
from example_model import METHOD_NAMES, save_example_model
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from predict_requests import predict_request, refusal
from serving.server.server import ModelServer

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"
KINDS = {"Classify": classification_pb2.ClassificationRequest, "Regress": regression_pb2.RegressionRequest}


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """A server of the model `numbers`, version 3."""
    base = tmp_path_factory.mktemp("numbers")
    save_example_model(base / "3")
    with ModelServer(base, name="numbers", port=0) as server:
        yield server


@pytest.fixture(scope="module")
def examples(numbers):
    """Its stub."""
    with grpc.insecure_channel(numbers.address) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def example(**numbers: float) -> tf.train.Example:
    made = tf.train.Example()
    for name, number in numbers.items():
        made.features.feature[name].float_list.value.append(number)
    return made


def request(kind: str, signature: str = "", xs: tuple[float, ...] = (0.25, 1.0), model: str = "numbers"):
    made = KINDS[kind]()
    made.model_spec.name = model
    made.model_spec.signature_name = signature
    made.input.example_list.examples.extend(example(x=x) for x in xs)
    return made


def multi(*tasks: tuple[str, str], xs: tuple[float, ...] = (0.25,), models: tuple[str, ...] = ("numbers", "numbers")):
    made = inference_pb2.MultiInferenceRequest()
    for (signature, method), model in zip(tasks, models, strict=False):
        task = made.tasks.add(method_name=method)
        task.model_spec.name = model
        task.model_spec.signature_name = signature
    made.input.example_list.examples.extend(example(x=x) for x in xs)
    return made


def test_classify_answers_labels_and_scores(examples):
    response = examples.Classify(request("Classify", "classify"), timeout=20)
    found = [[(one.label, one.score) for one in row.classes] for row in response.result.classifications]
    assert found == [[("low", 0.75), ("high", 0.25)], [("low", 0.0), ("high", 1.0)]]
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("numbers", 3, "classify")


def test_classify_answers_scores_without_labels(examples):
    response = examples.Classify(request("Classify", "scores_alone", xs=(0.25,)), timeout=20)
    (row,) = response.result.classifications
    assert [(one.label, one.score) for one in row.classes] == [("", 0.75), ("", 0.25)]


def test_regress_answers_numbers_of_the_default_signature(examples):
    response = examples.Regress(request("Regress"), timeout=20)
    assert [one.value for one in response.result.regressions] == [2.125, 2.5]
    assert response.model_spec.signature_name == "serving_default"


def test_a_context_belongs_to_each_example(examples):
    made = regression_pb2.RegressionRequest()
    made.model_spec.name = "numbers"
    made.input.example_list_with_context.context.CopyFrom(example(x=0.5))
    made.input.example_list_with_context.examples.extend([example(), example(x=1.0), example(other=9.0)])
    response = examples.Regress(made, timeout=20)
    assert [one.value for one in response.result.regressions] == [2.25, 2.5, 2.25]


def test_the_examples_of_what_was_answered_are_counted(numbers, examples):
    def count():
        return numbers.monitoring.first_value("/tensorflow/serving/request_example_count_total")

    before = count()
    examples.Classify(request("Classify", "classify"), timeout=20)
    assert count() == before + 2
    examples.Regress(request("Regress", xs=(0.5,)), timeout=20)
    examples.MultiInference(multi(("classify", CLASSIFY), ("", REGRESS), xs=(1.0, 2.0, 3.0)), timeout=20)
    with pytest.raises(grpc.RpcError):
        examples.Classify(request("Classify", "no_such_signature"), timeout=20)
    assert count() == before + 6


def test_predict_runs_such_signatures_too(examples):
    serialized = [example(x=0.5).SerializeToString()]
    response = examples.Predict(predict_request("classify", "numbers", inputs=serialized), timeout=20)
    assert tf.make_ndarray(response.outputs["scores"]).tolist() == [[0.5, 0.5]]


def test_shapes_are_the_graphs_affair(examples):
    for given, expected in (([1.0, 2.0, 5.0], [2.5, 3.0, 4.5]), ([[4.0]], [[4.0]]), (6.0, 5.0)):
        response = examples.Predict(predict_request("half_plus_two", "numbers", x=given), timeout=20)
        assert tf.make_ndarray(response.outputs["y"]).tolist() == expected


def test_metadata_names_the_methods(examples):
    asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    asked.model_spec.name = "numbers"
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert examples.GetModelMetadata(asked, timeout=20).metadata["signature_def"].Unpack(signatures)
    for name, method in METHOD_NAMES.items():
        assert signatures.signature_def[name].method_name == method


def test_multi_inference_answers_each_task_in_order(examples):
    response = examples.MultiInference(multi(("classify", CLASSIFY), ("", REGRESS)), timeout=20)
    classified, regressed = response.results
    assert [one.score for one in classified.classification_result.classifications[0].classes] == [0.75, 0.25]
    assert [one.value for one in regressed.regression_result.regressions] == [2.125]
    assert (classified.model_spec.signature_name, regressed.model_spec.signature_name) == (
        "classify",
        "serving_default",
    )
    assert classified.model_spec.version.value == regressed.model_spec.version.value == 3


BAD = {  # method, request, how the message begins
    "no examples": ("Classify", request("Classify", "classify", xs=()), "Input is empty."),
    "no input": ("Regress", regression_pb2.RegressionRequest(model_spec={"name": "numbers"}), "Input is empty."),
    "no model spec": ("Classify", classification_pb2.ClassificationRequest(), "Missing ModelSpec"),
    "unknown classify": ("Classify", request("Classify", "x"), "No signature was found with the name: x"),
    "unknown regress": ("Regress", request("Regress", "x"), "No signature was found with the name: x"),
    "two outputs": ("Regress", request("Regress", "classify"), "Expected one output Tensor."),
    "classify a regression": (
        "Classify",
        request("Classify"),
        'Expected classification signature outputs to contain at least one of "classes" or "scores". Signature was: '
        'inputs {\n  key: "inputs"',
    ),
    "regress a classification": (
        "Regress",
        request("Regress", "scores_alone"),
        'No regression outputs found in SignatureDef: inputs {\n  key: "inputs"',
    ),
    "classify a prediction": (
        "Classify",
        request("Classify", "half_plus_two"),
        'No classification inputs found in SignatureDef: inputs {\n  key: "x"',
    ),
    "regress a prediction": (
        "Regress",
        request("Regress", "half_plus_two"),
        'No regression inputs found in SignatureDef: inputs {\n  key: "x"',
    ),
    "flat classes": (
        "Classify",
        request("Classify", "flat_classes"),
        "Expected Tensor shape: [batch_size num_classes] but got [2]",
    ),
    "numbered classes": (
        "Classify",
        request("Classify", "numbered_classes"),
        "Expected classes Tensor of DT_STRING. Got: DT_FLOAT",
    ),
    "wide regression": (
        "Regress",
        request("Regress", "wide_regression"),
        "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [2,3]",
    ),
    "one row of two": (
        "Regress",
        request("Regress", "one_row"),
        "Input batch size did not match output batch size: 2 vs. 1",
    ),
    "floats": ("Regress", request("Regress", "of_floats"), "Expects arg[0] to be float but string is provided"),
    "no tasks": ("MultiInference", multi(), "ModelSpec has no name specified."),
    "a task without a model": (
        "MultiInference",
        multi(("classify", CLASSIFY), ("", REGRESS), models=("numbers", "")),
        "Found ModelSpec with an empty model name.",
    ),
    "two models": (
        "MultiInference",
        multi(("classify", CLASSIFY), ("", REGRESS), models=("numbers", "letters")),
        "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
    ),
    "a signature twice": (
        "MultiInference",
        multi(("classify", CLASSIFY), ("classify", CLASSIFY)),
        "Duplicate evaluation of signature: classify",
    ),
    "an unknown signature": (
        "MultiInference",
        multi(("x", CLASSIFY)),
        "Requested signature not found in model graph: x",
    ),
    "multi without examples": ("MultiInference", multi(("classify", CLASSIFY), xs=()), "Input is empty."),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_request_is_an_invalid_argument(examples, case):
    method, bad, begins = BAD[case]
    code, message = refusal(getattr(examples, method), bad)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert message[: len(begins)] == begins


def test_a_method_that_is_neither_is_unimplemented(examples):
    bad = multi(("half_plus_two", "tensorflow/serving/predict"))
    assert refusal(examples.MultiInference, bad) == (
        grpc.StatusCode.UNIMPLEMENTED,
        "Unsupported signature method_name: tensorflow/serving/predict",
    )


def test_another_model_is_not_found(examples):
    for method in ("Classify", "Regress"):
        code, message = refusal(getattr(examples, method), request(method, model="letters"))
        assert (code.name, message) == ("NOT_FOUND", "Servable not found for request: Latest(letters)")


def test_the_projects_own_signatures_are_for_predict(prediction):
    for kind, said in (("Classify", "No classification inputs found in SignatureDef: "), ("Regress", "No regression")):
        code, message = refusal(getattr(prediction, kind), request(kind, "encode_text", model="align"))
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert message.startswith(said)
