"""A language model on this machine: llama.cpp, through the `xllamacpp` wheel, behind DSPy's model interface.

It runs in this process, unless another process of the user has already loaded the same model (sharing.py), or
DSPY_PROGRAMS_LLAMA is the URL of your own llama.cpp server, which then answers for every `local/...`.

A shared prefix is paid for once: llama.cpp keeps the prompt's state, so the constant part (instructions, demonstrations) is
read once and only the difference is read again. JSON schemas become grammars: a reply cannot leave its schema, and no token
is spent on indentation.
"""

import functools
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from dspy import lm15
from dspy._vendor.lm15.providers.common import openai_token_logprobs

from dspy_programs.control_tokens import said
from dspy_programs.errors import LanguageModelError
from dspy_programs.lm.embedded.chat_request import chat_request, engine_error
from dspy_programs.lm.embedded.kept_prompts import SLOT, directory as prompts_directory, turn_fields
from dspy_programs.lm.embedded.llama_server import IN_PIECES, LlamaServer, ServerGone, ServerStopped
from dspy_programs.lm.embedded.machine import check_memory, import_xllamacpp, slots_for_this_machine, threads_for_this_process
from dspy_programs.lm.embedded.own_server import LLAMA_VARIABLE, server_at
from dspy_programs.lm.embedded.sharing import abandon, shared
from dspy_programs.lm.embedded.streaming import Heard, Joined, events, to_the_end
from dspy_programs.lm.hearing import answered
from dspy_programs.lm.samples import drawn, seed_of
from dspy_programs.lm.server.answers import events_without_keys, without_keys_in
from dspy_programs.lm.server.redaction import known_keys, redact
from dspy_programs.lm.weights.catalog import Weights
from dspy_programs.lm.weights.local_models import LocalModel, Located, file_here, located
from dspy_programs.lm.weights.vocabulary import control_tokens, count_of
from dspy_programs.lm.weights.weights import is_fetched

_CONTEXT_TOKENS = 8192  # per slot; longer prompts are refused, never cut
_PROMPT_CACHE_MIB = 512  # for programs that alternate on one slot; llama.cpp's own default is 8 GiB
_LISTENERS = 32  # llama.cpp threads for requests of other processes; each waiting request occupies one
_TRIES = 3  # of one request, if the process that had loaded the model is gone
T = TypeVar("T")


