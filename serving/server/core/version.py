"""One loaded version of a model, as a request sees it, and how it is held against unloading."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serving.server.core.servable import Servable
from serving.server.core.spec import PATIENT, Caller


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
        self._servable: Servable | None = servable
        self._lock = threading.Lock()
        self._uses = 0
        self._when_idle: Callable[[], None] | None = None

    @property
    def folder(self) -> Path:
        """Where it was loaded from."""
        return self._loaded.path

    def signature(self, name: str) -> Any:
        """Returns the SignatureDef called `name`, or raises Refusal with TensorFlow Serving's code."""
        return self._loaded.signature(name)

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
        caller.check()
        found = self._loaded.run(signature, inputs)
        return found if outputs is None else {name: found[name] for name in outputs}

    def hold(self) -> bool:
        """Keep it loaded until `release`; False where it is being unloaded already."""
        with self._lock:
            if self._when_idle is not None:
                return False
            self._uses += 1
            return True

    def release(self) -> None:
        """End one `hold`."""
        with self._lock:
            self._uses -= 1
            idle = self._when_idle if self._uses == 0 else None
        if idle is not None:
            idle()

    def retire(self, when_idle: Callable[[], None]) -> None:
        """Take no request more, and call `when_idle` once, in whatever thread, when none is left."""
        with self._lock:
            self._when_idle = when_idle
            is_idle = self._uses == 0
        if is_idle:
            when_idle()

    def unload(self) -> None:
        """Let go of the model; only for one that is retired and idle."""
        self._servable = None

    @property
    def _loaded(self) -> Servable:
        if self._servable is None:
            raise RuntimeError(f"version {self.version} of {self.name} is used without `use`, after it was unloaded")
        return self._servable
