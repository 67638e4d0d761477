import json

import pytest

from dspy_programs.agent.tools.json_files import json_get, json_set
from tests.dspy_programs.agent.scopes import said, scope_in

TEXT = """{
    "server": {"port": 8080, "rate": 1.10},
    "a.b": 1,
    "items": [
        {"n": 1},
        {"n": 2}
    ],
    "e": {},
    "on": true
}
"""


@pytest.fixture
def scope(tmp_path):
    scope = scope_in(tmp_path / "w")
    scope.workspace.write("c.json", TEXT)
    return scope


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("server.port", "8080"),
        ("server.rate", "1.10"),
        ("a.b", "1"),
        ("items[1].n", "2"),
        ("items.0", '{"n": 1}'),
        ("$.on", "true"),
        ("", TEXT.strip()),
        ("items.5", "ToolError: c.json: there is no 5 in it; there is a list of 2 items, counted from 0"),
        ("srv", "ToolError: c.json: there is no srv in it; there is server, a.b, items, e, on"),
        ("on.x", "ToolError: c.json: there is no x in it; there is a plain value"),
    ],
)
def test_a_value_is_read_by_its_key(scope, key, shown):
    assert said(json_get, scope, path="c.json", key=key) == shown


@pytest.mark.parametrize(
    ("key", "value", "was", "now"),
    [
        ("server.port", 9090, '"port": 8080', '"port": 9090'),
        ("server.port", "9090", '"port": 8080', '"port": 9090'),
        ("on", "false", '"on": true', '"on": false'),
        ("on", "maybe", '"on": true', '"on": "maybe"'),
        ("a.b", None, '"a.b": 1', '"a.b": null'),
        ("server.tls", False, "1.10}", '1.10, "tls": false}'),
        ("items.2", {"n": 3}, '{"n": 2}', '{"n": 2},\n        {"n": 3}'),
        ("items[0].n", "one", '"n": 1', '"n": "one"'),
        ("new", "é", '"on": true', '"on": true,\n    "new": "é"'),
        ("e.x", 1, '"e": {}', '"e": {\n        "x": 1\n    }'),
    ],
)
def test_only_the_value_changes(scope, key, value, was, now):
    said(json_set, scope, path="c.json", key=key, value=value)
    assert scope.workspace.text("c.json") == TEXT.replace(was, now)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": 1,}', "line 1, column 9"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": 1, "a": 2}', "the key a appears twice"),
        ("[" * 100_000, "nested too deeply"),
        ("", "line 1, column 1"),
        ('{"a": 5}', "b cannot be put there"),
    ],
)
def test_a_file_that_cannot_be_set_stays_as_it_is(scope, text, fault):
    scope.workspace.write("x.json", text)
    assert fault in said(json_set, scope, path="x.json", key="a.b", value=1)
    assert scope.workspace.text("x.json") == text


def test_a_new_file_is_made(scope):
    said(json_set, scope, path="new/n.json", key="a.b", value=[1])
    assert json.loads(scope.workspace.text("new/n.json")) == {"a": {"b": [1]}}


@pytest.mark.parametrize("text", ["[]", '{"a":{"b":1}}', '\ufeff{"a": 1}', '{"a": [{"b": {"c": [1, 2, {"d": "}"}]}}]}'])
def test_what_is_set_is_read_again(scope, text):
    scope.workspace.write("x.json", text)
    key = "0" if text == "[]" else "a.0.b.c.2.d" if "d" in text else "k"
    said(json_set, scope, path="x.json", key=key, value={"deep": ['"', "\\", None]})
    assert json.loads(said(json_get, scope, path="x.json", key=key)) == {"deep": ['"', "\\", None]}
