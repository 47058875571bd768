"""How clients of others are run: programs, and Python in an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHON = CHECKOUT / ".clients-venv" / "bin" / "python"
GRPCURL = CHECKOUT / ".tools" / "clients" / "grpcurl"
VERSION = 3


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
      grpc, http: host:port of each.
      texts, images: what is sent.
      text_vectors, image_vectors: what the model gives for it in this process, [N, D].
    """

    grpc: str
    http: str
    texts: list[str]
    images: list[bytes]
    text_vectors: np.ndarray
    image_vectors: np.ndarray


def ran(*command: object, given: str | None = None) -> str:
    """Returns what a program prints; it must end well, and no proxy stand between it and this machine."""
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [str(word) for word in command],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_python(program: str, **given: object) -> dict:
    """Returns what a program of the clients' own environment leaves as `answer`; it finds what is given in `given`."""
    whole = f"import json, sys, base64, numpy as np\ngiven = json.load(sys.stdin)\n{program}\nprint(json.dumps(answer))"
    return json.loads(ran(PYTHON, "-W", "ignore", "-c", whole, given=json.dumps(given)))
