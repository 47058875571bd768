"""Keeps what libraries say while they load off the terminal of a command that answers a question."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from tfx_pipeline.quick import quick_imports

STDERR = 2  # the descriptor: what C++ libraries say does not pass through sys.stderr


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Silence the logs of TensorFlow, gRPC, Beam and Google's sign-in; inside, hold back standard error and be quick.

    The logs stay silent behind the block. Importing TensorFlow 2.21 says a few lines there whatever it is told. What
    was held back is said after all where the block fails.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is first imported
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC likewise; what fails is said by us
    logging.getLogger("absl").setLevel(logging.ERROR)  # on loading a model that was saved for inference alone
    for name in ("apache_beam", "google.auth"):  # on asking again for a server or credentials, with whole tracebacks
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.")
    sys.stderr.flush()
    terminal = os.dup(STDERR)
    with quick_imports(), tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), STDERR)
        try:
            yield
        except BaseException:
            held.seek(0)
            with os.fdopen(os.dup(terminal), "wb") as shown:
                shutil.copyfileobj(held, shown)
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, STDERR)
            os.close(terminal)
