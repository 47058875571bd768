"""The models that a server answers for: which versions are loaded, and which one a request gets."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import grpc

from serving.precision import SLOWER_HERE, is_slower_here
from serving.server.batching.batcher import Batcher
from serving.server.batching.settings import DEFAULT_BATCHING, BatchingSettings
from serving.server.core import memory
from serving.server.core.config_file import check_config
from serving.server.core.folders import SETTLE_S, FolderWatch, VersionFolder
from serving.server.core.labels import Labels, checked_labels, labels_of, version_of
from serving.server.core.lifecycle import RETRY_S, ModelLifecycle
from serving.server.core.limits import DEFAULT_LIMITS, RequestLimits
from serving.server.core.servable import Servable
from serving.server.core.spec import PATIENT, Caller, ModelSpec
from serving.server.core.status import StatusBoard, VersionStatus
from serving.server.core.version import Version
from serving.server.core.warm_up import warm_up
from serving.server.monitoring.observer import Monitoring
from serving.server.refusal import Refusal

POLL_S = 1.0  # as --file_system_poll_wait_seconds of TensorFlow Serving
CLOSE_GRACE_S = 5.0
SETTLES_PATIENCE = 10  # times settle_s: for so long `start` and `reload` wait for a model that is being copied
_log = logging.getLogger(__name__)
Result = TypeVar("Result")


class ServedModels:
    """The loaded versions of the models of a ModelServerConfig.

    A thread of its own polls the folders, loads and unloads. A request reads what was published last, by one look-up
    and one count: it never waits for a load.

    Examples:
      >>> from serving.server.core.config_file import one_model
      >>> models = ServedModels(one_model("align", Path("output/align-demo/serving_models/align")))
      >>> models.start()
      >>> with models.use(ModelSpec("align")) as version:
      ...     print(version.version)
      1
      >>> models.close()
    """

    def __init__(
        self,
        config: Any,
        *,
        poll_s: float = POLL_S,
        settle_s: float = SETTLE_S,
        allow_version_labels_for_unavailable_models: bool = False,
        monitoring: Monitoring | None = None,
        batching: BatchingSettings = DEFAULT_BATCHING,
        limits: RequestLimits = DEFAULT_LIMITS,
    ) -> None:
        """Take the models of a ModelServerConfig; nothing is loaded before `start`.

        Args:
          config: ModelServerConfig with a model_config_list.
          poll_s: seconds between two looks into the models' folders; 0 looks once.
          settle_s: for how long a new version's files must have stayed the same before it is loaded.
          allow_version_labels_for_unavailable_models: TensorFlow Serving's flag of that name, for `reload`.
          monitoring: where loads, batches and queues are measured.
          batching: how requests share batches.
          limits: how much one request may ask for.

        Raises:
          Refusal: INVALID_ARGUMENT for a configuration that cannot be served.
          ValueError: for a time below 0.
        """
        for name, seconds in (("poll_s", poll_s), ("settle_s", settle_s)):
            if seconds < 0:
                raise ValueError(f"{name} is {seconds}; it must be a number of seconds, 0 or more")
        check_config(config)
        self._poll_s, self._settle_s = poll_s, settle_s
        self._lenient = allow_version_labels_for_unavailable_models
        self._monitoring = monitoring or Monitoring()
        self._batching, self._limits = batching, limits
        self._batcher: Batcher
        self._board = StatusBoard()
        self._routes: Mapping[str, Mapping[int, Version]] = {}
        self._labels: Labels = labels_of(config)
        self._config = config
        self._asked = 1  # configurations asked for, by which `reload` knows when its own was tried
        self._tried = 0
        self._closing = False
        self._changed = threading.Condition()
        self._woken = threading.Event()
        self._reloading = threading.Lock()
        self._lifecycles: dict[str, ModelLifecycle] = {}
        self._leaving: list[ModelLifecycle] = []  # of models that are configured no more
        self._thread = threading.Thread(target=self._work, name="models", daemon=True)

    @property
    def is_ready(self) -> bool:
        """Whether every configured model has a version that answers."""
        routes = self._routes
        return all(routes.get(name) for name in self.names())

    def start(self) -> None:
        """Load what is there; returns when every model was tried once. `problems` says what failed."""
        self._batcher = Batcher(self._batching, self._monitoring)
        self._thread.start()
        self._await(1)

    def problems(self) -> dict[str, str]:
        """Returns model -> why no version of it answers, one sentence, for the configured models without one."""
        routes, lifecycles = self._routes, self._lifecycles
        return {
            name: lifecycles[name].problem if name in lifecycles else "it was not tried yet"
            for name in self.names()
            if not routes.get(name)
        }

    def close(self, grace_s: float = CLOSE_GRACE_S) -> None:
        """Unload everything, after the requests in work or after `grace_s` seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()  # a `reload` that waits for its models waits no more
        self._woken.set()
        if self._thread.ident is None:  # it was never started
            return
        self._thread.join()
        deadline = time.monotonic() + grace_s
        while True:
            self._woken.clear()
            are_gone = [lifecycle.remove() for lifecycle in (*self._lifecycles.values(), *self._leaving)]
            left_s = deadline - time.monotonic()
            if left_s <= 0 or all(are_gone):
                break
            self._woken.wait(left_s)
        self._batcher.close()

    def names(self) -> list[str]:
        """Returns the names of the configured models."""
        return [model.name for model in self._config.model_config_list.config]

    def use(self, spec: ModelSpec) -> AbstractContextManager[Version]:
        """Hold the version that a request asks for against unloading.

        Raises, when entered:
          Refusal: NOT_FOUND in TensorFlow Serving's words; INVALID_ARGUMENT for a label that is none.
        """
        return _Use(self, spec)

    def statuses(self, spec: ModelSpec) -> list[VersionStatus]:
        """Returns the states of one version, or of every version, ascending; raises Refusal with NOT_FOUND."""
        known = self._board.of(spec.name)
        number = spec.version if spec.label is None else version_of(self._labels, spec.name, spec.label)
        if number is not None:
            known = [status for status in known if status.version == number]
            if not known:
                raise Refusal(grpc.StatusCode.NOT_FOUND, f"Could not find version {number} of model {spec.name}")
        if not known:
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {spec.name}")
        return known

    def reload(self, config: Any, caller: Caller = PATIENT) -> None:
        """Serve another ModelServerConfig, as ServerCore::ReloadConfig does; returns when its models were tried.

        A configuration that is refused with INVALID_ARGUMENT or FAILED_PRECONDITION changes nothing, nor does one for
        which nobody waits any more when its turn comes: a later one may have been taken in between.

        Raises:
          Refusal: INVALID_ARGUMENT for a configuration that cannot be served, FAILED_PRECONDITION for a label of a
            version that does not answer yet, UNKNOWN when a model that is new has no version that answers, CANCELLED
            or DEADLINE_EXCEEDED for a caller that is gone.
        """
        with self._reloading:
            caller.check()
            check_config(config)
            self._labels = checked_labels(config, self._labels, self._answers, self._lenient)
            new = [
                name for name in (model.name for model in config.model_config_list.config) if name not in self.names()
            ]
            with self._changed:
                self._config = config
                self._asked += 1
                awaited = self._asked
            self._woken.set()
            self._await(awaited)
            failed = {name: problem for name, problem in self.problems().items() if name in new}
            if failed:
                said = ", ".join(f"{{name: {name} due to error: {problem}}}" for name, problem in failed.items())
                raise Refusal(grpc.StatusCode.UNKNOWN, f"{len(failed)} model(s) did not become available: {{{said}, }}")

    def hold(self, spec: ModelSpec) -> Version:
        """Returns the version that a request asks for, held until its `release`; raises Refusal. See `use`."""
        while True:
            number = spec.version if spec.label is None else version_of(self._labels, spec.name, spec.label)
            versions = self._routes.get(spec.name, {})
            chosen = max(versions, default=None) if number is None else number
            version = None if chosen is None else versions.get(chosen)
            if version is None:
                if spec.label is not None and version_of(self._labels, spec.name, spec.label) != number:
                    continue  # it moved since the look-up, and what it named is unloaded already
                wanted = f"Latest({spec.name})" if number is None else f"Specific({spec.name}, {number})"
                raise Refusal(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
            if version.hold():  # else it was replaced since the look-up, and the routes say by which
                return version

    def _answers(self, name: str, version: int) -> bool:
        return version in self._routes.get(name, {})

    def _await(self, configuration: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._tried >= configuration or self._closing)

    def _publish(self, name: str, versions: Mapping[int, Version]) -> None:
        others = {model: known for model, known in self._routes.items() if model != name}
        self._routes = {**others, name: versions} if versions else others

    def _work(self) -> None:
        """Poll, load and unload until `close`."""
        configuration, next_look, patience = 0, -math.inf, -math.inf
        while not self._closing:
            self._woken.clear()
            with self._changed:
                asked, config = self._asked, self._config
            if asked != configuration:
                self._configure(config)
                configuration, next_look, patience = (
                    asked,
                    -math.inf,
                    time.monotonic() + SETTLES_PATIENCE * self._settle_s,
                )
            if time.monotonic() >= next_look:
                for lifecycle in self._lifecycles.values():
                    _guarded(lifecycle, lifecycle.look, None)
                next_look = time.monotonic() + (self._poll_s or math.inf)
            pauses = [_guarded(lifecycle, lifecycle.act, RETRY_S) for lifecycle in self._lifecycles.values()]
            pause_s = min(pauses, default=math.inf)
            self._leaving = [one for one in self._leaving if not _guarded(one, one.remove, False)]
            is_settling = any(lifecycle.is_settling for lifecycle in self._lifecycles.values())
            if is_settling:
                next_look = min(next_look, time.monotonic() + self._settle_s / 4)
            if not is_settling or time.monotonic() >= patience:
                with self._changed:
                    self._tried = configuration
                    self._changed.notify_all()
            pause_s = min(pause_s, next_look - time.monotonic())
            self._woken.wait(None if math.isinf(pause_s) else max(pause_s, 0.0))

    def _configure(self, config: Any) -> None:
        """Set lifecycles up for a configuration, and let go of those that it lacks."""
        before = {lifecycle.name: lifecycle for lifecycle in (*self._leaving, *self._lifecycles.values())}
        after = {}
        for model in config.model_config_list.config:
            lifecycle = before.pop(model.name, None) or ModelLifecycle(
                model.name, self._board, self._load, self._publish, self._woken.set, self._monitoring
            )
            lifecycle.configure(FolderWatch(Path(model.base_path), self._settle_s), model.model_version_policy)
            after[model.name] = lifecycle
        self._lifecycles, self._leaving = after, list(before.values())

    def _load(self, name: str, number: int, folder: VersionFolder) -> Version:
        """Returns a version, loaded and warm; raises ValueError."""
        servable = Servable(folder.path)
        if is_slower_here(servable.precision):
            _log.warning("version %d of model %s is served, but %s", number, name, SLOWER_HERE)
        version = Version(name, number, servable, self._batcher, self._limits)
        warm_up(version, folder.path, self._monitoring)
        memory.trim()
        return version


def _guarded(lifecycle: ModelLifecycle, step: Callable[[], Result], otherwise: Result) -> Result:
    """Take one model's step; what goes wrong there keeps no other model, and no later version, from loading."""
    try:
        return step()
    except Exception:
        _log.exception("the versions of model %s could not be brought up to date", lifecycle.name)
        return otherwise


class _Use(AbstractContextManager[Version]):
    """Holds a version while the block runs."""

    def __init__(self, models: ServedModels, spec: ModelSpec) -> None:
        self._models, self._spec = models, spec

    def __enter__(self) -> Version:
        self._version = self._models.hold(self._spec)
        return self._version

    def __exit__(self, *_: object) -> None:
        self._version.release()
