"""python -m tests.docs.figures [--write]: the tables of measured results in README and docs, from the data they come from.

A table stands between `<!-- figures: NAME ARGUMENT -->` and `<!-- end of figures -->`. Scores come from the shipped compiled
programs, the first command's from its recorded output, the failure judge's agreement from what tests/failures_agreement.py
wrote.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.registry import PROGRAMS, read_compiled
from dspy_programs.registry.compiled_store import shipped_directory
from tests import agreement_figures
from tests.docs.examples import ROOT, pages
from tests.docs.generated import main_for

AGREEMENT = ROOT / "datasets" / "failure_judge" / "agreement.json"
PAGES = [*pages(), AGREEMENT.with_name("CARD.md")]
OUTPUT = ROOT / "docs" / "pictures" / "train.txt"
SCORE = r"[\d.]+ \[[-\d., ]+\]"
PRINTED = {
    "minutes": r"cost .*?([\d.]+) minutes",
    "calls": r"cost +(\d+) model calls",
    "tokens": r"cost .*?([\d,]+) tokens",
    "rows": r"-> compiled .*?(\d+) rows",
    "written": rf"test +uncompiled ({SCORE})",
    "compiled": rf"-> compiled ({SCORE})",
    "difference": rf"difference ({SCORE})",
    "outcome": r"unchanged: +(.+)",
}
PLACE = re.compile(r"(?P<head><!-- figures: (?P<name>[^\n]+) -->\n)(?P<table>.*?)(?P<tail><!-- end of figures -->)", re.S)


class Scored(NamedTuple):
    """What the card of a program says of its test. compiled, gain: None where the program ships uncompiled."""

    program: str
    written: dict[str, float]
    compiled: dict[str, float] | None
    gain: dict[str, float] | None

    @property
    def gains(self) -> bool:
        """Whether the gain is beyond noise."""
        return self.gain is not None and self.gain["low"] > 0


def scored(model: str) -> list[Scored]:
    """Read every program that ships for a model, best gain first."""
    found = []
    for program in PROGRAMS:
        path = shipped_directory() / program / f"{model}.json"
        if path.is_file():
            test: dict[str, Any] = read_compiled(path, program).provenance.scores["test"]
            found.append(Scored(program, test["seed"], test.get("compiled"), test.get("difference")))
    return sorted(found, key=lambda each: (not each.gains, -(each.gain or {"mean": 0.0})["mean"], each.program))


def interval(found: dict[str, float] | None) -> str:
    return f"{found['mean']:.3f} [{found['low']:.3f}, {found['high']:.3f}]" if found else ""


def scores_table(model: str) -> Iterator[str]:
    yield "| program | test rows | uncompiled | compiled | gain |"
    yield "|---|---|---|---|---|"
    for each in scored(model):
        compiled, gain = interval(each.compiled) or "uncompiled", interval(each.gain) or "0"
        yield f"| {each.program} | {each.written['rows']} | {interval(each.written)} | {compiled} | {gain} |"


def gains_table(model: str) -> Iterator[str]:
    """The same in short: what ships compiled, best gain first, and the names of what does not."""
    yield "| program | test rows | uncompiled | compiled | gain (95 % interval) |"
    yield "|---|---|---|---|---|"
    found = scored(model)
    for each in found:
        if each.compiled:
            gain = f"**{interval(each.gain)}**" if each.gains else interval(each.gain)
            scores = f"{each.written['mean']:.3f} | {each.compiled['mean']:.3f}"
            yield f"| {each.program} | {each.written['rows']} | {scores} | {gain} |"
    yield ""
    yield f"Shipped uncompiled: {', '.join(each.program for each in found if not each.compiled)}."


def first_command() -> dict[str, str]:
    """Read what the recorded run of README's first command printed at its end."""
    output = OUTPUT.read_text(encoding="utf-8")
    found = {name: re.search(pattern, output) for name, pattern in PRINTED.items()}
    if unread := [name for name, match in found.items() if match is None]:
        raise ValueError(f"{OUTPUT}: the run prints no {', '.join(unread)}: its words have changed, and PRINTED with them")
    return {name: match.group(1) for name, match in found.items() if match}


def first_table() -> Iterator[str]:
    run = first_command()
    yield "| | |"
    yield "|---|---|"
    yield f"| training run, test included | {run['minutes']} minutes, {run['calls']} model calls, {run['tokens']} tokens |"
    yield f"| uncompiled, {run['rows']} test rows | {run['written']} |"
    yield f"| best found, the same rows | {run['compiled']} |"
    yield f"| difference (paired bootstrap, 95 %) | {run['difference']} |"
    yield f"| outcome | {run['outcome']} |"


def agreement_table(kind: str) -> Iterator[str]:
    """How far the rules of the failure judge agree with people and outcomes."""
    found = agreement_figures.read(AGREEMENT)
    if kind == "kinds":
        return agreement_figures.kinds_table(found)
    return agreement_figures.parts_table(found, agreement_figures.HEADLINES if kind == "headlines" else ())


TABLES: dict[str, Callable[..., Iterator[str]]] = {
    "scores": scores_table,
    "gains": gains_table,
    "first": first_table,
    "agreement": agreement_table,
}


def with_tables(page: Path) -> str:
    """Return the page with every table as its data has it now."""
    return PLACE.sub(lambda place: place["head"] + made(place["name"]) + place["tail"], page.read_text(encoding="utf-8"))


def made(name: str) -> str:
    kind, *arguments = name.split()
    return "\n".join(["", *TABLES[kind](*arguments), "", ""])  # Markdown wants blank lines around a table


def main(argv: Sequence[str] | None = None) -> int:
    return main_for(__doc__, {page: partial(with_tables, page) for page in PAGES}, argv)


if __name__ == "__main__":
    raise SystemExit(main())
