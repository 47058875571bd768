"""The environments of the other harnesses: clip-benchmark with eccv-caption, and mteb, made at first use."""

from __future__ import annotations

from pathlib import Path

from benchmarks.shared.peer_environment import peer_python

TORCH = "torch==2.13.0"


def clip_benchmark_python() -> Path:
    """Returns the interpreter that imports clip_benchmark.metrics and eccv_caption.

    What clip-benchmark needs to fetch models and data sets is left out: it is given embeddings.
    """
    return peer_python(
        "clip-benchmark-1.6.2",
        (TORCH, "numpy>=1.26,<3", "scikit-learn>=1.4", "tqdm", "ujson"),
        gigabytes=5,
        alone=("clip-benchmark==1.6.2", "eccv-caption==0.1.0"),
    )


def mteb_python() -> Path:
    """Returns the interpreter that imports mteb 2.23 on Python 3.10, 2.26 on 3.11, and our client of a server."""
    return peer_python("mteb", ("mteb>=2.23,<2.27", TORCH, "pillow", "grpcio", "protobuf>=4.25"), gigabytes=6)
