"""The card of a compiled program: how it was made, how it scored, and what was tried without success.

Everything in it is read from the compiled JSON; it says nothing that the run did not measure.
"""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from dspy_programs.registry import PROGRAMS, Compiled
from optimizers.search import demonstration_count


def card_of(compiled: Compiled) -> str:
    """Return the card in Markdown."""
    return "\n".join(_card_lines(compiled)) + "\n"


def loop_card(compiled: Compiled) -> str:
    """Return the card of a challenger that `optimizers.online` put into use."""
    saved, decided = compiled.provenance, compiled.provenance.training["online"]
    test = saved.scores["test"]
    return f"""# {saved.program} for {saved.lm}

Made from recorded runs: {decided["how"]}. The gate decided after {decided["rows"]} held-back rows: {decided["reason"]}, with an
error rate of at most {decided["level"]:g}.

| | on those rows |
|---|---|
| the program in use before | {interval_line(test["in_use"])} |
| this one | {interval_line(test["compiled"])} |
| difference | {decided["mean"]:.3f}, by the gate from {decided["low"]:.3f} to {decided["high"]:.3f} |

Random seed: {saved.training["seed"]}. {_versions_line(saved.versions)}.
Rows: {saved.training["place"]}. History: {decided["history"]}.
"""


def _card_lines(compiled: Compiled) -> Iterator[str]:
    saved = compiled.provenance
    training, used = saved.training, saved.training["used"]
    yield f"# {saved.program} for {saved.lm}"
    yield ""
    yield f"Kept: {_kept_line(saved.lineage[training['winner']])}. Made with"
    yield ""
    yield "```bash"
    yield _command_of(compiled)
    yield "```"
    yield ""
    reflection = training["models"]["reflection"]["lm"]
    yield f"Random seed: {training['seed']}. Reflection model: {reflection}. {_versions_line(saved.versions)}."
    yield ""
    yield from _score_lines(saved.scores, training["data"], saved.lineage[training["winner"]]["start"])
    yield ""
    if note := training.get("note"):  # written by hand into a shipped file
        yield note
        yield ""
    yield "Every candidate compared on validation, in the order found, with its number of rows:"
    yield ""
    yield "| | shows | instruction | came from | validation | rows | found after |"
    yield "|---|---|---|---|---|---|---|"
    for candidate in saved.lineage:
        yield _candidate_line(candidate, saved.lineage[0]["instructions"])
    yield ""
    yield from _tried_lines(training.get("tried", {}))
    yield (
        f"Cost: {used['rollouts']} metric calls (including the test), {used['lm_calls']} model calls, "
        f"{used['tokens']:,} tokens, {used['minutes']:.1f} minutes."
        + (f" The search ended by {training['ended_by']}." if "ended_by" in training else "")
    )


def _kept_line(candidate: Mapping[str, Any]) -> str:
    if not candidate["index"]:
        return "the uncompiled program; no candidate beat it by one standard error on validation"
    return f"candidate {candidate['index']}; demonstrations: {shown_line(candidate)}"


def shown_line(candidate: Mapping[str, Any]) -> str:
    """Say what a candidate shows; files of the first edition only have its number of demonstrations."""
    if "shows" in candidate:
        return f"{candidate['shows']}{', chain of thought' if candidate['reasoning'] else ''}"
    return demonstration_count(len(candidate["demonstrations"]))


def _candidate_line(candidate: Mapping[str, Any], seed: Mapping[str, str]) -> str:
    changed = "as written" if candidate["instructions"] == seed else "changed"
    came = ", ".join([candidate["start"], *(f"candidate {parent}" for parent in candidate["parents"] if parent)])
    fell = f" ({candidate['fell_out']})" if candidate.get("fell_out") else ""
    return (
        f"| {candidate['index']} | {shown_line(candidate)} | {changed} | {came} | {candidate['score']:.3f} | "
        f"{len(candidate['scores'])}{fell} | {candidate['metric_calls']} metric calls |"
    )


