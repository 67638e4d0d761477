"""One task from its first step to its end: ask the actor, make its call, check, and so on.

Guarantees one action a turn: calls of one tool, one after the other, until one fails; a step that cannot be used gets one
           round of repair with the precise error, then the task is failed; what is missing becomes one question to the user;
           the task is complete only if its criteria are met and its tool has run without an error.
"""

import contextvars
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from dspy_programs.agent.acting.actors import TaskActor
from dspy_programs.agent.acting.calls import failed
from dspy_programs.agent.acting.each_target import more, others
from dspy_programs.agent.acting.right_one import wrong_one
from dspy_programs.agent.checking.acceptance import Outcome
from dspy_programs.agent.checking.second_opinion import Opinion, second_opinion
from dspy_programs.agent.host import Host
from dspy_programs.agent.planning.ledger import LedgerTask
from dspy_programs.agent.rules.changing import why_not
from dspy_programs.agent.scripts.code_block import MISSING
from dspy_programs.agent.scripts.script import TOOL as SCRIPT
from dspy_programs.agent.workspace.snapshot import Snapshot
from dspy_programs.programs.actor import ActorResult
from dspy_programs.text import shortened
from dspy_programs.types import Call

_EXIT_CODE = re.compile(r"\[exit code (-?\d+)\](?:\n\[[^\n]*\])*$")  # as shell says it
_WRITTEN_CALL = re.compile(r"\s*(?:please\s+)?(?:(?:call|use|run)\s+)?(?P<tool>[A-Za-z_]\w*)\(", re.I)
_SAID_BY_US = 30  # characters; a shorter value may stand in a note by chance
_NOTE = 200  # characters of an answer in a note


def run_task(task: LedgerTask, actor: TaskActor, host: Host) -> Outcome:
    """Work on a task until it is complete or failed, or the run must stop."""
    fault, asked = "", False
    if _is_shown(task, actor, host):
        return _shown(task, actor, host)
    if met := host.acceptance.checked(task, actor, ""):
        return met  # what an earlier process has done
    for _ in range(host.limits.turns):
        if host.must_stop():
            return Outcome("left", host.must_stop())
        step = actor.next()
        if step.answered_by == "model" or not step.calls:  # a call by rules is told as the call
            host.tell("thought", task_id=task.id, text=_thought(step), answered_by=step.answered_by)
        if problem := _fault_of(step, actor, host):
            if (again := _done_before(step, actor)) and (met := host.acceptance.checked(task, actor, again)):
                return met  # who repeats a call that succeeded has nothing else to do
            if fault:
                return Outcome("failed", f"{problem} (also after one repair)")
            fault = problem
            host.say(task, actor.told(f"Your last step could not be used: {problem}. Choose another one."))
            continue
        fault = ""
        if step.missing and not step.calls and actor.look_up(step.missing):
            continue
        if step.missing and not step.calls:
            answer = None if asked else host.asked(task, _question(task, step))
            if answer is None:
                return Outcome("failed", f"missing: {step.cannot}")
            asked = True
            actor.said.append(answer)
        elif step.calls:
            kept = Snapshot.of(host.workspace) if actor.is_scripted else None
            _make(step.calls, task, actor, host)
            if _is_shown(task, actor, host):
                return _shown(task, actor, host)
            if task.parent is not None:
                return _of_part(task, actor, host)
            if actor.broader() is not None:
                continue
            if left := _left_for_others(task, actor, host):
                return left
            if kept is not None and actor.printed.startswith(MISSING):
                kept.restore()
                return Outcome("failed", actor.printed)
            harm = host.harm_since(kept) or host.idle_since(kept)
            if not harm and (met := host.acceptance.checked(task, actor, _said_or_done(kept, actor))):
                return met if kept is None else _believed(met, kept, task, actor, host)
            if actor.is_scripted:
                _undo(kept, harm or host.acceptance.unmet(task, actor), task, actor, host)
        elif step.finish is not None:
            if met := host.acceptance.checked(task, actor, step.finish):
                return met
            fault = f"not done yet: {host.acceptance.unmet(task, actor)}"
            host.say(task, actor.told(f"The task is {fault}."))
        else:
            return Outcome("failed", _why_not(step, task, actor, host))
    return Outcome("failed", f"not done after {host.limits.turns} turns: {host.acceptance.unmet(task, actor)}")


