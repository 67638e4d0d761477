"""Several actors at once, and what the loop itself costs."""

import time

from dspy_programs.agent import Agent, Persona, tool
from tests.dspy_programs.agent.scripted import finish, is_planner, plan, prompts_of, scripted, step
from tests.fakes import scripted_lm

EIGHT = plan(*[("note", f"Note colour {n}", []) for n in range(1, 7)])


@tool(effect="writes")
def note(colour: str) -> str:
    """Note a colour."""
    return f"noted {colour}"


def slow_lm(seconds: float):
    def answer(prompt: str) -> str:
        if is_planner(prompt):
            return EIGHT
        time.sleep(seconds)
        done = prompt.rsplit("[[ ## done ## ]]", 1)[1].split("[[ ## task ## ]]")[0]
        return finish("all is noted") if "noted" in done else step("note", colour="colour")

    return scripted_lm(answer)


def took(folder, actors: int, seconds: float) -> float:
    started = time.monotonic()
    result = Agent([note], slow_lm(seconds), workspace=folder, actors=actors, compiled=False).run("Fill it in")
    assert result.completed and len(result.tasks) == 6
    return time.monotonic() - started


def test_tasks_that_do_not_wait_for_each_other_run_at_the_same_time(tmp_path):
    one_after_the_other = 7 * 0.2  # six notes, and one answer
    assert took(tmp_path, 8, 0.2) < one_after_the_other * 0.75


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


def test_the_loop_costs_less_than_5_ms_a_step(tmp_path):
    names = [f"Note colour {n}" for n in range(1, 7)]
    lm = scripted([plan(*[("note", name, []) for name in names])], [step("note", colour="colour")])
    agent = Agent([note], lm, workspace=tmp_path, compiled=False)
    agent.run("Fill it in")  # what is made once
    started = time.process_time()
    result = agent.run("Fill it in")
    steps = result.cost.tool_calls
    assert steps >= 6
    assert (time.process_time() - started) / steps < 0.005 + 0.005  # the actor's own reading and writing of prompts is half


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
    assert result.completed and result.answer == "The door is blue", result
    helper = [prompt for prompt in seen if "Which colour has the door" in prompt and "Delegate a question" not in prompt]
    assert helper and not any("write_file" in prompt.rsplit("## tools ##", 1)[1] for prompt in helper)
    assert result.cost.model_calls == len(seen)
