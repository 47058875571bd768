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
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from serving.encoders.saved_model import SavedModelEncoder
from tfx_pipeline.cli import app
from tfx_pipeline.commands.serve import Serving, serve_until_stopped
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
        serve_until_stopped(Serving(root, port=0, rest_port=0), console)
    assert re.match(r"Serving align version 12 on 127\.0\.0\.1:\d+, TensorFlow Serving's gRPC API\n", visitor.banner)
    assert re.search(r"REST    http://127\.0\.0\.1:\d+, also v2, health and metrics\n", visitor.banner)
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
        serve_until_stopped(Serving(tmp_path / "no_run", model_dir=tmp_path / "to", port=0, rest_port=None), console)
    assert str(tmp_path / "to" / "servable") in visitor.banner
    assert visitor.answer
    with pytest.raises(ConfigError, match=r"--model-dir .*to/servable/12 holds no complete version such as"):
        serve_until_stopped(Serving(tmp_path, model_dir=tmp_path / "to" / "servable" / "12"))


@pytest.mark.parametrize("option", ["port", "rest_port"])
def test_a_taken_port_is_one_sentence(root, option):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        before = signal.getsignal(signal.SIGTERM)
        with pytest.raises(ConfigError, match=rf"cannot listen on 127\.0\.0\.1:{port}; .* port"):
            serve_until_stopped(Serving(root, **{option: port}))
        assert signal.getsignal(signal.SIGTERM) is before


def test_without_a_pushed_model_there_is_nothing_to_serve(tmp_path):
    with pytest.raises(ConfigError, match="no model has been pushed"):
        serve_until_stopped(Serving(tmp_path))


def test_two_models_of_a_file_are_served(root, colour_model, tmp_path):
    shutil.copytree(colour_model, tmp_path / "second" / "4")
    file = tmp_path / "models.cfg"
    entries = [
        f'config {{ name: "{name}" base_path: "{base}" model_platform: "tensorflow" }}'
        for name, base in (
            ("align", root / "serving_models" / "align"),
            ("second", tmp_path / "second"),
            ("absent", tmp_path / "absent"),
        )
    ]
    file.write_text("model_config_list { " + " ".join(entries) + " }", encoding="utf-8")
    console = Console(file=io.StringIO(), width=200)
    with Visitor(console, signal.SIGTERM) as visitor:
        serve_until_stopped(Serving(tmp_path, model_config_file=file, port=0, rest_port=0), console)
    assert visitor.banner.startswith("Serving align version 12, second version 4 on 127.0.0.1:")
    assert re.search(r"\n  without absent: .*absent", visitor.banner)
    assert visitor.answer


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"port": 70000}, "--port is 70000; it must be from 1 to 65535"),
        ({"rest_port": -1}, "--rest-port is -1"),
        ({"model_dir": "m", "model_config_file": "c"}, "exclude each other"),
        ({"ssl_key": "k"}, "--ssl-key and --ssl-cert belong together"),
        ({"ssl_client_ca": "a"}, "--ssl-client-ca needs --ssl-key and --ssl-cert"),
        ({"ssl_config_file": "c", "ssl_key": "k", "ssl_cert": "c"}, "--ssl-config-file and --ssl-key exclude"),
        ({"max_calls": 0}, "--max-calls is 0; it must be at least 1"),
        ({"max_message_mb": 4096}, "--max-message-mb is 4096; it must be from 1 to 2047"),
        ({"grace_s": float("nan")}, "--grace-s is nan; it must be a number of seconds"),
        ({"poll_s": -1.0}, "--poll-s is -1"),
    ],
)
def test_options_that_do_not_fit_are_one_sentence(tmp_path, options, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        Serving(tmp_path, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ssl_key": Path("absent.key"), "ssl_cert": Path("absent.pem")}, "absent.key"),
        ({"ssl_config_file": Path("words.txt")}, "is no SSLConfig"),
        ({"model_config_file": Path("words.txt")}, "is no text of a ModelServerConfig"),
        ({"model_config_file": Path("absent.cfg")}, "absent.cfg is no file"),
        ({"batching_parameters_file": Path("words.txt")}, "words.txt"),
        ({"batching_parameters_file": Path("absent.cfg")}, "absent.cfg"),
        ({"monitoring_config_file": Path("words.txt")}, "words.txt is no MonitoringConfig"),
        ({"monitoring_config_file": Path("absent.cfg")}, "absent.cfg"),
        ({"access_log": "absent/access.jsonl"}, "absent"),
    ],
)
def test_files_that_cannot_be_used_are_one_sentence(root, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("some words", encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        serve_until_stopped(Serving(root, port=0, rest_port=None, **options))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "command",
    [("versions", "--model"), ("rollback", "--model"), ("label", "a=1", "--model"), ("serve", "--model-config-file")],
)
def test_where_a_folder_is_needed_an_address_is_refused(command):
    done = CliRunner().invoke(app, [*command, "gs://b/x"], env={"COLUMNS": "400"})
    assert done.exit_code == 2
    assert "gs://b/x is an address, where a file or folder of this machine is asked for; copy it here" in done.output
