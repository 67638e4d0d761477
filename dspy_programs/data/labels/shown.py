"""A pair as text for the person who labels it: nothing in it steers a terminal."""

import json
from collections.abc import Iterator

from dspy_programs.data.judging.judged import scores_in
from dspy_programs.data.known_rows import Known
from dspy_programs.text import printable

LONGEST = 20_000  # characters of one field that are shown


def parts_of(known: Known) -> Iterator[tuple[str, str]]:
    """Yield what there is to read, each with its name: the fields or turns, the worse answer, the judge, the label."""
    pair = known.pair
    if pair.messages:
        for turn in pair.messages:
            content = turn.get("content")
            yield str(turn.get("role", "?")), content if isinstance(content, str) else json.dumps(turn, ensure_ascii=False)
    else:
        fields = {"context": pair.context, "instruction": pair.instruction, "input": pair.input, "output": pair.output}
        yield from ((name, text) for name, text in fields.items() if text or name in ("instruction", "output"))
    if pair.rejected is not None:
        yield "the worse answer", pair.rejected
    if known.judgment:
        scores = ", ".join(f"{name} {score:g}" for name, score in scores_in(known.judgment).items())
        yield "judge", f"{'passed' if known.judgment.get('passed') is True else 'failed'}: {scores}"
    if known.label:
        said = [known.label.status or "", known.label.tag, known.label.note, "edited" if known.label.edit else ""]
        yield "label", " · ".join(filter(None, said))


def text_of(known: Known) -> str:
    """Return a pair for a terminal without a screen."""
    return "\n".join(f"[{name}] {clipped(text)}" for name, text in parts_of(known))


def clipped(text: str) -> str:
    left = len(text) - LONGEST
    return printable(text if left <= 0 else f"{text[:LONGEST]} ... ({left:,} characters more)")
