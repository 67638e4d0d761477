"""What a download says: on stderr, and without credentials."""

import re
import sys

from tqdm import tqdm


def without_credentials(error: object) -> str:
    """Return one line, at most 300 characters, without `user:password@` and without the query of a (signed) URL."""
    line = " ".join(str(error).split()) or type(error).__name__
    return re.sub(r"(https?://[^\s?]*)\?\S*", r"\1", re.sub(r"//\S*@", "//", line))[:300]


def say(text: str, progress: bool) -> None:
    if progress:
        tqdm.write(text, file=sys.stderr)
