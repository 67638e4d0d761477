"""python -m tests.docs.examples [--write] [PAGE...]: run the examples of README and docs, and compare what they print.

A page runs from top to bottom in one empty folder:

    ```json title="run.json"      a file, written there
    ```python  and  ```bash       run; Python keeps its names from one example to the next
    ```text                       right after one of these: what it prints; "..." stands for anything

A comment before a fence says what is special about it:

    <!-- not run: a model -->     what it would need; see NEEDS
    <!-- exit 1 -->               the exit code of the command, where it is not 0
    <!-- recorded compiled -->    what the embedded model once replied, by its name in recorded.json

--write puts what was printed into the page. Exit code: 0 where every page prints what it says, else 1.
"""

import argparse
import contextlib
import difflib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from tests import forked_commands

ROOT = Path(__file__).resolve().parent.parent.parent
RECORDED = Path(__file__).with_name("recorded.json")
NEEDS = ("a model", "a network", "a server", "a key", "files of your own")
SECONDS = 120  # for one example
FENCE = re.compile(
    r'(?:^<!-- (?P<mark>[^\n]*) -->\n+)?^```(?P<language>\w+)(?: title="(?P<title>[^"\n]+)")?\n(?P<code>.*?)^```$', re.M | re.S
)
COMMANDS = 'set -eo pipefail; dspy-programs() { python -m dspy_programs "$@"; }\n'  # also where nothing is installed


class Fence(NamedTuple):
    """A fenced block of a page. code: where its text stands in the page; line: of its first line of text."""

    mark: str
    language: str
    title: str
    text: str
    code: tuple[int, int]
    fence: tuple[int, int]
    line: int


class Difference(NamedTuple):
    """An example that does not print what the page says."""

    expected: Fence
    printed: str

    def __str__(self) -> str:
        lines = self.expected.text.splitlines(), self.printed.splitlines()
        return "\n".join(difflib.unified_diff(*lines, f"line {self.expected.line}", "printed", lineterm=""))


class PageError(Exception):
    """An example that does not run, or a mark that nobody knows."""


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def fences_in(page: str) -> list[Fence]:
    return [
        Fence(
            found["mark"] or "",
            found["language"],
            found["title"] or "",
            found["code"],
            found.span("code"),
            (found.start("language") - 3, found.end()),
            page.count("\n", 0, found.start("code")) + 1,
        )
        for found in FENCE.finditer(page)
    ]


def with_output(page: str) -> Iterator[tuple[Fence, Fence | None]]:
    """Yield each fence with the one that says what it prints: a `text` right after it."""
    fences = fences_in(page)
    for fence, following in zip_longest(fences, fences[1:]):
        is_output = following and following.language == "text" and not page[fence.fence[1] : following.fence[0]].strip()
        yield fence, following if is_output else None


def matches(expected: str, printed: str) -> bool:
    pattern = re.escape(expected.rstrip()).replace(r"\.\.\.", ".*?")
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed.rstrip().splitlines()), re.S) is not None


def differences(path: Path) -> list[Difference]:
    """Run a page in an empty folder. Raises PageError."""
    page, names, found = path.read_text(encoding="utf-8"), {"__name__": "__main__"}, list[Difference]()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), own_directories(Path(folder)):
        for fence, expected in with_output(page):
            printed = outcome(fence, path, names)
            printed = printed and printed.replace(os.environ["DSPY_PROGRAMS_COMPILED"], "...")
            if expected and printed is not None and not matches(expected.text, printed):
                found.append(Difference(expected, printed))
    return found


