"""`align smoke` on a real server and on one that is not there: its table, its last line, its exit status."""

from __future__ import annotations

import io

import grpc
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from certificates import Authority
from lying_proxy import lying_grpc
from serving.server.server import ModelServer
from serving.server.tls import read_tls
from tfx_pipeline.cli import app
from tfx_pipeline.commands.smoke import smoke
from tfx_pipeline.settings.config import ConfigError


@pytest.fixture(scope="module")
def address(colour_model, tmp_path_factory):
    base = tmp_path_factory.mktemp("models")
    (base / "1").symlink_to(colour_model)
    with ModelServer(base, port=0) as server:
        yield server.address


def told(address: str, **settings) -> tuple[bool, str]:
    console = Console(file=io.StringIO(), width=300)
    return smoke(address, model="align", console=console, **settings), console.file.getvalue()


def test_a_server_that_serves_our_model_passes(address):
    passed, said = told(address)
    assert passed, said
    assert "texts and images have unit vectors in one space" in said
    assert said.splitlines()[-1] == f"{address}: 6 as TensorFlow Serving, 3 not made, 0 failures"


def test_a_server_that_differs_fails_and_says_how(address):
    def change(method, answer):
        is_unknown = isinstance(answer, tuple) and answer[0] == grpc.StatusCode.NOT_FOUND
        return (grpc.StatusCode.INTERNAL, answer[1]) if is_unknown else answer

    with lying_grpc(address, change) as lying:
        passed, said = told(lying)
    assert not passed
    lines = said.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("DIFFERS")]
    assert "a model that is not served is not found" in lines[at]
    assert "expected ('NOT_FOUND', " in lines[at + 1]
    assert "got ('INTERNAL', " in lines[at + 1]
    assert said.splitlines()[-1].endswith(" 1 failure")


def test_the_command_exits_1_on_a_failure(address):
    assert CliRunner().invoke(app, ["smoke", address]).exit_code == 0
    assert CliRunner().invoke(app, ["smoke", address, "--model", "another"]).exit_code == 1


@pytest.mark.parametrize("address", ["8500", "localhost:", ":8500", "localhost:99999", "host:port"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ConfigError, match=r"is no HOST:PORT of a gRPC port"):
        told(address)


def test_the_small_model_is_written_for_a_server(tmp_path):
    done = CliRunner().invoke(app, ["smoke", "--write-model", str(tmp_path)])
    assert done.exit_code == 0, done.output
    config = tmp_path / "half_plus_two"
    assert (config / "123" / "saved_model.pb").is_file()
    with ModelServer(config, name="half_plus_two", port=0) as server:
        assert server.available() == {"half_plus_two": [123]}


@pytest.fixture(scope="module")
def mutual(colour_model, tmp_path_factory):
    """A server that asks for certificates on both ports, and the options by which it answers."""
    folder = tmp_path_factory.mktemp("mutual")
    authority = Authority(folder)
    signed, client = authority.sign("server"), authority.sign("client")
    (folder / "models").mkdir()
    (folder / "models" / "1").symlink_to(colour_model)
    tls = read_tls(signed.key, signed.certificate, authority.certificate)
    with ModelServer(folder / "models", port=0, rest_port=0, tls=tls) as server:
        files = {"--tls-ca": authority.certificate, "--tls-cert": client.certificate, "--tls-key": client.key}
        yield server, [str(word) for option in files.items() for word in option]


def test_both_ports_are_asked_over_mutual_tls(mutual):
    server, options = mutual
    rest_port = server.rest_address.rpartition(":")[2]
    done = CliRunner().invoke(app, ["smoke", server.address, "--rest-port", rest_port, *options])
    assert done.exit_code == 0, done.output
    assert "9 as TensorFlow Serving, 0 failures" in done.output
    assert CliRunner().invoke(app, ["smoke", server.address, "--rest-port", rest_port, *options[:2]]).exit_code == 1


def test_texts_are_embedded_over_mutual_tls(mutual, tmp_path):
    server, options = mutual
    (tmp_path / "words.txt").write_text("red\nblue\n")
    words = ["embed", str(tmp_path / "words.txt"), "--model", server.address, "--out", str(tmp_path / "v.npy")]
    done = CliRunner().invoke(app, [*words, *options])
    assert done.exit_code == 0, done.output
    assert np.load(tmp_path / "v.npy").shape[0] == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tls-ca", "nowhere.pem"], "nowhere.pem cannot be read"),
        (["--tls-cert", __file__], "a client's certificate and its key go together"),
    ],
)
def test_certificates_that_cannot_be_used_are_named(address, options, said):
    with pytest.raises(ConfigError, match=said):
        CliRunner().invoke(app, ["smoke", address, *options], catch_exceptions=False)
