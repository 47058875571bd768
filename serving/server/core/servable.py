"""One SavedModel in memory: the only place where the TensorFlow runtime is called for serving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops that the text signature needs
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from serving.precision import Precision, precision_of
from serving.server.core.calls import by_name, step_by_step
from serving.server.refusal import Refusal
from serving.signatures import EMBEDDING, IMAGE_BYTES
from serving.versions import SAVED_MODEL_FILE

SERVE_TAG = "serve"
CODES = {code.value[0]: code for code in grpc.StatusCode}  # TensorFlow and gRPC share the canonical numbers


class Servable:
    """A loaded SavedModel; `run` may be called from many threads at once.

    Attributes:
      path: the folder that it came from.
      signature_defs: signature name -> SignatureDef message, as the file states them.
      precision: the least in which it multiplies.

    Examples:
      >>> servable = Servable(Path("output/align-demo/serving_models/align/1"))
      >>> servable.run("encode_text", {"text": np.array([b"sad cat"], object)})["embedding"].shape[0]
      1
    """

    def __init__(self, path: Path) -> None:
        """Load a SavedModel.

        Raises:
          ValueError: when the folder holds none that can be loaded, naming the folder and the cause.
        """
        self.path = path
        try:
            graph = _read_graph(path)
            self.signature_defs: dict[str, Any] = dict(graph.signature_def)
            self.precision: Precision = precision_of(graph.graph_def)
            self._loaded = tf.saved_model.load(str(path), tags=[SERVE_TAG])
            functions = by_name(self._loaded)
            self._signatures = {
                name: step_by_step(signature, functions) for name, signature in self._loaded.signatures.items()
            }
            self._decode = _single_graph(getattr(self._loaded, "decode_images", None))
            self._embed = _single_graph(getattr(self._loaded, "embed_pixels", None))
        except (OSError, DecodeError, ValueError, tf.errors.OpError) as error:
            cause = " ".join(str(error).split())
            raise ValueError(f"{path} cannot be loaded as a SavedModel: {cause}; push the model again") from error

    @property
    def runnable(self) -> list[str]:
        """Names of the signatures that can be run; the file may state others, such as the one that initialises it."""
        return list(self._signatures)

    def signature(self, name: str) -> Any:
        """Returns the SignatureDef called `name`, or raises Refusal."""
        if name not in self._signatures:
            known = ", ".join(sorted(self._signatures))
            raise Refusal(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found; this model has {known}.',
            )
        return self.signature_defs[name]

    def run(self, signature_name: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute every output of a signature.

        Args:
          signature_name: which signature.
          inputs: input name -> array of the signature's dtype and shape; strings as object arrays of bytes.

        Returns:
          Output name -> array.

        Raises:
          Refusal: for an unknown signature, and with the runtime's own status code when the computation fails.
        """
        infos = self.signature(signature_name).inputs
        with _refusals():
            tensors = {name: tf.constant(array, tf.as_dtype(infos[name].dtype)) for name, array in inputs.items()}
            outputs = self._signatures[signature_name](**tensors)
            return {name: _array(tensor) for name, tensor in outputs.items()}

    def decodes_apart(self, signature_name: str) -> bool:
        """Says whether a signature is `decode` and then `embed`, so that pictures may be decoded before a batch."""
        signature = self.signature_defs[signature_name]
        return (
            self._decode is not None
            and self._embed is not None
            and set(signature.inputs) == {IMAGE_BYTES}
            and set(signature.outputs) == {EMBEDDING}
        )

    def decode(self, image_bytes: np.ndarray) -> np.ndarray:
        """Returns the pixels of pictures, [N] bytes -> [N, H, W, 3] float32; raises Refusal for a bad one."""
        with _refusals():
            return np.asarray(self._decode(tf.constant(image_bytes, tf.string)).numpy())

    def embed(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the vectors of pixels, [N, H, W, 3] float32 -> [N, D] float32; raises Refusal."""
        with _refusals():
            return np.asarray(self._embed(tf.constant(pixels, tf.float32)).numpy())


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn an error of the runtime into a Refusal with its code."""
    try:
        yield
    except tf.errors.OpError as error:
        raise Refusal(CODES.get(error.error_code, grpc.StatusCode.UNKNOWN), _cause(error)) from error


def _array(tensor: Any) -> np.ndarray:
    """Returns a tensor's values. Those of strings are objects: NumPy's own strings lose the null bytes at their end."""
    return np.asarray(tensor.numpy(), object if tensor.dtype == tf.string else None)


def _single_graph(function: Any) -> Any:
    """Returns the one graph of a restored tf.function, which is called without choosing among several; else None."""
    graphs: Sequence[Any] = getattr(function, "concrete_functions", ())
    return graphs[0] if len(graphs) == 1 else None


def _cause(error: tf.errors.OpError) -> str:
    """Returns what the failing op said, without where in the graph it stands."""
    said = str(error.message).rpartition("<stack traces unavailable>")[2].partition("[[{{node")[0]
    return " ".join(said.split())


def _read_graph(path: Path) -> Any:
    """Returns the MetaGraphDef that is served."""
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((path / SAVED_MODEL_FILE).read_bytes())
    for graph in saved.meta_graphs:
        if SERVE_TAG in graph.meta_info_def.tags:
            return graph
    raise ValueError(f"none of its graphs has the tag {SERVE_TAG!r}")
