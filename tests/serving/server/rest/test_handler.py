"""REST from a path and a body to status and text, against what tensorflow/serving's own tests and sources state.

model_servers/http_rest_api_handler_test.cc gives the values of half_plus_two; the words of errors are those of
http_rest_api_handler.cc, http_rest_api_util.cc and util/json_tensor.cc.
"""

import json

import pytest

PREDICT = "/v1/models/half_plus_two:predict"
KIND = "/v1/models/every_kind:predict"
OF_TYPE = "is not of expected type"
FAILED = "Failed to process element"
AT_ONE = "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "


def error(status, text):
    return status, json.dumps({"error": text}, indent=4, ensure_ascii=False)


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        (PREDICT, {"instances": [[1.0, 2.0], [3.0, 4.0]]}, {"predictions": [[2.5, 3.0], [3.5, 4.0]]}),
        ("/v1/models/half_plus_two/versions/123:predict", {"instances": [1.0, 2.0]}, {"predictions": [2.5, 3.0]}),
        (PREDICT, {"signature_name": "serving_default", "instances": [3.0, 4.0]}, {"predictions": [3.5, 4.0]}),
        (PREDICT, {"signature_name": "serving_default", "inputs": [3.0, 4.0]}, {"outputs": [3.5, 4.0]}),
        (PREDICT, {"inputs": {"x": [[2]], "unknown": 1}}, {"outputs": [[3.0]]}),
        (PREDICT, {"inputs": 2}, {"outputs": 3.0}),
        (PREDICT, {"inputs": []}, {"outputs": []}),
        ("/V1/Models/half_plus_two:predict", {"instances": [0]}, {"predictions": [2.0]}),
        ("/v1/models/half%5Fplus%5Ftwo:predict", {"instances": [0]}, {"predictions": [2.0]}),
        (
            "/v1/models/half_plus_two:regress",
            {"signature_name": "regress_x_to_y", "examples": [{"x": 80.0}, {"x": [2.0]}]},
            {"results": [42.0, 3.0]},
        ),
        (
            "/v1/models/half_plus_two:classify",
            {"signature_name": "classify_x_to_y", "examples": [{"x": 20.0}]},
            {"results": [[["", 12.0]]]},
        ),
        (
            "/v1/models/half_plus_two:regress",
            {"signature_name": "regress_x_to_y", "context": {"x": 80.0}, "examples": [{}]},
            {"results": [42.0]},
        ),
        (
            KIND,
            {"signature_name": "two", "instances": [{"a": 1, "b": "x"}, {"b": {"b64": "/w=="}, "a": 2}]},
            {"predictions": [{"a": 2.0, "b_bytes": {"b64": "eA=="}}, {"a": 3.0, "b_bytes": {"b64": "/w=="}}]},
        ),
        (
            KIND,
            {"signature_name": "two", "inputs": {"a": [[1.5]], "b": "x"}},
            {"outputs": {"a": [[2.5]], "b_bytes": {"b64": "eA=="}}},
        ),
        (KIND, {"signature_name": "string", "instances": ["é\n", {"b64": "aGk="}]}, {"predictions": ["é\n", "hi"]}),
        (KIND, {"signature_name": "int8", "instances": [1, 300, -129]}, {"predictions": [1, 44, 127]}),
        (KIND, {"signature_name": "uint64", "instances": [2**64 - 1]}, {"predictions": [2**64 - 1]}),
        (KIND, {"signature_name": "bool", "instances": [[True, False]]}, {"predictions": [[True, False]]}),
        (KIND, {"signature_name": "float64", "instances": [0.1, 2**53 + 1]}, {"predictions": [0.1, 2.0**53]}),
    ],
)  # fmt: skip
def test_predictions(ask, path, body, answer):
    status, text = ask("POST", path, json.dumps(body))
    assert (status, json.loads(text)) == (200, answer)


