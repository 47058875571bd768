"""A Secret that is not there is said by name in the first container, before anything is imported or read."""

from __future__ import annotations

import pytest

from tfx_pipeline.cluster.compiling.resources import with_cluster_settings
from tfx_pipeline.cluster.container.entry_point import main
from tfx_pipeline.cluster.container.secrets import VARIABLE, missing_secret
from tfx_pipeline.cluster.container.source import source_fingerprint
from tfx_pipeline.settings.config import Config, build

BOTH = {"keys": {"env": {"KEY_ID": "id", "KEY": "secret"}}, "files": {"folder": "{folder}"}}


def environment(spec: dict, folder, **seen: str) -> dict[str, str]:
    """Returns a container's variables: what the compiled pipeline sets, and what Kubernetes sets from Secrets."""
    secrets = {**BOTH, "files": {"folder": str(folder)}}
    made = with_cluster_settings(spec, build({"cluster": {"secrets": secrets}}).cluster, "kubeflow")
    env = made["deploymentSpec"]["executors"]["PairFiles_executor"]["container"]["env"]
    return {**{each["name"]: each["value"] for each in env}, **seen}


def test_nothing_is_missing(spec, tmp_path):
    (tmp_path / "certificate").touch()
    assert missing_secret(environment(spec, tmp_path, KEY_ID="1", KEY="2")) is None
    assert missing_secret({}) is None


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (
            {},
            "the Secret 'keys' is not in the run's namespace, or has no key 'id' for KEY_ID; make it by kubectl create",
        ),
        ({"KEY_ID": "1"}, "has no key 'secret' for KEY; make it by"),
        ({"KEY_ID": "1", "KEY": "2"}, "cluster.secrets.files: the Secret 'files' is not in the run's namespace, or is"),
    ],
)
def test_a_secret_that_is_missing(spec, tmp_path, seen, words):
    assert words in missing_secret(environment(spec, tmp_path, **seen))
    assert words in missing_secret(environment(spec, tmp_path / "no-folder", **seen))


def test_containers_without_secrets_are_told_nothing(spec):
    made = with_cluster_settings(spec, Config().cluster, "kubeflow")
    assert VARIABLE not in str(made)


def test_the_first_container_says_it(spec, tmp_path, capfd):
    arguments = ["--executor", "no.Executor", "--component", "{}", "--executor-input", "{}"]
    assert main([*arguments, "--source", source_fingerprint()], environment(spec, tmp_path)) == 1
    assert capfd.readouterr().err.splitlines()[-1].startswith("cluster.secrets.keys: the Secret 'keys' is not in the")
