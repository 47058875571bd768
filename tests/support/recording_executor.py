"""An executor that writes down what it is handed, in the place of any component's."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_beam_executor, base_executor
from tfx.types import Artifact, standard_artifacts

CALLS: list[tuple[Any, dict[str, list[Artifact]], dict[str, list[Artifact]], dict[str, Any]]] = []
NOT_BLESSED = 0


class Executor(base_executor.BaseExecutor):
    """Appends (context, inputs, outputs, exec_properties) to CALLS, and says of outputs what TFX's Evaluator does."""

    def Do(self, input_dict, output_dict, exec_properties):
        CALLS.append((self._context, input_dict, output_dict, exec_properties))
        for key, (made,) in output_dict.items():
            if isinstance(made, standard_artifacts.String):
                made.value = f"value of {key}"
        if "blessing" in output_dict:
            (model,), (blessing,) = input_dict["model"], output_dict["blessing"]
            blessing.set_string_custom_property("current_model", model.uri)
            blessing.set_int_custom_property("current_model_id", model.id)
            blessing.set_int_custom_property("blessed", NOT_BLESSED)


class BeamExecutor(base_beam_executor.BaseBeamExecutor):
    """Appends (Beam's arguments, ...) to CALLS."""

    def Do(self, input_dict, output_dict, exec_properties):
        CALLS.append((self._beam_pipeline_args, input_dict, output_dict, exec_properties))


class Failing(base_executor.BaseExecutor):
    """Fails half-way."""

    def Do(self, input_dict, output_dict, exec_properties):
        for (made,) in output_dict.values():
            with open(f"{made.uri}/half", "w", encoding="utf-8") as file:
                file.write("half")
        raise RuntimeError("as Beam has it") from ValueError("nothing is left to train on; lower it\nand more")
