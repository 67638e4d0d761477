"""Whatever is sent to MCP and A2A over HTTP, the answer is a refusal, and the next client is served."""

import json
import os

import pytest
from hypothesis import given, settings, strategies as st

from tests.servers import HEALTHY, HTTP, running

EXAMPLES = int(os.environ.get("DSPY_PROGRAMS_TEST_EXAMPLES", "30"))
METHODS = [
    *["initialize", "tools/list", "tools/call", "server/discover", "ping", "notifications/cancelled"],
    *["SendMessage", "SendStreamingMessage", "GetTask", "CancelTask", "ListTasks", "SubscribeToTask"],
    *["message/send", "message/stream", "tasks/get", "tasks/cancel", "tasks/resubscribe"],
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ARGUMENTS = st.fixed_dictionaries({}, optional={"trace": VALUES, "sections": VALUES, "messages": VALUES})
PART = st.fixed_dictionaries({}, optional={"kind": st.sampled_from(["text", "data"]), "text": VALUES, "data": VALUES})
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "ROLE_USER", "agent", "?"]), "parts": st.lists(PART, max_size=3) | VALUES},
    optional={"messageId": VALUES, "taskId": VALUES, "contextId": VALUES, "metadata": VALUES},
)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["classify_failure", "negotiate_prompt", "?"]) | VALUES,
        "arguments": ARGUMENTS | VALUES,
        "message": MESSAGE | VALUES,
        "id": VALUES,
        "protocolVersion": st.sampled_from(["2025-06-18", "2026-07-28", "0"]) | VALUES,
        "capabilities": VALUES,
    },
)
CALLS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0") | VALUES, "method": st.sampled_from(METHODS) | VALUES},
    optional={"id": VALUES, "params": PARAMS | VALUES},
)
BODIES = st.binary(max_size=40) | CALLS.map(lambda call: json.dumps(call).encode())
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


@settings(max_examples=EXAMPLES, deadline=None)
@given(body=BODIES, path=st.sampled_from(["/mcp", "/a2a"]), version=st.sampled_from(["", "1.0", "0.3", "2025-06-18", "9"]))
def test_server_answers_and_goes_on(server, body, path, version):
    headers = HEADERS | ({"A2A-Version": version, "MCP-Protocol-Version": version} if version else {})
    with HTTP.stream("POST", server.url + path, content=body, headers=headers, timeout=20) as response:
        response.read()
    assert response.status_code < 500, response.text
    assert "Traceback" not in response.text and "internal error" not in response.text
    assert HTTP.post(f"{server.url}/v1/failures/classify", json={"trace": HEALTHY}).status_code == 200