def test_an_answer_is_laid_out_as_rapidjsons_pretty_writer_does(ask):
    rows = '{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'
    assert ask("POST", PREDICT, '{"instances": [1, 2, 5]}') == (200, rows)
    columns = '{\n    "outputs": [\n        2.5,\n        3.0\n    ]\n}'
    assert ask("POST", PREDICT, '{"inputs": [1, 2]}') == (200, columns)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/foo"),
        ("POST", "/v1/foo"),
        ("GET", "/v1/models/debug/model_name"),
        ("POST", "/v1/models"),
        ("GET", "/v1/models/foo:predict"),
        ("GET", "/v1/models/foo/version/50:predict"),
        ("POST", "/v1/models/foo/version/50:regress"),
        ("POST", "/v1/models/foo/versions/HELLO:regress"),
        ("POST", "/v1/models/foo/metadata"),
        ("POST", "/v1/models/foo/label/some_label:regress"),
        ("POST", "/v1/models/foo/versions/50/labels/some_label:regress"),
        ("POST", "/v1/models/half_plus_two:PREDICT"),
        ("POST", "/v1/models/half_plus_two:predict?x=1"),
        ("PUT", "/v1/models/half_plus_two"),
    ],
)
def test_paths_that_name_nothing(ask, method, path):
    assert ask(method, path) == error(400, f"Malformed request: {method} {path}")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "JSON Parse error: The document is empty"),
        ("instances = [1, 2]", "JSON Parse error: Invalid value. at offset: 0"),
        ('{"instances": [1, 2', "JSON Parse error: Missing a comma or ']' after an array element. at offset: 19"),
        ("[1]", "JSON Value: [1] Is not object"),
        (
            '{ "signature_name": 100 }',
            'JSON Value: {\n    "signature_name": 100\n} not formatted correctly. '
            "'signature_name' key must be a string value.",
        ),
        ('{"signature_name": "no"}', 'Serving signature name: "no" not found in signature def'),
        ("{}", "Missing 'inputs' or 'instances' key"),
        (
            '{"instances": [1], "inputs": [1]}',
            'JSON Value: {\n    "instances": [1],\n    "inputs": [1]\n} '
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        ),
        ('{"instances": 1}', "JSON Value: {\n    \"instances\": 1\n} Expecting 'instances' to be an list/array"),
        ('{"instances": []}', "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
        (
            '{"instances": ["x", "y"]}',
            f"{FAILED}: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
            f'JSON Value: "x" Type: String {OF_TYPE}: float',
        ),
        ('{"instances": [[1, 2], [1]]}', f"{AT_ONE}Expecting tensor size: 2 but got: 1"),
        ('{"instances": [[[1, 2]], [[1], [2]]]}', f"{AT_ONE}Expecting shape [1,2] but got: [2,1]"),
        ('{"instances": [1, {"x": 1}]}', "Expecting value/list but got object at item 1 of input list"),
        ('{"instances": [{"x": 1}, [1]]}', "Expecting object but got list at item 1 of input list"),
        (
            '{"instances": [{"z": 1}]}',
            f"{FAILED}: 0 key: z of 'instances' list. Error: INVALID_ARGUMENT: "
            "JSON object: does not have named input: z",
        ),
        ('{"inputs": [1, [2]]}', "Encountered list at unexpected level: 1 expected < 1"),
        (
            '{"inputs": [[1], 2]}',
            "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        ('{"inputs": [[1, 2], [3]]}', "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        ('{"inputs": [true]}', f"JSON Value: true Type: True {OF_TYPE}: float"),
        ('{"inputs": [null]}', f"JSON Value: null Type: Null {OF_TYPE}: float"),
        (
            '{"inputs": [{"b64": "aGk="}]}',
            f'JSON Value: {{\n    "b64": "aGk="\n}} Type: Object {OF_TYPE}: float',
        ),
        ('{"signature_name": "columns_only", "instances": [[1]]}', "Tensor name: y has no shape information "),
    ],
)  # fmt: skip
def test_bodies_that_half_plus_two_does_not_take(ask, body, text):
    assert ask("POST", PREDICT, body) == error(400, text)


