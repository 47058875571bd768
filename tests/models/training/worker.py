"""Runs `run_fn` as it is, in a process of its own: one of several workers where TF_CONFIG says so, or alone.

The argument is JSON: {"fn_args": what run_fn reads, "signal": null or [name, step]}; this process gets that signal at
the end of that step, right before it would save. The image tower is a short one.
"""

import json
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from models.trainer import run_fn
from models.training.checkpoints import Checkpoints
from short_tower import shorten

shorten(setattr)
arguments = json.loads(sys.argv[1])
if arguments["signal"] is not None:
    name, at = arguments["signal"]
    save = Checkpoints.save

    def save_after_signal(self, step):
        if step == at:
            os.kill(os.getpid(), signal.Signals[name])
        return save(self, step)

    Checkpoints.save = save_after_signal
run_fn(SimpleNamespace(**arguments["fn_args"]))
