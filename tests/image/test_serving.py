"""The image as the server: alone, and by compose.yaml."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from image_containers import CHECKOUT, IMAGE, engine, started, wait_until

pytestmark = pytest.mark.image

CONTAINER = CHECKOUT / "scripts" / "container"
COMPOSE_GO = "github.com/compose-spec/compose-go/v2@v2.16.2"
PODMAN_COMPOSE = [CHECKOUT / "scripts" / "uv", "tool", "run", "--quiet", "podman-compose", "--podman-path", CONTAINER]


@pytest.fixture(scope="module")
def output(colour_model, tmp_path_factory):
    """A pipeline's output with one pushed model."""
    output = tmp_path_factory.mktemp("output")
    shutil.copytree(colour_model, output / "align-demo" / "serving_models" / "align" / "7")
    for folder in (output, *output.parents[:1]):
        folder.chmod(0o755)  # pytest's are its user's alone
    return output


def test_compose_yaml_is_what_its_specification_takes(tmp_path):
    if shutil.which("go") is None:
        pytest.skip("no go on this machine, which brings the schema of the specification")
    command = ["go", "mod", "download", "-json", COMPOSE_GO]
    module = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout)
    schema = json.loads((Path(module["Dir"]) / "schema" / "compose-spec.json").read_text(encoding="utf-8"))
    services = yaml.safe_load((CHECKOUT / "compose.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(services, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"services": {"serve": services["services"]["serve"] | {"port": 1}}}, schema)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    """Says whether red and blue texts come back as unit vectors that differ."""
    from serving.client import AlignClient
    from serving.encoders.encoder import EncodeError

    try:
        red, blue = AlignClient(f"127.0.0.1:{port}").encode_text(["red", "blue"])
    except EncodeError:
        return False
    return bool(abs(red @ red - 1) < 1e-4 and red @ blue < 0.5)


def test_it_serves_a_pushed_model(output):
    port = free_port()
    options = ("--network", "host", "--volume", f"{output}:/srv/output:ro")
    with started("align", "serve", "--port", str(port), "--rest-port", "0", options=options) as name:
        wait_until(lambda: answers(port), lambda: engine("logs", name).stdout + engine("logs", name).stderr)
        assert "version 7" in engine("logs", name).stdout


def test_one_command_brings_the_server_up_on_a_pipelines_output(output):
    port = free_port()
    environment = os.environ | {"ALIGN_IMAGE": IMAGE, "ALIGN_OUTPUT": str(output), "ALIGN_PORT": str(port)}
    environment["ALIGN_REST_PORT"] = str(free_port())
    composer = [CONTAINER, "compose"] if engine("--version").stdout.startswith("Docker") else PODMAN_COMPOSE

    def compose(*arguments: str) -> subprocess.CompletedProcess:
        command = [*composer, "--file", CHECKOUT / "compose.yaml", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    try:
        up = compose("up", "--detach")
        assert up.returncode == 0, up.stderr
        wait_until(lambda: answers(port), lambda: compose("logs").stdout)
    finally:
        down = compose("down")
    assert down.returncode == 0, down.stderr
    assert not answers(port)