def _make(calls: list[Call], task: LedgerTask, actor: TaskActor, host: Host) -> None:
    """Make the calls of one action: those of the first one's tool, until one fails. Others can wait for their results."""
    if calls[0].tool == "delegate":
        with ThreadPoolExecutor(len(calls), thread_name_prefix="helper") as pool:
            together = [call for call in calls if call.tool == "delegate"]
            made = [pool.submit(contextvars.copy_context().run, host.call, call, task, actor) for call in together]
        for each in made:
            each.result()
        return
    for call in calls:
        if call.tool != calls[0].tool:
            break
        result = host.call(call, task, actor)
        if failed(result):
            break


def _of_part(task: LedgerTask, actor: TaskActor, host: Host) -> Outcome:
    """Return how a part ends, which is one call: no other can take its place."""
    result = actor.own[-1].tool_output
    if isinstance(result, dict) and failed(result):
        return Outcome("failed", str(result["error"]))
    siblings = [each for each in host.ledger.tasks if each.parent == task.parent]
    if all(each.id == task.id or each.status == "complete" for each in siblings):
        known = host.record.session.get("each", {})[task.parent]
        found = host.call(Call(**known["search"]), task, actor)  # it may have shown only the first few
        made = [Call(**known["change"]), *(each.calls[0] for each in siblings)]
        _add_parts(more(found, made, known["key"]), str(task.parent), host)
    return Outcome("complete", shortened(str(result), _NOTE), "tool")


def _add_parts(calls: Sequence[Call], parent: str, host: Host) -> None:
    for call in calls:
        host.ledger.add(f"{call.tool} {', '.join(map(str, call.arguments.values()))}", parent, tool=call.tool, calls=[call])


def _left_for_others(task: LedgerTask, actor: TaskActor, host: Host) -> Outcome | None:
    """Make a part of its own of each other record that a change is to be made to; None where there is none."""
    if not actor.has_changed_something:
        return None
    left = others(actor.turns, host.calls.tools, host.wish)
    if left is None or not left.calls:
        return None
    last = actor.own[-1]
    change = {"tool": last.tool_name, "arguments": last.tool_input}
    with host.record.together():
        each = {"search": left.search.model_dump(), "change": change, "key": left.key}
        host.record.session.set(each={**host.record.session.get("each", {}), task.id: each})
        _add_parts(left.calls, task.id, host)
    return Outcome("complete", shortened(str(last.tool_output), _NOTE), "tool")


def _said_or_done(kept: Snapshot | None, actor: TaskActor) -> str:
    """Return what came of a script: what it printed, else which files it changed; "" for nothing, and for other actors."""
    if kept is None or actor.printed:
        return actor.printed
    paths = dict.fromkeys(path for paths in kept.changes() for path in paths)
    return f"changed: {', '.join(paths)}" if paths else ""


def _is_shown(task: LedgerTask, actor: TaskActor, host: Host) -> bool:
    """Return whether all that a goal only wants shown has been looked at, or something could not be."""
    if not task.calls or any(host.calls.tools[call.tool].effect == "writes" for call in task.calls):
        return False
    return len(actor.own) >= len(task.calls) or any(failed(turn.tool_output) for turn in actor.own)


def _shown(task: LedgerTask, actor: TaskActor, host: Host) -> Outcome:
    """Make the results the answer, as they are. A command that failed has an answer too; no other way is tried."""
    made = zip(task.calls, actor.own, strict=False)
    results = [(call.arguments.get("path", call.tool), turn.tool_output) for call, turn in made]
    texts = [(place, result) for place, result in results if isinstance(result, str)]
    answer = texts[0][1] if len(texts) == 1 else "\n\n".join(f"{place}:\n{text}" for place, text in texts)
    host.record.session.set(shown=answer)
    last = actor.own[-1].tool_output
    if isinstance(last, dict) and failed(last):
        return Outcome("failed", str(last["error"]))
    if task.calls[-1].tool in ("shell", "python") and (code := _EXIT_CODE.search(answer)):  # in a file it is but text
        return Outcome("failed", f"the command ended with exit code {code[1]}")
    return Outcome("complete", shortened(answer, _NOTE), "goal")


