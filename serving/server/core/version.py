"""One loaded version of a model, as a request sees it, and how it is held against unloading."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server.batching.batcher import Batcher, BatchQueue
from serving.server.core.limits import DEFAULT_LIMITS, RequestLimits
from serving.server.core.servable import Servable
from serving.server.core.spec import PATIENT, Caller
from serving.server.refusal import Refusal
from serving.signatures import EMBEDDING, IMAGE_BYTES

_PIXELS = "pixels"  # [N, H, W, 3], between decoding and embedding


class Version:
    """A version that a request holds against unloading (`ServedModels.use`).

    Attributes:
      name: what requests call the model.
      version: its number.
      signature_defs: signature name -> SignatureDef message.
    """

    def __init__(
        self, name: str, version: int, servable: Servable, batcher: Batcher, limits: RequestLimits = DEFAULT_LIMITS
    ) -> None:
        """Take a loaded model whose requests go through a batcher."""
        self.name = name
        self.version = version
        self.signature_defs: Mapping[str, Any] = servable.signature_defs
        self._limits = limits
        self._ways = {signature: _way(servable, signature, batcher, name, version) for signature in servable.runnable}
        self._lock = threading.Lock()
        self._uses = 0
        self._when_idle: Callable[[], None] | None = None

    def signature(self, name: str) -> Any:
        """Returns the SignatureDef called `name`, or raises Refusal with TensorFlow Serving's code and words."""
        self._way(name)
        return self.signature_defs[name]

    def run(
        self,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        caller: Caller = PATIENT,
        outputs: Sequence[str] | None = None,
    ) -> dict[str, np.ndarray]:
        """Compute outputs of a signature, in one batch with what other requests wait for.

        Args:
          signature: its name.
          inputs: input name -> array of the signature's dtype, checked before; strings as object arrays of bytes. What
            does not fit the signature's shapes is left to the graph, as TensorFlow Serving does.
          caller: who waits; nothing runs for one who does not.
          outputs: names of the outputs wanted, or None for all.

        Returns:
          Output name -> array.

        Raises:
          Refusal: DEADLINE_EXCEEDED, CANCELLED, RESOURCE_EXHAUSTED, or the runtime's own code.
        """
        answer = self.submit(signature, inputs, caller)
        try:
            found = answer.result(None if math.isinf(caller.deadline) else caller.deadline - time.monotonic())
        except FutureTimeout:
            answer.cancel()
            raise Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed before the answer came") from None
        return {name: found[name] for name in (found if outputs is None else outputs)}

    def submit(
        self, signature: str, inputs: Mapping[str, np.ndarray], caller: Caller = PATIENT
    ) -> Future[Mapping[str, np.ndarray]]:
        """Begin to compute every output of a signature; `asyncio.wrap_future` makes the answer awaitable.

        Pictures are decoded before this returns, with those of other requests that wait; all else happens elsewhere.

        Args and Raises: as `run`; what is refused later, the Future raises.
        """
        way = self._way(signature)
        self._limits.check(inputs)
        caller.check()
        if way.prepare is None:
            return way.queue.submit(inputs, caller)
        with way.queue.preparing():
            return way.queue.submit(way.prepare(inputs, caller), caller)

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
        self._ways = {}

    def _way(self, signature: str) -> _Way:
        if signature not in self._ways:
            if self._when_idle is not None and not self._ways:
                raise RuntimeError(f"version {self.version} of {self.name} is used without `use`, after its end")
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{signature}" not found.')
        return self._ways[signature]


@dataclass(frozen=True)
class _Way:
    """How a request for one signature is computed: what is done for it alone, and then in a batch."""

    prepare: Callable[[Mapping[str, np.ndarray], Caller], Mapping[str, np.ndarray]] | None
    queue: BatchQueue


def _way(servable: Servable, name: str, batcher: Batcher, model: str, version: int) -> _Way:
    signature = servable.signature_defs[name]
    if not servable.decodes_apart(name):
        queue = BatchQueue(batcher, model, version, name, signature, partial(servable.run, name))
        return _Way(None, queue)

    work = servable.decode  # one object, by which pictures of the same version are known

    def decode(inputs: Mapping[str, np.ndarray], caller: Caller) -> Mapping[str, np.ndarray]:
        return {_PIXELS: batcher.together.run(work, inputs[IMAGE_BYTES], caller)}

    def embed(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {EMBEDDING: servable.embed(inputs[_PIXELS])}

    of_pixels = meta_graph_pb2.SignatureDef()
    of_pixels.CopyFrom(signature)
    del of_pixels.inputs[IMAGE_BYTES]
    for size in (-1, -1, -1, 3):
        of_pixels.inputs[_PIXELS].tensor_shape.dim.add(size=size)
    return _Way(decode, BatchQueue(batcher, model, version, name, of_pixels, embed))
