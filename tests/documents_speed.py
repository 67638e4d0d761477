"""python -m tests.documents_speed --lm local/qwen2.5-coder-1.5b: what restoring a document saves, and whether answers change.

A long document holds pass phrases that no model can know. Printed: seconds to the first token with the document read for the
question and with it restored, and how many answers are the same both ways, and right.
"""

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from dspy_programs.documents import Documents, Source
from dspy_programs.lm import connect, running_on
from dspy_programs.lm.embedded import kept_prompts

_NAMES = "heron otter lynx badger marten plover curlew teal stoat ermine gannet merlin".split()


def document(words: int, draw: random.Random) -> tuple[str, dict[str, str]]:
    """Return a text of about so many words, and the pass phrase of each room in it."""
    phrases = {name: f"{draw.choice(_NAMES)}-{draw.randrange(1000, 9999)}-{draw.choice(_NAMES)}" for name in _NAMES}
    lines = [f"The pass phrase of the {name} room is {phrase}." for name, phrase in phrases.items()]
    while sum(len(line.split()) for line in lines) < words:
        number = draw.randrange(10_000)
        lines.append(f"Note {number}: the corridor was painted, {number % 7} lamps were changed, and nobody came.")
    draw.shuffle(lines)
    return "\n\n".join(lines), phrases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lm", default="local/qwen2.5-coder-1.5b")
    parser.add_argument("--words", type=int, default=2_300, help="of the document; about 1.75 tokens each")
    parser.add_argument("--questions", type=int, default=5)
    asked = parser.parse_args()
    draw = random.Random(20261130)
    text, phrases = document(asked.words, draw)
    lm = connect(asked.lm)
    with tempfile.TemporaryDirectory() as folder:
        shelf = Documents(Path(folder) / "d.sqlite", lm)
        done = shelf.ingest("rooms", [Source("rooms.txt", text)])
        print(
            f"{done.tokens:,} tokens read and kept in {done.seconds:.1f} s, {(done.kept_bytes or 0) / 1e6:,.0f} MB", flush=True
        )
        cold, warm, same, right = [], [], 0, 0
        for name in draw.sample(_NAMES, asked.questions):
            question = f"What is the pass phrase of the {name} room?"
            began = time.monotonic()
            shelf.ask("rooms", question, max_tokens=1)
            warm.append(time.monotonic() - began)
            restored = shelf.ask("rooms", question)
            program = shelf.reader.program
            with kept_prompts.read_anew():
                began = time.monotonic()
                with running_on(lm.copy(max_tokens=1)):
                    program(text, question)
                cold.append(time.monotonic() - began)
            with running_on(lm):
                fresh = program(text, question)
            same += restored.answer == fresh.answer
            right += phrases[name] in restored.answer
            print(f"{name}: {restored.answer!r}, read anew {fresh.answer!r}; {warm[-1]:.2f} s and {cold[-1]:.1f} s", flush=True)
        shelf.remove("rooms")
    ratio = statistics.median(cold) / statistics.median(warm)
    first = f"{statistics.median(cold):.1f} s read anew, {statistics.median(warm):.2f} s restored, {ratio:.0f} times as fast"
    print(f"first token: {first}; {same} of {asked.questions} answers the same, {right} right")


if __name__ == "__main__":
    main()
