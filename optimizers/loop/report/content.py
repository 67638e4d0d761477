"""What is in the folder of an improvement: results of its stages, decisions of the gate, what changed in the prompts.

Units      shares and scores in [0, 1]; minutes; US dollars by DSPy's price table.
"""

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dspy_programs.data.reports import Bar, Chart, rate_bar
from dspy_programs.errors import CompiledProgramError
from dspy_programs.registry import compiled_store as store
from dspy_programs.text import shortened
from optimizers.loop.log import Line, Log
from optimizers.loop.loop_rows import lines_of
from optimizers.loop.winner import FILE

SETTINGS = "improve.json"
STAGES = "stages"
_A_FEW = 3
_LONGEST = 400  # characters of a demonstration
_MOST_MODES = 8

Result = Mapping[str, Any]


@dataclass(frozen=True)
class Gate:
    """One decision. low, mean, high: of the difference, in [-1, 1]; places: where they are on a line from 0 to 100."""

    module: str
    stage: str
    how: str
    word: str
    champion: float
    challenger: float
    rows: int
    low: float
    mean: float
    high: float
    level: float
    why: str

    @property
    def places(self) -> tuple[float, float, float]:
        return (50 + 50 * self.low, 50 + 50 * self.mean, 50 + 50 * self.high)


@dataclass(frozen=True)
class Change:
    """What is different in a program: lines of the instruction, each with its sign, and what is shown."""

    module: str
    lines: list[tuple[str, str]]
    shows: int
    demonstrations: list[str]

    @property
    def is_rewritten(self) -> bool:
        return any(sign != " " for sign, _ in self.lines)


@dataclass(frozen=True)
class Content:
    """All that the page shows."""

    settings: Mapping[str, Any]
    results: Sequence[Result]
    charts: list[Chart]
    modes: list[Chart]
    gates: list[Gate]
    changes: list[Change]
    costs: list[Chart]
    generated: list[dict[str, Any]] = field(default_factory=list)

    @property
    def summary(self) -> list[str]:
        """Return what came of it, a sentence each."""
        return [*_success(self.results), *_promotions(self.results)]


def content_of(folder: Path) -> Content:
    """Read the folder of an improvement, finished or not."""
    results = sorted(map(_json_of, (folder / STAGES).glob("*.json")), key=_order)
    settings = _json_of(folder / SETTINGS) if (folder / SETTINGS).is_file() else {}
    histories = {path.parent.name: list(Log(path).lines()) for path in sorted(folder.glob("loops/*/gepa_history.jsonl"))}
    return Content(
        settings=settings,
        results=results,
        charts=list(_success_charts(results)),
        modes=list(_mode_charts(results)),
        gates=[gate for lines in histories.values() for gate in gates_in(lines)],
        changes=[change for name, lines in histories.items() if (change := _change(folder, name, lines))],
        costs=list(_cost_charts(results)),
        generated=list(_generated(folder, results)),
    )


def _json_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _order(result: Result) -> tuple[int, int, str]:
    kinds = ("run", "harvest", "generate", "planner", "actor", "failure_judge", "memory_summarizer", "test")
    return int(result["cycle"]), kinds.index(result["kind"]), result["kind"]


def _runs(results: Sequence[Result], kind: str) -> list[Result]:
    """Return the results of a kind, but for measurements that were not made again."""
    stages = {result["stage"] for result in results}
    return [result for result in results if result["kind"] == kind and result.get("same_as") not in stages]


def _success(results: Sequence[Result]) -> Iterator[str]:
    for kind, where in (("test", "unseen tasks"), ("run", "the tasks that it learns from")):
        found = [each for each in _runs(results, kind) if each["success"] is not None]
        if len(found) > 1:
            told = (f"{each['success']:.1%} of {each['known']} [{each['low']:.1%}, {each['high']:.1%}]" for each in found)
            yield f"On {where}: {' → '.join(told)} of the runs went well (95 % intervals)."


def _promotions(results: Sequence[Result]) -> Iterator[str]:
    learnt = [result for result in results if "module" in result]
    for result in learnt:
        if result["promoted"]:
            yield f"Cycle {result['cycle']}: the {result['module']} was replaced: {result['promoted']}."
    if learnt and not any(result["promoted"] for result in learnt):
        yield "Nothing was promoted."


def _success_charts(results: Sequence[Result]) -> Iterator[Chart]:
    for kind, title in (("test", "On unseen tasks"), ("run", "On the tasks that it learns from")):
        if found := _runs(results, kind):
            bars = [_success_bar(each, "before" if each["cycle"] == 0 else f"cycle {each['cycle']}") for each in found]
            yield Chart(f"{title}: runs that went well, with 95 % intervals", bars)


def _success_bar(result: Result, label: str) -> Bar:
    if result["success"] is None:
        return Bar(label, 0.0, "no outcome recorded")
    return rate_bar(label, round(result["success"] * result["known"]), result["known"])


