"""What `make flink` refuses and keeps, in a copy of its scripts with stand-ins for java and Maven; nothing is fetched.

The cluster itself is tested by `make test-flink`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("bash", "cat", "cmp", "cp", "dirname", "mkdir", "mv", "rm")
MAVEN = """#!/bin/sh
echo call >>"$(dirname "$0")/calls"
for option; do case $option in -DoutputDirectory=*) touch "${{option#*=}}/flink.jar";; esac; done
{end}
"""


@pytest.fixture
def checkout(tmp_path) -> Path:
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts" / "flink", root / "scripts" / "flink")
    return root


@pytest.fixture
def tools(tmp_path) -> Path:
    """A folder for the PATH: ordinary commands, neither java nor Maven."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in (*TOOLS, "touch"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o755)


def cluster(checkout: Path, command: str, path: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, checkout / "scripts" / "flink" / "cluster.py", command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": str(path)},
    )


def fetch(checkout: Path, path: Path) -> subprocess.CompletedProcess:
    jars = checkout / ".flink" / "jars"
    jars.parent.mkdir(exist_ok=True)
    script = checkout / "scripts" / "flink" / "fetch"
    return subprocess.run(
        [script, jars], capture_output=True, text=True, timeout=60, check=False, env={"PATH": str(path)}
    )


def test_without_java_one_sentence_says_what_to_install(checkout, tools):
    done = cluster(checkout, "up", tools)
    assert done.returncode == 1
    assert re.fullmatch(r"make: no java on this machine, .*: install a JDK .*\n", done.stderr)


def test_without_maven_too(checkout, tools):
    put(tools, "java", "#!/bin/sh\n")
    done = cluster(checkout, "up", tools)
    assert done.returncode == 1
    assert re.fullmatch(r"make: no mvn on this machine, .*: install Maven .*\n", done.stderr)


def test_what_maven_could_not_fetch_is_no_cluster(checkout, tools):
    put(tools, "java", "#!/bin/sh\n")
    put(tools, "mvn", MAVEN.format(end="echo unreachable; exit 1"))
    done = fetch(checkout, tools)
    assert done.returncode == 1
    assert re.fullmatch(
        r"make: Maven could not fetch Flink \(see .*jars\.log\): .* run make flink again\.\n", done.stderr
    )
    assert "unreachable" in (checkout / ".flink" / "jars.log").read_text(encoding="utf-8")
    assert not (checkout / ".flink" / "jars").exists()


def test_it_is_fetched_once_and_again_when_the_pom_changes(checkout, tools):
    put(tools, "java", "#!/bin/sh\n")
    put(tools, "mvn", MAVEN.format(end="exit 0"))
    calls = tools / "calls"
    for _ in range(2):
        assert fetch(checkout, tools).returncode == 0
        assert calls.read_text(encoding="utf-8").count("call") == 1
    assert (checkout / ".flink" / "jars" / "flink.jar").exists()
    with (checkout / "scripts" / "flink" / "pom.xml").open("a", encoding="utf-8") as pom:
        pom.write("<!-- newer -->\n")
    assert fetch(checkout, tools).returncode == 0
    assert calls.read_text(encoding="utf-8").count("call") == 2


def test_down_ends_its_own_process_and_not_the_heir_of_its_number(checkout, tools):
    ours, heir = (subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) for _ in range(2))
    try:
        pids = checkout / ".flink" / "pids"
        pids.mkdir(parents=True)
        for name, process, started in (("jobmanager", ours, start_time(ours.pid)), ("jobserver", heir, "1")):
            (pids / name).write_text(f"{process.pid} {started}\n", encoding="utf-8")
        done = cluster(checkout, "down", tools)
        assert (done.returncode, done.stdout) == (0, "Flink is down.\n"), done.stderr
        assert ours.wait(timeout=20) != 0
        assert heir.poll() is None
        assert list(pids.iterdir()) == []
    finally:
        ours.kill()
        heir.kill()


def start_time(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()[21]
