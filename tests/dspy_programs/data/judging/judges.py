"""Scripted judges, and small data sets for them."""

import json
import re
from pathlib import Path

from dspy_programs.data.judging.cache import JudgmentCache
from dspy_programs.data.judging.judge_run import Report, Selection, judge_file
from dspy_programs.data.judging.judges import ModelJudge, RulesJudge
from dspy_programs.data.judging.panel import Panel
from dspy_programs.data.limits import Limits, Meter
from dspy_programs.data.pair import DataPair
from dspy_programs.data.pairs_file import as_line
from dspy_programs.lm import metered
from dspy_programs.rubric import rubric_of
from tests.fakes import scripted_lm

QUALITY = rubric_of("quality")
NAMES = ("correctness", "helpfulness", "clarity")


def reply(*marks: float, names=NAMES, **more) -> str:
    """What a judge writes: a mark from 1 to 10 for each criterion."""
    scores = [{"criterion": name, "score": mark} for name, mark in zip(names, marks, strict=True)]
    return json.dumps({"judgement": {"reason": "as scripted", "scores": scores}, **more})


GOOD, BAD = reply(10, 10, 10), reply(1, 1, 1)


def by_word(prompt: str) -> str:
    """GOOD for a response that says so, else BAD."""
    return GOOD if "GOOD" in prompt.rsplit("[[ ## response ## ]]", 1)[1] else BAD


def number_in(prompt: str) -> int:
    """Return which pair of `pairs` is asked about."""
    return int(re.findall(r"question number (\d+)", prompt)[-1])


def pairs(count: int) -> list[DataPair]:
    """Every second one is good."""
    return [
        DataPair(instruction=f"question number {i}", output="GOOD answer" if i % 2 else "some answer").identified()
        for i in range(count)
    ]


def write_pairs(root: Path, found: list[DataPair], name: str = "demo") -> Path:
    path = root / "user" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(as_line, found)))
    return path


class Bench:
    """A data set in a folder, judged again and again; each run is a new command with a new cache object."""

    def __init__(self, root: Path, count: int = 6, found: list[DataPair] | None = None) -> None:
        self.root, self.output = root, root / "judgments" / "demo.t.jsonl"
        self.pairs = write_pairs(root, pairs(count) if found is None else found)

    def judge(
        self, *answers, rubric=QUALITY, at_once=1, limits=None, fresh=False, by="majority", names=None, selection=None, tag="t"
    ) -> Report:
        """Judge with one scripted model for each answer, with the rules for none."""
        meter, cache = Meter(limits or Limits()), JudgmentCache(self.root / ".cache", reads=not fresh)
        names = names or [f"scripted/judge-{place}" for place in range(len(answers))]
        self.lms = [scripted_lm(answer, name) for answer, name in zip(answers, names, strict=True)]
        judges = [ModelJudge(metered(lm, meter), rubric) for lm in self.lms] or [RulesJudge(rubric)]
        panel = Panel(judges, rubric, by, cache, tag)
        try:
            return judge_file(self.pairs, self.output, panel, "demo", selection or Selection(), at_once, meter, None, fresh)
        finally:
            cache.close()

    @property
    def asked(self) -> int:
        """How often the models of the last run were asked."""
        return sum(len(lm.engine.prompts) for lm in self.lms)

    @property
    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.output.read_text().splitlines()]
