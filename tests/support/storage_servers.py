"""Real storage servers on loopback for tests: moto's S3, fake-gcs-server, and Hadoop's NameNode and DataNode.

Each is fetched at first use by scripts/storage/fetch, listens at ports that the system gives, and is ended by its
process id. Files are put there by each vendor's own client, not by Beam, which is what is tested.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
BUCKET = "pairs"
READY_WITHIN_S = 60
END_WITHIN_S = 20
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
QUIET = {  # no test may ask the cloud that it might run in for credentials, nor read those of who runs it
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_CONFIG_FILE": "/dev/null",
    "NO_GCE_CHECK": "true",
    "CLOUDSDK_CONFIG": "/nowhere",
}


@dataclass
class Storage:
    """A running server.

    Attributes:
      root: address of a bucket, or of a folder that is as good as one.
      options: the Beam options by which it is reached.
      environment: the variables by which it is reached, credentials included.
      put: name below `root`, content -> None.
      processes: by name.
    """

    root: str
    options: Mapping[str, str | int]
    environment: Mapping[str, str]
    put: Callable[[str, bytes], None]
    processes: Mapping[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def scheme(self) -> str:
        """Returns "s3", "gs" or "hdfs"."""
        return self.root.partition("://")[0]

    @property
    def arguments(self) -> list[str]:
        """Returns the options as Beam's arguments."""
        return [f"--{name}={value}" for name, value in self.options.items()]

    def put_folder(self, folder: Path, name: str) -> str:
        """Copy a local folder; returns its address."""
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.put(f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return f"{self.root}/{name}"


def fetched(server: str) -> Path:
    """Returns the folder with a server's program."""
    home = CHECKOUT / ".tools" / "storage" / server
    home.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([CHECKOUT / "scripts" / "storage" / "fetch", server, home], check=True)
    return home


def free_port() -> int:
    """Returns a port of loopback at which nothing listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(
    commands: Mapping[str, Sequence[str]], folder: Path, is_ready: Callable[[], bool]
) -> Iterator[dict[str, subprocess.Popen]]:
    """Run servers until the block ends, entering it once they are ready.

    Args:
      commands: name -> command line.
      folder: where they work and log.
      is_ready: asked again and again.
    """
    with contextlib.ExitStack() as stack:
        processes = {}
        for name, command in commands.items():
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            processes[name] = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
            stack.callback(end, processes[name])
        deadline = time.monotonic() + READY_WITHIN_S
        while not is_ready():
            gone = [name for name, process in processes.items() if process.poll() is not None]
            if gone or time.monotonic() > deadline:
                name = (gone or list(processes))[0]
                raise RuntimeError(f"{name} is not ready: {(folder / f'{name}.log').read_text()[-2000:]}")
            time.sleep(0.2)
        yield processes


def end(process: subprocess.Popen) -> None:
    """End a process that may have ended already."""
    process.terminate()
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    """Says whether a server answers at an address, whatever it says."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[Storage]:
    """Run moto's S3 with an empty bucket. It takes any credentials, but a request without any is not even sent."""
    import boto3

    port = free_port()
    url = f"http://{HOST}:{port}"
    python = str(fetched("s3") / "venv" / "bin" / "python")
    command = [python, "-m", "moto.server", "--host", HOST, "--port", str(port)]
    with running({"moto": command}, folder, lambda: answers(url)) as processes:
        client = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        client.create_bucket(Bucket=BUCKET)

        def put(name: str, content: bytes) -> None:
            client.put_object(Bucket=BUCKET, Key=name, Body=content)

        yield Storage(f"s3://{BUCKET}", {"s3_endpoint_url": url}, {**QUIET, **AWS_KEYS}, put, processes)


@contextlib.contextmanager
def gs(folder: Path) -> Iterator[Storage]:
    """Run fake-gcs-server with an empty bucket. It asks for no credentials, and Beam finds none."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    port = free_port()
    url = f"http://{HOST}:{port}"
    command = [str(fetched("gs") / "fake-gcs-server"), "-scheme", "http", "-host", HOST, "-port", str(port)]
    command += ["-backend", "memory", "-public-host", f"{HOST}:{port}"]
    with running({"gcs": command}, folder, lambda: answers(f"{url}/storage/v1/b")) as processes:
        client = storage.Client("testing", AnonymousCredentials(), client_options={"api_endpoint": url})
        bucket = client.create_bucket(BUCKET)

        def put(name: str, content: bytes) -> None:
            bucket.blob(name).upload_from_string(content, "application/octet-stream")

        yield Storage(f"gs://{BUCKET}", {}, {**QUIET, "STORAGE_EMULATOR_HOST": url}, put, processes)


@contextlib.contextmanager
def hdfs(folder: Path) -> Iterator[Storage]:
    """Run a NameNode and a DataNode with an empty folder, to which one writes and reads as who runs them."""
    import hdfs

    rest, rpc = free_port(), free_port()
    settings = {
        "fs.defaultFS": f"hdfs://{HOST}:{rpc}",
        "dfs.namenode.name.dir": (folder / "name").as_uri(),
        "dfs.datanode.data.dir": (folder / "data").as_uri(),
        "dfs.replication": 1,
        "dfs.namenode.http-address": f"{HOST}:{rest}",
        "dfs.datanode.hostname": HOST,
        **{f"dfs.datanode.{name}": f"{HOST}:0" for name in ("address", "http.address", "ipc.address")},
    }
    properties = "".join(
        f"<property><name>{name}</name><value>{value}</value></property>" for name, value in settings.items()
    )
    for name in ("core-site.xml", "hdfs-site.xml"):
        (folder / name).write_text(f"<configuration>{properties}</configuration>", encoding="utf-8")
    (folder / "log4j.properties").write_text(
        "log4j.rootLogger=INFO, err\nlog4j.appender.err=org.apache.log4j.ConsoleAppender\n"
        "log4j.appender.err.target=System.err\nlog4j.appender.err.layout=org.apache.log4j.PatternLayout\n",
        encoding="utf-8",
    )
    java = ["java", "-Xmx256m", "-cp", f"{folder}:{fetched('hdfs') / 'jars'}/*"]
    servers = "org.apache.hadoop.hdfs.server"
    subprocess.run([*java, f"{servers}.namenode.NameNode", "-format"], check=True, cwd=folder, capture_output=True)
    commands = {name: [*java, f"{servers}.{name.lower()}.{name}"] for name in ("NameNode", "DataNode")}
    url = f"http://{HOST}:{rest}"
    with running(commands, folder, lambda: _live_data_nodes(url) == 1) as processes:
        client = hdfs.InsecureClient(url, user=getpass.getuser())

        def put(name: str, content: bytes) -> None:
            client.write(f"/{BUCKET}/{name}", content, overwrite=True)

        options = {"hdfs_host": HOST, "hdfs_port": rest, "hdfs_user": getpass.getuser()}
        yield Storage(f"hdfs://{BUCKET}", options, {}, put, processes)


def _live_data_nodes(url: str) -> int:
    try:
        with urllib.request.urlopen(
            f"{url}/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState", timeout=5
        ) as answer:
            beans = json.load(answer)["beans"]
    except OSError:
        return 0
    return beans[0]["NumLiveDataNodes"] if beans else 0
