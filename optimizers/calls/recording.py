"""A language model whose answers are journalled, counted and paid for only once."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import dspy
from dspy import lm15
from dspy._vendor.lm15.serde import request_to_dict, response_from_dict, response_to_dict
from dspy.clients.costs import estimate_cost
from dspy.utils.exceptions import ContextWindowExceededError, LMError

from dspy_programs.errors import ModelFailing, ProgramsError
from dspy_programs.lm import Sample, decoding, drawn
from dspy_programs.lm.server import call_inner, endpoint_of, redact, served_model, wrap
from optimizers.calls.journal import Journal, Record, key_of
from optimizers.calls.meter import Meter, Used


class RecordedEngine:
    """Sits between DSPy and a model. The same request twice, even concurrently, is one call and one answer.

    at: an address that distinguishes the model from another with its name. What a private server says about the model under
    that name distinguishes it too: a server that has got another model is asked anew.
    Raises     ContextWindowExceededError, remembered until the process ends: an overlong prompt says something about its row.
               The next process asks again, because a server that was mended may take it. Anything else stops the run: a
               missing answer must not be scored as a wrong one.
    """

    def __init__(self, lm: dspy.LM, role: str, journal: Journal, meter: Meter, at: str | None = None) -> None:
        self.lm, self.role, self.journal, self.meter, self.at = lm, role, journal, meter, at
        self.supports_response_schema = lm.supports_response_schema
        self.supports_function_calling = lm.supports_function_calling
        self.supports_reasoning = lm.supports_reasoning
        self.supported_params = lm.supported_params
        self._asking: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._counted: set[str] = set()
        self._unpriced: set[str] = set()
        self._served: dict[str, str | None] = {}  # model -> what its server says about it; asked once a run

    def __deepcopy__(self, memo: dict[int, Any]) -> "RecordedEngine":
        return self

    def beside(self, lm: dspy.BaseLM) -> dspy.LM:
        """Return a model that a program or a metric brings along, with the same journal and accounting."""
        if isinstance(getattr(lm, "engine", None), RecordedEngine):
            return lm
        engine = RecordedEngine(lm, self.role, self.journal, self.meter, endpoint_of(lm))
        engine._asking, engine._counted, engine._unpriced = self._asking, self._counted, self._unpriced
        engine._served = self._served
        return wrap(engine, lm.model, **decoding(lm))

    @property
    def count_tokens(self) -> Callable[[str], int] | None:
        """The model's own tokenizer, if it has one; counts are deterministic, so they are not recorded."""
        return getattr(getattr(self.lm, "engine", None), "count_tokens", None)

    def complete(self, request: lm15.Request) -> lm15.Response:
        with drawn() as sample:
            return self.answer(request, self.key(request, sample))

    def key(self, request: lm15.Request, sample: Sample) -> str:
        found = {"sample": sample, "at": self.at, "served": self.served()}
        apart = {name: value for name, value in found.items() if value}
        return key_of(self.role, request_to_dict(request) | apart)

    def served(self) -> str | None:
        """Return what the server says about the model, None if it says nothing."""
        place = f"{endpoint_of(self.lm)} {self.lm.model}"
        with self._asking[place]:
            if place not in self._served:
                self._served[place] = served_model(self.lm)
        return self._served[place]

    def answer(self, request: lm15.Request, key: str) -> lm15.Response:
        with self._asking[key]:
            record = self.journal.get(key)
            if record is None:
                with self.stopping_the_run():
                    record = self.ask(key, request)
                    self.journal.append(record)
                self.count(record, replayed=False)
            elif key not in self._counted:
                self.count(record, replayed=True)
        if "error" in record:
            raise ContextWindowExceededError(message=record["message"], model=self.lm.model)
        return response_from_dict(record["response"])

    def ask(self, key: str, request: lm15.Request) -> Record:
        self.meter.before_call()
        start = self.meter.elapsed
        outcome: Record
        try:
            response = call_inner(self.lm, request)
            outcome = {"usd": self.price(request, response), "response": response_to_dict(response)}
        except ContextWindowExceededError as error:
            outcome = {"error": type(error).__name__, "message": str(error), "usd": None, "response": {}}
        end = self.meter.elapsed
        return {"key": key, "role": self.role, "at": round(end, 3), "seconds": round(end - start, 3), **outcome}

    @contextlib.contextmanager
    def stopping_the_run(self) -> Iterator[None]:
        try:
            yield
        except LMError as error:
            if isinstance(error.__cause__, ProgramsError):  # from our own engine: a missing extra, no weights, no memory
                self.meter.stop(error.__cause__)
                raise error.__cause__ from None
            redact(error, [str(self.lm.kwargs.get("api_key") or "")])
            reason = ModelFailing(
                f"the {self.role} model {self.lm.model} does not answer: {first_line(error).rstrip('.')}. "
                "Answers already paid for are kept: run the same command again to resume"
            )
            self.meter.stop(reason)
            raise reason from error
        except ProgramsError as error:
            self.meter.stop(error)
            raise

    def count(self, record: Record, replayed: bool) -> None:
        self._counted.add(record["key"])
        usage = record["response"].get("usage", {})
        used = Used(
            calls=1,
            input_tokens=usage.get("input_tokens") or 0,
            cached_tokens=usage.get("cache_read_tokens") or 0,
            output_tokens=usage.get("output_tokens") or 0,
            usd=record["usd"] or 0.0,
            unpriced_calls=int(record["usd"] is None),
            seconds=record["seconds"],
        )
        self.meter.count(self.role, used, record["at"], replayed)

    def price(self, request: lm15.Request, response: lm15.Response) -> float | None:
        """Return USD by DSPy's price table; None if it has no price. An embedded model is free."""
        provider, _, model = self.lm.model.partition("/")
        if provider == "local":
            return 0.0
        if self.lm.model not in self._unpriced:  # looking up a missing price takes longer than everything else here
            usd, _ = estimate_cost(response, provider=provider, requested_model=model, request=request)
            if usd is None:
                self._unpriced.add(self.lm.model)
            return None if usd is None else float(usd)
        return None

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        """The journal and the model belong to the run."""


def recorded(lm: dspy.LM, role: str, journal: Journal, meter: Meter) -> dspy.LM:
    """Return `lm` with the same name and settings and a journal; the model itself handles retries."""
    return wrap(RecordedEngine(lm, role, journal, meter), lm.model, **decoding(lm))


def first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