@pytest.mark.parametrize(
    ("signature", "body", "status", "text"),
    [
        ("two", '"instances": [{"a": 1}]', 400, f"{FAILED}: 0 of 'instances' list. JSON object: {{\n    \"a\": 1\n}} "
         "keys must be equal to: a,b"),
        ("two", '"instances": [1]', 400, "instances is a plain list, but expecting list of objects as multiple input "
         "tensors required as per tensorinfo_map"),
        ("two", '"inputs": [1]', 400, "inputs is a plain value/list, but expecting an object as multiple input tensors "
         "required as per tensorinfo_map"),
        ("two", '"inputs": {"a": 1}', 400, "Missing named input: b in 'inputs' object."),
        ("int32", '"inputs": [1.0]', 400, f"JSON Value: 1.0 Type: Number {OF_TYPE}: int32"),
        ("int32", '"inputs": [2147483648]', 400, f"JSON Value: 2147483648 Type: Number {OF_TYPE}: int32"),
        ("uint32", '"inputs": [-1]', 400, f"JSON Value: -1 Type: Number {OF_TYPE}: uint32"),
        ("string", '"inputs": [{"b64": 1}]', 400, 'JSON Value: {\n    "b64": 1\n} not formatted correctly for base64 '
         "data"),
        ("string", '"inputs": {"b64": "*"}', 400, "Unable to base64 decode"),
        ("float16", '"inputs": [1.5]', 501, "Conversion of JSON Value: 1.5 to type: half"),
    ],
)  # fmt: skip
def test_bodies_that_other_signatures_do_not_take(ask, signature, body, status, text):
    assert ask("POST", KIND, f'{{"signature_name": "{signature}", {body}}}') == error(status, text)


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("foo", 404, "Servable not found for request: Latest(foo)"),
        ("foo/versions/50", 404, "Servable not found for request: Specific(foo, 50)"),
        ("half_plus_two/labels/no", 400, "Unrecognized servable version label: no"),
        ("foo/versions/18446744073709551615", 400, "Failed to convert version: 18446744073709551615 to numeric."),
    ],
)
def test_models_and_versions_that_are_not_there(ask, path, status, text):
    assert ask("POST", f"/v1/models/{path}:predict", '{"instances": [1]}') == error(status, text)


@pytest.mark.parametrize(
    ("examples", "text"),
    [
        ("1", "Expecting 'examples' value to be an list/array"),
        ("[]", "'examples' value is an empty array"),
        ("[1]", "Example must be JSON object but got JSON Number"),
        ('[{"names": [null]}]', "Feature: names has element with unexpected JSON type: Null"),
        ('[{"names": [10, 1.0]}]', "Unexpected element type in feature: names expecting type: int64"),
        ('[{"names": [{"test": 10}]}]', "Feature: names has element with unexpected JSON type: Object"),
        ('[{"names": [[10], 20]}]', "Feature: names has element with unexpected JSON type: Array"),
        ('[{"names": [18446744073709551603]}]', "Feature: names has uint64_t element. Only int64_t is supported."),
        ('[{"names": ["x", {"b64": "*"}]}]', "Unable to base64 decode"),
    ],
)
def test_examples_that_are_none(ask, examples, text):
    status, answer = ask("POST", "/v1/models/half_plus_two:classify", f'{{"examples": {examples}}}')
    assert status == 400
    assert json.loads(answer)["error"].endswith(text)


def test_a_request_without_examples_says_classify_also_for_regress(ask):
    assert ask("POST", "/v1/models/half_plus_two:regress", "{}") == error(
        400, "JSON Value: {} When method is classify, key 'examples' is expected and was not found"
    )


