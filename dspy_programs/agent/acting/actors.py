"""Who works on a task: a persona with its own language model, tools and history, made anew for each task of the plan.

A small model chooses well among few: of a plan's task it sees the planned tool and what that needs, reading before editing.

Input      the task, the clause of the goal that it serves, the turns of the tasks it waited for.
Output     TaskActor.next(): one step, from the compiled Actor.
Guarantees each task has a history of its own; what tools return is a result in it, never an instruction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import dspy
from pydantic import JsonValue

from dspy_programs.agent.acting.calls import failed
from dspy_programs.agent.acting.context import shown
from dspy_programs.agent.acting.look_up import broader, is_id, is_search, look_ups, without_made_up_days
from dspy_programs.agent.planning.ledger import LedgerTask
from dspy_programs.agent.scripts.script import PRINTED_NOTHING, TOOL as SCRIPT, ScriptWriter
from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.lm import running_on
from dspy_programs.programs.actor import Actor, ActorResult, MissingArgument, decision
from dspy_programs.text import content_stems
from dspy_programs.tokens import counter_for
from dspy_programs.types import Call, Function, Turn

_NEEDED = {"edit_file": ["read_file"], "apply_patch": ["read_file"], "write_file": ["read_file"], "append": ["read_file"]}
_FEW = 4  # tools, beyond which a short menu is worth having


@dataclass(frozen=True)
class Persona:
    """A kind of actor. It takes the tasks that are planned for one of its tools; without tools, any task."""

    name: str = "worker"
    text: str = ""
    """Told to the model before the goal."""
    lm: dspy.LM | None = None
    """Its own model; None for the run's."""
    tools: tuple[str, ...] = ()
    """All that it may use; empty for what the task needs."""


@dataclass
class TaskActor:
    """One actor at one task."""

    persona: Persona
    program: Actor | ScriptWriter
    tools: Sequence[AgentTool]
    text: str
    lm: dspy.LM | None
    tokens: int
    """Of the history that the model is shown."""
    said: list[str]
    """What the user and the host said: the goal, answers to questions, what failed before."""
    turns: list[Turn] = field(default_factory=list)
    """The history: what was found before, then its own calls and their results."""
    found: int = 0
    """How many of the turns were found before."""
    spelled_out: Sequence[Call] = ()
    """Calls that need no choice."""
    look_ups: Sequence[AgentTool] = ()
    """What may find the ids that the planned tool needs; offered alone once an id is missing."""
    chosen_by: set[str] = field(default_factory=set)
    """Who has chosen its calls: "rules" only make those that the goal writes out."""
    _sought: str = ""

    def look_up(self, missing: Sequence[MissingArgument]) -> bool:
        """Let the next step look up what is missing, once; return whether anything can."""
        ids = [gap.argument for gap in missing if is_id(gap.argument)]
        if not ids or not self.look_ups or any(turn.tool_name for turn in self.own):
            return False
        self._sought = ", ".join(dict.fromkeys(ids))
        return True

    def next(self) -> ActorResult:
        """Choose the next step."""
        made = [(turn.tool_name, turn.tool_input) for turn in self.own]
        if left := [call for call in self.spelled_out if (call.tool, call.arguments) not in made]:
            return decision(left[:1], answered_by="rules")
        if (call := self.broader()) is not None:
            return decision([call], answered_by="rules")
        tools, text = self.tools, self.text
        if self._sought:
            tools, text, self._sought = self.look_ups, f"Look for the {self._sought} that this needs: {text}", ""
        functions = [Function(name=each.name, description=each.description, parameters=each.parameters) for each in tools]
        context = "\n".join(self.said)
        turns = shown(self.turns, f"{context}\n{text}", self.tokens, counter_for(self.lm))
        with running_on(self.lm):
            step = self.program(task=text, tools=functions, context=context, trajectory=turns)
        step.calls = [self._as_given(call) for call in step.calls]
        self.chosen_by |= {step.answered_by} if step.calls else set()
        if self.own and step.finish is not None and step.answered_by == "rules":  # who only say that the calls were made
            step.finish = str(self.own[-1].tool_output)
        return step

    def _as_given(self, call: Call) -> Call:
        search = next((each for each in [*self.look_ups, *self.tools] if each.name == call.tool and is_search(each)), None)
        return call if search is None else without_made_up_days(call, search, self.text, self.said)

    def broader(self) -> Call | None:
        """Return the last search with fewer conditions, if it found nothing and there is one; None otherwise."""
        return broader(self.own, [*self.look_ups, *filter(is_search, self.tools)], self.tools, self.text, self.said)

    def again(self, number: int) -> ActorResult:
        """Write another script for the task, knowing only what the host said. number: of the attempt, from 1."""
        assert isinstance(self.program, ScriptWriter)
        told = [turn for turn in self.own if turn.role == "system"]
        with running_on(self.lm):
            return self.program(task=self.text, context="\n".join(self.said), trajectory=told, sample=number)

    def saw(self, call: Call, result: JsonValue) -> Turn:
        """Add a call and its result to the history."""
        return self._add(
            Turn(
                turn_number=self._number,
                role="agent",
                tool_name=call.tool,
                tool_input=call.arguments,
                tool_output=result,
            )
        )

    def told(self, text: str) -> Turn:
        """Add what the host says about the last step, such as an error to mend."""
        return self._add(Turn(turn_number=self._number, role="system", content=text))

    @property
    def is_scripted(self) -> bool:
        """Whether it writes scripts, each of which does the whole task or nothing."""
        return isinstance(self.program, ScriptWriter)

    @property
    def has_changed_something(self) -> bool:
        """Whether its last call was one that changes something, and succeeded."""
        last = self.own[-1] if self.own else None
        writes = {tool.name for tool in self.tools if tool.effect == "writes"}
        return last is not None and last.tool_name in writes and not failed(last.tool_output)

    def made(self, call: Call) -> Turn | None:
        """Return the turn in which it made this very call with success, None if it did not."""
        same = [turn for turn in self.own if (turn.tool_name, turn.tool_input) == (call.tool, call.arguments)]
        return next((turn for turn in reversed(same) if not failed(turn.tool_output)), None)

    @property
    def printed(self) -> str:
        """What its last script printed: where the goal asks something, the answer. "" for an actor that makes calls."""
        output = self.own[-1].tool_output if self.is_scripted and self.own else ""
        return output.strip() if isinstance(output, str) and output != PRINTED_NOTHING else ""

    @property
    def own(self) -> list[Turn]:
        """The turns of this task."""
        return self.turns[self.found :]

    @property
    def _number(self) -> int:
        return len(self.turns)

    def _add(self, turn: Turn) -> Turn:
        self.turns.append(turn)
        return turn


