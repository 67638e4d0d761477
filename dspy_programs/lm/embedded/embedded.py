"""A language model on this machine: llama.cpp, through the `xllamacpp` wheel, behind DSPy's model interface.

It runs in this process, unless another process of the user has already loaded the same model (sharing.py), or
DSPY_PROGRAMS_LLAMA is the URL of your own llama.cpp server, which then answers for every `local/...`.

A shared prefix is paid for once: llama.cpp keeps the prompt's state, so the constant part (instructions, demonstrations) is
read once and only the difference is read again. JSON schemas become grammars: a reply cannot leave its schema, and no token
is spent on indentation.
"""

import functools
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from dspy import lm15
from dspy._vendor.lm15.providers.common import openai_token_logprobs

from dspy_programs.control_tokens import said
from dspy_programs.errors import LanguageModelError, MissingExtra
from dspy_programs.lm.embedded.llama_server import IN_PIECES, LlamaServer, ServerGone, ServerStopped
from dspy_programs.lm.embedded.sharing import abandon, shared
from dspy_programs.lm.embedded.streaming import Heard, Joined, events
from dspy_programs.lm.samples import drawn, seed_of
from dspy_programs.lm.server.answers import events_without_keys, without_keys_in
from dspy_programs.lm.server.redaction import known_keys, redact
from dspy_programs.lm.weights.catalog import Weights
from dspy_programs.lm.weights.local_models import LocalModel, Located, file_here, located
from dspy_programs.lm.weights.vocabulary import control_tokens, count_of
from dspy_programs.lm.weights.weights import is_fetched, within

_CONTEXT_TOKENS = 8192  # per slot; longer prompts are refused, never cut
_REPLY_TOKENS = 1536  # if a request sets no limit: an unbounded reply of a small model can run for minutes
_BYTES_PER_PARAMETER_BYTE = 1.25  # an estimate on the safe side: resident memory over the size of the file ...
_CONTEXT_BYTES = 1_000_000_000  # ... plus context, scratch buffers and prompt cache
_PROMPT_CACHE_MIB = 512  # for programs that alternate on one slot; llama.cpp's own default is 8 GiB
_SPIN_COUNT = "2000"  # `python -m tests.engine_speed`: alone as fast as 10,000 within noise, beside other work 1.4 times
_LISTENERS = 32  # llama.cpp threads for requests of other processes; each waiting request occupies one
_TRIES = 3  # of one request, if the process that had loaded the model is gone
_SLOTS_VARIABLE = "DSPY_PROGRAMS_SLOTS"
_LLAMA_VARIABLE = "DSPY_PROGRAMS_LLAMA"
_LLAMA_KEY_VARIABLE = "LLAMA_API_KEY"  # also read by llama-server itself
_LLAMA_SECONDS = 5.0  # for your own server to say what it is
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
        self.threads = threads or _threads_for_this_process()
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
                self._server = _server_at(self.url, self.weights) if self.url else self._start()
        return self._server

    def _start(self) -> Any:
        version = import_xllamacpp().__version__
        if isinstance(self.weights, Weights) and not is_fetched(self.weights):
            check_memory(self.weights.id, self.weights.size)  # before the download: no process can have it loaded
        model = located(self.weights)
        how = {"sha256": model.sha256, "slots": self.slots, "threads": self.threads, "xllamacpp": version}
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
        return without_keys_in(self._answer(request), self._keys())

    def _keys(self) -> list[str]:
        """Return what no answer of a user's own server may tell."""
        return known_keys([self.api_key]) if self.url else []

    def _answer(self, request: lm15.Request, heard: Heard | None = None) -> lm15.Response:
        """heard: is told each piece of the answer's text as it is written."""
        with drawn() as sample:
            body = chat_request(said(request, self._control_tokens()), seed_of(sample))
            try:
                reply: dict[str, Any] = self._asked(lambda server: _reply(server, body, heard))
            except ServerGone as error:
                raise lm15.ServerError(str(error)) from error
        if "choices" not in reply:
            refusal = _engine_error(reply)
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
            return iter(lm15.response_to_events(self.complete(request)))
        return events_without_keys(events(lambda heard: self._answer(request, heard), request.model), self._keys())

    def close(self) -> None:
        self._server = None


def _reply(server: Any, body: dict[str, Any], heard: Heard | None) -> dict[str, Any]:
    """Return llama.cpp's reply, told in pieces if somebody hears it. What was heard in part is not told again.

    Raises     ServerGone before anything was heard, ServerError after.
    """
    if heard is None:
        return dict(server.handle_chat_completions(body))
    pieces = Joined(heard)
    if not isinstance(server, LlamaServer):
        server.handle_chat_completions({**body, **IN_PIECES}, pieces.add)
        return pieces.reply() or {"error": {"message": "the reply stops before its end"}}
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
    return _engine_at(weights, url or os.environ.get(_LLAMA_VARIABLE) or None)


@functools.cache
def _engine_at(weights: LocalModel, url: str | None) -> EmbeddedEngine:
    return EmbeddedEngine(weights, url=url)


