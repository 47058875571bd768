"""Which model a candidate is compared with: the last blessed one that was trained before it."""

from __future__ import annotations

import ml_metadata as mlmd
from tfx.dsl.components.common.resolver import Resolver, ResolverStrategy
from tfx.types import Artifact, BaseChannel, Channel, standard_artifacts

NODE_ID = "BaselineModel"
MODEL, BLESSING, CANDIDATE = "model", "model_blessing", "candidate"  # the resolver's keys, in and out

# Properties that the Evaluator writes on each blessing.
BLESSED = "blessed"
JUDGED_MODEL = "current_model_id"


class LastBlessedBeforeCandidate(ResolverStrategy):
    """Choose the newest blessed model that is older than the candidate, by artifact id; none if there is none.

    The stock LatestBlessedModelStrategy takes the newest blessed model of all. In a second, unchanged run that is
    the candidate itself, so the Evaluator would see another input, run again, and compare a model with itself.
    """

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[Artifact]]
    ) -> dict[str, list[Artifact]]:
        """Reduce all models and blessings of the pipeline to the baseline and its blessing, or to nothing.

        Args:
          store: unused; everything needed is in the artifacts.
          input_dict: "candidate" with one model, "model" with all models, "model_blessing" with all blessings.

        Returns:
          The same keys: "model" and "model_blessing" with one artifact each or none, "candidate" as it came.
        """
        blessings = {
            blessing.get_int_custom_property(JUDGED_MODEL): blessing
            for blessing in input_dict[BLESSING]
            if blessing.get_int_custom_property(BLESSED) == 1
        }
        candidates = input_dict[CANDIDATE]
        older = [
            model
            for model in input_dict[MODEL]
            if model.id in blessings and all(model.id < candidate.id for candidate in candidates)
        ]
        baseline = max(older, key=lambda model: model.id, default=None)
        return {
            CANDIDATE: candidates,
            MODEL: [baseline] if baseline else [],
            BLESSING: [blessings[baseline.id]] if baseline else [],
        }


def build_baseline_resolver(candidate: BaseChannel) -> Resolver:
    """Build the node that finds the model to compare a candidate with.

    For runners that execute resolver strategies in Python, as the local one does; Kubeflow and Vertex know only the
    stock strategies.

    Args:
      candidate: the Trainer's output "model".

    Returns:
      The node "BaselineModel", with outputs "model" and "model_blessing" that hold one artifact each or none.
    """
    return Resolver(
        strategy_class=LastBlessedBeforeCandidate,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
        candidate=candidate,
    ).with_id(NODE_ID)
