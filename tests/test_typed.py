"""What the types at the door say is true when the code runs, and is said of every public name.

What the two type checkers make of it: front_door.py, which mypy and pyright read.
"""

import copy
import inspect
import json
import pickle
import re
from importlib import import_module
from typing import Any, get_args, get_overloads, get_type_hints

import dspy
import pytest
from pydantic import TypeAdapter

from dspy_programs import use
from dspy_programs.predict import Result
from dspy_programs.registry import PROGRAMS, load
from tests.dspy_programs.predict.test_program import INPUTS
from tests.fakes import plan_reply, scripted_lm

DOORS = [
    *("dspy_programs", "dspy_programs.failures", "dspy_programs.memory", "dspy_programs.budget", "dspy_programs.serve"),
    "optimizers",
]
ANYTHING = {"messages_of"}  # gives back the kind of session that came in
REPLIES = {
    "actor": {"action": {"calls": [{"tool": "book", "arguments": {}}], "cannot": ""}},
    "code_editor": {"reply": {"why": "It adds one.", "edits": [{"path": "a.py", "old": "return n + 1", "new": "return n"}]}},
    "code_summarizer": {"reply": {"summary": "`add` returns the sum."}},
    "command_planner": {"reply": {"plan": ["run the tests"], "commands": ["pytest"]}},
    "data_generator": {"pair": {"instruction": "Name a river in Austria.", "input": "", "output": "The Mur."}},
    "document_qa": {"reply": {"quote": "The Mur is a river in Austria.", "answer": "the Mur"}},
    "failure_judge": {"answer": "no"},
    "log_context": {"reply": {"context": "The lamp has no price.", "key_points": ["no price of lamp"]}},
    "loop_explainer": {"reply": {"explanation": "`row in names` is O(n*m).", "rewrite": ""}},
    "memory_summarizer": {
        "memory": {"summary": "Ann waits.", "decisions": [], "facts": [{"text": "Order 4711 goes to Graz", "turns": [0]}]}
    },
    "orchestrator": {"choice": {"why": "every place", "calls": [{"tool": "grep", "arguments": {"pattern": "TODO"}}]}},
    "planner": json.loads(plan_reply(["book", "mail"])),
    "quality_judge": {
        "judgement": {"reason": "true", "scores": [{"criterion": name, "score": 9} for name in ("accuracy", "relevance")]}
    },
    "section_scorer": {"asks": "yes"},
}
INPUTS_HERE = {
    **INPUTS,
    "quality_judge": {**INPUTS["quality_judge"], "rubric": "qa"},
}


def answered(name: str, by: str) -> Result:
    """Return a result of the program, by the rules, by a model, or by the rules for a model that cannot be read."""
    reply = json.dumps(REPLIES[name]) if by == "model" else "not an answer"
    with use(None if by == "rules" else scripted_lm(lambda prompt: reply)):
        return PROGRAMS[name]()(**INPUTS_HERE[name])


def hints_of(result: type[Result]) -> dict[str, Any]:
    return {field: hint for field, hint in get_type_hints(result).items() if not field.startswith("_")}


every_program = pytest.mark.parametrize("name", sorted(PROGRAMS))
every_answer = pytest.mark.parametrize("by", ["rules", "model", "failure"])


@every_program
@every_answer
def test_result_has_the_fields_that_its_class_lists_and_no_other(name, by):
    result = answered(name, by)
    assert result.answered_by == ("model" if by == "model" else "rules") and bool(result.failure) == (by == "failure")
    hints = hints_of(type(result))
    assert set(result.keys()) == hints.keys()
    for field, hint in hints.items():
        TypeAdapter(hint).validate_python(result[field], strict=True)


@every_program
def test_forward_gives_what_it_says(name):
    program = PROGRAMS[name]
    assert get_type_hints(program.forward)["return"] is type(answered(name, "rules"))
    assert type(answered(name, "rules")).__name__ == f"{program.__name__}Result"