def _believed(met: Outcome, kept: Snapshot, task: LedgerTask, actor: TaskActor, host: Host) -> Outcome:
    """Return how a task ends that a script has done: where nothing says what its result must be, others have a say."""
    own = Snapshot.of(host.workspace)
    opinion = second_opinion(task, actor, host, kept) if host.acceptance.is_open(task) else None
    if opinion is not None and opinion.against:
        if own is None or not host.acceptance.is_likely(task):
            return Outcome("failed", opinion.against)
        own.restore()
        opinion = Opinion(doubt="other scripts came to something else")
    changed = [path for paths in kept.changes() for path in paths]
    host.ledger.wrote(task.id, [path for path in changed if host.acceptance.read(path) is not None])
    return met if opinion is None else met._replace(checked_by=opinion.checked_by, doubt=opinion.doubt)


def _undo(kept: Snapshot | None, why: str, task: LedgerTask, actor: TaskActor, host: Host) -> None:
    """Put back what a script has changed that did not do its task, and tell the actor why it did not."""
    undone = kept is not None and kept.restore()
    host.say(task, actor.told(f"Not done: {why}." + (" All that the script changed was undone." if undone else "")))


def _why_not(step: ActorResult, task: LedgerTask, actor: TaskActor, host: Host) -> str:
    """Say why nothing was chosen: a call that failed comes first, then the words of whoever chose."""
    last = next((turn for turn in reversed(actor.own) if turn.tool_name), None)
    by_rules = step.answered_by == "rules" and step.failure is None
    if last is not None and (by_rules or failed(last.tool_output)):
        return host.acceptance.unmet(task, actor)
    if by_rules:
        said = why_not(host.text_of(task), host.workspace) or why_not(host.wish, host.workspace)
        return said or _no_such_tool(host) or "without a model nobody knows how to do this; name one with --lm"
    return step.cannot or "no step was chosen"


def _no_such_tool(host: Host) -> str:
    """Say that the goal writes out a call of a tool that there is not, "" if it does not."""
    written = _WRITTEN_CALL.match(host.wish)
    if not written or written["tool"] in host.calls.tools:
        return ""
    return f"there is no tool {written['tool']}; there are {', '.join(host.calls.tools)}"


def _fault_of(step: ActorResult, actor: TaskActor, host: Host) -> str:
    """Say why a step cannot be used, "" if it can."""
    if step.failure is not None and not step.calls:
        return f"the reply could not be read: {step.failure.reason}"
    if step.problems:
        return "; ".join(step.problems)
    made = [turn for turn in actor.own if turn.tool_name]
    for turn in made if _done_before(step, actor) else made[-1:]:
        if step.calls and (turn.tool_name, turn.tool_input) == (step.calls[0].tool, step.calls[0].arguments):
            result = turn.tool_output
            came = f"failed: {result['error']}" if isinstance(result, dict) and failed(result) else "its result is above"
            return f"{turn.tool_name} was called before with the same arguments, and {came}"
    return next(filter(None, (_misled(call, actor, host) for call in step.calls)), "")


def _misled(call: Call, actor: TaskActor, host: Host) -> str:
    """Say why a call is about something else than the goal, "" if nothing says so: only those that change something matter."""
    if call.tool not in host.calls.tools or host.calls.tools[call.tool].effect == "reads":
        return ""
    told = [note for each in host.ledger.tasks if each.status == "failed" for note in each.notes]
    for name, value in call.arguments.items():
        if isinstance(value, str) and any(value.strip() and value.strip() in note for note in told if len(value) > _SAID_BY_US):
            return f"{name} is what this program said of a step that failed, and no value"
    return wrong_one(call, actor.turns, host.wish)


def _done_before(step: ActorResult, actor: TaskActor) -> str:
    """Return what came of the call that a step repeats, if it succeeded; "" otherwise."""
    made = actor.made(step.calls[0]) if step.calls else None
    return shortened(str(made.tool_output), _NOTE) if made is not None else ""


def _question(task: LedgerTask, step: ActorResult) -> str:
    if step.missing[0].tool == SCRIPT:
        return f"For {task.title!r}: {step.missing[0].why}. What should be used instead?"
    needs = ", ".join(dict.fromkeys(gap.argument for gap in step.missing))
    return f"For {task.title!r}: what is {needs}? ({step.missing[0].tool} needs it, and nothing says it.)"


def _thought(step: ActorResult) -> str:
    if step.calls:
        return "; ".join(map(str, step.calls))
    return step.finish or step.cannot or (step.failure.reason if step.failure else "")