class EmbeddedEngine:
    """One loaded model. `complete` may be called from many threads; as many run in parallel as there are slots."""

    supports_response_schema = True
    supports_function_calling = False
    supports_reasoning = False
    supported_params = frozenset(
        {"response_format", "temperature", "max_tokens", "top_p", "stop", "seed", "logprobs", "top_logprobs"}
    )

    def __init__(
        self, weights: LocalModel, *, slots: int | None = None, threads: int | None = None, url: str | None = None
    ) -> None:
        """url: of a llama.cpp server that runs this model; then nothing is loaded."""
        self.weights, self.url = weights, url
        self.slots = slots or slots_for_this_machine()
        self.threads = threads or threads_for_this_process()
        self._key = secrets.token_urlsafe(24)  # llama.cpp also listens on loopback, and nobody else may use it
        self._server: Any = None
        self._starting = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> "EmbeddedEngine":
        return self  # a loaded model is shared, never copied

    @property
    def address(self) -> str:
        """The loopback URL of the model's own OpenAI-compatible server, e.g. "http://127.0.0.1:41357"."""
        return str(self.server().listening_address)

    @property
    def api_key(self) -> str:
        """The key that the server at `address` requires."""
        return self._server.key if isinstance(self._server, LlamaServer) else self._key

    def server(self) -> Any:
        """Download and load the weights at the first call, or find a process that has them loaded."""
        with self._starting:
            if self._server is None:
                self._server = server_at(self.url, self.weights) if self.url else self._start()
        return self._server

    def _start(self) -> Any:
        version = import_xllamacpp().__version__
        if isinstance(self.weights, Weights) and not is_fetched(self.weights):
            check_memory(self.weights.id, self.weights.size)  # before the download: no process can have it loaded
        model = located(self.weights)
        how = {"sha256": model.sha256, "slots": self.slots, "threads": self.threads, "xllamacpp": version}
        how["prompts"] = str(prompts_directory())
        return shared(how, self._key, lambda socket: self._load(model, socket))

    def _load(self, model: Located, socket: Path | None) -> Any:
        """socket: where to listen besides loopback, for other processes of this user."""
        xllamacpp = import_xllamacpp()
        check_memory(self.weights.id, model.size)
        params = xllamacpp.CommonParams()
        params.model.path = str(model.path)
        params.n_parallel = self.slots
        params.n_ctx = min(_CONTEXT_TOKENS, model.context_tokens) * self.slots
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = self.threads
        params.api_keys = [self._key]
        params.hostnames = ["127.0.0.1", *([str(socket)] if socket else [])]
        params.port = 0
        params.n_threads_http = _LISTENERS
        params.cache_ram_mib = _PROMPT_CACHE_MIB
        params.slot_save_path = f"{prompts_directory()}{os.sep}"
        params.ui = False
        params.verbosity = -1
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            if socket:
                socket.unlink(missing_ok=True)  # it may exist even if the model fails to load
                return self._load(model, None)
            raise LanguageModelError(
                f"llama.cpp could not load {model.path}: {error} The file may be damaged, or too new: upgrade xllamacpp"
            ) from error

    def complete(self, request: lm15.Request) -> lm15.Response:
        return answered(request, self._whole, self.stream)

    def _whole(self, request: lm15.Request) -> lm15.Response:
        return without_keys_in(self._answer(request), self._keys())

    def _keys(self) -> list[str]:
        """Return what no answer of a user's own server may tell."""
        return known_keys([self.api_key]) if self.url else []

    def _answer(self, request: lm15.Request, heard: Heard | None = None) -> lm15.Response:
        """heard: is told each piece of the answer's text as it is written."""
        with drawn() as sample:
            body = chat_request(said(request, self._control_tokens()), seed_of(sample), turn_fields())
            try:
                reply: dict[str, Any] = self._asked(lambda server: _reply(server, body, heard))
            except ServerGone as error:
                raise lm15.ServerError(str(error)) from error
        if "choices" not in reply:
            refusal = engine_error(reply)
            redact(refusal, [self.api_key])  # a user's own server may repeat the key that it refuses
            raise refusal
        choice, usage = reply["choices"][0], reply["usage"]
        return lm15.Response(
            id=reply.get("id"),
            model=request.model,
            message=lm15.Message.assistant(choice["message"].get("content") or ""),
            finish_reason="length" if choice["finish_reason"] == "length" else "stop",
            usage=lm15.Usage(
                input_tokens=usage["prompt_tokens"],
                output_tokens=usage["completion_tokens"],
                cache_read_tokens=usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
            ),
            logprobs=openai_token_logprobs((choice.get("logprobs") or {}).get("content")) or None,
        )

    def _asked(self, ask: Callable[[Any], T]) -> T:
        """Ask the server. If the process that had loaded the model is gone, load it, or find the next one.

        Raises     ServerGone.
        """
        gone = ServerGone()
        for _ in range(1 if self.url else _TRIES):
            server = self.server()
            try:
                return ask(server)
            except ServerGone as error:
                gone = error
                self._forget(server, isinstance(error, ServerStopped))
        raise gone

    def _forget(self, server: Any, stopped: bool) -> None:
        with self._starting:
            if self._server is server and isinstance(server, LlamaServer):
                self._server = None
                if stopped and not self.url:
                    abandon(server)

    def _control_tokens(self) -> frozenset[str]:
        """Return those of the model's vocabulary; none where its file is on another machine, or not read yet."""
        path = file_here(self.weights)
        return control_tokens(path) if path else frozenset()

    def count_tokens(self, text: str) -> int:
        """Count with the model's own tokenizer, without chat-turn markers. Loads the model if its file alone does not do."""
        if self.url is None and (count := count_of(self.weights)):
            return count(text)
        try:
            return self._asked(lambda server: self._over_http(server).count_tokens(text))
        except ServerGone as error:
            raise LanguageModelError(f"{self.weights.id} cannot count tokens: {error}") from error

    def _over_http(self, server: Any) -> LlamaServer:
        """A process that shares is asked at its socket: once it has ended, anybody may listen at its port."""
        return server if isinstance(server, LlamaServer) else LlamaServer(server.listening_address, self._key)

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        """Yield the answer's events as it is written; those with log-probabilities at its end, for pieces lose some."""
        if request.config.logprobs is not None:
            return iter(lm15.response_to_events(self._whole(request)))
        return events_without_keys(events(lambda heard: self._answer(request, heard), request.model), self._keys())

    def slot_action(self, action: str, file: str) -> dict[str, Any]:
        """Let llama.cpp save its first slot to a file, or restore it; return what it says."""
        try:
            return self._asked(
                lambda server: self._over_http(server).post(f"/slots/{SLOT}?action={action}", {"filename": file})
            )
        except ServerGone as error:
            return {"error": str(error)}

    def identity(self) -> dict[str, Any]:
        """Return what tells this model, as it is loaded, from any other."""
        if self.url:
            return {"model": self.weights.id, "at": self.url, **self._asked(lambda server: self._over_http(server).traits())}
        model = located(self.weights)
        context = min(_CONTEXT_TOKENS, model.context_tokens)
        return {"model": self.weights.id, "sha256": model.sha256, "context": context, "by": import_xllamacpp().__version__}

    def close(self) -> None:
        self._server = None


def _reply(server: Any, body: dict[str, Any], heard: Heard | None) -> dict[str, Any]:
    """Return llama.cpp's reply, told in pieces if somebody hears it. What was heard in part is not told again.

    Raises     ServerGone before anything was heard, ServerError after.
    """
    if not isinstance(server, LlamaServer):
        if body.get("logprobs"):  # pieces lose those of half a character
            return dict(server.handle_chat_completions(body))
        pieces = Joined(heard or to_the_end)
        server.handle_chat_completions({**body, **IN_PIECES}, pieces.add)
        return pieces.reply() or {"error": {"message": "the reply stops before its end"}}
    if heard is None:
        return dict(server.handle_chat_completions(body))
    pieces = Joined(heard)
    try:
        return server.handle_chat_completions(body, pieces)
    except ServerGone as error:
        if pieces.text:
            raise lm15.ServerError(str(error)) from error
        raise


def engine_for(weights: LocalModel, url: str | None = None) -> EmbeddedEngine:
    """Return this process's engine for `weights`: two would only compete for memory and cores.

    url: of your own llama.cpp server, by default DSPY_PROGRAMS_LLAMA.
    """
    return _engine_at(weights, url or os.environ.get(LLAMA_VARIABLE) or None)


@functools.cache
def _engine_at(weights: LocalModel, url: str | None) -> EmbeddedEngine:
    return EmbeddedEngine(weights, url=url)