def _tried_lines(tried: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the outcome of each kind of change; files of the first edition do not have it."""
    if not tried:
        return
    if not any(each["tried"] for each in tried.values()):
        yield "No change was tried: the budget was spent on comparing the starting programs."
        yield ""
        return
    yield "| change | tried | better on validation | metric calls on train |"
    yield "|---|---|---|---|"
    for name, each in tried.items():
        closed = f" ({each['closed']})" if each["closed"] else ""
        yield f"| {name}{closed} | {each['tried']} | {each['accepted']} | {each['rows']} |"
    yield ""


def _score_lines(scores: Mapping[str, Any], data: Mapping[str, Any], winner: str) -> Iterator[str]:
    """Yield the scores, including the program in use if that is not the winner."""
    validation, test = dict(scores["validation"]), scores["test"]
    if winner == "in use":
        validation.pop("in_use", None)
    names = ["seed", "compiled", *(["in use"] if "in_use" in validation else [])]
    yield f"| | {' | '.join(['uncompiled', *names[1:]])} | compiled - uncompiled (paired bootstrap, 95 %) |"
    yield f"|---|{'---|' * len(names)}---|"
    rows = validation.get("rows", data["val"]["rows"])
    cells = [f"{validation[name.replace(' ', '_')]:.3f}" for name in names]
    yield f"| validation, {rows} rows | {' | '.join(cells)} | |"
    if test:
        cells = [interval_line(test[name]) if name in test else "not tested" for name in names]
        cells[1] = interval_line(test["compiled"]) if "compiled" in test else "ships uncompiled"
        difference = interval_line(test["difference"]) if "difference" in test else ""
        yield f"| test, {test['seed']['rows']} rows | {' | '.join(cells)} | {difference} |"
    if "elsewhere" in test:
        other = [interval_line(test[name]) if (name := f"elsewhere {each}") in test else "" for each in names]
        of = " (compiled - in use)" if "elsewhere in use" in test else ""
        difference = interval_line(test["elsewhere"]) + of
        yield f"| other sources, {test['elsewhere']['rows']} rows | {' | '.join(other)} | {difference} |"


def interval_line(interval: Mapping[str, float]) -> str:
    return f"{interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def _versions_line(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _command_of(compiled: Compiled) -> str:
    """Return the command that reproduces the file, with every setting whose default may differ elsewhere."""
    saved, training = compiled.provenance, compiled.provenance.training
    reflection, limits = training["models"]["reflection"]["lm"], training["budget"]
    if saved.program not in PROGRAMS and not training.get("place"):
        return f"# in Python, with its own rows and metric:\ncompile_program(..., lm={saved.lm!r}, seed={training['seed']})"
    task = {name: value for name, value in training["models"]["task"].items() if name not in ("lm", "temperature")}
    flags = [
        f"--module {saved.program}",
        f"--lm {saved.lm}",
        *([f"--data {shlex.quote(training['place'])}"] if training.get("place") else []),
        *([f"--reflection-lm {reflection}"] if reflection != saved.lm else []),
        *(
            f"--max-{name.replace('_', '-')} {value:g}"
            for name, value in limits.items()
            if value is not None and not training.get("patient")
        ),
        *(f"--{split}-rows {training['data'][split]['rows']}" for split in ("val", "test")),
        *([f"--transfer-rows {training['transfer']}"] if "transfer" in training else []),
        *([f"--proposer {training['proposer']}"] if training.get("choice", "auto") != "auto" else []),
        *([f"--seed {training['seed']}"] if training["seed"] else []),
        *(["--reasoning"] if training.get("reasoning") else []),
        *([f"--max-reply-tokens {task['max_tokens']}"] if "max_tokens" in task else []),
    ]
    return f"python -m optimizers.train {' '.join(flags[:2])} \\\n    {' '.join(flags[2:])}"
