"""`make flink` and `make flink-down`: a standalone Flink on this machine, and the job server that hands it Beam jobs.

    .flink/jars/         Flink, Beam's job server, what they depend on (see fetch)
    .flink/pids/NAME     process id and start time, of jobmanager, taskmanager-1, taskmanager-2 and jobserver
    .flink/logs/NAME.log
    .flink/cluster.json  the cluster's address, and the Beam options by which jobs reach it; there while it is up

`up` starts what is not running, so that it also brings back a TaskManager that was killed. `down` ends the processes
that `up` started, each by its id and start time, and no other.

Flink listens on loopback alone. Beam's job server and the servers that its workers call listen on every interface:
Beam's Java binds them by port number and has no setting for it. docs/flink.md warns of it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
HERE = CHECKOUT / "scripts" / "flink"
STATE = CHECKOUT / ".flink"
HOST = "127.0.0.1"
REST_PORT, JOB_PORT, ARTIFACT_PORT, EXPANSION_PORT = 8081, 8099, 8098, 8097
MASTER = f"{HOST}:{REST_PORT}"
TASK_MANAGERS = ("taskmanager-1", "taskmanager-2")
NAMES = ("jobmanager", *TASK_MANAGERS, "jobserver")  # in the order in which they start
SLOTS = 4  # two on each, see flink-conf.yaml
READY_WITHIN_S = 120
END_WITHIN_S = 20
WORKER_KEPT_MS = 60_000  # a worker that takes 10 s to import TFX serves the next stage and job too

# Flink and Beam reach into classes of Java that Java 17 keeps closed.
CLOSED = (
    "lang",
    "net",
    "io",
    "nio",
    "lang.reflect",
    "text",
    "time",
    "util",
    "util.concurrent",
    "util.concurrent.atomic",
)
OPENS = [
    *(f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in CLOSED),
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
    "--add-exports=java.management/sun.management=ALL-UNNAMED",
]
JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
JOB_SERVER = "org.apache.beam.runners.flink.FlinkJobServerDriver"


def beam_options() -> dict:
    """Returns the Beam options by which a job of this checkout runs on this cluster."""
    return {
        "job_endpoint": f"{HOST}:{JOB_PORT}",
        "artifact_endpoint": f"{HOST}:{ARTIFACT_PORT}",
        "environment_type": "PROCESS",
        "environment_config": json.dumps({"command": str(HERE / "boot")}),
        "environment_cache_millis": WORKER_KEPT_MS,
        "parallelism": len(TASK_MANAGERS),
    }


def command(name: str) -> list[str]:
    """Returns the command line of one of the processes."""
    java = ["java", *OPENS, "-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp", str(STATE / "jars" / "*")]
    conf = ["--configDir", str(STATE / "conf")]
    if name == "jobmanager":
        return [*java, "-Xmx512m", JOB_MANAGER, *conf]
    if name in TASK_MANAGERS:
        return [
            *java,
            "-Xmx512m",
            "-XX:MaxDirectMemorySize=1536m",
            TASK_MANAGER,
            *conf,
            "-D",
            f"taskmanager.resource-id={name}",
        ]
    ports = {"job-host": HOST, "job-port": JOB_PORT, "artifact-port": ARTIFACT_PORT, "expansion-port": EXPANSION_PORT}
    return [
        *java,
        "-Xmx512m",
        JOB_SERVER,
        f"--flink-master={MASTER}",
        f"--artifacts-dir={STATE / 'artifacts'}",
        *(f"--{option}={value}" for option, value in ports.items()),
    ]


def start_time(pid: int) -> str | None:
    """Returns when a process started, in the kernel's ticks, or None where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def running(name: str) -> int | None:
    """Returns the process id of one of the processes where it runs: the one that `up` started, not its id's heir."""
    try:
        pid, started = (STATE / "pids" / name).read_text(encoding="utf-8").split()
    except OSError:
        return None
    return int(pid) if start_time(int(pid)) == started else None


def start(name: str) -> None:
    """Start one of the processes in a session of its own, its output in its log."""
    with (STATE / "logs" / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command(name), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, cwd=STATE
        )
    (STATE / "pids" / name).write_text(f"{process.pid} {start_time(process.pid)}\n", encoding="utf-8")


def up() -> None:
    """Start what is not running, wait until the cluster takes jobs, say how to give it one."""
    subprocess.run([HERE / "fetch", STATE / "jars"], check=True)
    for folder in ("conf", "logs", "pids"):
        (STATE / folder).mkdir(exist_ok=True)
    shutil.copy(HERE / "flink-conf.yaml", STATE / "conf" / "flink-conf.yaml")
    missing = [name for name in NAMES if running(name) is None]
    for name, port in {"jobmanager": REST_PORT, "jobserver": JOB_PORT}.items():
        if name in missing and listens(port):
            refuse(f"port {port} is taken by a program that make flink did not start; end that program")
    for name in missing:
        start(name)
    wait_until_ready()
    address = {"flink_master": MASTER, "beam_options": beam_options()}
    (STATE / "cluster.json").write_text(json.dumps(address, indent=2) + "\n", encoding="utf-8")
    print(
        f"Flink is up: align run --config demo --beam flink --flink-master {MASTER} (http://{MASTER}; make flink-down)"
    )


def wait_until_ready() -> None:
    """Return once both TaskManagers offer their slots and the job server listens."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not (slots() == SLOTS and listens(JOB_PORT)):
        ended = [name for name in NAMES if running(name) is None]
        if ended:
            refuse(f"{ended[0]} ended at once; see {STATE / 'logs' / ended[0]}.log")
        if time.monotonic() > deadline:
            refuse(f"Flink has {slots()} of {SLOTS} slots after {READY_WITHIN_S} s; see {STATE / 'logs'}")
        time.sleep(0.5)


def slots() -> int:
    """Returns how many slots the TaskManagers offer, free or taken."""
    try:
        with urllib.request.urlopen(f"http://{MASTER}/overview", timeout=5) as answer:
            return json.load(answer)["slots-total"]
    except OSError:
        return 0


def listens(port: int) -> bool:
    """Says whether a program listens on a port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((HOST, port)) == 0


def down() -> None:
    """End the processes that `up` started, last started first."""
    (STATE / "cluster.json").unlink(missing_ok=True)
    for name in reversed(NAMES):
        pid = running(name)
        if pid is not None:
            end(pid)
        (STATE / "pids" / name).unlink(missing_ok=True)
    print("Flink is down.")


def end(pid: int) -> None:
    """Ask a process to end, and kill it where it does not."""
    started = start_time(pid)
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + END_WITHIN_S
    while start_time(pid) == started:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def refuse(sentence: str) -> None:
    """End with one sentence."""
    print(f"make: {sentence}.", file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    STATE.mkdir(exist_ok=True)
    try:
        {"up": up, "down": down}[sys.argv[1]]()
    except subprocess.CalledProcessError as failed:  # fetch has said why
        raise SystemExit(failed.returncode) from None