def _server_at(url: str, weights: LocalModel) -> LlamaServer:
    """Return the server at `url`. Raises LanguageModelError if it does not answer, or says it runs another model."""
    try:
        server = LlamaServer(url, os.environ.get(_LLAMA_KEY_VARIABLE, "").strip())
        runs = {re.split(r"[/\\]", name)[-1].lower() for name in _names_at(server)}
    except (ServerGone, LanguageModelError) as error:
        mend = f"fix or unset {_LLAMA_VARIABLE}; if the server requires a key, set {_LLAMA_KEY_VARIABLE}"
        raise LanguageModelError(f"{error}; {mend}") from error
    ours = {name.lower() for name in (weights.id, weights.file, Path(weights.file).stem)}
    if not runs & ours and any(name.endswith(".gguf") for name in runs):  # any other name is an alias, which proves nothing
        raise LanguageModelError(
            f"{server.listening_address} runs {', '.join(sorted(runs))[:200]}, not {weights.file}; start llama-server with "
            f"that file (or with --alias {weights.id} if it is that model), or unset {_LLAMA_VARIABLE}"
        )
    return server


def _names_at(server: LlamaServer) -> list[str]:
    """Return a server's names for its models, once it has counted tokens: only llama.cpp's does, and only with its key.

    Raises     ServerGone, LanguageModelError.
    """

    def asked() -> list[str]:
        names = server.model_names()
        server.count_tokens("")
        return names

    try:
        return within(_LLAMA_SECONDS, asked)
    except TimeoutError as error:
        raise LanguageModelError(f"{server.listening_address}: {error}") from None


def chat_request(request: lm15.Request, seed: int = 0) -> dict[str, Any]:
    """Convert a canonical request to llama.cpp's chat completion; greedy, and seeded by `seed`, unless it says otherwise."""
    config = request.config
    body: dict[str, Any] = {
        "messages": _messages_of(request),
        "max_tokens": config.max_tokens or _REPLY_TOKENS,
        "temperature": config.temperature or 0.0,
        "seed": seed if config.seed is None else config.seed,
        "cache_prompt": True,
    }
    if config.top_p is not None:
        body["top_p"] = config.top_p
    if config.stop:
        body["stop"] = list(config.stop)
    if config.logprobs is not None:  # of the model itself, before the grammar masks tokens
        body |= {"logprobs": True, "top_logprobs": config.logprobs}
    if config.response_format:
        body |= grammar_of(config.response_format)
    return body


def _messages_of(request: lm15.Request) -> list[dict[str, str]]:
    system = request.system
    text = system if isinstance(system, str) or system is None else "".join(part.text for part in system)
    messages = [{"role": "system", "content": text}] if text else []
    return messages + [{"role": message.role, "content": message.text or ""} for message in request.messages]


def grammar_of(response_format: dict[str, Any]) -> dict[str, Any]:
    """Turn a JSON schema into a grammar for JSON on one line, as Python's `json.dumps` writes it.

    Left to itself, a model indents, which takes many tokens; without any spaces it writes worse, because it has hardly
    ever seen such JSON.
    """
    if response_format.get("type") != "json_schema":
        return {"response_format": response_format}
    spacing = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    schema = {**response_format["schema"], "x-guidance": spacing}
    return {"grammar": import_xllamacpp().json_schema_to_grammar(schema)}


def _engine_error(reply: dict[str, Any]) -> Exception:
    """Map llama.cpp's error to DSPy's: an overlong prompt is the row's fault, everything else the engine's."""
    error = reply.get("error", reply)
    message = str(error.get("message", error) if isinstance(error, dict) else error)
    if "context" in message:
        return lm15.ContextLengthError(message)
    return lm15.InvalidRequestError(message) if "400" in str(error) else lm15.ServerError(message)


def slots_for_this_machine() -> int:
    """Return how many requests to decode in parallel: one up to 8 cores, then one for every 8, at most 4.

    On 2 cores more slots gave no more tokens per second, because one request already uses both; larger machines were not
    measured. Set DSPY_PROGRAMS_SLOTS if a measurement says otherwise (a GPU build of the wheel gains from 8 and more).
    """
    chosen = os.environ.get(_SLOTS_VARIABLE)
    return int(chosen) if chosen else max(1, min(4, (os.cpu_count() or 1) // 8))


def _threads_for_this_process() -> int:
    """Return OMP_NUM_THREADS, else one thread for every core that this process may use.

    More threads than cores are much slower: each waits for one that is not running.
    """
    chosen = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if chosen.isdecimal() and int(chosen) > 0:
        return int(chosen)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_memory(name: str, size: int) -> None:
    """Refuse to load a model that does not fit: the kernel would kill the process silently. size: of its file, in bytes."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return  # not every system says
    needed = int(size * _BYTES_PER_PARAMETER_BYTE) + _CONTEXT_BYTES
    if free < needed:
        raise LanguageModelError(
            f"{name} needs about {needed / 1e9:.1f} GB of free memory, but only {free / 1e9:.1f} GB are free: "
            "close other programs, or use a smaller model, e.g. --lm local/qwen2.5-coder-0.5b"
        )


def import_xllamacpp() -> Any:
    """Import llama.cpp. Its threads spin only briefly before they sleep; otherwise a busy machine stalls.

    libgomp reads the setting when it is loaded. If the user has set either variable, nothing is changed: GOMP_SPINCOUNT
    would override OMP_WAIT_POLICY.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
    try:
        import xllamacpp
    except ImportError as error:
        raise MissingExtra('embedded models need an extra: pip install "dspy-programs[local]"') from error
    return xllamacpp
