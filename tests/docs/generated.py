"""What the generators of pages share: compare a file with what it should be, or write it."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.docs.examples import ROOT


def outdated(made: Mapping[Path, Callable[[], str]]) -> list[Path]:
    """Return the files that are not what their generator makes now."""
    return [path for path, make in made.items() if not path.is_file() or path.read_text(encoding="utf-8") != make()]


def main_for(help_text: str | None, made: Mapping[Path, Callable[[], str]], argv: Sequence[str] | None = None) -> int:
    """Run a generator's command: exit code 1 where a file is outdated and was not to be written."""
    parser = argparse.ArgumentParser(description=help_text)
    parser.add_argument("--write", action="store_true", help="write the files; without it, only compare them")
    write = parser.parse_args(argv).write
    old = outdated(made)
    for path in old:
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[path](), encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {'written' if write else 'outdated; write it again: --write'}")
    return int(bool(old) and not write)