@contextlib.contextmanager
def own_directories(folder: Path) -> Iterator[None]:
    """Keep the user's models, keys and compiled programs out of the examples, and the examples out of the user's folders."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("DSPY_PROGRAMS_") or name.endswith("_API_KEY")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as aside:
        os.environ.update(
            DSPY_PROGRAMS_COMPILED=f"{aside}/compiled",
            DSPY_PROGRAMS_ANSWERS=f"{aside}/answers.sqlite",
            DSPY_PROGRAMS_CODE=f"{aside}/code",
            DSPY_PROGRAMS_SESSIONS=f"{aside}/sessions.sqlite",
            DSPY_PROGRAMS_SHARE="0",
            DSPY_CACHEDIR=f"{aside}/dspy",
            LITELLM_LOCAL_MODEL_COST_MAP="True",
            COLUMNS="100",
            PYTHONUNBUFFERED="1",  # both streams in the order in which a person sees them
            PYTHONPATH=os.pathsep.join([str(ROOT), str(folder)]),
            PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        )
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def outcome(fence: Fence, path: Path, names: dict[str, Any]) -> str | None:
    """Run one example, or write one file. Returns what it printed, None where it did not run."""
    kind, detail = known_mark(fence, path)
    if kind == "not run":
        return None
    if fence.title:
        Path(fence.title).parent.mkdir(parents=True, exist_ok=True)
        Path(fence.title).write_text(fence.text, encoding="utf-8")
        return None
    if fence.language not in ("python", "bash"):
        return None
    with recorded(detail) if kind == "recorded" else contextlib.nullcontext():
        if fence.language == "bash":
            return printed_by_bash(fence, path, int(detail) if kind == "exit" else 0)
        return printed_by_python(fence, path, names)


def known_mark(fence: Fence, path: Path) -> tuple[str, str]:
    """Return kind and detail of the comment before a fence. Raises PageError."""
    where, (kind, _, detail) = f"{path}:{fence.line}", fence.mark.partition(": " if fence.mark.startswith("not run:") else " ")
    if kind == "not run" and detail not in NEEDS:
        raise PageError(f"{where}: not run: {detail}; say which it needs: {', '.join(NEEDS)}")
    if fence.mark and kind not in ("not run", "exit", "recorded", "figures:", "end"):
        raise PageError(f"{where}: nobody knows the mark {fence.mark!r}")
    return kind, detail


def printed_by_bash(fence: Fence, path: Path, code: int) -> str:
    """Return what a person would see: both streams."""
    done = subprocess.run(
        ["bash", "-c", (forked_commands.SHELL if forked_commands.VARIABLE in os.environ else "") + COMMANDS + fence.text],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    if done.returncode != code:
        raise PageError(f"{path}:{fence.line}: exit code {done.returncode}, not {code}\n{done.stdout}")
    return done.stdout


def printed_by_python(fence: Fence, path: Path, names: dict[str, Any]) -> str:
    printed = io.StringIO()
    code = compile("\n" * (fence.line - 1) + fence.text, str(path), "exec")  # so that a traceback names the page's line
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, names)
    except Exception as error:
        raise PageError(f"{path}:{fence.line}: {type(error).__name__}: {error}") from error
    return printed.getvalue()


@contextlib.contextmanager
def recorded(name: str) -> Iterator[None]:
    """Let a llama.cpp server on loopback give a recorded reply, as `local/qwen2.5-coder-1.5b`."""
    from dspy_programs.lm.weights.catalog import CATALOG, DEFAULT_ID
    from tests.dspy_programs.lm.test_llama_server import Llama

    reply = reply_of(json.loads(RECORDED.read_text(encoding="utf-8"))[name])
    with Llama(f"/models/{CATALOG[DEFAULT_ID].file}", replies=[(200, reply)]) as llama:
        os.environ["DSPY_PROGRAMS_LLAMA"] = llama.url
        yield
        del os.environ["DSPY_PROGRAMS_LLAMA"]


def reply_of(text: str) -> dict[str, Any]:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "recorded", "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}


def corrected(page: str, wrong: Sequence[Difference]) -> str:
    """Return the page with what was printed in place of what it said."""
    for each in sorted(wrong, key=lambda each: each.expected.code, reverse=True):
        begin, end = each.expected.code
        lines = [line.rstrip() for line in each.printed.rstrip().splitlines()]
        page = page[:begin] + "\n".join([*lines, ""]) + page[end:]
    return page


def name_of(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run the examples of README and docs, and compare what they print.")
    parser.add_argument("pages", nargs="*", type=Path)
    parser.add_argument("--write", action="store_true", help="put what was printed into the page")
    arguments = parser.parse_args(argv)
    failed = False
    for path in [path.resolve() for path in arguments.pages] or pages():
        wrong = differences(path)
        if wrong and arguments.write:
            path.write_text(corrected(path.read_text(encoding="utf-8"), wrong), encoding="utf-8")
        failed |= bool(wrong) and not arguments.write
        print(f"{name_of(path)}: {'as it says' if not wrong else 'written' if arguments.write else 'differs'}")
        print("\n".join(map(str, wrong)), end="\n" if wrong else "")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
