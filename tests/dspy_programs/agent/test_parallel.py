"""Several actors at once, and what the loop itself costs."""

import threading
import time

import dspy

from dspy_programs import Actor, Planner
from dspy_programs.agent import Agent, Persona, tool
from tests.dspy_programs.agent.scripted import finish, is_planner, plan, prompts_of, step
from tests.fakes import scripted_lm

SIX = plan(*[("note", f"Note colour {n}", []) for n in range(1, 7)])


@tool(effect="writes")
def note(colour: str) -> str:
    """Note a colour."""
    return f"noted {colour}"


def test_tasks_that_do_not_wait_for_each_other_run_at_the_same_time(tmp_path):
    together = threading.Barrier(6)

    def answer(prompt: str) -> str:
        if is_planner(prompt):
            return SIX
        done = prompt.rsplit("[[ ## done ## ]]", 1)[1].split("[[ ## task ## ]]")[0]
        if "noted" in done:
            return finish("all is noted")
        together.wait(30)  # ends only when six actors ask
        return step("note", colour="colour")

    result = Agent([note], scripted_lm(answer), workspace=tmp_path, actors=8, compiled=False).run("Fill it in")
    assert result.outcome == "unverified" and len(result.tasks) == 6


def test_each_actor_has_its_own_history_and_persona(tmp_path):
    @tool(effect="reads")
    def look(at: str) -> str:
        """Look at a thing."""
        return f"{at} is red"

    plans = [plan(("look", "Look at the door", []), ("note", "Note the window", []))]

    def answer(prompt: str) -> str:
        if is_planner(prompt):
            return plans[0]
        return (
            step("look", at="the door")
            if "Look at the door" in prompt.rsplit("## task ##", 1)[1]
            else step("note", colour="window")
        )

    lm = scripted_lm(answer)
    personas = [Persona("painter", "You are a painter.", tools=("note",)), Persona("watcher", "You watch.", tools=("look",))]
    result = Agent([look, note], lm, workspace=tmp_path, actors=2, personas=personas, compiled=False).run(
        "See the door, the window"
    )
    assert [task.actor for task in result.tasks[:2]] == ["watcher", "painter"]
    painting = [prompt for prompt in prompts_of(lm) if "You are a painter." in prompt]
    assert painting and not any("is red" in prompt or "You watch" in prompt for prompt in painting)


def test_persona_with_its_own_model_counts_like_any_other(tmp_path):
    lm = scripted_lm(lambda prompt: plan(("note", "Note it")))
    own = scripted_lm(lambda prompt: step("note", colour="red"), name="scripted/own")
    result = Agent([note], lm, workspace=tmp_path, personas=[Persona(lm=own)], compiled=False).run("Note the colour red")
    assert prompts_of(own) and result.cost.model_calls == len(prompts_of(lm)) + len(prompts_of(own))


def test_the_loop_costs_less_than_5_ms_a_step(tmp_path):
    """Beside what asking costs: the programs, called by themselves with the same prompts."""

    def answer(prompt: str) -> str:
        if is_planner(prompt):
            return SIX
        number = prompt.rsplit("Note colour ", 1)[1][0]
        return finish("all is noted") if f"noted {number}" in prompt.rsplit("## done ##", 1)[1] else step("note", colour=number)

    lm = scripted_lm(answer)
    agent = Agent([note], lm, workspace=tmp_path, compiled=False)
    agent.run("Fill it in")  # what is made once
    started = time.process_time()
    result = agent.run("Fill it in")
    whole = time.process_time() - started
    assert result.outcome == "unverified" and result.cost.tool_calls == 6
    program, function = Actor(), {"name": "note", "description": note.description, "parameters": note.parameters}
    started = time.process_time()
    with dspy.context(lm=lm, adapter=dspy.JSONAdapter()):
        Planner()(goal="Fill it in", tools=[function])
        for number in range(7):
            program(task=f"Note colour {number}", tools=[function], context="Fill it in")
    asking = time.process_time() - started
    assert (whole - asking) / 7 < 0.005


def test_a_helper_has_its_own_history_and_only_the_tools_it_was_given(tmp_path):
    (tmp_path / "a.txt").write_text("the door is blue\n")
    seen = []

    def answer(prompt: str) -> str:
        seen.append(prompt)
        inside = "Which colour has the door" in prompt
        if is_planner(prompt):
            return plan(("read_file", "Read a.txt")) if inside else plan(("delegate", "Delegate the question about a.txt"))
        if inside and "Delegate" not in prompt.rsplit("## task ##", 1)[1]:
            return (
                finish("It is blue")
                if "the door is blue" in prompt.rsplit("## done ##", 1)[1]
                else step("read_file", path="a.txt")
            )
        if "It is blue" in prompt.rsplit("## done ##", 1)[1]:
            return finish("The door is blue")
        return step("delegate", goal="Which colour has the door in a.txt?", tools=["read_file"])

    result = Agent(lm=scripted_lm(answer), workspace=tmp_path, compiled=False, ask=lambda question: "yes").run(
        "Delegate a question"
    )
    assert result.outcome == "unverified" and result.answer == "The door is blue", result
    helper = [prompt for prompt in seen if "Which colour has the door" in prompt and "Delegate a question" not in prompt]
    assert helper and not any("write_file" in prompt.rsplit("## tools ##", 1)[1] for prompt in helper)
    assert result.cost.model_calls == len(seen)
