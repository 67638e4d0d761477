import json

import pytest

from dspy_programs.agent.tools.openapi import openapi_tools
from dspy_programs.errors import UsageError
from tests.dspy_programs.agent.scopes import said, scope_in
from tests.dspy_programs.agent.tools.answering import answering

API = {
    "openapi": "3.0.0",
    "paths": {
        "/pets/{id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "get": {
                "operationId": "getPet",
                "summary": "Read one pet.",
                "parameters": [
                    {"name": "fields", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                    {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
                ],
            },
            "put": {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
        }
    },
    "components": {"parameters": {"Id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}}},
}


def test_an_operation_is_called_with_each_argument_in_its_place(tmp_path):
    asked = []
    with answering(lambda request: asked.append(request) or (200, {}, b'{"ok": true}')) as address:
        tools = {
            tool.name: tool
            for tool in openapi_tools("pet shop", API, server=address, headers={"Authorization": "Bearer k12345678"})
        }
        assert sorted(tools) == ["pet_shop__getPet", "pet_shop__put_pets_id"]
        get, put = tools["pet_shop__getPet"], tools["pet_shop__put_pets_id"]
        assert get.parameters["required"] == ["id"] and "Authorization" not in str(get.parameters)
        assert get.idempotent and not put.idempotent
        scope = scope_in(tmp_path / "w")
        assert said(get, scope, id="a b", fields=["x", "y"], **{"X-Trace": "t"}) == '{"ok": true}'
        assert said(put, scope, id="7", body={"n": 1}) == '{"ok": true}'
    first, second = asked
    assert (first.method, first.path, first.headers["X-Trace"]) == ("GET", "/pets/a%20b?fields=x&fields=y", "t")
    assert (second.method, json.loads(second.body), second.headers["Content-Type"]) == ("PUT", {"n": 1}, "application/json")
    assert all(request.headers["Authorization"] == "Bearer k12345678" for request in asked)


@pytest.mark.parametrize("value", ["../admin", "a/../../admin", "x?admin=1", "x#y", "{id}", "a\r\nX: y", "http://evil/"])
def test_an_argument_stays_in_its_place(tmp_path, value):
    asked = []
    with answering(lambda request: asked.append(request) or (200, {}, b"ok")) as address:
        get = openapi_tools("p", API, server=address)[0]
        said(get, scope_in(tmp_path / "w"), id=value, **{"X-Trace": "a\r\nX-Evil: 1"})
        said(get, scope_in(tmp_path / "w"), id=value, Authorization="Bearer evil", Host="evil")
    for request in asked:
        assert request.path.startswith("/pets/") and request.path.count("/") == 2 and "?" not in request.path
        assert not {"X-Evil", "Authorization"} & request.headers.keys() and request.headers["Host"] != "evil"


def test_what_goes_wrong_is_told_without_the_key(tmp_path):
    scope = scope_in(tmp_path / "w")
    with answering(lambda request: (403, {}, request.headers["Authorization"].encode() + b" is wrong")) as address:
        get = openapi_tools("p", API, server=address, headers={"Authorization": "Bearer k12345678"})[0]
        answer = said(get, scope, id="1")
        assert answer.startswith("ToolError: p: the server answered 403") and "k12345678" not in answer
        assert "id is missing" in said(get, scope)
        assert "cannot stand in the address" in said(get, scope, id="..")


@pytest.mark.parametrize(
    ("api", "fault"),
    [
        ({}, "it has no paths"),
        ({"paths": {}, "servers": [{"url": "/v1"}]}, "names no server"),
        ({"paths": {}, "servers": [{"url": "file:///etc"}]}, "names no server"),
        ({"paths": {}, "host": "api.example.com"}, "has no operation"),
    ],
)
def test_a_description_that_cannot_be_used_is_said(api, fault):
    with pytest.raises(UsageError, match=fault):
        openapi_tools("p", api)
