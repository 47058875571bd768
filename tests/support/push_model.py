"""Pushes a model, also in a process of its own, which the kernel kills where a file outgrows LIMIT bytes.

python tests/support/push_model.py MODEL PUSH_FOLDER LIMIT
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Mapping
from typing import Any

from tfx.proto import pusher_pb2
from tfx.types import Artifact, standard_artifacts
from tfx.utils import proto_utils

from components.pusher.executor import PUSH_DESTINATION, PUSHED_MODEL, STATED, Executor

BLESSED = 1


def push(
    model: str,
    folder: str,
    blessed: int = BLESSED,
    served: int = BLESSED,
    more: Mapping[str, Artifact] | None = None,
    stated: Mapping[str, Any] | None = None,
    infra: str = "",
) -> standard_artifacts.PushedModel:
    """Returns what the Pusher makes of a model under <MODEL>/Format-Serving; its own archive is <MODEL>.archive.

    Args:
      model: folder of the artifact.
      folder: the push folder.
      blessed: the Evaluator's verdict.
      served: the ServingValidator's.
      more: inputs of the card.
      stated: what the config says for the card.
      infra: folder of the ServingValidator's verdict.
    """
    trained, blessing = standard_artifacts.Model(), standard_artifacts.ModelBlessing()
    pushed, infra_blessing = standard_artifacts.PushedModel(), standard_artifacts.InfraBlessing()
    infra_blessing.uri = infra
    trained.uri, pushed.uri = model, f"{model}.archive"
    blessing.set_int_custom_property("blessed", blessed)
    infra_blessing.set_int_custom_property("blessed", served)
    destination = pusher_pb2.PushDestination(filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=folder))
    inputs = {"model": trained, "model_blessing": blessing, "infra_blessing": infra_blessing, **(more or {})}
    Executor(Executor.Context()).Do(
        {name: [artifact] for name, artifact in inputs.items()},
        {PUSHED_MODEL: [pushed]},
        {PUSH_DESTINATION: proto_utils.proto_to_json(destination), STATED: json.dumps(stated or {})},
    )
    return pushed


def main(model: str, folder: str, limit: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python asks for an error in its place
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    push(model, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
