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
        self.over = threading.Event()  # serve has returned or failed: a signal then would end the tests

    def __enter__(self) -> Visitor:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join(timeout=60)

    def run(self) -> None:
        while "Ctrl-C" not in self.banner:
            self.banner = self.console.file.getvalue()
            if self.over.wait(0.02):
                return
        try:
            code = re.search(r'python -c "(.*)"', self.banner)
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
    with Visitor(console, stop) as visitor:
        serve(root, port=0, console=console)
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
    with Visitor(console, signal.SIGTERM) as visitor:
        serve(tmp_path / "no_run", model=tmp_path / "to", port=0, console=console)
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
