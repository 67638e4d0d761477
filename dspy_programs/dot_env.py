"""Keys and models from a file .env in the working directory, for the commands: they need not be typed into a shell.

Input      lines NAME=value, also with `export` in front, quotes around the value, a comment behind it. Only the names that this
           library documents are taken: DSPY_PROGRAMS_..., and the providers' keys in KEYS; other lines are other programs'.
Holds      what the environment has stays, an empty value too; an address is not taken where the key comes from elsewhere,
           so that no file found in a folder decides who is sent it. Nothing is printed but that the file cannot be read.
"""

import os
import re
import warnings
from collections.abc import MutableMapping
from pathlib import Path

KEYS = ("OPENROUTER_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY")
BASE, KEY = "DSPY_PROGRAMS_API_BASE", "DSPY_PROGRAMS_API_KEY"
LINE = re.compile(rf"\s*(?:export\s+)?(DSPY_PROGRAMS_[A-Z_]+|{'|'.join(KEYS)})\s*=\s*(.*?)\s*")
LARGEST = 1_000_000  # characters that are looked at


def add_dot_env(environment: MutableMapping[str, str] = os.environ, path: Path = Path(".env")) -> None:
    """Add what the file says to the environment, where it says nothing of it."""
    if not path.is_file():  # a pipe of that name would be waited for
        return
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            said = values_in(file.read(LARGEST))
    except OSError as error:
        warnings.warn(f"{path}: cannot be read: {error.strerror}", stacklevel=2)
        return
    if KEY in environment:
        said.pop(BASE, None)
    for name, value in said.items():
        environment.setdefault(name, value)


def values_in(text: str) -> dict[str, str]:
    """Return the values of the lines that are for us; of a name that comes twice, the last."""
    found = (LINE.fullmatch(line) for line in text.splitlines() if "\0" not in line)
    return {match[1]: unquoted(match[2]) for match in found if match is not None}


def unquoted(value: str) -> str:
    """Return a value without its quotes, or, where it has none, without the comment behind it."""
    if quoted := re.match(r"""(["'])(.*?)\1(?:\s+#.*)?$""", value):
        return quoted[2]
    return re.split(r"(?:^|\s+)#", value, maxsplit=1)[0]
