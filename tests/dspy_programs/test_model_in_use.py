"""Which model a program asks: the one chosen where it runs, none by choice, or an error where the choice was lost."""

import asyncio
import contextvars
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import dspy
import pytest

from dspy_programs import configure, use
from dspy_programs.errors import ModelLost, UsageError
from dspy_programs.failures import FailureClassifier
from dspy_programs.lm import running_on
from dspy_programs.model_in_use import model_in_use
from dspy_programs.programs.planner import Planner
from tests.fakes import ChatServer, plan_reply, scripted_lm
from tests.processes import Started, forks

TOOLS = [{"name": "book", "description": "books a flight"}, {"name": "mail", "description": "sends an email"}]
INPUTS = {"goal": "Book a flight, then email Ann", "tools": TOOLS}
UNCLEAR = {
    "trace_id": "t",
    "original_goal": "Book a flight",
    "is_successful": False,
    "turns": [{"turn_number": 0, "role": "agent", "content": "I looked at hotels."}],
}


def model(tool: str = "book") -> dspy.LM:
    """Return a model whose every plan is to use one tool."""
    return scripted_lm(lambda prompt: plan_reply([tool]), name=f"scripted/{tool}")


def answered(program: Planner | None = None) -> str:
    """Return the tools of a plan that a model made, or "rules"."""
    plan = (program or Planner())(**INPUTS)
    assert plan.failure is None
    return "rules" if plan.answered_by == "rules" else " ".join(task.tool for task in plan.tasks)