def test_what_the_model_refuses_has_its_code(ask):
    status, answer = ask("POST", KIND, '{"signature_name": "refuses", "instances": [1, 10]}')
    assert status == 400
    assert "x is ten or more" in json.loads(answer)["error"]


STATUS = """{
 "model_version_status": [
  {
   "version": "123",
   "state": "AVAILABLE",
   "status": {
    "error_code": "OK",
    "error_message": ""
   }
  }
 ]
}
"""


@pytest.mark.parametrize("path", ["", "/versions/123", "/labels/any", "/METADATA"])
def test_status(ask, path):
    assert ask("GET", f"/v1/models/half_plus_two{path}") == (200, STATUS)


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/foo", 404, "Could not find any versions of model foo"),
        ("/foo?x=1", 404, "Could not find any versions of model foo?x=1"),
        ("/half_plus_two/versions/9", 404, "Could not find version 9 of model half_plus_two"),
        ("/half_plus_two/versions/9/metadata", 404, "Servable not found for request: Specific(half_plus_two, 9)"),
        ("/versions/1", 400, "Missing model name in request."),
    ],
)
def test_status_of_what_is_not_there(ask, path, status, text):
    assert ask("GET", f"/v1/models{path}") == error(status, text)


def test_metadata_is_doubly_nested_and_its_fields_stand_by_number(ask):
    status, text = ask("GET", "/v1/models/half_plus_two/metadata")
    assert status == 200
    assert text.startswith(
        '{\n"model_spec":{\n "name": "half_plus_two",\n "version": "123",\n "signature_name": ""\n}\n,\n'
        '"metadata": {"signature_def": {\n "signature_def": {\n'
    )
    assert text.endswith(" }\n}\n}\n}\n")
    signature = json.loads(text)["metadata"]["signature_def"]["signature_def"]["regress_x_to_y"]
    batch = {"size": "-1", "name": ""}
    assert list(signature) == ["inputs", "outputs", "method_name", "defaults"]
    assert signature["inputs"]["inputs"] == {
        "name": "regress_x_to_y_inputs:0",
        "dtype": "DT_STRING",
        "tensor_shape": {"dim": [batch], "unknown_rank": False},
    }
    assert signature["outputs"]["outputs"]["tensor_shape"]["dim"] == [batch, {"size": "1", "name": ""}]
    assert (signature["method_name"], signature["defaults"]) == ("tensorflow/serving/predict", {})


def test_models_are_listed(ask):
    status, text = ask("GET", "/v1/models")
    listed = json.loads(text)["models"]
    assert (status, [model["name"] for model in listed]) == (200, ["every_kind", "half_plus_two"])
    assert listed[1]["model_version_status"] == json.loads(STATUS)["model_version_status"]


def test_a_request_is_measured_under_tensorflow_servings_labels(small_models):
    from serving.server.access_log import Access
    from serving.server.core.spec import PATIENT
    from serving.server.monitoring.observer import Monitoring
    from serving.server.rest.handler import RestHandler

    monitoring, access = Monitoring(), Access("REST", "", "")
    handler = RestHandler(small_models, monitoring)
    handler.answer("POST", PREDICT, b'{"instances": [1, 2]}', PATIENT, access)
    handler.answer("GET", "/v1/models/half_plus_two", b"", PATIENT, Access("REST", "", ""))
    page = monitoring.page()
    assert ':request_count{model_name="half_plus_two",status="OK"} 2' in page
    assert ':request_latency_count{model_name="half_plus_two",API="predict",entrypoint="REST"} 1' in page
    assert ':request_latency_count{model_name="half_plus_two",API="",entrypoint="REST"} 1' in page
    assert 'align_serving_request_rows_sum{model="half_plus_two",version="123",signature="serving_default"} 2' in page
    assert (access.model, access.version, access.signature, access.rows) == ("half_plus_two", 123, "serving_default", 2)
