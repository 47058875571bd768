"""What the path of a REST request asks for (model_servers/http_rest_api_util.cc)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from serving.server.core.spec import ModelSpec, whole_number
from serving.server.refusal import Refusal, invalid_argument

_MODEL = r"/v1/models/([^/:]+)(?:(?:/versions/([0-9]+))|(?:/labels/([^/:]+)))?"
_PREDICTION = re.compile(_MODEL + r":(classify|regress|predict)", re.IGNORECASE)
_STATUS = re.compile(
    r"/v1/models(?:/([^/:]+))?(?:(?:/versions/([0-9]+))|(?:/labels/([^/:]+)))?(?:/(metadata))?", re.IGNORECASE
)
_ANY = re.compile(r"/v1/.*", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """What a path names.

    Attributes:
      model: as the path has it, decoded; "" where it names none.
      version: its number as text, "" for none.
      label: decoded, None for none.
      method: "predict", "classify", "regress" as the path has it, or "".
      subresource: "metadata" as the path has it, or "".
      matched: whether the path is of the form that the HTTP method has.
    """

    model: str = ""
    version: str = ""
    label: str | None = None
    method: str = ""
    subresource: str = ""
    matched: bool = False

    def spec(self) -> ModelSpec:
        """Returns the version asked for, or raises Refusal where its number has more than 63 bits."""
        if not self.version:
            return ModelSpec(self.model, label=self.label)
        number = whole_number(self.version)
        if number is None:
            raise invalid_argument(f"Failed to convert version: {self.version} to numeric.")
        return ModelSpec(self.model, number)


def is_rest(path: str) -> bool:
    """Says whether TensorFlow Serving's REST answers a path; its server has a page of its own for all others."""
    return _ANY.fullmatch(path) is not None


def parse_path(method: str, path: str) -> Asked:
    """Returns what a path names.

    Args:
      method: of HTTP, in upper case.
      path: as the request line has it, with the query (TensorFlow Serving does not take it off) and percent signs.
    """
    if method == "POST" and (found := _PREDICTION.fullmatch(path)):
        model, version, label, action = found.groups(default="")
        return Asked(_decoded(model), version, _decoded(label) or None, method=action, matched=True)
    if method == "GET" and (found := _STATUS.fullmatch(path)):
        model, version, label, subresource = found.groups(default="")
        return Asked(_decoded(model), version, _decoded(label) or None, subresource=subresource, matched=True)
    return Asked()


def malformed(method: str, path: str) -> Refusal:
    """Returns the Refusal of a path that names nothing."""
    return invalid_argument(f"Malformed request: {method} {path}")


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape")