def in_thread(call=answered):
    """Run a call in a thread that knows nothing of this one, as a plain executor does."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result(30)


def in_new_process(script: Callable[[Sequence[str]], int], folder) -> str:
    """Return what a script prints where nothing was chosen before."""
    process = Started(script, [], folder)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out.strip()


def chosen_in(context) -> str:
    with context:
        return answered()


def never_chosen(argv) -> int:
    print(answered(), in_thread(), in_thread(lambda: FailureClassifier().classify(UNCLEAR).answered_by))
    with running_on(model()):
        print(answered(), in_thread())
    return 0


def test_rules_answer_in_every_thread_where_no_user_ever_chose_a_model(tmp_path):
    assert in_new_process(never_chosen, tmp_path).split() == ["rules", "rules", "rules", "book", "rules"]


def test_finding_that_no_model_is_in_use_imports_no_dspy():
    script = "import sys; from dspy_programs.model_in_use import model_in_use; print(model_in_use(), 'dspy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["None", "False"]


def test_model_is_asked_in_its_block_and_rules_answer_after_it():
    with use(model()):
        assert answered() == "book"
    assert answered() == "rules"


@pytest.mark.parametrize(
    "call",
    [
        answered,
        lambda: FailureClassifier().classify(UNCLEAR),
        lambda: asyncio.run(Planner().acall(**INPUTS)),
        model_in_use,
    ],
)
def test_plain_thread_says_that_the_model_was_lost(call):
    with use(model()), pytest.raises(ModelLost) as caught:
        in_thread(call)
    for way in ("contextvars.copy_context().run", "dspy.Parallel", "program.batch", "use(None)", "configure(...)"):
        assert way in str(caught.value)


def test_run_in_executor_says_that_the_model_was_lost():
    async def call():
        return await asyncio.get_running_loop().run_in_executor(None, answered)

    with use(model()), pytest.raises(ModelLost):
        asyncio.run(call())


def test_lost_model_raises_only_where_a_model_would_be_asked():
    healthy = UNCLEAR | {"turns": []}
    with use(model()):
        assert in_thread(lambda: FailureClassifier().classify(healthy).answered_by) == "rules"
        assert in_thread(lambda: FailureClassifier(use_llm=False).classify(UNCLEAR).answered_by) == "rules"


def test_thread_with_the_context_asks_the_model():
    with use(model()):
        assert in_thread(partial(contextvars.copy_context().run, answered)) == "book"
        assert asyncio.run(asyncio.to_thread(answered)) == "book"


@pytest.mark.parametrize("choice", ["book", None])
def test_dspy_carries_the_choice_into_its_own_threads(choice):
    wanted = choice or "rules"
    rows = [dspy.Example(**INPUTS).with_inputs(*INPUTS)] * 2
    told = []

    def metric(example, plan, trace=None):
        told.append(plan.answered_by)
        return 1.0

    with use(choice and model(choice)):
        many = Planner().batch(rows, num_threads=2, disable_progress_bar=True)
        many += dspy.Parallel(num_threads=2, disable_progress_bar=True)([(Planner(), row) for row in rows])
        dspy.Evaluate(devset=rows, metric=metric, num_threads=2, display_progress=False)(Planner())
        assert asyncio.run(dspy.asyncify(Planner())(**INPUTS)).answered_by == ("model" if choice else "rules")
    assert {plan.answered_by for plan in many} == set(told) == {"rules" if wanted == "rules" else "model"}
    assert len(many) == 4 and len(told) == 2


def test_thread_that_outlives_the_block_never_asks_its_model():
    lm, ended = model(), threading.Event()

    def late():
        ended.wait(10)
        return answered()

    with ThreadPoolExecutor(1) as pool:
        with use(lm):
            future = pool.submit(late)
        ended.set()
        with pytest.raises(ModelLost):
            future.result(10)
    assert lm.engine.requests == []


def test_two_threads_with_two_models_ask_each_its_own():
    together = threading.Barrier(2, timeout=10)

    def work(tool: str) -> str:
        with use(model(tool)):
            together.wait()
            found = answered()
            together.wait()
            with pytest.raises(ModelLost):
                in_thread()
            together.wait()
        return found

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, ["book", "mail"])) == ["book", "mail"]


def test_asyncio_tasks_ask_each_the_model_of_their_own_block():
    async def work(tool: str | None) -> str:
        with use(tool and model(tool)):
            await asyncio.sleep(0.01)
            return answered()

    async def all_of_them():
        return await asyncio.gather(work("book"), work(None), work("mail"))

    assert asyncio.run(all_of_them()) == ["book", "rules", "mail"]


def test_blocks_inside_each_other():
    with use(model("book")):
        with use(model("mail")):
            assert answered() == "mail"
        with use(None):
            assert answered() == "rules"
            assert in_thread(partial(contextvars.copy_context().run, answered)) == "rules"
            with use(model("mail")):
                assert answered() == "mail"
        with dspy.context(lm=None):
            assert answered() == "rules"
            assert asyncio.run(dspy.asyncify(Planner())(**INPUTS)).answered_by == "rules"
        assert answered() == "book"


def test_block_that_ends_by_an_error_ends():
    with pytest.raises(ZeroDivisionError), use(model()):
        raise ZeroDivisionError
    assert answered() == "rules"


def test_rules_can_be_chosen_in_a_thread():
    with use(model()):
        assert in_thread(lambda: chosen_in(use(None))) == "rules"
        assert in_thread(lambda: chosen_in(use(model("mail")))) == "mail"


def test_generator_asks_the_model_of_the_block_that_it_is_consumed_in():
    with use(model("book")):
        plans = (answered() for _ in range(3))
        assert next(plans) == "book"
    with use(model("mail")):
        assert next(plans) == "mail"
    assert next(plans) == "rules"


def test_model_of_the_program_itself_is_asked():
    program = Planner()
    program.set_lm(model("mail"))
    assert answered(program) == "mail"
    assert asyncio.run(program.acall(**INPUTS)).answered_by == "model"
    with use(model("book")):
        assert answered(program) == "mail"
        assert in_thread(lambda: answered(program)) == "mail"
    with use(None):
        assert answered(program) == "rules"
        assert asyncio.run(program.acall(**INPUTS)).answered_by == "rules"


def test_use_without_a_model_takes_that_of_the_environment(monkeypatch):
    monkeypatch.setenv("DSPY_PROGRAMS_LM", "openai/from-environment")
    with use():
        assert dspy.settings.lm.model == "openai/from-environment"
    with use(temperature=0.5):
        assert dspy.settings.lm.kwargs["temperature"] == 0.5


@pytest.mark.parametrize("lm", [None, model()])
def test_use_refuses_settings_that_would_set_nothing(lm):
    with pytest.raises(UsageError, match="temperature"):
        use(lm, temperature=0.5)


def configured(argv) -> int:
    configure(model("book"))
    print(answered(), in_thread(), in_thread(lambda: chosen_in(use(None))))
    with use(model("mail")):
        print(answered(), answered())
    configure(None)
    print(answered(), in_thread(), chosen_in(use(model("mail"))), asyncio.run(asyncio.to_thread(answered)))
    return 0


def test_configured_model_is_that_of_every_thread(tmp_path):
    said = in_new_process(configured, tmp_path).split()
    assert said == ["book", "book", "rules", "mail", "mail", "rules", "rules", "mail", "rules"]


def test_another_process_asks_the_model_that_was_chosen_there():
    with ChatServer(lambda prompt: plan_reply(["book"])) as server:
        choose = partial(configure, "openai/scripted", api_base=server.url)
        with use("openai/scripted", api_base=server.url):
            for initializer, wanted in ((None, "rules"), (choose, "model")):
                with ProcessPoolExecutor(1, mp_context=forks(), initializer=initializer) as pool:
                    assert pool.submit(Planner(), **INPUTS).result(60).answered_by == wanted
    assert len(server.requests) == 1


def configured_twice(argv) -> int:
    async def configured():
        configure(model())

    asyncio.run(configured())
    with pytest.raises(UsageError, match="with use"):
        asyncio.run(configured())
    print(answered())
    return 0


def test_second_task_that_configures_is_told_what_to_do(tmp_path):
    assert in_new_process(configured_twice, tmp_path) == "book"
