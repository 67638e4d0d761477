"""The files of a call as a model is shown them: each under a line with its path, as `head` does it."""

from collections.abc import Mapping


def files_shown(code: Mapping[str, str]) -> str:
    """Return all the files as one text."""
    return "\n".join(f"==> {path} <==\n{text.replace(chr(13), '').rstrip()}\n" for path, text in code.items()).rstrip("\n")