@every_program
def test_result_is_still_a_prediction_in_every_way(name):
    result = answered(name, "model")
    kind, fields = type(result), dict(result.items())
    assert isinstance(result, dspy.Prediction) and result["answered_by"] == result.answered_by == "model"
    for again in (result.copy(), copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert type(again) is kind and again == result and dict(again.items()) == fields
    assert result == dspy.Prediction(**fields) and repr(result) == repr(dspy.Prediction(**fields))
    assert dspy.Example(result).toDict() == result.toDict() == json.loads(json.dumps(result.toDict()))
    assert result.copy(answered_by="rules").answered_by == "rules" and result.answered_by == "model"
    assert set(result.without("failure").keys()) == fields.keys() - {"failure"}
    result.note = "mine"
    assert result.note == "mine" and result["note"] == "mine"
    result.set_lm_usage({"m": {}})
    assert result.get_lm_usage() == {"m": {}}


def test_load_knows_the_class_of_every_name():
    typed = {}
    for overloaded in get_overloads(load):
        hints = get_type_hints(overloaded)
        for name in get_args(hints["program"]) if hints["program"] is not str else ():
            typed[name] = hints["return"]
    assert {name: kind for name, kind in typed.items() if isinstance(name, str)} == PROGRAMS


def test_load_options_are_the_keywords_of_load():
    from dspy_programs.registry.registry import LoadOptions

    given = inspect.signature(load).parameters.values()
    keywords = {each.name: each.annotation for each in given if each.kind is each.KEYWORD_ONLY}
    assert get_type_hints(LoadOptions) == keywords


def public_callables():
    """Yield the functions, and the methods of the classes, that a user meets."""
    for door in DOORS:
        module = import_module(door)
        for name in module.__all__:
            found = getattr(module, name)
            if inspect.isfunction(found):
                yield pytest.param(found, id=f"{door}.{name}")
            elif inspect.isclass(found):
                for method, code in vars(found).items():
                    code = code.fget if isinstance(code, property) else getattr(code, "__func__", code)
                    if (
                        inspect.isfunction(code)
                        and code.__name__ == method
                        and code.__module__.startswith(("dspy_programs", "optimizers"))
                    ):
                        if method == "__init__" or not method.startswith("_"):
                            yield pytest.param(code, id=f"{door}.{name}.{method}")


@pytest.mark.parametrize("code", list(public_callables()))
def test_public_callable_is_typed(code):
    given = [each for each in inspect.signature(code).parameters.values() if each.name not in ("self", "cls")]
    assert [each.name for each in given if each.annotation is each.empty] == []
    returned = code.__annotations__.get("return", inspect.Parameter.empty)
    assert returned is not inspect.Parameter.empty
    assert returned is not Any or code.__name__ in ANYTHING


def documented() -> list[Any]:
    """The functions at the front doors, and what is called of every program."""
    functions = [
        getattr(module, name)
        for module in map(import_module, DOORS)
        for name in module.__all__
        if inspect.isfunction(getattr(module, name)) and inspect.signature(getattr(module, name)).parameters
    ]
    return [*functions, *(program.forward for program in PROGRAMS.values())]


@pytest.mark.parametrize("code", documented(), ids=lambda code: f"{code.__module__}.{code.__qualname__}")
def test_every_parameter_of_the_front_doors_is_documented(code):
    text = inspect.getdoc(code) or ""
    said = re.findall(r"^    (\w+): ", text.partition("Args:\n")[2].partition("\n\n")[0], re.MULTILINE)
    assert said == [name for name in inspect.signature(code).parameters if name != "self"]
    assert "Returns:\n" in text or "Yields:\n" in text or code.__annotations__["return"] is None


@every_program
def test_every_field_of_a_result_is_documented(name):
    kind = type(answered(name, "rules"))
    source = inspect.getsource(kind)
    fields = vars(kind)["__annotations__"]
    assert [field for field in fields if not re.search(rf'^    {field}: .*\n    """', source, re.MULTILINE)] == []
