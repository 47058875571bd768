"""Tests of the `align` command as a user types it: help at once, one sentence for each mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tfx_pipeline.cli import app, main

ALIGN = [sys.executable, "-m", "tfx_pipeline.cli"]


def align(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([*ALIGN, *arguments], capture_output=True, text=True, timeout=240, check=False)


def test_help_imports_neither_tfx_nor_tensorflow():
    program = (
        "import sys, typer.testing, tfx_pipeline.cli as cli\n"
        "result = typer.testing.CliRunner().invoke(cli.app, ['--help'])\n"
        "assert result.exit_code == 0 and 'query' in result.output, result.output\n"
        "heavy = {'tfx', 'tensorflow', 'keras', 'apache_beam', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("command", ["run", "filter", "compile", "report", "query", "serve"])
def test_every_command_explains_itself(command):
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert "--config" in done.stdout


@pytest.fixture
def refused(monkeypatch, capfd):
    """Returns a function: a command's arguments -> the one sentence on stderr with which it is refused."""

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["align", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        assert ended.value.code == 2, said
        return only_line(said.err)

    return run


def only_line(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    assert len(lines) == 1, said
    return lines[0]


def test_a_preset_that_does_not_exist(refused):
    assert "did you mean 'demo'?" in refused("run", "--config", "dem0")


def test_a_set_without_an_equals_sign(refused):
    assert "write a field and a value" in refused("run", "--set", "training.steps")


def test_a_missing_shard_folder(refused, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"output: {tmp_path / 'out'}\ningest: {{shards: nowhere}}\n", encoding="utf-8")
    sentence = refused("run", "--config", str(path))
    assert str(tmp_path / "nowhere") in sentence
    assert not list(tmp_path.glob("out/*/runs/*"))


def test_an_empty_shard_folder_as_a_user_sees_it(tmp_path):
    (tmp_path / "empty").mkdir()
    path = tmp_path / "mine.yaml"
    path.write_text(f"output: {tmp_path / 'out'}\ningest: {{shards: empty}}\n", encoding="utf-8")
    done = align("run", "--config", str(path))
    assert done.returncode == 2, (done.stdout, done.stderr)
    sentence = only_line(done.stderr)
    assert str(tmp_path / "empty") in sentence
    assert "*.tar" in sentence


def test_a_beam_option_that_does_not_exist(refused, tmp_path):
    sentence = refused("run", "--set", "beam.options={direct_num_wokers: 2}", "--set", f"output={tmp_path / 'out'}")
    assert "'direct_num_wokers'" in sentence
    assert "did you mean 'direct_num_workers'?" in sentence


@pytest.mark.parametrize("command", [["run"], ["compile", "--image", "i", "--root", "gs://bucket/runs"]])
def test_a_beam_option_of_the_wrong_type_is_refused_before_anything_starts(refused, tmp_path, command):
    settings = ["--set", "beam.options={direct_num_workers: many}", "--set", f"output={tmp_path / 'out'}"]
    sentence = refused(*command, *settings)
    assert "beam.options.direct_num_workers is 'many'" in sentence
    assert "invalid int value: 'many'" in sentence
    assert not list(tmp_path.iterdir())


def test_a_flink_that_is_not_there(refused, tmp_path):
    sentence = refused("run", "--beam", "flink", "--flink-master", "127.0.0.1:9", "--set", f"output={tmp_path / 'out'}")
    assert "'127.0.0.1:9', where nothing answers" in sentence
    assert "make flink" in sentence
    assert not list(tmp_path.iterdir())


def test_compile_writes_the_pipeline_as_typed_and_says_what_only_this_machine_reads(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    settings = ["--set", "ingest.format=csv", "--set", "ingest.image_folder=/pictures"]
    app(["compile", "--platform", "kubeflow", "--image", "registry.example/align:1", *settings], standalone_mode=False)
    said = capfd.readouterr()
    assert said.out == "align-demo.kubeflow.yaml\n"
    spec = (tmp_path / "align-demo.kubeflow.yaml").read_text(encoding="utf-8")
    assert f"{tmp_path}/output/align-demo/serving_models/align" in spec
    of_data, of_root = said.err.splitlines()
    assert "demo/shards and ingest.image_folder is /pictures: workers reach that only where it is mounted" in of_data
    assert of_root == (
        "align: output is 'output': a cluster keeps artifacts in gs://, s3://, minio:// alone; "
        "a folder is for kfp.local"
    )


def test_compile_into_a_bucket_of_the_configs_warns_of_nothing(tmp_path, capfd):
    settings = ["--set", "output=gs://bucket/out/", "--set", "ingest.shards=gs://bucket/shards"]
    options = ["--image", "registry.example/align:1", "--folder", str(tmp_path)]
    done = CliRunner().invoke(app, ["compile", *options, *settings])
    assert (done.exit_code, done.stderr, capfd.readouterr().err) == (0, "", "")
    job = json.loads((tmp_path / "align-demo.json").read_text(encoding="utf-8"))
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/out/align-demo/artifacts"


def test_compile_into_a_file_is_one_sentence(refused, tmp_path):
    (tmp_path / "file").touch()
    options = ["--image", "i", "--root", "gs://bucket/runs", "--folder", str(tmp_path / "file")]
    sentence = refused("compile", *options)
    assert f"--folder is '{tmp_path / 'file'}'" in sentence
    assert "name another place" in sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--image", ""], "--image is empty; name the container image"),
        (["--image", "i", "--set", "ingest.shards=''"], "ingest.shards is empty; set it to the address"),
        (["--image", "i"], "output is 'output', and Vertex AI keeps artifacts in gs:// alone; give --root gs://"),
        (["--image", "i", "--root", "s3://b/x"], "--root is 's3://b/x', and Vertex AI keeps artifacts in gs:// alone"),
        (
            ["--image", "i", "--root", "s3://b/x", "--platform", "kubeflow"],
            "--root is 's3://b/x', where TensorFlow can write neither checkpoints nor pushed models; set cluster.state",
        ),
        (["--image", "i", "--platform", "airflow"], "--platform is 'airflow'; it must be one of kubeflow, vertex"),
        (
            ["--image", "i", "--root", "gs://b/x", "--set", "cluster.volumes={a: /a}"],
            "cluster.volumes is set, which Vertex AI cannot do",
        ),
    ],
)
def test_compile_without_image_or_shards_that_it_reads_is_one_sentence(refused, arguments, words):
    assert words in refused("compile", *arguments)


def test_compile_without_kfp_says_what_to_install():
    program = "import sys\nsys.modules['kfp'] = None\nfrom tfx_pipeline.cli import main\nmain()\n"
    command = [sys.executable, "-c", program, "compile", "--image", "registry.example/align:1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "needs kfp, which is not installed; install" in only_line(done.stderr)


def test_an_output_folder_that_cannot_be_written(refused, tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way", encoding="utf-8")
    sentence = refused("run", "--set", f"output={file}")
    assert str(file) in sentence
    assert "set output to a folder of yours" in sentence


def test_a_place_that_cannot_be_used_is_one_sentence_whatever_command_meets_it(monkeypatch):
    monkeypatch.setattr("tfx_pipeline.cli.app", lambda: Path("/sys/align/index").parent.mkdir())
    with pytest.raises(SystemExit, match=r"^align: /sys/align cannot be read or written \(.*\); see to its rights"):
        main()


def test_an_error_of_ours_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("tfx_pipeline.cli.app", lambda: Path("/no/such/file").read_text())
    with pytest.raises(FileNotFoundError):
        main()
