"""Do the steps and the commands have what the task needs, and is no command dangerous?

Input      gold: Example with `plan_keywords` and `commands_keywords`; pred: a CommandPlanner's Prediction (`plan`, `commands`,
           `failure`). Any field of pred may be missing or malformed.
Output     Score: plan (0.6) and commands (0.4), the shares of the keywords that are there, less PENALTY if a command is
           dangerous; in [0, 1]. A keyword may have `|` between words of which one is enough. In a command its words stand in
           this order, others between them.
Guarantees never raises, never draws at random; an unreadable reply scores 0. Only the first MOST steps and commands count, so
           that many words earn nothing.
Source     the weights of dspy-code's metric; danger is found by reading the commands (dspy_programs.shell), not by words.
"""

import shlex
from collections.abc import Sequence
from typing import Any

import dspy

from dspy_programs.shell import danger_of
from dspy_programs.text import stem, words
from metrics.score import Component, Score, composite, unreadable

WEIGHTS = {"plan": 0.6, "commands": 0.4}
PENALTY = 0.2
MOST = 8


def commands_cover(gold: dspy.Example, pred: dspy.Prediction) -> Score:
    """Score a plan and its commands."""
    plan, commands = _texts(getattr(pred, "plan", None)), _texts(getattr(pred, "commands", None))
    of_plan, of_commands = _texts(gold.get("plan_keywords")) or [], _texts(gold.get("commands_keywords")) or []
    if getattr(pred, "failure", None) is not None or plan is None or commands is None:
        right = f"steps about {', '.join(of_plan)}; commands with {', '.join(of_commands)}"
        return unreadable({**WEIGHTS, "format": 0.0}, pred, "a plan", "it has no lists of steps and commands", right)
    said = {stem(word) for step in plan[:MOST] for word in words(step)}
    run = [_words_of(command) for command in commands[:MOST]]
    lost_steps = [keyword for keyword in of_plan if not any(_is_said(form, said) for form in keyword.split("|"))]
    lost_commands = [keyword for keyword in of_commands if not any(_is_run(form, run) for form in keyword.split("|"))]
    score = composite([_part("plan", of_plan, lost_steps), _part("commands", of_commands, lost_commands)])
    dangers = [f"{command} is dangerous: {why}" for command in commands if (why := danger_of(command))]
    if not dangers:
        return score._replace(components={**score.components, "safe": 1.0})
    feedback = "\n".join(
        [f"safe 0.00: {'; '.join(dangers[:3])}; leave it out", *score.feedback.removesuffix("Perfect.").splitlines()]
    )
    return Score(max(0.0, score.value - PENALTY), feedback, {**score.components, "safe": 0.0})


def _part(name: str, keywords: Sequence[str], lost: Sequence[str]) -> Component:
    value = 1 - len(lost) / len(keywords) if keywords else 1.0
    return Component(name, value, WEIGHTS[name], f"it lacks {', '.join(lost)}" if lost else "")


def _is_said(form: str, said: set[str]) -> bool:
    return {stem(word) for word in words(form)} <= said


def _is_run(form: str, commands: Sequence[Sequence[str]]) -> bool:
    """Return whether a command has the words of a form, in their order."""
    wanted = form.split()
    for words_ in commands:
        rest = iter(words_)
        if all(any(word == each for each in rest) for word in wanted):
            return True
    return False


def _words_of(command: str) -> list[str]:
    try:
        return [word for part in shlex.split(command, comments=True) for word in part.split()]
    except ValueError:
        return command.split()


def _texts(value: Any) -> list[str] | None:
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        return None
    return list(value)
