"""What `make` stands on: scripts/* and the Makefile, in a copy of the checkout and with a PATH made for each test.

Nothing is fetched or installed: pip is kept from its index, and where setup gets past its checks a recorder takes uv's
place.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TOOLS = (
    *("bash", "cat", "chmod", "cp", "cut", "dirname", "env", "expand", "getconf", "grep", "id", "make", "mkdir"),
    *("mv", "rm", "sed", "sh", "sort", "touch", "tr", "uname"),
)
COMPILED = "byte_compile .venv/bin/python"
FAILING = "echo cannot >&2; exit 127"


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of what make reads, without what make makes."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture
def tools(tmp_path) -> Path:
    """A folder for the PATH: ordinary commands, a C++ compiler, an old glibc, and no Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, f"this machine has no {name}"
        (folder / name).symlink_to(found)
    command(folder, "c++", "exit 0")
    command(folder, "getconf", "echo glibc 2.36")
    return folder


def command(folder: Path, name: str, body: str) -> None:
    """Put an executable shell script into a folder, in the place of what is there."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def run(checkout: Path, *arguments: str, path: list[Path], **environment: str) -> subprocess.CompletedProcess:
    """Run a command of the checkout with this PATH, no pyenv, no settings of ours and no package index."""
    environment = {
        "PATH": os.pathsep.join(map(str, path)),
        "HOME": str(checkout.parent),
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
        **environment,
    }
    return subprocess.run(
        arguments, cwd=checkout, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def real_python(folder: Path) -> Path:
    """Put the interpreter under these tests into a folder as python3.x."""
    command(folder, f"python{VERSION}", f'exec {sys.executable} "$@"')
    return folder


def record_uv(checkout: Path, body: str = "") -> None:
    """Put recorders in the place of uv and of what compiles; their calls land in calls.txt."""
    command(checkout / "scripts", "uv", f'echo "$*" >>calls.txt\n{body}\ncase "$1" in venv) mkdir -p .venv;; esac')
    command(checkout / "scripts", "byte_compile", 'echo "byte_compile $*" >>calls.txt')


def calls(checkout: Path) -> list[str]:
    """Returns the first words of each recorded call."""
    return [" ".join(line.split()[:2]) for line in (checkout / "calls.txt").read_text(encoding="utf-8").splitlines()]


def test_machine_python_passes_over_a_shim_that_fails(checkout, tools, tmp_path):
    command(tmp_path / "shims", f"python{VERSION}", FAILING)
    command(tmp_path / "shims", "python3", FAILING)
    path = [tmp_path / "shims", real_python(tmp_path / "real"), tools]
    done = run(checkout, "scripts/machine_python", VERSION, path=path)
    assert (done.returncode, done.stdout) == (0, f"{sys._base_executable}\n")


def test_machine_python_finds_what_pyenv_keeps_beside_its_shims(checkout, tools, tmp_path):
    kept = tmp_path / "pyenv" / "versions" / f"{VERSION}.99" / "bin"
    kept.mkdir(parents=True)
    done = run(checkout, "scripts/machine_python", VERSION, path=[tools], PYENV_ROOT=str(tmp_path / "pyenv"))
    assert (done.returncode, done.stdout) == (1, "")
    real_python(kept)
    done = run(checkout, "scripts/machine_python", VERSION, path=[tools], PYENV_ROOT=str(tmp_path / "pyenv"))
    assert (done.returncode, done.stdout) == (0, f"{sys._base_executable}\n")


def test_machine_python_passes_over_another_version_of_that_name(checkout, tools, tmp_path):
    real_python(tmp_path / "real").joinpath(f"python{VERSION}").rename(tmp_path / "real" / "python3.99")
    done = run(checkout, "scripts/machine_python", "3.99", path=[tmp_path / "real", tools])
    assert (done.returncode, done.stdout) == (1, "")


def test_machine_python_passes_over_a_python_without_headers(checkout, tools, tmp_path):
    bare = "import sysconfig; sysconfig.get_path = lambda name: '/no/headers'"
    command(tmp_path / "bare", f"python{VERSION}", f'{{ echo "{bare}"; cat; }} | {sys.executable} "$@"')
    done = run(checkout, "scripts/machine_python", VERSION, path=[tmp_path / "bare", tools])
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("echo glibc 2.36", "3.10"),
        ("echo glibc 2.38", "3.10"),
        ("echo glibc 2.4", "3.10"),
        ("echo glibc 2.39", "3.11"),
        ("echo glibc 2.100", "3.11"),
        (FAILING, "3.10"),  # another C library
    ],
)
def test_native_python_takes_the_newer_stack_from_glibc_2_39_on(checkout, tools, answer, version):
    command(tools, "getconf", answer)
    done = run(checkout, "scripts/native_python", path=[tools])
    assert (done.returncode, done.stdout) == (0, f"{version}\n")


def setup(checkout: Path, version: str, *path: Path, **environment: str) -> subprocess.CompletedProcess:
    return run(checkout, "scripts/setup", version, ".venv/whole", path=list(path), **environment)


@pytest.mark.parametrize(
    ("version", "lacks", "sentence"),
    [
        ("3.9", {}, r"PYTHON=3\.9 is none of the stacks: take PYTHON=3\.10 .* or PYTHON=3\.11 .*\."),
        (
            "3.10",
            {"uname": "echo Darwin arm64"},
            r"TFX has wheels for Linux on x86_64 alone and this is Darwin arm64: .*",
        ),
        ("3.11", {}, r"PYTHON=3\.11 takes TFX 1\.21, .* 2\.39, and this machine has glibc 2\.36: leave PYTHON out, .*"),
        ("3.10", {"c++": None}, r"no C\+\+ compiler \(c\+\+\), .*: install one \(apt install g\+\+\), then .*"),
    ],
    ids=["a version of no stack", "another machine", "too old a glibc", "no compiler"],
)
def test_setup_refuses_in_one_sentence(checkout, tools, version, lacks, sentence):
    for name, body in lacks.items():
        if body is None:
            (tools / name).unlink()
        else:
            command(tools, name, body)
    done = setup(checkout, version, tools)
    assert done.returncode != 0
    assert re.fullmatch(f"make: {sentence}\n", done.stderr), done.stderr
    assert done.stdout == ""
    assert not (checkout / ".venv").exists()


def test_setup_without_an_interpreter_or_a_network_names_what_to_install(checkout, tools):
    command(tools, "python3", FAILING)
    done = setup(checkout, "3.10", tools)
    assert done.returncode != 0
    status, sentence = done.stderr.splitlines()
    assert status == "No Python 3.10 with its headers on this machine: fetching uv's."
    assert re.fullmatch(
        r"make: no Python 3\.10 .*: install it \(pyenv install 3\.10, or .* python3\.10-dev\), .*", sentence
    )
    assert (checkout / ".tools" / "python.log").read_text(encoding="utf-8").strip(), "the reason is kept"
    assert not (checkout / ".venv").exists()


@pytest.fixture
def ready(tools, tmp_path) -> list[Path]:
    """A PATH on which setup finds all that it needs of the machine."""
    command(tools, "getconf", "echo glibc 2.39")
    return [real_python(tmp_path / "real"), tools]


def test_setup_stamps_only_what_is_whole(checkout, ready):
    record_uv(checkout, body='case "$*" in "pip sync"*) exit 3;; esac')
    assert setup(checkout, VERSION, *ready).returncode == 3
    assert calls(checkout) == ["venv --quiet", "pip sync"]
    assert not (checkout / ".venv" / "whole").exists()
    record_uv(checkout)
    assert setup(checkout, VERSION, *ready).returncode == 0
    assert calls(checkout)[2:] == ["venv --quiet", "pip sync", "pip install", COMPILED], "half-made is made anew"
    assert (checkout / ".venv" / "whole").exists()


def test_setup_brings_a_whole_environment_up_to_date_without_making_it_anew(checkout, ready):
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "whole").touch()
    record_uv(checkout)
    assert setup(checkout, VERSION, *ready).returncode == 0
    assert calls(checkout) == ["pip sync", "pip install", COMPILED]
    record_uv(checkout, body="exit 3")
    assert setup(checkout, VERSION, *ready).returncode == 3
    assert not (checkout / ".venv" / "whole").exists(), "what a failure left is not whole"


def test_what_is_imported_is_compiled_where_nothing_would_be_kept(checkout, tools, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    found = run(checkout, python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", path=[tools])
    packages = Path(found.stdout.strip())
    sources = [
        *("package/a.py", "package/tests/test_a.py", "package/a_test.py", "package/template.py"),
        *("sympy/core.py", "package/sympy/core.py"),
    ]
    for name in sources:
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("{{ name }} = 1" if "template" in name else "A = 1", encoding="utf-8")
    (checkout / "ours").mkdir()
    (checkout / "ours" / "tests.py").write_text("A = 1", encoding="utf-8")

    def compile_all() -> None:
        done = run(checkout, "scripts/byte_compile", python, "ours", path=[tools], PYTHONDONTWRITEBYTECODE="1")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    compile_all()
    kept = {path.relative_to(packages).parent.parent / path.name.partition(".")[0] for path in packages.rglob("*.pyc")}
    assert kept == {Path("package/a"), Path("package/sympy/core")}
    assert [path.name.partition(".")[0] for path in checkout.rglob("*.pyc")] == ["tests"]
    (packages / "package" / "a.py").write_text("A = 2 + 3", encoding="utf-8")
    compile_all()
    asked = [python, "-c", "import package.a as a; print(a.A, a.__cached__)"]
    value, cached = run(checkout, *asked, path=[tools], PYTHONDONTWRITEBYTECODE="1").stdout.split()
    assert value == "5", "what has changed is compiled again"
    assert Path(cached).is_file()


PIP = """case "$*" in
"-m pip --version") ;;
"-m pip config list") printf '%s\\n' "global.index-url='https://mirror.example/simple'" "global.timeout='60'";;
"-m pip install "*) {install};;
*) exit 1;;
esac"""


def test_uv_asks_the_index_that_pip_asks(checkout, tools):
    bring = """for last; do
