"""GetModelStatus over gRPC, in TF Serving's words."""

from __future__ import annotations

import grpc
import pytest
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2

from predict_requests import VERSION, refusal


def status_of(models, name="align", version=None):
    asked = get_model_status_pb2.GetModelStatusRequest()
    asked.model_spec.name = name
    if version is not None:
        asked.model_spec.version.value = version
    return models.GetModelStatus(asked, timeout=20)


@pytest.mark.parametrize("version", [None, VERSION])
def test_status_says_available(models, version):
    (status,) = status_of(models, version=version).model_version_status
    assert status.version == VERSION
    assert status.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert status.HasField("status")
    assert status.status.error_code == 0


@pytest.mark.parametrize(("name", "version"), [("clip", None), ("align", 8), ("clip", VERSION)])
def test_status_of_what_is_not_served_is_not_found(models, name, version):
    with pytest.raises(grpc.RpcError) as caught:
        status_of(models, name, version)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_status_without_a_model_is_an_invalid_argument(models):
    assert refusal(models.GetModelStatus, get_model_status_pb2.GetModelStatusRequest())[0].name == "INVALID_ARGUMENT"


def test_a_configuration_of_another_kind_is_refused(models):
    code, message = refusal(models.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest())
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert message == (
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported"
    )
