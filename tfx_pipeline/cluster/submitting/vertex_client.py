"""Sends a compiled pipeline to Vertex AI by Google's own client, and looks at what became of its runs."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from google.api_core.exceptions import GoogleAPICallError, RetryError, ServiceUnavailable
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import aiplatform
from google.cloud.aiplatform_v1.types import PipelineJob, PipelineState, PipelineTaskDetail
from google.protobuf import json_format

from tfx_pipeline.cluster.submitting.observation import Observed, Task, in_order
from tfx_pipeline.cluster.submitting.unreachable import Unreachable
from tfx_pipeline.runs.run_record import State
from tfx_pipeline.settings.config import ConfigError

_TASKS = PipelineTaskDetail.State
_STATES: Mapping[Any, State] = {
    _TASKS.RUNNING: "running",
    _TASKS.SUCCEEDED: "complete",
    _TASKS.FAILED: "failed",
    _TASKS.SKIPPED: "cached",  # "due to cache hit", as the API says
}
_OVER = (
    PipelineState.PIPELINE_STATE_SUCCEEDED,
    PipelineState.PIPELINE_STATE_FAILED,
    PipelineState.PIPELINE_STATE_CANCELLED,
)


class VertexRuns:
    """Runs in one project and region.

    Args:
      project: its id.
      region: such as europe-west4.
      credentials: None takes Google's application default ones.

    Raises:
      ConfigError: all methods, in one sentence, for what Vertex AI or Google's client refuses, and Unreachable where
        nothing answers.
    """

    def __init__(self, project: str, region: str, credentials: Credentials | None = None) -> None:
        logging.getLogger("google.cloud.aiplatform").setLevel(logging.ERROR)
        self._place: dict[str, Any] = {"project": project, "location": region, "credentials": credentials}
        self._project, self._region = project, region
        self._job: aiplatform.PipelineJob | None = None

    def job(self, path: Path, *, run_name: str, labels: Mapping[str, str]) -> aiplatform.PipelineJob:
        """Return the job that would be sent, as far as Google's client checks one without a network.

        Args:
          path: the file that `align compile` writes.
          run_name: what the console shows.
          labels: of the job.
        """
        with self._asking():
            return aiplatform.PipelineJob(
                display_name=run_name,
                template_path=str(path),
                labels=dict(labels),
                **self._place,
            )

    def submit(self, job: aiplatform.PipelineJob, service_account: str | None, experiment: str | None) -> str:
        """Start a job; returns its id."""
        with self._asking():
            job.submit(service_account=service_account, experiment=experiment)
        self._job = job
        return job.job_id

    def look(self, run_id: str) -> Observed:
        """Return what became of a run so far."""
        with self._asking():
            if self._job is None:
                self._job = aiplatform.PipelineJob.get(run_id, **self._place)
            self._job.state  # noqa: B018  asks the API
            return observed(self._job.gca_resource, self.link(run_id))

    def link(self, run_id: str) -> str:
        """Returns the address of a run's page in the console."""
        return (
            f"https://console.cloud.google.com/vertex-ai/locations/{self._region}/pipelines/runs/{run_id}"
            f"?project={self._project}"
        )

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        where = f"Vertex AI in --project {self._project} and --region {self._region}"
        try:
            yield
        except (ServiceUnavailable, RetryError) as error:
            raise Unreachable(f"{where} does not answer ({_one_line(error)})") from error
        except GoogleAPICallError as error:
            raise ConfigError(f"{where} refuses ({error.code}): {_one_line(error.message)}") from error
        except GoogleAuthError as error:
            raise ConfigError(
                f"{where} needs credentials ({_one_line(error)}); sign in by gcloud auth application-default login"
            ) from error
        except ValueError as error:
            raise ConfigError(f"{where}: Google's client refuses the job: {_one_line(error)}") from error


def observed(job: PipelineJob, link: str) -> Observed:
    """Return what a job says of itself; `link` is where its logs are."""
    spec = json_format.MessageToDict(PipelineJob.pb(job).pipeline_spec)
    components = in_order(spec)
    details = {detail.task_name: detail for detail in job.job_detail.task_details}
    tasks = [_task(name, details[name]) for name in components if name in details]
    error = None
    if job.state in _OVER and job.state != PipelineState.PIPELINE_STATE_SUCCEEDED:
        ended = PipelineState(job.state).name.removeprefix("PIPELINE_STATE_").lower()
        error = f"the run is {ended}{f': {_one_line(job.error.message)}' if job.error.message else ''}; see {link}"
    return Observed(job.display_name, components, tasks, job.state in _OVER, error)


def _task(name: str, detail: PipelineTaskDetail) -> Task:
    error = _one_line(detail.error.message) if detail.error.message else None
    state = _STATES.get(detail.state, "waiting")
    return Task(name, state, _unix(detail.start_time), _unix(detail.end_time), error)


def _unix(moment: Any) -> float | None:
    return moment.timestamp() if moment else None


def _one_line(words: Any) -> str:
    return " ".join(str(words).split())
