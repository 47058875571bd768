"""A component that looks at what the pipeline does not make, such as a folder of files, and answers with a text.

The answer reaches another component as an execution property, and is in that one's cache key: on this machine and on a
cluster alike, an equal answer leaves what depends on it in the cache, and another one makes it run again. The component
itself must look each time. TFX's local runner asks a driver before it asks the cache; on a cluster, which runs no
drivers, the task is compiled without a cache.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tfx.dsl.components.base import base_beam_executor, base_driver
from tfx.orchestration import metadata
from tfx.orchestration.data_types_utils import set_metadata_value
from tfx.orchestration.portable import base_driver as portable_driver
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import Artifact, artifact_utils

from components.beam.file_system_options import use_options

ANSWER = "answer"  # the execution property in which the driver leaves what it found


class LookupExecutor(base_beam_executor.BaseBeamExecutor):
    """Writes the answer as the value of the one output, a String.

    It runs nothing on Beam, whose arguments say how its file systems reach a server.
    """

    @staticmethod
    @abstractmethod
    def look_up(inputs: Mapping[str, Sequence[Artifact]], properties: Mapping[str, Any]) -> str:
        """Returns the answer.

        Args:
          inputs: the component's input artifacts.
          properties: its execution properties.
        """

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write what the driver found or, where there was none, what is found now."""
        self._log_startup(input_dict, output_dict, exec_properties)
        use_options(self._beam_pipeline_args)
        (answers,) = output_dict.values()
        found = exec_properties[ANSWER] if ANSWER in exec_properties else self.look_up(input_dict, exec_properties)
        artifact_utils.get_single_instance(answers).value = found


class LookupDriver(base_driver.BaseDriver, portable_driver.BaseDriver):  # components ask for the one, runners the other
    """Puts the answer among the execution properties, which are in the component's own cache key."""

    EXECUTOR: ClassVar[type[LookupExecutor]]

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_driver.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Returns the answer as one more execution property."""
        output = driver_output_pb2.DriverOutput()
        answer = self.EXECUTOR.look_up(execution_info.input_dict, execution_info.exec_properties)
        set_metadata_value(output.exec_properties[ANSWER], answer)
        return output