class ActorFactory:
    """Makes the actor of each task."""

    def __init__(
        self,
        program: Actor,
        tools: Mapping[str, AgentTool],
        lm: dspy.LM | None,
        personas: Sequence[Persona] = (),
        *,
        short: bool,
        tokens: int,
        script: ScriptWriter | None = None,
    ) -> None:
        """short: whether an actor sees only the tools that its task needs; tokens: of the history that it is shown.

        script: who does the tasks that are planned for a script; None for the actor, as any other task.
        """
        self.program, self.tools, self.lm, self.personas = program, tools, lm, personas
        self.short, self.tokens, self.script = short, tokens, script

    def for_task(self, task: LedgerTask, text: str, said: Sequence[str], found: Sequence[Turn]) -> TaskActor:
        """Return the actor for a task. text: what to do; found: turns of the tasks that this one waited for."""
        persona = next((one for one in self.personas if task.tool in one.tools), None)
        persona = persona or next((one for one in self.personas if not one.tools), Persona())
        turns = [turn.model_copy(update={"turn_number": number}) for number, turn in enumerate(found)]
        lm = persona.lm or self.lm
        text = f"{text} ({task.tool})" if task.tool and lm is not None else text  # the rules read written calls, and only those
        heard = [*filter(None, [persona.text]), *said]
        return TaskActor(
            persona=persona,
            program=self.script if self.script is not None and task.tool == SCRIPT else self.program,
            tools=self._menu(task, persona),
            text=text,
            lm=lm,
            tokens=self.tokens,
            said=heard,
            turns=turns,
            found=len(turns),
            spelled_out=task.calls,
            look_ups=look_ups(task.tool, self.tools),
        )

    def _menu(self, task: LedgerTask, persona: Persona) -> list[AgentTool]:
        if persona.tools:
            names = [*persona.tools]
        elif task.tool and self.short and len(self.tools) > _FEW:
            names = [task.tool, *_NEEDED.get(task.tool, ())]
        else:
            names = [*self.tools]
        return [self.tools[name] for name in dict.fromkeys(names) if name in self.tools]


def in_the_users_words(titles: Sequence[str], clauses: Sequence[str]) -> list[str]:
    """Return for each title the clause of the goal that it stands for, if it alone has most of its words, else the title.

    A small planner cuts and changes what it was told.
    """
    found = [_clause_of(title, clauses) for title in titles]
    return [clause if clause and found.count(clause) == 1 else title for title, clause in zip(titles, found, strict=True)]


def _clause_of(title: str, clauses: Sequence[str]) -> str:
    wanted = _stems(title)
    best = max(clauses, key=lambda clause: len(wanted & _stems(clause)), default="")
    return best if 2 * len(wanted & _stems(best)) >= len(wanted) > 0 else ""


@lru_cache(maxsize=4096)
def _stems(text: str) -> frozenset[str]:
    return frozenset(content_stems(text))