if [ "$before" = --target ]; then
mkdir -p "$last/bin"; printf '#!/bin/sh\\necho $UV_DEFAULT_INDEX $*' >"$last/bin/uv"; chmod +x "$last/bin/uv"
fi
before=$last
done"""
    command(tools, "python3", PIP.format(install=bring))
    done = run(checkout, "scripts/uv", "pip", "list", path=[tools])
    assert done.stdout == "https://mirror.example/simple pip list\n", done.stderr
    command(tools, "python3", PIP.format(install="exit 5"))
    again = run(checkout, "scripts/uv", "pip", "list", path=[tools])
    assert again.returncode == 0, "it is fetched once"


def test_uv_that_pip_cannot_fetch_is_one_sentence(checkout, tools):
    command(tools, "python3", PIP.format(install="exit 5"))
    done = run(checkout, "scripts/uv", "pip", "list", path=[tools])
    assert done.returncode != 0
    assert re.fullmatch(r"make: pip could not fetch uv [\d.]+ .*: mend pip's network settings, then .*\n", done.stderr)


def test_the_other_stacks_tests_are_skipped_by_name_without_roots_rights(checkout, tools):
    command(tools, "debootstrap", "exit 0")
    command(tools, "id", "echo 1000")
    done = run(checkout, "scripts/test_other_stack", "3.11", path=[tools])
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"test-other-stack SKIPPED: .* root's rights \(sudo make test-other-stack\)\.\n", done.stdout)


def test_a_second_make_does_nothing(checkout, tools):
    assert "scripts/setup 3.10" in run(checkout, "make", "-n", path=[tools]).stdout
    assert run(checkout, "make", "-q", path=[tools]).returncode == 1
    stamp = checkout / ".venv" / "whole-with-python-3.10"
    stamp.parent.mkdir()
    stamp.touch()
    assert run(checkout, "make", "-n", path=[tools]).stdout == "make: Nothing to be done for 'setup'.\n"
    assert run(checkout, "make", "-q", path=[tools]).returncode == 0
    assert "scripts/setup 3.11" in run(checkout, "make", "-n", "PYTHON=3.11", path=[tools]).stdout
    os.utime(stamp, (1, 1))
    assert run(checkout, "make", "-q", path=[tools]).returncode == 1, "a lock newer than the stamp is installed"


def test_help_lists_every_door(checkout, tools):
    doors = re.search(r"^\.PHONY: (.*)$", (checkout / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1].split()
    lines = run(checkout, "make", "help", path=[tools]).stdout.splitlines()
    assert [line.split()[1] for line in lines] == [door for door in doors if door != "help"]
    assert all(len(line.split()) > 3 for line in lines)
