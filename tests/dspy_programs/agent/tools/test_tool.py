import pytest

from dspy_programs.agent.tools.tool import Composed, Scope, ToolError, WorkspacePath, tool
from tests.dspy_programs.agent.scopes import said, scope_in


@tool(effect="writes", idempotent=True)
def put(scope: Scope, path: WorkspacePath, text: Composed = "", count: int = 1, exact: bool = False) -> str:
    """Put text into a file."""
    return f"{path} {text * count} {exact} {scope.workspace.root.name}"


def test_a_typed_function_gives_name_description_schema_and_what_it_touches():
    assert (put.name, put.description, put.effect, put.idempotent) == ("put", "Put text into a file.", "writes", True)
    assert put.parameters["required"] == ["path"]
    assert set(put.parameters["properties"]) == {"path", "text", "count", "exact"}, "the scope is no argument"
    assert put.parameters["properties"]["text"]["x-composed"] is True
    assert "x-composed" not in put.parameters["properties"]["path"]
    assert put.touches({"path": "a.txt", "text": "b.txt"}) == ["a.txt"]
    assert put.touches({}) == put.touches({"path": 3}) == []


def test_arguments_are_converted_as_a_small_model_writes_them(tmp_path):
    assert said(put, scope_in(tmp_path / "w"), path="a", text="x", count="3", exact="true") == "a xxx True w"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({}, "path is missing"),
        ({"path": None}, "path: input should be a valid string"),
        ({"path": "a", "count": "many"}, "count: input should be a valid integer"),
        ({"path": "a", "file": "b"}, "there is no argument file"),
        ({"path": "a", "scope": "b"}, "there is no argument scope"),
        ({"path": ["a"]}, "path: input should be a valid string"),
    ],
)
def test_wrong_arguments_are_told_with_those_that_there_are(tmp_path, arguments, fault):
    answer = said(put, scope_in(tmp_path / "w"), **arguments)
    assert fault in answer and "The arguments are: count, exact, path, text" in answer


def test_anything_that_a_function_raises_is_a_tool_error_without_keys(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "sk-abcdefgh12345678")

    @tool
    def broken() -> str:
        """Break."""
        raise KeyError("sk-abcdefgh12345678")

    with pytest.raises(ToolError) as caught:
        broken.call(scope_in(tmp_path / "w"), {})
    assert "broken: KeyError" in str(caught.value) and "sk-abc" not in str(caught.value)


def test_what_a_function_returns_is_json(tmp_path):
    @tool(name="other")
    def gives() -> object:
        """Give."""
        return {1: {2, 3}, "b": b"x", "n": float("nan")}

    assert gives.name == "other"
    assert gives.call(scope_in(tmp_path / "w"), {}) == {"1": [2, 3], "b": "x", "n": "nan"}
