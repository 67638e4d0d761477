"""Reads keys and model names from a .env file in the working directory, so that commands need no shell exports.

Input      lines NAME=value, optionally with `export` in front, quotes around the value or a comment after it. Only names that
           this library documents are read: DSPY_PROGRAMS_..., the keys in KEYS, and the data flywheel's settings; all other
           lines are ignored, its addresses (OLLAMA_BASE_URL) and folders (DATA_DIR) too: ours have rules, below.
Guarantees variables already set are kept, even empty ones; a URL is ignored if the key comes from elsewhere, so no file
           found in a folder decides who receives the key; a model likewise, where its address does not come from the same
           place as the key. A file that names a model, an address, a server's key or a folder of weights, programs or data is
           announced on stderr in one line. An address that is not loopback is used, with its model and key, only if
           DSPY_PROGRAMS_TRUST_ENV=1 was set outside the file: traces would go there. So is a router's catalogue, which
           names addresses, and a file or folder to write answers, sessions, documents or
           prompts into: what is there might be put aside.
"""

import ipaddress
import os
import re
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from pathlib import Path
from urllib.parse import urlsplit

_KEYS = ("OPENROUTER_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HUGGINGFACE_TOKEN")
_MODELS = ("DEFAULT_JUDGE_BACKEND", "OLLAMA_MODEL", "OPENROUTER_MODEL")
_SETTINGS = (*_MODELS, "JUDGE_[A-Z_]+", "QUALITY_MIN_[A-Z_]+", "GENERATOR_[A-Z_]+", "MAX_CYCLES", "MIN_PASS_RATE", "PII_POLICY")
LM, BASE, KEY = "DSPY_PROGRAMS_LM", "DSPY_PROGRAMS_API_BASE", "DSPY_PROGRAMS_API_KEY"
_LINE = re.compile(rf"\s*(?:export\s+)?(DSPY_PROGRAMS_[A-Z_]+|{'|'.join((*_KEYS, *_SETTINGS))})\s*=(.*)")
_TRUST = "DSPY_PROGRAMS_TRUST_ENV"
_LLAMA, _SERVER_KEY = "DSPY_PROGRAMS_LLAMA", "DSPY_PROGRAMS_SERVER_KEY"
_WITH_ADDRESS = {BASE: (LM, BASE, KEY), _LLAMA: (_LLAMA,)}  # a key of one server is not sent to another
_ROUTER = "DSPY_PROGRAMS_ROUTER"
_WRITTEN = (
    *("DSPY_PROGRAMS_ANSWERS", "DSPY_PROGRAMS_SESSIONS"),
    *("DSPY_PROGRAMS_CODE", "DSPY_PROGRAMS_DOCUMENTS", "DSPY_PROGRAMS_PROMPTS"),
)
_FOLDERS = (
    *("DSPY_PROGRAMS_WEIGHTS", "DSPY_PROGRAMS_COMPILED", "DSPY_PROGRAMS_CACHE"),
    *("DSPY_PROGRAMS_DATA", "DSPY_PROGRAMS_CHECKPOINTS", "DSPY_PROGRAMS_REPORTS"),
)
_ANNOUNCED = (LM, BASE, _LLAMA, _ROUTER, *_MODELS, *_FOLDERS, _SERVER_KEY, *_WRITTEN)
_LARGEST = 1_000_000  # characters read


def add_dot_env(environment: MutableMapping[str, str] = os.environ, path: Path = Path(".env")) -> Collection[str]:
    """Add the file's variables to the environment, unless already set. Returns the names of those added."""
    # unlike Path.is_file, this bears a folder that nobody may enter; opening a pipe of that name would block
    if not os.path.isfile(path):
        return ()
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            said = _values_in(file.read(_LARGEST))
    except OSError as error:
        warnings.warn(f"{path}: cannot be read: {error.strerror}", stacklevel=2)
        return ()
    if KEY in environment:
        said.pop(BASE, None)
        if BASE not in environment:
            said.pop(LM, None)  # its provider would get the key
    said = {name: value for name, value in said.items() if name not in environment and name != _TRUST}
    if environment.get(_TRUST) != "1":
        for line, names in _untrusted(said):
            print(f"{path}: {line}; set {_TRUST}=1 to use it", file=sys.stderr)
            said = {name: value for name, value in said.items() if name not in names}
    if announced := [name if name == _SERVER_KEY else f"{name}={_shown(said[name])}" for name in _ANNOUNCED if name in said]:
        print(f"{path} sets {', '.join(announced)}", file=sys.stderr)
    for name, value in said.items():
        environment.setdefault(name, value)
    return said.keys()


def _untrusted(said: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield why variables are not used, and which."""
    for address, names in _WITH_ADDRESS.items():
        if not _is_loopback(said.get(address, "")):
            yield f"{address} is not this machine, so its model is not used", names
    if _ROUTER in said:
        yield f"{_ROUTER} names addresses that keys go to, so it is not used", (_ROUTER,)
    for name in _WRITTEN:
        if name in said:
            yield f"{name} names a file to write, which is not used", (name,)


def _is_loopback(url: str) -> bool:
    """Return whether a URL leads to this machine, or is none at all."""
    try:
        host = urlsplit(url).hostname or ""
        return not url or host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(value: str) -> str:
    """Return a value for the terminal: printable, not long, without the credentials of a URL."""
    plain = "".join(letter for letter in re.sub(r"//[^/\s]*@", "//", value) if letter.isprintable())
    return plain.partition("?")[0][:100]


def _values_in(text: str) -> dict[str, str]:
    """Return the values of our variables; if a name appears twice, the last one wins."""
    found = (_LINE.fullmatch(line) for line in text.splitlines() if "\0" not in line)
    return {match[1]: _unquoted(match[2].strip()) for match in found if match is not None}


def _unquoted(value: str) -> str:
    """Return a value without its quotes or, if unquoted, without a trailing comment."""
    if quoted := re.match(r"""(["'])(.*?)\1(?:\s+#.*)?$""", value):
        return quoted[2]
    return re.split(r"(?:^|\s)#", value, maxsplit=1)[0].rstrip()  # `\s+` here takes hours for a megabyte of spaces
