"""TensorFlow Serving's ModelSpec message: what a request asks for, and what an answer echoes of it."""

from __future__ import annotations

from typing import Any

from serving.server.core.spec import ModelSpec
from serving.server.core.version import Version
from serving.server.refusal import invalid_argument

DEFAULT_SIGNATURE = "serving_default"


def asked_model(request: Any) -> ModelSpec:
    """Returns the model and version that the field `model_spec` of a request asks for; raises Refusal without one."""
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
    return read_model_spec(request.model_spec)


def read_model_spec(spec: Any) -> ModelSpec:
    """Returns what a ModelSpec message asks for; raises Refusal for one without a name.

    Reference: ServerCore::ServableRequestFromModelSpec in model_servers/server_core.cc.
    """
    if not spec.name:
        raise invalid_argument("ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    return ModelSpec(
        spec.name,
        version=spec.version.value if choice == "version" else None,
        label=spec.version_label if choice == "version_label" else None,
    )


def signature_name(spec: Any) -> str:
    """Returns the signature that a ModelSpec message asks for."""
    return str(spec.signature_name) or DEFAULT_SIGNATURE


def echo(answered: Any, asked: Any, version: Version) -> None:
    """Fill the ModelSpec of an answer: MakeModelSpec in servables/tensorflow/util.cc."""
    answered.name = asked.name
    answered.signature_name = signature_name(asked)
    answered.version.value = version.version