def _mode_charts(results: Sequence[Result]) -> Iterator[Chart]:
    """Yield the failure modes of the first runs and of the last: of the test if there is one."""
    found = _runs(results, "test") if len(_runs(results, "test")) > 1 else _runs(results, "run")
    ends = [("before", found[0]), ("after", found[-1])] if len(found) > 1 else [("so far", each) for each in found]
    names = list(dict.fromkeys(mode for _, each in ends for mode in each["modes"]))[:_MOST_MODES]
    for when, each in ends:
        bars = [rate_bar(mode, each["modes"].get(mode, 0), each["runs"]) for mode in names]
        yield Chart(f"Failure modes {when}: share of {each['runs']:,} runs, as rules judge them", bars)


def gates_in(lines: Iterable[Line]) -> Iterator[Gate]:
    """Yield the decisions of a history that are complete."""
    lines = list(lines)
    used = {(line.get("round"), line.get("identity")) for line in lines if line.get("kind") == "promoted"}
    for line in lines:
        if line.get("kind") != "decision":
            continue
        won = line.get("decision") == "won"
        word = "promoted" if won and (line.get("round"), line.get("identity")) in used else "won" if won else "refused"
        try:
            yield Gate(
                module=str(line.get("module", "")),
                stage=str(line.get("round", "")),
                how=str(line.get("how", "")),
                word=f"{word}, in shadow mode" if line.get("shadow") else word,
                champion=float(line["champion_score"]),
                challenger=float(line["score"]),
                rows=int(line["rows"]),
                why=str(line["response"]).partition(": ")[2],
                **{name: float(line[name]) for name in ("low", "mean", "high", "level")},
            )
        except (KeyError, TypeError, ValueError):  # of an earlier version, or another program's
            continue


def _change(folder: Path, module: str, lines: list[Line]) -> Change | None:
    """Return what is different between the first champion and the last; None if nothing was promoted."""
    promoted = [line for line in lines if line.get("kind") == "promoted" and line.get("new_prompt")]
    if not promoted:
        return None
    texts = (promoted[0]["prompt"], promoted[-1]["new_prompt"])
    before, after = (str(text).replace(". ", ".\n").splitlines() for text in texts)
    changed = [(line[0], line[2:]) for line in difflib.ndiff(before, after) if line[0] in " +-"]
    demos: list[Mapping[str, Any]] = []
    files = sorted(folder.glob(f"loops/{module}/*/{FILE}"), key=lambda path: int(path.parent.name))
    for path in files[-1:]:
        try:
            demos = [demo for state in store.read_compiled(path).predictors.values() for demo in state.demos]
        except CompiledProgramError:
            continue
    told = ({name: value for name, value in demo.items() if name != "tools"} for demo in demos[:_A_FEW])
    shown = [shortened(json.dumps(demo, ensure_ascii=False), _LONGEST) for demo in told]
    return Change(module, changed, len(demos), shown)


def _cost_charts(results: Sequence[Result]) -> Iterator[Chart]:
    """Yield minutes, tokens and money by stage; money only where there is any."""
    told: dict[str, Callable[[Any], str]] = {
        "minutes": lambda value: f"{value:.2f}",
        "tokens": lambda value: f"{value:,}",
        "usd": lambda value: f"{value:.4f}",
    }
    titles = {"minutes": "Minutes by stage", "tokens": "Tokens of models by stage", "usd": "US dollars by stage"}
    for name, figure in told.items():
        values = [(result["stage"], result["spent"][name]) for result in results]
        if most := max((value for _, value in values), default=0):
            total = sum(value for _, value in values)
            unpriced = sum(result["spent"]["unpriced"] for result in results) if name == "usd" else 0
            note = f"{figure(total)} in all" + (f"; {unpriced} calls have no known price" if unpriced else "") + "."
            bars = [Bar(stage, value / most, figure(value)) for stage, value in values if value or name == "minutes"]
            yield Chart(titles[name], bars, note=note)


def _generated(folder: Path, results: Sequence[Result]) -> Iterator[dict[str, Any]]:
    """Yield what was generated in each cycle for each program, with a few rows."""
    for result in _runs(results, "generate"):
        for module, made in result["generated"].items():
            rows = lines_of(folder / "generated" / f"{result['cycle']}-{module}.jsonl")
            few = [row for row, _ in zip(rows, range(_A_FEW), strict=False)]
            yield {"cycle": result["cycle"], "module": module, **made, "examples": [_asked(row) for row in few]}


def _asked(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a row asks, and its answer, in a line each."""
    if "goal" in row:
        return str(row["goal"]), " → ".join(str(task["title"]) for task in row["tasks"])
    calls = (f"{call['tool']}({json.dumps(call['accepted'], ensure_ascii=False)})" for call in row["calls"])
    return str(row["task"]), shortened("; ".join(calls), _LONGEST)
