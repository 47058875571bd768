"""One loaded version of a model, as a request sees it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import numpy as np

from serving.server.core.servable import Servable
from serving.server.core.spec import PATIENT, Caller
from serving.server.refusal import Refusal


class Version:
    """A version that a request holds against unloading (`ServedModels.use`).

    Attributes:
      name: what requests call the model.
      version: its number.
      signature_defs: signature name -> SignatureDef message.
    """

    def __init__(self, name: str, version: int, servable: Servable) -> None:
        self.name = name
        self.version = version
        self.signature_defs: Mapping[str, Any] = servable.signature_defs
        self._servable = servable

    def signature(self, name: str) -> Any:
        """Returns the SignatureDef called `name`, or raises Refusal with TensorFlow Serving's code."""
        return self._servable.signature(name)

    def run(
        self,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        caller: Caller = PATIENT,
        outputs: Sequence[str] | None = None,
    ) -> dict[str, np.ndarray]:
        """Compute outputs of a signature.

        Args:
          signature: its name.
          inputs: input name -> array of the signature's dtype and shape, checked before; strings as object arrays of
            bytes.
          caller: who waits; nothing runs for one who does not.
          outputs: names of the outputs wanted, or None for all.

        Returns:
          Output name -> array.

        Raises:
          Refusal: DEADLINE_EXCEEDED, CANCELLED, RESOURCE_EXHAUSTED, or the runtime's own code.
        """
        if not caller.is_waiting():
            raise Refusal(grpc.StatusCode.CANCELLED, "the caller is gone")
        if time.monotonic() >= caller.deadline:
            raise Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed before the computation began")
        found = self._servable.run(signature, inputs)
        return found if outputs is None else {name: found[name] for name in outputs}
