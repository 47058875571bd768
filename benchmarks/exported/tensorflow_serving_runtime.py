"""Whether TensorFlow 2.20 with TF Text 2.20, which TensorFlow Serving 2.20 links, answers as what exported the model.

Usage: .venv/bin/python -m benchmarks.exported.tensorflow_serving_runtime [FOLDER] [--peer PYTHON]

FOLDER is a SavedModel's, such as output/align-demo/serving_models/align/1; a model of random weights where it is not
given. The peer loads it by its signatures alone and answers each of its warm-up requests. The first run makes its
environment under .tools/ (1.5 GB); --peer names another interpreter that has both. This is no TensorFlow Serving: it is
the runtime and the operations that one is built from.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.shared.checkout import ROOT
from benchmarks.shared.machine import describe_machine, load_quietly
from benchmarks.shared.peer_environment import peer_python

load_quietly()

import numpy as np  # noqa: E402 - after TensorFlow was loaded without its words
import tensorflow as tf  # noqa: E402
from tensorflow_serving.apis import prediction_log_pb2  # noqa: E402

from benchmarks.exported.tensorflow_serving_runtime_peer import answers  # noqa: E402
from models.config import ModelConfig  # noqa: E402
from models.saving.export import ServedEncoder, export  # noqa: E402
from models.saving.warm_up import WARM_UP_FILE  # noqa: E402
from models.texts.tokenizer import Tokenizer  # noqa: E402
from models.towers.dual_encoder import build_dual_encoder  # noqa: E402
from models.training_config import TrainingConfig  # noqa: E402

PEER = "benchmarks.exported.tensorflow_serving_runtime_peer"
PACKAGES = ("tensorflow-cpu==2.20.0",)
ALONE = ("tensorflow-text==2.20.1",)  # which asks for tensorflow, that is CUDA's too
LIMIT = 1e-5  # of a value


def main() -> int:
    """Returns the exit status: 1 where a value differs by more than LIMIT, or a text differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--peer", help="interpreter with tensorflow 2.20 and tensorflow-text 2.20")
    asked = parser.parse_args()
    peer = asked.peer or str(peer_python("tensorflow-cpu-2.20.0", PACKAGES, gigabytes=1.5, alone=ALONE))
    print(describe_machine())
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or made(Path(scratch) / "1")
        requests = warm_up_requests(folder)
        sent, answered = Path(scratch) / "requests.npz", Path(scratch) / "answers.npz"
        np.savez(sent, **requests)
        command = [peer, "-m", PEER, folder.resolve(), sent, answered]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
            return 1
        print(f"{folder}, exported and answered by TensorFlow {tf.__version__}; {done.stdout.strip()}")
        return compare(answers(str(folder), requests), dict(np.load(answered)))


def warm_up_requests(folder: Path) -> dict[str, np.ndarray]:
    """Returns "signature/input" -> [N] object array of bytes of the requests that lie beside a model."""
    requests = {}
    for record in tf.data.TFRecordDataset(str(folder / WARM_UP_FILE)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        for name, proto in request.inputs.items():
            requests[f"{request.model_spec.signature_name}/{name}"] = tf.make_ndarray(proto)
    return requests


def made(folder: Path) -> Path:
    """Returns the folder of a model of random weights, B0 + mini, at 128 px."""
    model = ModelConfig(image="b0", text="mini", image_resize_px=153, image_crop_px=128, embedding=256)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz"]
    pieces += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    encoder = build_dual_encoder(model, TrainingConfig(), len(pieces))
    export(ServedEncoder(encoder, model, Tokenizer(pieces, model.text_max_pieces)), str(folder))
    return folder


def compare(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> int:
    """Print the greatest difference of each output; returns the exit status."""
    differs = set(ours) != set(theirs)
    for name, values in ours.items():
        if values.dtype.kind == "f":
            difference = float(np.abs(values - theirs[name]).max())
            print(f"{name:28} {values.shape!s:10} differs by at most {difference:.1e}")
            differs |= not difference <= LIMIT
        else:
            equal = bool((values == theirs[name]).all())
            print(f"{name:28} {values.shape!s:10} {'is equal' if equal else 'DIFFERS'}")
            differs |= not equal
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
