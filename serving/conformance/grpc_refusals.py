"""What TensorFlow Serving refuses over gRPC: each request with its code and its words."""

from __future__ import annotations

from collections.abc import Callable

from tensorflow_serving.apis import classification_pb2, inference_pb2, predict_pb2, regression_pb2

from serving.conformance import asked
from serving.conformance.asked import Asked
from serving.conformance.check import Checks, Differs, expect_equal, is_said, shown
from serving.conformance.target import NOWHERE, Target, refused
from serving.signatures import EMBEDDING, ENCODE_IMAGE, ENCODE_TEXT, IMAGE_BYTES, TEXT

CHECKS = Checks()
_GONE = 999_999  # a version that is not there
INVALID, NOT_FOUND, FAILED = "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"
SERVABLES = "servables/tensorflow"
CORE = "model_servers/server_core.cc"
PREDICT_IMPL, PREDICT = f"{SERVABLES}/predict_impl.cc", f"{SERVABLES}/predict_util.cc"
METADATA, STATUS = f"{SERVABLES}/get_model_metadata_impl.cc", "model_servers/get_model_status_impl.cc"
UTIL = "cc/saved_model/util.cc, of TensorFlow"

# What is asked -> its code, its words ("{model}" for the model's name; a lone "..." at the end for any that follow)
_REFUSALS: list[tuple[str, str, Asked, str, str]] = [
    ("Predict without a ModelSpec", PREDICT_IMPL, asked.predict(asked.no_spec), INVALID, "Missing ModelSpec"),
    ("Predict without a name", CORE, asked.predict(asked.named("")), INVALID, "ModelSpec has no name specified."),
    (
        "Predict of a model that is not served",
        "core/basic_manager.cc",
        asked.predict(asked.named(NOWHERE)),
        NOT_FOUND,
        f"Servable not found for request: Latest({NOWHERE})",
    ),
    (
        "Predict of a version that is not served",
        "core/basic_manager.cc",
        asked.predict(asked.versioned(_GONE)),
        NOT_FOUND,
        f"Servable not found for request: Specific({{model}}, {_GONE})",
    ),
    (
        "Predict of a label that is not set",
        CORE,
        asked.predict(asked.labelled("nowhere")),
        INVALID,
        "Unrecognized servable version label: nowhere",
    ),
    (
        "Predict of a signature that is not there",
        PREDICT,
        asked.predict(asked.as_is, "nothing"),
        FAILED,
        'Serving signature key "nothing" not found.',
    ),
    (
        "Predict without its input",
        PREDICT,
        asked.predict(lambda request: request.inputs.clear()),
        INVALID,
        "input size does not match signature: 0!=1 len({}) != len({text}). Sent extra: {}. "
        "Missing but required: {text}.",
    ),
    (
        "Predict with an input too many",
        PREDICT,
        asked.predict(asked.set_input("more", [b"x"])),
        INVALID,
        "input size does not match signature: 2!=1 len({more,text}) != len({text}). Sent extra: {more}. "
        "Missing but required: {}.",
    ),
    (
        "Predict with an input of another name",
        UTIL,
        asked.predict(asked.renamed),
        INVALID,
        "Signature input alias: text(feed ...",
    ),
    (
        "Predict with an input of another dtype",
        f"{SERVABLES}/predict_util_test.cc",
        asked.predict(asked.set_input(TEXT, [1.0])),
        INVALID,
        "... Expects arg[0] to be string but float is provided",
    ),
    (
        "Predict with a shape of unknown size",
        UTIL,
        asked.predict(asked.unknown_size),
        INVALID,
        "tensor parsing error: text",
    ),
    (
        "Predict with an output filter of another name",
        PREDICT,
        asked.predict(lambda request: request.output_filter.append("nothing")),
        INVALID,
        "output tensor alias not found in signature: nothing Outputs expected to be in the set {embedding}.",
    ),
    (
        "Predict with an output filter that names one twice",
        PREDICT,
        asked.predict(lambda request: request.output_filter.extend([EMBEDDING, EMBEDDING])),
        INVALID,
        "duplicate output tensor alias: embedding",
    ),
    (
        "Predict of bytes that are no image",
        "the model's own ops",
        asked.predict(asked.as_is, ENCODE_IMAGE, **{IMAGE_BYTES: [b"no image"]}),
        INVALID,
        "...",
    ),
    ("GetModelMetadata without a ModelSpec", METADATA, asked.metadata(asked.no_spec), INVALID, "Missing ModelSpec"),
    (
        "GetModelMetadata without a field",
        METADATA,
        asked.metadata(lambda request: request.ClearField("metadata_field")),
        INVALID,
        "GetModelMetadataRequest must specify at least one metadata_field",
    ),
    (
        "GetModelMetadata of another field",
        METADATA,
        asked.metadata(lambda request: request.metadata_field.append("size")),
        INVALID,
        "Metadata field size is not supported",
    ),
    (
        "GetModelMetadata of a model that is not served",
        "core/basic_manager.cc",
        asked.metadata(asked.named(NOWHERE)),
        NOT_FOUND,
        f"Servable not found for request: Latest({NOWHERE})",
    ),
    ("GetModelStatus without a ModelSpec", STATUS, asked.status(asked.no_spec), INVALID, "Missing ModelSpec"),
    (
        "GetModelStatus of a model that is not served",
        STATUS,
        asked.status(asked.named(NOWHERE)),
        NOT_FOUND,
        f"Could not find any versions of model {NOWHERE}",
    ),
    (
        "GetModelStatus of a version that is not there",
        STATUS,
        asked.status(asked.versioned(_GONE)),
        NOT_FOUND,
        f"Could not find version {_GONE} of model {{model}}",
    ),
    (
        "Classify without a ModelSpec",
        f"{SERVABLES}/classification_service.cc",
        asked.bare("Classify", classification_pb2.ClassificationRequest),
        INVALID,
        "Missing ModelSpec",
    ),
    (
        "Classify by a signature that is not there",
        f"{SERVABLES}/classifier.cc",
        asked.on_examples("Classify", classification_pb2.ClassificationRequest, "nothing"),
        INVALID,
        "No signature was found with the name: nothing",
    ),
    (
        "Classify by a signature without `inputs`",
        f"{SERVABLES}/classifier.cc",
        asked.on_examples("Classify", classification_pb2.ClassificationRequest, ENCODE_TEXT),
        INVALID,
        "No classification inputs found in SignatureDef: ...",
    ),
    (
        "Regress without a ModelSpec",
        f"{SERVABLES}/regression_service.cc",
        asked.bare("Regress", regression_pb2.RegressionRequest),
        INVALID,
        "Missing ModelSpec",
    ),
    (
        "Regress by a signature that is not there",
        f"{SERVABLES}/regressor.cc",
        asked.on_examples("Regress", regression_pb2.RegressionRequest, "nothing"),
        INVALID,
        "No signature was found with the name: nothing",
    ),
    (
        "Regress by a signature without `inputs`",
        f"{SERVABLES}/regressor.cc",
        asked.on_examples("Regress", regression_pb2.RegressionRequest, ENCODE_TEXT),
        INVALID,
        "No regression inputs found in SignatureDef: ...",
    ),
    (
        "MultiInference without a task",
        f"{SERVABLES}/multi_inference_helper.cc",
        asked.bare("MultiInference", inference_pb2.MultiInferenceRequest),
        INVALID,
        "ModelSpec has no name specified.",
    ),
    (
        "MultiInference by a signature without `inputs`",
        f"{SERVABLES}/multi_inference.cc",
        asked.two_tasks_of_one,
        INVALID,
        "No regression inputs found in SignatureDef: ...",
    ),
    (
        "HandleReloadConfigRequest without a list of models",
        "model_servers/model_service_impl.cc",
        asked.reload_of_another_kind,
        INVALID,
        "ServerModelConfig type not supported by HandleReloadConfigRequest. "
        "Only ModelConfigList is currently supported",
    ),
]


def _checked(request: Asked, code: str, words: str) -> Callable[[Target], None]:
    def run(target: Target) -> None:
        got_code, got = refused(*request(target))
        expect_equal(got_code, code, f"the code (its message: {shown(got)})")
        if not is_said(got, words.replace("{model}", target.model)):
            raise Differs(f"the message: expected {words!r}, got {shown(got)}")

    return run


for _name, _source, _request, _code, _words in _REFUSALS:
    CHECKS.add(f"{_name} is refused", _source)(_checked(_request, _code, _words))


@CHECKS.add("an error message is cut behind 1,024 characters", "model_servers/grpc_status_util.cc")
def _is_cut(target: Target) -> None:
    _, said = refused(*asked.predict(asked.as_is, "s" * 2000)(target))
    expect_equal((len(said), said[1024:]), (1024 + len("...TRUNCATED"), "...TRUNCATED"), "length and end")


@CHECKS.add("an empty PredictRequest is refused", PREDICT_IMPL)
def _is_empty(target: Target) -> None:
    got = refused(target.prediction.Predict, predict_pb2.PredictRequest())
    expect_equal(got, (INVALID, "Missing ModelSpec"), "code and message")
