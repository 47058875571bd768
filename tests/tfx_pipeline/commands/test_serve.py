"""align serve: what it prints, what it answers, how it ends."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import socket
import threading
import time

import numpy as np
import pytest
from rich.console import Console

from serving.encoders.saved_model import SavedModelEncoder
from tfx_pipeline.commands.serve import serve
from tfx_pipeline.settings.config import ConfigError


@pytest.fixture
def root(tmp_path, colour_model):
    shutil.copytree(colour_model, tmp_path / "serving_models" / "align" / "12")
    return tmp_path


class Visitor(threading.Thread):
    """Waits for the banner, runs the client's line that it gives, then sends this process a signal."""

    def __init__(self, console: Console, stop: signal.Signals) -> None:
        super().__init__(daemon=True)
        self.console, self.stop = console, stop
        self.banner = self.answer = ""

    def run(self) -> None:
        deadline = time.monotonic() + 60
        while "Ctrl-C" not in self.banner and time.monotonic() < deadline:
            self.banner = self.console.file.getvalue()
            time.sleep(0.02)
        code = re.search(r'python -c "(.*)"', self.banner)
        if code is None:
            return  # serve has failed by itself: a signal now would end the tests
        try:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(code[1], {})
            self.answer = printed.getvalue()
        finally:
            os.kill(os.getpid(), self.stop)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_until_it_is_told_to_stop(root, colour_model, stop):
    console = Console(file=io.StringIO(), width=200)
    before = signal.getsignal(stop)
    visitor = Visitor(console, stop)
    visitor.start()
    serve(root, port=0, console=console)
    visitor.join(timeout=60)
    assert re.match(r"Serving align version 12 on 127\.0\.0\.1:\d+, TensorFlow Serving's gRPC API\n", visitor.banner)
    assert str(root / "serving_models" / "align") in visitor.banner
    vector = np.array(visitor.answer.strip("[]\n").split(), np.float32)
    np.testing.assert_allclose(vector, SavedModelEncoder(colour_model).encode_text(["sad cat"])[0], atol=1e-6)
    assert "Stopping" in console.file.getvalue()
    assert signal.getsignal(stop) is before


def test_another_folder_of_versions_is_served(root, tmp_path):
    imported = tmp_path / "imported"
    (root / "serving_models" / "align").rename(imported)
    (tmp_path / "to").mkdir()
    imported.rename(tmp_path / "to" / "servable")
    console = Console(file=io.StringIO(), width=200)
    visitor = Visitor(console, signal.SIGTERM)
    visitor.start()
    serve(tmp_path / "no_run", model=tmp_path / "to", port=0, console=console)
    visitor.join(timeout=60)
    assert str(tmp_path / "to" / "servable") in visitor.banner
    assert visitor.answer
    with pytest.raises(ConfigError, match=r"--model .*to/servable/12 holds no complete version such as"):
        serve(tmp_path, model=tmp_path / "to" / "servable" / "12")


def test_a_taken_port_is_one_sentence(root):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        before = signal.getsignal(signal.SIGTERM)
        with pytest.raises(ConfigError, match=rf"cannot listen on 127\.0\.0\.1:{port}; .* port"):
            serve(root, port=port)
        assert signal.getsignal(signal.SIGTERM) is before


def test_without_a_pushed_model_there_is_nothing_to_serve(tmp_path):
    with pytest.raises(ConfigError, match="no model has been pushed"):
        serve(tmp_path)
