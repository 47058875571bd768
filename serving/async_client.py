"""AlignClient for asyncio: the same requests, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc
import numpy as np

from serving.calling import tensors
from serving.calling.asked import Asked, requests_of
from serving.calling.channel import Retries, Tls, connect
from serving.encoders.encoder import settle
from serving.signatures import ENCODE_IMAGE, ENCODE_TEXT, IMAGE_BYTES, MODEL_NAME, TEXT


class AsyncAlignClient:
    """Encodes through a server without a thread that waits.

    Long lists are sent as AlignClient sends them. Make it, use it and close it inside one event loop.

    Attributes:
      address: as given.

    Examples:
      >>> async def vectors(texts):
      ...     async with AsyncAlignClient("127.0.0.1:8500") as client:
      ...         return await client.encode_text(texts)
      >>> asyncio.run(vectors(["sad cat", "red boat"])).shape[0]
      2
    """

    def __init__(
        self,
        address: str,
        *,
        model: str = MODEL_NAME,
        version: int | None = None,
        label: str | None = None,
        timeout_s: float = 30.0,
        in_flight: int = 4,
        retries: Retries = Retries(),  # noqa: B008  frozen
        tls: Tls | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare a connection; nothing is sent before the first call. Arguments are AlignClient's.

        Raises:
          ValueError: for settings that contradict each other, or a certificate that cannot be read.
        """
        self.address = address
        self._asked = Asked(address, model, version, label, timeout_s, in_flight)
        self._metadata = [(name.lower(), value) for name, value in (metadata or {}).items()]
        self._channel, self._predict = connect(grpc.aio, address, retries, tls)

    async def encode_image(self, images: Sequence[bytes]) -> np.ndarray:
        """Encode N images into [N, D] float32, unit rows; raises EncodeError."""

        async def ask(part: Sequence[bytes]) -> np.ndarray:
            return await self._encode(ENCODE_IMAGE, IMAGE_BYTES, await asyncio.to_thread(settle, part))

        return await self._in_requests(images, ask)

    async def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Encode N texts into [N, D] float32, unit rows; raises EncodeError."""
        encoded = [text.encode() for text in texts]
        return await self._in_requests(encoded, lambda part: self._encode(ENCODE_TEXT, TEXT, part))

    async def close(self) -> None:
        """Close the connection; requests under way are given up."""
        await self._channel.close()

    async def __aenter__(self) -> AsyncAlignClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _in_requests(
        self, values: Sequence[bytes], ask: Callable[[Sequence[bytes]], Awaitable[np.ndarray]]
    ) -> np.ndarray:
        turn = asyncio.Semaphore(self._asked.in_flight)

        async def in_turn(part: Sequence[bytes]) -> np.ndarray:
            async with turn:
                return await ask(part)

        asked = [asyncio.ensure_future(in_turn(part)) for part in requests_of(values)]
        try:
            return np.concatenate(await asyncio.gather(*asked))
        finally:
            for one in asked:  # where one failed, those that wait are not sent
                one.cancel()

    async def _encode(self, signature: str, name: str, values: Sequence[bytes]) -> np.ndarray:
        return self._asked.output(await self._ask(signature, {name: tensors.strings(values)}), signature)

    async def _ask(self, signature: str, inputs: Mapping[str, Any]) -> Any:
        """Returns the PredictResponse."""
        request = self._asked.request(signature, inputs)
        try:
            return await self._predict(request, timeout=self._asked.timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._asked.explain(error, signature) from error
