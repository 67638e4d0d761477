"""The agent's loop: the host runs it, the model only chooses the next typed step, and nothing is believed that code can check.

    plan -> give each task that is ready to an actor -> check what came of it -> plan anew, or stop

The compiled planner plans; each task has an actor of its own (the compiled actor, one action a turn: task_run.py). When a
task failed, or all are complete and the goal's words still want something, there is a new plan, until the goal is reached, a
limit is, two plans in a row bring nothing, or a plan fails by the same calls as the one before. Everything is on file before
it counts, so a run that was killed goes on where it was.

Calls      of the model: one a plan, one to four a turn of a task, up to three more to believe a script; none without a model,
           then the rules answer.
Guarantees a task whose tool failed or whose criteria are not met is failed, never complete; the goal is completed only if
           every criterion that code reads from its words is met, and each result was checked.
Raises     UsageError if the session cannot be written; LanguageModelError if the model does not answer.
"""

import contextvars
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import dspy

from dspy_programs.agent.acting.actors import ActorFactory
from dspy_programs.agent.acting.task_run import run_task
from dspy_programs.agent.host import Host
from dspy_programs.agent.planning.circles import failing_calls
from dspy_programs.agent.planning.ledger import LedgerTask
from dspy_programs.agent.planning.plan_mending import without_loose_ends
from dspy_programs.agent.planning.spelled_out import plan_as_spelled_out
from dspy_programs.agent.report import report
from dspy_programs.agent.result import AgentResult
from dspy_programs.agent.scripts.script import TOOL as SCRIPT, is_for_a_script
from dspy_programs.lm import running_on
from dspy_programs.programs.planner import BY_RULES, Planner, plan_by_rules
from dspy_programs.text import shortened
from dspy_programs.types import Task, Tool, Turn, plan_problems

_LAST = 10  # tasks whose results a task builds on
_FRUITLESS = 2  # plans in a row of which no new task was completed


