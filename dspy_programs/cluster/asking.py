"""A language model that is asked on the workers of a cluster.

Only the calls of the model are spread. Programs, metrics and the journal of paid calls stay in the process that was started:
so the scores are those of a run without a cluster, and there is one journal, with one writer.

Guarantees at most `threads` calls are under way; more wait. A worker that is killed is replaced, and the calls it was at are
           asked again, by Ray, at most _TRIES times: those may be paid twice. What was answered is not asked again.
"""

import contextlib
import json
import math
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import dspy
from dspy import lm15
from dspy._vendor.lm15.serde import request_to_dict, response_from_dict
from dspy.utils.exceptions import ContextWindowExceededError, LMError

from dspy_programs import errors
from dspy_programs.cluster.answering import KEY_VARIABLE, Answerer, Described, versions
from dspy_programs.cluster.options import Cluster
from dspy_programs.cluster.ray_cluster import joined, lost
from dspy_programs.errors import ProgramsError, RunError, UsageError
from dspy_programs.lm import NO_KEY, Sample, decoding, drawn, is_embedded, is_named, wrap

_TRIES = 3  # of a call whose worker was killed
_START_SECONDS = 120.0  # for workers; a cluster that grows needs time, one that is full never has room


@contextlib.contextmanager
def spread(lm: dspy.LM, cluster: Cluster | None, threads: int) -> Iterator[dspy.LM]:
    """Yield `lm`, asked on a cluster's workers while the block runs; `lm` itself without a cluster.

    threads: how many calls may be under way in all. The workers take the key from their own environment; those of a cluster
    that is made here get it from this process.
    Raises     UsageError for a model that no worker can connect to, or workers that lack what they need; RunError if they do
               not start.
    """
    if cluster is None:
        yield lm
        return
    described, key = _described(lm)
    with joined(cluster, {KEY_VARIABLE: key} if key else None) as ray:
        each = 1 if is_embedded(lm) else math.ceil(threads / cluster.workers)
        with contextlib.closing(_Workers(ray, described, cluster.workers, each)) as workers:
            yield wrap(SpreadEngine(lm, workers), lm.model, **decoding(lm))


class SpreadEngine:
    """Sits between DSPy and the workers. lm: the model as this process knows it, which asks nothing itself."""

    def __init__(self, lm: dspy.LM, workers: "_Workers") -> None:
        self.lm, self._inner, self._workers = getattr(lm.engine, "lm", lm), lm.engine, workers
        self.supports_response_schema = lm.supports_response_schema
        self.supports_function_calling = lm.supports_function_calling
        self.supports_reasoning = lm.supports_reasoning
        self.supported_params = lm.supported_params

    def __deepcopy__(self, memo: dict[int, Any]) -> "SpreadEngine":
        return self

    @property
    def count_tokens(self) -> Callable[[str], int] | None:
        return getattr(self._inner, "count_tokens", None)

    def complete(self, request: lm15.Request) -> lm15.Response:
        with drawn() as sample:
            said = self._workers.answer(json.dumps(request_to_dict(request)), sample)
        if "error" in said:
            raise _error(said["error"], said["message"], self.lm.model)
        return response_from_dict(said["response"])

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        """The workers belong to the block."""


class _Workers:
    """So many workers, each with so many calls at once."""

    def __init__(self, ray: Any, described: Described, workers: int, each: int) -> None:
        self._ray = ray
        made = ray.remote(Answerer).options(
            num_cpus=1, scheduling_strategy="SPREAD", max_concurrency=each, max_restarts=-1, max_task_retries=_TRIES
        )
        self._actors = [made.remote(json.dumps(described._asdict())) for _ in range(workers)]
        self._free: SimpleQueue[Any] = SimpleQueue()
        try:
            self._wait()
        except BaseException:
            self.close()
            raise
        for _ in range(each):
            for actor in self._actors:
                self._free.put(actor)

    def close(self) -> None:
        """End the workers, also in a cluster that goes on."""
        for actor in self._actors:
            self._ray.kill(actor)

    def _wait(self) -> None:
        """Wait until all have started. Raises what is wrong with one, before any call is paid for."""
        asked = [actor.ready.remote() for actor in self._actors]
        done, left = self._ray.wait(asked, num_returns=len(asked), timeout=_START_SECONDS)
        if left:
            cpus = int(self._ray.cluster_resources().get("CPU", 0))
            raise RunError(
                f"{len(done)} of {len(asked)} workers have started after {_START_SECONDS:g} s; the cluster has {cpus} CPUs, "
                "and each worker needs one: give fewer --workers, or add machines"
            )
        with _startable():
            for said in map(json.loads, self._ray.get(asked)):
                if "error" in said:
                    raise _error(said["error"], f"on a worker: {said['message']}", "")
                if said["lacks_key"]:
                    raise UsageError(
                        f"the workers have no {KEY_VARIABLE} in their environment, and keys are not sent over the cluster: "
                        "set it there, for example from a secret of Kubernetes"
                    )
                if found := {name: said[name] for name, version in versions().items() if said[name] != version}:
                    raise UsageError(f"the workers have {found}, this process has {versions()}: install the same versions")

    def answer(self, request: str, sample: Sample) -> dict[str, Any]:
        actor = self._free.get()
        try:
            with lost():
                said: dict[str, Any] = json.loads(self._ray.get(actor.answer.remote(request, sample)))
            return said
        finally:
            self._free.put(actor)


def _described(lm: dspy.LM) -> tuple[Described, str]:
    """Return how a worker connects to `lm`, and the key it was given, "" for none."""
    if not is_named(lm):
        raise UsageError(f"{lm.model}: workers can only ask a model that is named by a spec, such as openai/gpt-4.1-mini")
    known = {} if is_embedded(lm) else lm.engine.lm.kwargs
    base, key = known.get("api_base"), str(known.get("api_key") or "")
    key = "" if key == NO_KEY else key
    return Described(lm.model, base, bool(key), known.get("timeout")), key


@contextlib.contextmanager
def _startable() -> Iterator[None]:
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        line = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
        raise UsageError(
            f"a worker cannot start: {line.strip()}; is dspy-programs installed on the cluster's machines?"
        ) from error


def _error(kind: str, message: str, model: str) -> Exception:
    """Return the error that a worker told of."""
    if kind == ContextWindowExceededError.__name__:
        return ContextWindowExceededError(message=message, model=model)
    ours = getattr(errors, kind, None)
    return ours(message) if isinstance(ours, type) and issubclass(ours, ProgramsError) else LMError(message)
