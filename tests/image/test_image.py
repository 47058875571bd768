"""What is in the image: all that a container imports, no right to write, labels, a bill of materials that is true."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from image_containers import CHECKOUT, engine, run_in_image, started, wait_until

pytestmark = pytest.mark.image

SBOM = "/usr/local/lib/align-tfx/sbom.cdx.json"
LISTED = (
    "import importlib.metadata as m; print(*sorted((d.name.lower(), d.version) for d in m.distributions()), sep='\\n')"
)
# The schema that CycloneDX's own library brings, in an environment for this one run.
VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(str(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()) or "") or None)
"""


@pytest.fixture(scope="module")
def settings(image):
    return json.loads(engine("image", "inspect", image).stdout)[0]["Config"]


@pytest.fixture(scope="module")
def bill():
    return run_in_image("cat", SBOM)


def test_everything_that_a_container_runs_imports():
    script = Path(__file__).with_name("every_import.py").read_text(encoding="utf-8")
    answer = json.loads(run_in_image("python", "-W", "ignore", "-", script=script).splitlines()[-1])
    assert answer["failed"] == {}
    assert answer["imported"] > 200


def test_no_shared_library_was_broken_or_lacks_another():
    """Stripping breaks what auditwheel has patched, and a slim base lacks what a wheel counts on."""
    script = "find /opt \\( -name '*.so' -o -name '*.so.*' \\) -exec sh -c 'echo $0; ldd $0 2>&1' {} \\;"
    lines = run_in_image("sh", script=script).splitlines()
    libraries = {line.rpartition("/")[2] for line in lines if line.startswith("/opt/")}
    assert len(libraries) > 500
    missing = {line.split()[0] for line in lines if line.endswith("not found")}
    assert missing <= libraries, "whoever loads these has loaded that one before"
    assert [line for line in lines if "properly aligned" in line or "error" in line.split("=>")[0].split()] == []


def test_the_command_starts():
    assert "serve" in run_in_image("align", "--help")
    assert "--host" in run_in_image("align", "serve", "--help")


def test_nothing_in_it_can_be_written_but_the_folder_for_what_is_temporary():
    folders = "/ /opt/align /opt/align-tfx /srv /usr /etc"
    script = f"for folder in {folders}; do test ! -w $folder || echo $folder; done; touch ~/x"
    assert run_in_image("sh", script=script) == ""


def test_a_user_that_it_does_not_know_has_a_name():
    assert run_in_image("python", "-c", "import getpass; print(getpass.getuser())") == "align\n"


def test_a_program_that_does_not_ask_for_sigterm_ends_by_it():
    with started("python", "-c", "import time; time.sleep(600)", options=("--network", "none")) as name:
        engine("kill", "--signal", "TERM", name)
        wait_until(lambda: name not in engine("ps", "--format", "{{.Names}}").stdout, lambda: "it goes on")


def test_it_runs_as_a_user_that_is_not_root(settings):
    assert settings["User"].split(":")[0].isdigit(), "Kubernetes' runAsNonRoot takes no name"
    assert int(settings["User"].split(":")[0]) > 0
    assert not settings.get("Healthcheck", {}).get("Test", ["NONE"])[1:]


def test_its_labels_say_what_it_is(settings):
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in settings["Labels"].items()}
    assert labels["title"] == "align-tfx"
    assert labels["licenses"] == "Apache-2.0"
    assert (
        labels["version"]
        == run_in_image("python", "-c", "import importlib.metadata as m; print(m.version('align-tfx'))").strip()
    )
    assert len(labels["revision"].removesuffix("-dirty")) == 40
    assert datetime.fromisoformat(labels["created"].replace("Z", "+00:00")).tzinfo
    assert labels["description"]


def test_its_bill_of_materials_is_what_is_installed(bill):
    components = json.loads(bill)["components"]
    listed = {
        f"('{each['name'].lower()}', '{each['version']}')"
        for each in components
        if each.get("purl", "").startswith("pkg:pypi/")
    }
    assert listed == set(run_in_image("python", "-c", LISTED).split("\n")) - {""}
    packages = run_in_image("dpkg-query", "--show", "--showformat=${Package} ${Version}\n").splitlines()
    assert {
        f"{each['name']} {each['version']}" for each in components if each.get("purl", "").startswith("pkg:deb/")
    } == set(packages)


def test_its_bill_of_materials_is_cyclonedx(bill):
    command = [
        CHECKOUT / "scripts" / "uv",
        "run",
        "--quiet",
        "--no-project",
        "--with",
        "cyclonedx-python-lib[json-validation]",
        "python",
        "-c",
        VALIDATE,
    ]
    done = subprocess.run(command, input=bill, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
