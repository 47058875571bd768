"""Keeps what libraries say while they load off the terminal of a command that answers a question."""

from __future__ import annotations

import logging
import os
import warnings


def quiet_libraries() -> None:
    """Silence the logs of TensorFlow and gRPC and notes about Python versions; call before importing either."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is first imported
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC likewise; what fails is said by us
    logging.getLogger("absl").setLevel(logging.ERROR)  # on loading a model that was saved for inference alone
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.")
