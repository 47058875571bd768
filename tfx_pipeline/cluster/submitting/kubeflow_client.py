"""Sends a compiled pipeline to Kubeflow Pipelines by kfp's own client, and looks at what became of its runs."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import kfp_server_api
import urllib3
from kfp import client as kfp_client

from tfx_pipeline.cluster.submitting.observation import Observed, Task, in_order
from tfx_pipeline.cluster.submitting.unreachable import Unreachable
from tfx_pipeline.runs.run_record import State
from tfx_pipeline.settings.config import ConfigError

_STATES: Mapping[str, State] = {"RUNNING": "running", "PENDING": "running", "FAILED": "failed", "SUCCEEDED": "complete"}
_OVER = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
_DRIVER = "-driver"  # behind a task's name: what decides whether it runs, or is taken from the cache
_ROOT_DRIVER = "root-driver"  # the whole pipeline's
_EXECUTOR = "executor"  # the node below a task that is skipped where it was taken from the cache


class KubeflowRuns:
    """Runs of one Kubeflow Pipelines API.

    Args:
      host: its address, such as http://127.0.0.1:8080.
      namespace: of the user, where Kubeflow knows several; None else.
      token: bearer token, None where the API asks for none.

    Raises:
      ConfigError: for an address that is none; all methods raise it, in one sentence, for what the API refuses, and
        Unreachable where it does not answer.
    """

    def __init__(self, host: str, namespace: str | None, token: str | None) -> None:
        if not re.match(r"https?://[^/]", host):
            raise ConfigError(f"--host is {host!r}; give the whole address, such as http://127.0.0.1:8080")
        self._host = host.rstrip("/")
        self._namespace = namespace
        with self._asking():
            self._check_health(token)
            self._client = kfp_client.Client(self._host, existing_token=token, namespace=namespace or "kubeflow")

    def submit(self, path: Path, *, pipeline: str, experiment: str, run_name: str, service_account: str | None) -> str:
        """Upload a compiled pipeline as a new version, and start it.

        Args:
          path: the file that `align compile` writes.
          pipeline: name under which Kubeflow lists its versions.
          experiment: name of the experiment, made where it is not there yet.
          run_name: name of the run and of the version.
          service_account: the account that its pods run as; None is Kubeflow's own.

        Returns:
          The run's id.
        """
        with self._asking():
            experiment_id = self._client.create_experiment(experiment, namespace=self._namespace).experiment_id
            pipeline_id = self._client.get_pipeline_id(pipeline)
            if pipeline_id is None:
                pipeline_id = self._client.upload_pipeline(str(path), pipeline_name=pipeline).pipeline_id
                listed = self._client.list_pipeline_versions(pipeline_id, page_size=1, sort_by="created_at desc")
                version = (listed.pipeline_versions or [None])[0]
            else:
                version = self._client.upload_pipeline_version(str(path), run_name, pipeline_id=pipeline_id)
            version_id = self._answered(version, "pipeline_version_id")
            run = self._client.run_pipeline(
                self._answered(experiment_id),
                run_name,
                pipeline_id=pipeline_id,
                version_id=version_id,
                service_account=service_account,
            )
            return self._answered(run, "run_id")

    def look(self, run_id: str) -> Observed:
        """Return what became of a run so far."""
        with self._asking():
            run = self._client.get_run(run_id)
            state = self._answered(run, "state")
            details = (run.run_details and run.run_details.task_details) or []
            components = in_order(self._spec(run))
        error = None
        if state in _OVER and state != "SUCCEEDED":
            said = run.error.message if run.error and run.error.message else ""
            error = f"the run is {state.lower()}{f': {said}' if said else ''}; its logs are at {self.link(run_id)}"
        return Observed(run.display_name, components, tasks_of(details, components), state in _OVER, error)

    def link(self, run_id: str) -> str:
        """Returns the address of a run's page."""
        return f"{self._host}/#/runs/details/{run_id}"

    def _check_health(self, token: str | None) -> None:
        """Raise at once what the client would try for half a minute."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self._host}/apis/v2beta1/healthz"
        answer = urllib3.PoolManager().request("GET", url, headers=headers, timeout=20, retries=False, redirect=False)
        if answer.status != 200:
            raise ConfigError(self._refusal(answer.status, answer.reason, answer.data))
        try:
            has_several_users = json.loads(answer.data).get("multi_user", False)
        except (ValueError, AttributeError):
            has_several_users = self._answered(None)
        if has_several_users and self._namespace is None:
            raise ConfigError(f"--host is {self._host!r}, which has several users; give --namespace, your profile")

    def _spec(self, run: Any) -> Mapping[str, Any]:
        spec, version = run.pipeline_spec, run.pipeline_version_reference
        if not spec and version:
            spec = self._client.get_pipeline_version(version.pipeline_id, version.pipeline_version_id).pipeline_spec
        spec = spec or {}
        return spec.get("pipeline_spec", spec)  # beside the document for Kubernetes, where there is one

    def _answered(self, answer: Any, name: str | None = None) -> Any:
        value = answer if name is None else getattr(answer, name, None)
        if not value:
            raise ConfigError(
                f"--host is {self._host!r}, whose answer is not one of Kubeflow Pipelines, as a sign-in page's is not; "
                "give the address of its API, and --token where it asks for one"
            )
        return value

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """Keep what the client prints off the terminal, and raise its errors in one sentence."""
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                yield
        except urllib3.exceptions.HTTPError as error:
            reason = getattr(error, "reason", None) or error
            raise Unreachable(
                f"--host is {self._host!r}, where no Kubeflow Pipelines answers ({_last_words(reason)}); give the "
                "address of its API, as kubectl port-forward prints it"
            ) from error
        except kfp_server_api.ApiException as error:
            raise ConfigError(self._refusal(error.status, error.reason, error.body)) from error
        except (AttributeError, TypeError) as error:  # the client takes any page for an answer
            raise ConfigError(f"--host is {self._host!r}, whose answer is not one of Kubeflow Pipelines") from error

    def _refusal(self, status: int, reason: str | None, body: Any) -> str:
        if status in (401, 403):
            return f"--host is {self._host!r}, which refuses ({status} {reason}); give --token, or another one"
        try:
            said = json.loads(body)
            words = said.get("message") or said.get("error") or reason
        except (TypeError, ValueError, AttributeError):
            words = f"{reason}; give the address of Kubeflow Pipelines' API"
        return f"--host is {self._host!r}, which refuses ({status}): {' '.join(str(words).split())}"


def tasks_of(details: Sequence[Any], components: Sequence[str]) -> list[Task]:
    """Return a run's tasks from the nodes of its workflow, as the API's `task_details` list them.

    Args:
      details: the nodes: of each task X one "X-driver", then one "X" with a node "executor" below it.
      components: the ids of tasks that are wanted; where there are none, all that have a driver.
    """
    nodes = {node.display_name: node for node in details}
    skipped = {_hash(node.task_id) for node in details if node.display_name == _EXECUTOR and node.state == "SKIPPED"}
    drivers = [name.removesuffix(_DRIVER) for name in nodes if name.endswith(_DRIVER) and name != _ROOT_DRIVER]
    tasks = []
    for name in components or drivers:
        driver, node = nodes.get(f"{name}{_DRIVER}"), nodes.get(name)
        one = node or driver
        if one is None:
            continue
        state = _STATES.get(one.state, "waiting")
        if node is None and state == "complete":  # between the driver's end and the pod's start
            state = "running"
        if state == "complete" and skipped & {_hash(child.pod_name) for child in one.child_tasks or ()}:
            state = "cached"
        error = one.error.message if one.error and one.error.message else None
        tasks.append(Task(name, state, _unix((driver or one).start_time), _unix(one.end_time), error))
    return tasks


def _hash(node: str) -> str:
    """Returns what a node's id and its pod's name have in common: the number at the end."""
    return node.rpartition("-")[2]


def _unix(moment: Any) -> float | None:
    """Returns Unix time; Kubeflow gives the year 1 or 1970 for what has not been yet."""
    return moment.timestamp() if moment is not None and moment.year > 1970 else None


def _last_words(reason: Any) -> str:
    return str(reason).rpartition(": ")[2] or type(reason).__name__
