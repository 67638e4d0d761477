"""The version of the rules: changes whenever a verdict could change, so that two batches are compared only if it is the same.

Output     12 hexadecimal digits: a digest of the code that reads and judges a trace, and of the calibration.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from dspy_programs.failures.calibrated import FILE

_PACKAGE = Path(__file__).parent.parent
_ROOMS = ("programs/failure_judge", "programs/actor/arguments", "provenance", "schemas", "conversation", "failures/formats")
_READING = ("failures/reader.py", "failures/archive.py", "text_stream.py", "jsonable.py")
_JUDGING = ("failures/classifier.py", "failures/calibrated.py", f"failures/{FILE}")
_FILES = ("types.py", "text.py", *_READING, *_JUDGING)


@lru_cache(maxsize=1)
def rules_version() -> str:
    """Return the version of the rules that this installation has."""
    return digest_of(deciding_files())


def deciding_files() -> list[Path]:
    """Return the files that decide a verdict, in a fixed order."""
    in_rooms = [path for room in _ROOMS for path in sorted((_PACKAGE / room).rglob("*.py"))]
    return [*in_rooms, *(_PACKAGE / name for name in _FILES if (_PACKAGE / name).is_file())]


def digest_of(paths: Iterable[Path]) -> str:
    """Return a digest of files: of their names, and of their lines whatever ends them."""
    found = hashlib.sha256()
    for path in paths:
        text = b"\n".join(path.read_bytes().splitlines())
        found.update(b"%s\0%d\0%s" % (path.name.encode(), len(text), text))
    return found.hexdigest()[:12]
