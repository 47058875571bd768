"""AlignClient for asyncio: the same requests, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc
import numpy as np

from serving.calling import tensors
from serving.calling.answers import (
    CLASSIFY_OUTPUTS,
    SIMILARITY_OUTPUTS,
    Answered,
    Classes,
    Gathered,
    Similarities,
    classes,
)
from serving.calling.asked import Asked, requests_of
from serving.calling.channel import Retries, Tls, connect
from serving.encoders.encoder import settle
from serving.signatures import (
    CLASSIFY,
    EMBEDDING,
    ENCODE_IMAGE,
    ENCODE_TEXT,
    IMAGE_BYTES,
    LABELS,
    MODEL_NAME,
    SIMILARITY,
    TEMPLATES,
    TEXT,
)


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
        return (await self._of_images(images, ENCODE_IMAGE, {}, (EMBEDDING,)))[0]

    async def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Encode N texts into [N, D] float32, unit rows; raises EncodeError."""
        encoded = [text.encode() for text in texts]
        rows = await self._in_requests(
            encoded, lambda part: self._ask(ENCODE_TEXT, {TEXT: tensors.strings(part)}, (EMBEDDING,))
        )
        return rows[0]

    async def similarity(self, images: Sequence[bytes], texts: Sequence[str]) -> Similarities:
        """Compare N images with M texts, as AlignClient does; raises EncodeError."""
        compared = {TEXT: tensors.strings([text.encode() for text in texts])}
        return Similarities(*await self._of_images(images, SIMILARITY, compared, SIMILARITY_OUTPUTS))

    async def classify(self, images: Sequence[bytes], labels: Sequence[str], templates: Sequence[str]) -> Classes:
        """Find the label that fits each of N images best, as AlignClient does; raises EncodeError."""
        given = {
            LABELS: tensors.strings([label.encode() for label in labels]),
            TEMPLATES: tensors.strings([template.encode() for template in templates]),
        }
        return classes(await self._of_images(images, CLASSIFY, given, CLASSIFY_OUTPUTS))

    async def close(self) -> None:
        """Close the connection; requests under way are given up."""
        await self._channel.close()

    async def __aenter__(self) -> AsyncAlignClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _of_images(
        self, images: Sequence[bytes], signature: str, more: Mapping[str, Any], outputs: Sequence[str]
    ) -> tuple[np.ndarray, ...]:
        async def ask(part: Sequence[bytes]) -> Answered:
            settled = await asyncio.to_thread(settle, part)
            return await self._ask(signature, {IMAGE_BYTES: tensors.strings(settled), **more}, outputs)

        return await self._in_requests(images, ask)

    async def _in_requests(
        self, values: Sequence[bytes], ask: Callable[[Sequence[bytes]], Awaitable[Answered]]
    ) -> tuple[np.ndarray, ...]:
        turn = asyncio.Semaphore(self._asked.in_flight)

        async def in_turn(part: Sequence[bytes]) -> Answered:
            async with turn:
                return await ask(part)

        parts = list(requests_of(values))
        gathered = Gathered(len(parts), self.address)
        while places := gathered.to_ask():
            asked = [asyncio.ensure_future(in_turn(parts[place])) for place in places]
            try:
                for place, answer in zip(places, await asyncio.gather(*asked), strict=True):
                    gathered.add(place, answer)
            finally:
                for one in asked:  # where one failed, those that wait are not sent
                    one.cancel()
        return gathered.joined()

    async def _ask(self, signature: str, inputs: Mapping[str, Any], outputs: Sequence[str]) -> Answered:
        request = self._asked.request(signature, inputs, outputs)
        try:
            response = await self._predict(request, timeout=self._asked.timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._asked.explain(error, signature) from error
        return self._asked.read(response, signature, outputs)
