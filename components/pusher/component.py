"""The stock Pusher with an executor of ours: a blessed model -> `<push folder>/<version>/`, whole or not at all."""

from __future__ import annotations

from tfx.components.pusher import component
from tfx.dsl.components.base import executor_spec

from components.pusher.executor import Executor


class Pusher(component.Pusher):
    """Copy a blessed model to where servers look for versions.

    Arguments, inputs and outputs are those of TFX's Pusher.

    Examples:
      >>> from tfx.proto.pusher_pb2 import PushDestination
      >>> from tfx.types import Channel, standard_artifacts
      >>> to = PushDestination(filesystem=PushDestination.Filesystem(base_directory="output/mine/serving_models/align"))
      >>> sorted(Pusher(Channel(type=standard_artifacts.Model), push_destination=to).outputs)
      ['pushed_model']
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