class Loop:
    """One run from its goal to its result."""

    def __init__(
        self,
        host: Host,
        planner: Planner,
        planner_lm: dspy.LM | None,
        factory: ActorFactory,
        menu: Sequence[Tool],
        actors: int = 1,
    ) -> None:
        """menu: the tools that a plan may name; actors: how many tasks may run at once."""
        self.host, self.planner, self.planner_lm = host, planner, planner_lm
        self.factory, self.menu, self.actors = factory, menu, actors
        self.fruitless = self.rounds = 0
        self.failed_calls = set[str]()

    def run(self) -> AgentResult:
        """Plan, act, check and plan anew until the goal is reached or the run must stop."""
        host = self.host
        if not host.ledger.tasks:
            if missing := host.ask_for_inputs():
                return report(host, "cancelled" if host.cancelled.is_set() else "no_progress", missing)
            self.begin()
        while not (why := host.must_stop()):
            if ready := host.ledger.ready():
                if self.rounds >= host.limits.iterations:
                    return report(host, "iterations", f"iteration limit: {host.limits.iterations}")
                self.dispatch(ready[: self.actors])
            elif self.is_reached():
                break
            elif self.fruitless >= _FRUITLESS or self.goes_in_circles():
                return report(host, "no_progress", self.what_is_left())
            else:
                self.replan()
        if self.is_reached() and not host.cancelled.is_set():  # a limit that the last step has reached
            return report(host, "done", "every task is complete")
        return report(host, "cancelled" if host.cancelled.is_set() else "limit", why)

    def is_reached(self) -> bool:
        """Return whether all is complete, and nothing of the goal is lacking as far as its words tell."""
        return self.host.ledger.is_complete and not self.host.acceptance.lacking() and not self.host.idle()

    def begin(self) -> None:
        """Make the first plan: what the goal spells out, else one script that does it, else the planner's."""
        if not (plan_as_spelled_out(self.host, self.factory.tools) or self.scripted()):
            self.plan("")

    def scripted(self) -> bool:
        """Put the whole goal into the ledger as one task for a script, where that is offered; return whether it is so."""
        host = self.host
        if self.factory.script is None or not (host.acceptance.criteria or is_for_a_script(host.goal, host.workspace)):
            return False
        host.planned("one script does it", "rules", [host.goal])
        self.add([Task(id=1, tool=SCRIPT, title=shortened(host.goal, 300))])
        return True

    def plan(self, progress: str) -> None:
        """Put the planner's tasks into the ledger; one by rules if the planner's cannot be run."""
        host = self.host
        with running_on(self.planner_lm):
            plan = self.planner(goal=host.goal, tools=self.menu, progress=progress)
        tasks = without_loose_ends(plan.tasks)
        problems = plan_problems(tasks, [tool.name for tool in self.menu])
        if plan.failure or problems:
            why = plan.failure.reason if plan.failure else "; ".join(problems)
            host.tell("note", text=f"the planner's reply cannot be used, so the rules plan: {why}")
        if problems:
            tasks, rationale = plan_by_rules(host.goal, self.menu, progress), BY_RULES
        else:
            rationale = plan.rationale
        host.planned(rationale, "rules" if problems else plan.answered_by, [task.title for task in tasks])
        self.add(tasks)

    def add(self, tasks: Sequence[Task]) -> None:
        """Add tasks, each with the criteria that it has to meet."""
        shares = self.host.acceptance.shared_out([(task.title, task.tool) for task in tasks], self.factory.tools)
        ids: dict[int, str] = {}
        with self.host.record.together():
            for task, criteria in zip(tasks, shares, strict=True):
                waits = [ids[each] for each in task.depends_on if each in ids]
                added = self.host.ledger.add(task.title, tool=task.tool, depends_on=waits, criteria=criteria)
                ids[task.id] = added.id

    def dispatch(self, tasks: Sequence[LedgerTask]) -> None:
        """Run tasks at the same time, each by an actor of its own."""
        self.rounds += 1
        if len(tasks) == 1:
            return self.work(tasks[0])
        with ThreadPoolExecutor(len(tasks), thread_name_prefix="actor") as pool:
            running = [pool.submit(contextvars.copy_context().run, self.work, task) for task in tasks]
        for each in running:
            each.result()

    def work(self, task: LedgerTask) -> None:
        """Run one task, and put into the ledger how it ended."""
        host = self.host
        found = [*self.found_for(task), *host.failed_before()]
        actor = self.factory.for_task(task, host.text_of(task), host.said(), found)
        host.ledger.start(task.id, actor.persona.name)
        host.restore(task, actor)
        outcome = run_task(task, actor, host)
        if outcome.status == "complete":
            host.ledger.wrote(task.id, host.acceptance.made_by(task))
            if task.title not in {each.title for each in host.ledger.tasks if each.status == "complete"}:
                self.fruitless = 0  # what was done before is no progress
            host.ledger.complete(task.id, outcome.checked_by, outcome.note, outcome.doubt)
        elif outcome.status == "failed":
            host.ledger.fail(task.id, outcome.note)
            if task.tool in self.factory.tools and self.factory.tools[task.tool].effect == "reads":
                host.ledger.pass_over(task.id)
        host.keep_cost()

    def found_for(self, task: LedgerTask) -> list[Turn]:
        """Return the calls and results that a task builds on: of those it waited for; if none are named, of the last ones."""
        tasks = {each.id: each for each in self.host.ledger.tasks}
        left = list(task.depends_on) if task.depends_on or self.actors > 1 else [*tasks]
        wanted: set[str] = set()
        while left:
            if (one := left.pop()) not in wanted:
                wanted.add(one)
                left += tasks[one].depends_on
        done = [each.id for each in tasks.values() if each.id in wanted and each.status == "complete"]
        return [turn for each in done[-_LAST:] for turn in self.host.record.session.turns(each) if turn.tool_name]

    def failing(self) -> set[str]:
        """Return the calls by which tasks of the last plan failed."""
        ended = [task.id for task in self.host.ledger.tasks if task.status == "failed" and not task.replaced]
        return {call for each in ended for call in failing_calls(self.host.record.session.turns(each), self.factory.tools)}

    def goes_in_circles(self) -> bool:
        """Return whether this plan fails by nothing but calls that failed the plan before, whatever it has looked up."""
        return bool(now := self.failing()) and now <= self.failed_calls

    def replan(self) -> None:
        """Plan for what is left. What the goal's words still want after all tasks are complete needs no model."""
        host = self.host
        self.fruitless += 1
        self.failed_calls = self.failing()
        forgotten = list(dict.fromkeys(one.words for one in host.acceptance.lacking())) if host.ledger.is_complete else []
        has_scripted = self.factory.script is not None and any(task.tool == SCRIPT for task in host.ledger.tasks)
        if not forgotten and (self.planner_lm is None or has_scripted):
            self.fruitless = _FRUITLESS  # rules that failed once fail again; calls do no better than the scripts did
            return
        progress = self.progress()
        host.ledger.replace_open()
        if forgotten:
            tasks = plan_by_rules("\n".join(forgotten), self.menu)
            host.planned("what the goal still asks for", "rules", [task.title for task in tasks])
            self.add(tasks)
        else:
            self.plan(progress)

    def progress(self) -> str:
        """Say what is done and what failed, for the planner."""
        lines = [f"done: {task.title}" for task in self.host.ledger.tasks if task.status == "complete"]
        lines += [f"not yet: {idle}"] if (idle := self.host.idle()) and lines else []
        return "\n".join([*lines, *(f"failed: {each}" for each in self.host.ledger.failures())])

    def what_is_left(self) -> str:
        """Say why the run gives up: how the last tasks failed, and what of the goal is not so."""
        told = "; ".join(list(dict.fromkeys(self.host.ledger.failures()))[-2:]) or self.host.idle()
        lacking = dict.fromkeys(one.evidence for one in self.host.acceptance.end_state() if not one.met)
        return "no progress: " + "; ".join([told, *(f"not yet: {why}" for why in lacking if why not in told)])
