"""What one run is made of, put together from an agent's settings: its calls, ledger, criteria, limits, planner and actors."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import dspy

from dspy_programs.agent.acting.actors import ActorFactory
from dspy_programs.agent.acting.calls import Calls
from dspy_programs.agent.acting.demonstrations import scripts_of, show_to
from dspy_programs.agent.acting.native_calls import NativeActor
from dspy_programs.agent.checking.acceptance import Acceptance, files_named
from dspy_programs.agent.host import Host
from dspy_programs.agent.limits import Cost, Meter, metered
from dspy_programs.agent.loop import Loop
from dspy_programs.agent.planning.ledger import Ledger
from dspy_programs.agent.rules.criteria import Criterion
from dspy_programs.agent.rules.goal import Wanted, menu, wanted_by
from dspy_programs.agent.scripts.code_mender import TOOL as EDIT
from dspy_programs.agent.scripts.script import TOOL as SCRIPT, ScriptWriter, script_examples
from dspy_programs.agent.telling.record import Record
from dspy_programs.agent.workspace import sandbox
from dspy_programs.lm import is_embedded
from dspy_programs.programs.actor import Actor
from dspy_programs.programs.planner import Planner
from dspy_programs.registry import load

if TYPE_CHECKING:
    from dspy_programs.agent.agent import Agent

Delegate = Callable[[dspy.LM | None, str, Sequence[str]], str]
"""(model, goal, names of tools) -> the report of a sub-agent."""


def loop_of(agent: "Agent", goal: str, record: Record, delegate: Delegate) -> Loop:
    """Return the loop of one run; what an earlier process has on file of it is taken up."""
    meter = Meter(agent.limits, Cost(**record.session.get("cost", {})))
    count = partial(metered, meter=meter, calls_tools=agent.tool_calls == "native")
    lm = count(agent.lm) if agent.lm is not None else None
    host = _host_of(agent, goal, record, meter, partial(delegate, lm))
    planner, actor = _compiled_of(agent, record) if agent.compiled else (Planner(), Actor())
    show_to(actor, agent.demonstrations, goal)
    actor = NativeActor(actor, agent.tool_choice) if agent.tool_calls == "native" else actor
    plans = lm if agent.planner_lm is agent.lm else metered(agent.planner_lm, meter) if agent.planner_lm is not None else None
    return Loop(
        host,
        planner,
        plans,
        _factory_of(agent, actor, lm, count),
        menu(goal, agent.tools, recalls=record.session.memory),
        agent.actors,
    )


def _host_of(agent: "Agent", goal: str, record: Record, meter: Meter, delegate: Callable[[str, Sequence[str]], str]) -> Host:
    session = record.session
    criteria = [Criterion(**one) for one in session.get("criteria", [])]
    wanted = Wanted()
    if not session.tasks():
        wanted = wanted_by(goal, [*agent.tools], agent.workspace)
        criteria, before = [*wanted.criteria], files_named(wanted.criteria, agent.workspace)
        session.set("running", criteria=[one.model_dump(exclude_unset=True) for one in criteria], before=before)
    ledger = Ledger(session.tasks(), record.on_ledger, record.lock)
    acceptance = Acceptance(
        workspace=agent.workspace,
        ledger=ledger,
        criteria=criteria,
        before=session.get("before", {}),
        tell=record.tell,
        judge_lm=metered(agent.judge_lm, meter) if agent.judge_lm is not None else None,
        cancelled=agent.cancelled,
    )
    return Host(
        goal=goal,
        workspace=agent.workspace,
        calls=Calls(agent.tools, agent.guard, record, agent.limits.call_seconds, agent.cancelled),
        ledger=ledger,
        record=record,
        meter=meter,
        acceptance=acceptance,
        ask=agent.ask,
        delegate=delegate,
        inputs_missing=wanted.inputs,
        open_point=wanted.open,
        cancelled=agent.cancelled,
    )


def _compiled_of(agent: "Agent", record: Record) -> tuple[Planner, Actor]:
    """Return the planner and the actor, compiled for the model if they are; the record says if they are not."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        planner = load("planner", agent.planner_lm.model) if agent.planner_lm is not None else Planner()
        actor = load("actor", agent.lm.model) if agent.lm is not None else Actor()
    for each in told:
        record.tell("note", text=str(each.message))
    return planner, actor


def _factory_of(agent: "Agent", actor: Actor, lm: dspy.LM | None, count: Callable[[dspy.LM], dspy.LM]) -> ActorFactory:
    is_small = agent.lm is None or is_embedded(agent.lm)
    scripts = lm is not None and is_small and SCRIPT in agent.tools and sandbox.works()
    shipped = script_examples() if agent.compiled else ()
    examples = [*shipped, *scripts_of(agent.demonstrations)]
    return ActorFactory(
        actor,
        agent.tools,
        lm,
        [replace(one, lm=count(one.lm)) if one.lm is not None else one for one in agent.personas],
        short=is_small,
        tokens=agent.limits.context_tokens,
        script=ScriptWriter(agent.workspace, examples, mends=EDIT in agent.tools) if scripts else None,
    )
