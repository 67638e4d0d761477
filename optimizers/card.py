"""What a compiled program is, as a page to read: how it was made, what it scored, what was tried and did not help.

Everything in it is read from the compiled JSON; nothing is said that the run did not measure.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dspy_programs.compiled_store import Compiled
from dspy_programs.few_shot import ALL_SHOWN, NEAREST


def card_of(compiled: Compiled) -> str:
    """Return the card in Markdown."""
    return "\n".join(card_lines(compiled)) + "\n"


def card_lines(compiled: Compiled) -> Iterator[str]:
    saved = compiled.provenance
    training, used = saved.training, saved.training["used"]
    yield f"# {saved.program} for {saved.lm}"
    yield ""
    yield f"Kept: {kept_line(saved.lineage[training['winner']])}. Made by"
    yield ""
    yield "```bash"
    yield command_of(compiled)
    yield "```"
    yield ""
    reflection = training["models"]["reflection"]["lm"]
    yield f"Seed of every draw: {training['seed']}. Reflection model: {reflection}. {versions_line(saved.versions)}."
    yield ""
    yield from score_lines(saved.scores, training["data"])
    yield ""
    yield "Every candidate, in the order found; one with fewer rows fell out of the race:"
    yield ""
    yield "| | demonstrations | instruction | validation | rows | found after |"
    yield "|---|---|---|---|---|---|"
    for candidate in saved.lineage:
        yield candidate_line(candidate, saved.lineage[0]["instructions"])
    yield ""
    yield (
        f"Cost: {used['rollouts']} rows run (test included), {used['lm_calls']} model calls, {used['tokens']:,} tokens, "
        f"{used['minutes']:.1f} minutes."
    )


def kept_line(candidate: Mapping[str, Any]) -> str:
    if not candidate["index"]:
        return "the program as it was written; nothing gained more on validation than a standard error"
    return f"candidate {candidate['index']}; demonstrations: {demonstrations_line(candidate)}"


def demonstrations_line(candidate: Mapping[str, Any]) -> str:
    number = len(candidate["demonstrations"])
    if candidate["start"] == "reasoning":
        return "chain of thought"
    if not number:
        return "none"
    return f"the {NEAREST} nearest of {number}" if number > ALL_SHOWN else f"{number} spread over the kinds"


def candidate_line(candidate: Mapping[str, Any], seed: Mapping[str, str]) -> str:
    changed = "as written" if candidate["instructions"] == seed else f"from candidate {candidate['parents'][0]}"
    return (
        f"| {candidate['index']} | {demonstrations_line(candidate)} | {changed} | {candidate['score']:.3f} | "
        f"{len(candidate['scores'])} | {candidate['metric_calls']} rows |"
    )


def score_lines(scores: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    yield "| | seed | compiled | difference (paired bootstrap, 95 %) |"
    yield "|---|---|---|---|"
    validation = scores["validation"]
    yield f"| validation, {data['val']['rows']} rows | {validation['seed']:.3f} | {validation['compiled']:.3f} | |"
    test = {name: interval_line(interval) for name, interval in scores["test"].items()}
    if test:
        cells = [test.get(name, "the seed") for name in ("seed", "compiled")]
        yield f"| test, {data['test']['rows']} rows | {cells[0]} | {cells[1]} | {test.get('difference', '')} |"


def interval_line(interval: Mapping[str, float]) -> str:
    return f"{interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def versions_line(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def command_of(compiled: Compiled) -> str:
    """Write the command that makes the file again, with all that has another default elsewhere."""
    saved, training = compiled.provenance, compiled.provenance.training
    limits = {name: value for name, value in training["budget"].items() if value is not None}
    data = {split: training["data"][split]["rows"] for split in ("val", "test")}
    flags = [
        f"--lm {saved.lm}",
        *(f"--max-{name.replace('_', '-')} {value:g}" for name, value in limits.items()),
        *(f"--{split}-rows {rows}" for split, rows in data.items()),
    ]
    return f"python -m optimizers.train --module {saved.program} {' '.join(flags[:1])} \\\n    {' '.join(flags[1:])}"
