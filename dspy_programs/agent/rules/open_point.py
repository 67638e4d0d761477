"""The one thing that a goal leaves open and only the user knows: a value, or which of several things is meant.

Input      goal; the workspace.
Output     OpenPoint: the question, and the goal with the answer in its place; None where nothing is open.
Guarantees no model; of several open points the first: a run asks once before it begins.
"""

import re
from typing import NamedTuple

from dspy_programs.agent.rules.unsaid import open_value, target_value, with_value
from dspy_programs.agent.rules.which import choice
from dspy_programs.agent.workspace.workspace import Workspace

_END = re.compile(r"[\s.?!]*$")


class OpenPoint(NamedTuple):
    """words: of the goal; options: what they may mean, () for a value; is_target: whether the goal lacks "to ..."."""

    words: str
    options: tuple[str, ...] = ()
    is_target: bool = False

    @property
    def question(self) -> str:
        if self.options:
            return f'The goal says "{self.words}", which may be {" or ".join(self.options)}. Which one?'
        if self.is_target:
            return f'The goal does not say to what "{self.words}" is to be set. To what?'
        return f'The goal does not say "{self.words}". What is it?'

    @property
    def why(self) -> str:
        """What is missing, where nobody answers."""
        if self.options:
            return f'the goal does not say which "{self.words}": {" or ".join(self.options)}'
        return f'the goal does not say {"to what to set " if self.is_target else ""}"{self.words}"'

    def filled(self, goal: str, answer: str) -> str:
        """Return the goal with an answer in its place. An answer that names no option stands as it is."""
        if self.options:
            return goal.replace(self.words, self._chosen(answer), 1)
        if self.is_target:
            return f'{_END.sub("", goal)} to "{answer}"'
        return with_value(goal, self.words, answer)

    def _chosen(self, answer: str) -> str:
        """Return the option that an answer means: which has most of its words, and alone."""
        said = set(re.findall(r"\w+", answer.lower().replace("_", " ")))
        shared = [len(said.intersection(re.findall(r"\w+", option.lower().replace("_", " ")))) for option in self.options]
        best = max(shared)
        return self.options[shared.index(best)] if best and shared.count(best) == 1 else answer


def open_point(goal: str, workspace: Workspace) -> OpenPoint | None:
    """Return what only the user can say."""
    if what := open_value(goal, workspace):
        return OpenPoint(what)
    if target := target_value(goal, workspace):
        return OpenPoint(target, is_target=True)
    found = choice(goal, workspace)
    return OpenPoint(found.words, found.options) if found else None
