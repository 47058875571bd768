"""The names by which a task asks for accelerators: Vertex AI's own, and the resources that a cluster's nodes offer."""

from __future__ import annotations

import re

from components.closest_name import did_you_mean

# google.cloud.aiplatform_v1.types.AcceleratorType of google-cloud-aiplatform 1.165; a test holds them equal.
VERTEX_ACCELERATORS = (
    "NVIDIA_TESLA_K80",
    "NVIDIA_TESLA_P100",
    "NVIDIA_TESLA_V100",
    "NVIDIA_TESLA_P4",
    "NVIDIA_TESLA_T4",
    "NVIDIA_TESLA_A100",
    "NVIDIA_A100_80GB",
    "NVIDIA_L4",
    "NVIDIA_H100_80GB",
    "NVIDIA_H100_MEGA_80GB",
    "NVIDIA_H200_141GB",
    "NVIDIA_B200",
    "NVIDIA_GB200",
    "NVIDIA_RTX_PRO_6000",
    "TPU_V2",
    "TPU_V3",
    "TPU_V4_POD",
    "TPU_V5_LITEPOD",
)
# Each vendor's device plugin names its own (https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/). A slice of
# a GPU (nvidia.com/mig-1g.5gb) or a shared one (nvidia.com/gpu.shared) has a name that the cluster makes up.
KUBERNETES_ACCELERATORS = (
    "nvidia.com/gpu",
    "amd.com/gpu",
    "gpu.intel.com/i915",
    "gpu.intel.com/xe",
    "google.com/tpu",
    "habana.ai/gaudi",
)
_MADE_UP_BY_CLUSTERS = re.compile(r"nvidia\.com/(gpu\.shared|mig-\d+g\.\d+gb(\.me|\+me)?(\.shared)?)")


def is_vertex_accelerator(name: str) -> bool:
    """Says whether Vertex AI has an accelerator of this name."""
    return name in VERTEX_ACCELERATORS


def is_kubernetes_accelerator(name: str) -> bool:
    """Says whether a cluster's nodes may offer an accelerator of this name."""
    return name in KUBERNETES_ACCELERATORS or _MADE_UP_BY_CLUSTERS.fullmatch(name) is not None


def check_accelerator(name: str, accelerator: str) -> None:
    """Raise ValueError, with the closest name, where neither platform has such an accelerator."""
    if is_vertex_accelerator(accelerator) or is_kubernetes_accelerator(accelerator):
        return
    known = (*VERTEX_ACCELERATORS, *KUBERNETES_ACCELERATORS)
    hint = did_you_mean(accelerator, known) or _of_its_last_part(accelerator, known)
    raise ValueError(f"{name} is {accelerator!r}, which is no accelerator of Vertex AI or Kubernetes{hint}")


def _of_its_last_part(accelerator: str, known: tuple[str, ...]) -> str:
    """Returns the names that end as written ("T4", "gpu"), or all of them."""
    plain = re.sub(r"[^a-z0-9]", "", accelerator.casefold())
    close = [each for each in known if plain and plain in re.sub(r"[^a-z0-9]", "", each.casefold())]
    return f"; did you mean {close[0]!r}?" if close else f"; they are {', '.join(known)}"
