"""A second example of every format, with what is odd in it: how each is read, turn by turn, and what is said of the rest."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.errors import UsageError
from dspy_programs.failures.auto_parser import AutoParser
from dspy_programs.failures.reader import read_traces
from dspy_programs.types import Trace
from tests.dspy_programs.failures.test_formats import ANYTHING, places_of

OTHERS = Path(__file__).parent / "fixtures" / "others"


def told(turn):
    """A turn as one text: who, what was said, what was called with what, what it gave, how long it took."""
    call = f"{turn.tool_name}{'' if turn.tool_input is None else json.dumps(turn.tool_input)}" if turn.tool_name else ""
    gave = "" if turn.tool_output is None else f"= {json.dumps(turn.tool_output)}"
    time = "" if turn.latency_ms is None else f"{turn.latency_ms:g} ms"
    return " | ".join(part for part in (turn.role, turn.content, call, gave, time) if part)


def read(name):
    return [item.problem or item.trace for item in read_traces([OTHERS / name])]


EXPECTED = {
    "autogen_team.json": [
        "user | Write a haiku on rain.",
        "agent | writer: Rain on the tin roof",
        "agent | critic: Two lines are missing.",
        "user | Look:\n(image)",
        'agent | count{"n": 3}',
        'tool | count | = "3"',
        "agent | writer: 3",
        "agent | writer: Transferred to critic.",
    ],
    "autogen_v02.json": [
        "user | Plot NVDA.",
        "agent | ```python\nplot()\n```",
        'tool | code | = "exitcode: 1 (execution failed)\\nCode output: NameError"',
        "agent | prices{}",
        'tool | prices | = "12"',
    ],
    "claude_stream.jsonl": ['agent | Read{"file_path": "/p/a"}', 'tool | Read | = {"error": "File does not exist."}'],
    "gemini_code.json": [
        "user | Draw this.\n(image)",
        'agent | It failed. | code_execution{"language": "PYTHON", "code": "print(1/0)"}',
        'tool | code_execution | = {"error": "OUTCOME_FAILED", "output": "ZeroDivisionError"}',
        "user | Again.",
        'agent | draw{"n": 1}',
        'tool | draw | = {"error": "no canvas"}',
    ],
    "langchain_chunks.json": ["user | Tell me.", "agent | The sky is blue.", "agent | critic: Too short."],
    "langfuse_langchain_page.json": [
        "system | You keep the books.",
        "user | Which of my invoices are overdue?",
        'agent | list_invoices{"state": "overdue"}',
        'tool | list_invoices | = {"error": "Error: backend is down"} | 300 ms',
        'tool | list_invoices{"state": "open"} | = [] | 500 ms',
    ],
    "mini_swe_agent_v1.traj.json": [
        "system | You use bash.",
        "user | Make a.txt.",
        'agent | THOUGHT: I make it.\n\n```bash\ntouch /root/a.txt\n``` | bash{"command": "touch /root/a.txt"}',
        "tool | bash | = "
        "\"<returncode>1</returncode>\\n<output>\\ntouch: cannot touch '/root/a.txt': Permission denied</output>\"",
        "agent | THOUGHT: Done.\n\n```bash\necho COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT\n``` | "
        'bash{"command": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"}',
        'tool | bash | = "done"',
    ],
    "mini_swe_agent_v2.traj.json": [
        "system | You use bash.",
        "user | Run the tests.",
        'agent | I run them. | bash{"command": "pytest"}',
        'tool | bash | = {"returncode": 2, "output": "<returncode>2</returncode><output>no tests</output>"}',
    ],
    "openai_agents_items.json": [
        "user | Refund order 12.",
        'agent | get_order{"id": 12}',
        'tool | get_order | = {"error": "no such order"}',
        "agent | transfer_to_refunds{}",
        'tool | transfer_to_refunds | = "{\\"assistant\\": \\"Refunds\\"}"',
        "agent | I cannot find order 12.",
    ],
    "openai_responses_incomplete.json": ["system | Be brief.", "user | Tell all.", "agent | Once upon"],
    "openinference_exception.json": ["user | Sum up the report.", "system | (error) Connection refused"],
    "openinference_langgraph.json": [
        "user | How long is the drive from Graz to Trieste?",
        'agent | route{"a": "Graz", "b": "Trieste"}',
        'tool | route | = "{\\"km\\": 295, \\"min\\": 185}" | 300 ms',
        'tool | Retriever"Trieste traffic" | = [{"content": "The A2 is closed at night.", "score": 0.8}] | 100 ms',
        "agent | About three hours, 295 km.",
    ],
    "openllmetry_langchain.json": [
        "user | What is 47 * 89?",
        'agent | multiply{"a": 47, "b": 89}',
        'tool | multiply | = "4183" | 100 ms',
        "agent | 4183",
    ],
    "otel_logs_and_spans.jsonl": [
        "user | yes",
        "agent | Shall I?",
        "user | yes",
        "agent | go{}",
        'tool | go | = "gone" | 2000 ms',
    ],
    "otel_logs_details.jsonl": ["system | Be brief.", "user | Capital of Chad?", "agent | N'Djamena."],
    "swe_agent_thought_action.traj": [
        "system | SETTING: a shell.",
        "user | ISSUE: mul adds.",
        'agent | I open it. | open"open src/mul.py"',
        'tool | open | = "[File: src/mul.py (3 lines total)]\\n1:def mul(a, b):\\n2:    return a + b" | 200 ms',
        'agent | The sign is wrong. | edit"edit 2:2\\n    return a * b\\nend_of_edit"',
        'tool | edit | = "File updated." | 400 ms',
    ],
    "vercel_stream.json": [
        "system | You answer for a museum.",
        "user | Is it open on Sunday?",
        'agent | hours{"day": "Sun"}',
        'tool | hours | = {"error": "fetch failed"} | 100 ms',
        "agent | I could not find out.",
    ],
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_turn_is_read_in_its_place(name):
    (trace,) = read(name)
    assert [told(turn) for turn in trace.turns] == EXPECTED[name]


@pytest.mark.parametrize(
    ("name", "error", "is_successful"),
    [
        ("autogen_team.json", "Maximum number of messages 8 reached, current message count: 8", None),
        ("claude_stream.jsonl", "error_max_turns", False),
        ("langfuse_langchain_page.json", "GraphRecursionError: Recursion limit of 25 reached", False),
        ("mini_swe_agent_v2.traj.json", "LimitsExceeded", None),
        ("openai_responses_incomplete.json", "incomplete: max_output_tokens", None),
        ("openinference_exception.json", "openai.APIConnectionError: Connection refused", False),
        ("swe_agent_thought_action.traj", "submitted (exit_cost)", None),
        ("mini_swe_agent_v1.traj.json", None, None),
        ("openinference_langgraph.json", None, None),
        ("vercel_stream.json", None, None),
    ],
)
def test_what_ended_a_run_is_its_error(name, error, is_successful):
    (trace,) = read(name)
    assert (trace.error, trace.is_successful) == (error, is_successful)


@pytest.mark.parametrize(
    ("name", "tool", "schema"),
    [
        ("vercel_stream.json", "hours", {"type": "object", "properties": {"day": {"type": "string", "enum": ["Sun"]}}}),
        ("openai_responses_incomplete.json", "f", {"type": "object", "properties": {"q": {"type": "string"}}}),
        ("openai_agents_items.json", "get_order", {"type": "object"}),
        ("langfuse_langchain_page.json", "list_invoices", {"type": "object"}),
    ],
)
def test_definitions_of_tools_are_kept(name, tool, schema):
    (trace,) = read(name)
    assert (trace.tools, trace.tool_schemas) == ([tool], {tool: schema})


def test_requests_of_every_api_keep_their_tools_and_their_errors():
    openai, anthropic, failed = read("chat_requests.jsonl")
    assert openai.tool_schemas["get_weather"]["required"] == ["city"]
    assert anthropic.tool_schemas == {"f": {"type": "object", "properties": {"a": {"type": "integer"}}}}
    assert (failed.error, failed.is_successful) == ("overloaded_error: busy", False)
    answered, refused = read("gemini_batch.jsonl")
    assert (answered.final_result, refused.original_goal, refused.error) == ("4", "Three?", "quota")


def test_subagent_of_a_session_is_a_trace_of_its_own():
    main, agent = read("claude_code_subagent.jsonl")
    assert [told(turn) for turn in main.turns] == [
        "system | <command-name>/clear</command-name>",
        "user | Who calls mul()?",
        'agent | Task{"prompt": "grep mul", "subagent_type": "Explore"}',
        'tool | Task | = "a.py calls it." | 4200 ms',
        "system | API Error: 529 overloaded",
    ]
    assert (main.trace_id, main.original_goal, main.error) == ("cc-1", "Who calls mul()?", "API Error: 529 overloaded")
    assert [told(turn) for turn in agent.turns] == [
        "user | grep mul",
        'agent | Grep{"pattern": "mul("}',
        'tool | Grep | = "a.py:3"',
        "agent | a.py calls it.",
    ]
    assert (agent.trace_id, agent.error) == ("cc-1/ag1", None)


def session_line(id_, parent, session, text):
    message = {"role": "user", "content": text}
    return {"type": "user", "uuid": id_, "parentUuid": parent, "sessionId": session, "isSidechain": False, "message": message}


def test_session_that_goes_on_from_another_is_one_with_it_and_others_are_apart(tmp_path):
    lines = [session_line("1", None, "a", "one"), session_line("2", "1", "b", "two"), session_line("3", None, "c", "three")]
    lines += [{"type": "a-type-to-come", "sessionId": "c"}, {"type": "summary", "summary": "s", "leafUuid": "9"}]
    path = tmp_path / "s.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + '\n{"type": "user", "mess')  # still being written
    found = [item.problem or (item.trace.trace_id, len(item.trace.turns)) for item in read_traces([path])]
    assert found == [("a", 2), ("c", 1)]


def test_session_of_bookkeeping_alone_is_no_trace(tmp_path):
    (tmp_path / "s.jsonl").write_text('{"type": "summary", "summary": "x", "leafUuid": "1"}\n' * 3)
    assert [item.problem for item in read_traces([tmp_path / "s.jsonl"])] == ["contains no trace"]


def test_simulations_keep_the_policy_the_users_own_tools_and_the_limit():
    phone, broken, whole = read("tau2_telecom.json")
    assert [told(turn) for turn in phone.turns] == [
        "system | Check the line first.",
        "agent | Hi!",
        "user | My phone is offline.",
        "user | check_status_bar{}",
        'user | check_status_bar | = "airplane mode"',
        "user | It says airplane mode.",
        'agent | get_line{"id": 3}',
        'tool | get_line | = {"error": "Error: line not found"}',
    ]
    assert (phone.error, phone.is_successful, broken, whole.is_successful) == ("max_steps", False, "is a text, no record", True)


def test_simulation_that_was_stopped_from_outside_is_named_and_the_others_are_read():
    stopped = {"id": "s", "task_id": "1", "termination_reason": "infrastructure_error", "reward_info": None, "messages": []}
    good = {**stopped, "termination_reason": "user_stop", "messages": [{"role": "user", "content": "hi"}]}
    for order in ([stopped, good], [good, stopped]):
        found = list(AutoParser().each({"simulations": order}))
        assert [isinstance(one, Trace) for one in found] == [one is good for one in order]
        assert "infrastructure_error" in str(next(one for one in found if isinstance(one, UsageError)))


@pytest.mark.parametrize(
    ("reward", "expected"), [(1, True), (0.9999999999, True), (0.99999, False), (0.0, False), (None, None)]
)
def test_full_reward_is_success_whatever_floats_make_of_it(reward, expected):
    record = {"task_id": 1, "reward": reward, "info": {}, "traj": [{"role": "user", "content": "hi"}]}
    assert AutoParser().parse(record).is_successful is expected


def test_sample_keeps_its_limit_its_tools_and_the_error_of_a_tool():
    sample, problem = read("inspect_limit.json")
    assert [told(turn) for turn in sample.turns][1:] == [
        "user | Find the flag. It is long.",
        'agent | I list the files. | bash{"cmd": "ls"}',
        'tool | bash | = {"error": "Command timed out after 30 s"} | 30000 ms',
    ]
    assert (sample.error, sample.is_successful, sample.tool_schemas["bash"]["required"]) == ("message limit 4", False, ["cmd"])
    assert problem.startswith("messages: ")


def test_rows_of_a_table_are_traces_and_a_row_that_is_none_is_named():
    first, second, problem = read("langfuse_traces_table.json")
    assert (first.trace_id, first.original_goal, first.final_result) == ("t-1", "Translate 'door' into Welsh.", "drws")
    assert [told(turn) for turn in second.turns] == ["user | Translate 'key' into Welsh."]
    assert "Langfuse" in problem


def test_download_without_content_says_so():
    row = {"id": "1", "traceId": "t", "type": "GENERATION", "parentObservationId": None, "input": None, "output": None}
    with pytest.raises(UsageError, match="input: is null"):
        AutoParser().parse({"trace": {"id": "t", "input": None, "output": None}, "observations": [row]})


def test_runs_keep_their_schemas_and_what_is_none_of_them_is_named():
    problem, trace = read("langsmith_recursion.jsonl")
    assert "the keys id, oops" in problem
    assert [told(turn) for turn in trace.turns] == [
        "user | Loop.",
        "agent | again{}",
        'tool | again | = {"error": "boom"} | 500 ms',
    ]
    assert trace.error == "GraphRecursionError('Recursion limit of 4 reached')"
    assert trace.tool_schemas == {"again": {"type": "object", "properties": {"n": {"type": "integer"}}}}


@pytest.mark.parametrize("said", ["Agent stopped due to max iterations.", "Sorry, need more steps to process this request."])
def test_words_of_a_framework_at_its_limit_are_no_answer(said):
    trace = AutoParser().parse({**RUN, "outputs": {"output": said}})
    assert (trace.error, trace.final_result, trace.is_successful) == (said, None, None)


def test_attributes_that_are_lists_of_json_are_messages():
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system_instructions": ['{"type": "text", "content": "Be brief."}'],
        "gen_ai.input.messages": ['{"role": "user", "parts": [{"type": "text", "content": "hi"}]}'],
        "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "ho"}]}]',
    }
    turns = AutoParser().parse({**SPAN, "attributes": attributes}).turns
    assert [told(turn) for turn in turns] == ["system | Be brief.", "user | hi", "agent | ho"]


def test_work_of_a_service_beside_that_of_its_agents_is_passed_over_and_alone_is_named():
    other = {"traceId": "h", "spanId": "9", "name": "GET /", "attributes": {"http.method": "GET"}}
    record = {"body": "server started", "severityNumber": 9, "attributes": {}, "traceId": "l"}
    silent = {"traceId": "q", "spanId": "8", "attributes": {"gen_ai.operation.name": "chat"}}
    found = list(AutoParser().each([other, SPAN, record, silent]))
    assert [isinstance(one, Trace) for one in found] == [True, False]
    assert "content of messages" in str(found[1])
    assert [str(one)[:9] for one in AutoParser().each([other])] == ["the spans"]


def test_tool_whose_result_a_history_told_before_its_span_is_told_once():
    history = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "ok"},
    ]
    agent = {"traceId": "t", "spanId": "1", "attributes": {"pydantic_ai.all_messages": json.dumps(history)}}
    names = {"gen_ai.tool.name": "f", "gen_ai.tool.call.id": "c", "tool_response": "ok"}
    times = {"startTimeUnixNano": "1000000000", "endTimeUnixNano": "2000000000"}
    tool = {"traceId": "t", "spanId": "2", "parentSpanId": "1", "attributes": names, **times}
    assert [told(turn) for turn in AutoParser().parse([agent, tool]).turns] == [
        "user | go",
        "agent | f{}",
        'tool | f | = "ok" | 1000 ms',
    ]


def test_bedrock_keeps_its_tools_and_json_results():
    trace = AutoParser().parse(
        {
            "system": [{"text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [{"text": "How many?"}]},
                {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "f", "input": {"q": 1}}}]},
                {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": [{"json": {"n": 2}}]}}]},
            ],
            "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]},
        }
    )
    assert [told(turn) for turn in trace.turns][2:] == ['agent | f{"q": 1}', 'tool | f | = "{\\"n\\": 2}"']
    assert trace.tool_schemas == {"f": {"type": "object"}}


def test_results_without_ids_answer_the_call_of_their_name():
    inner = [
        {
            "type": "ToolCallRequestEvent",
            "source": "a",
            "content": [{"name": "f", "arguments": "{}"}, {"name": "g", "arguments": "{}"}],
        },
        {
            "type": "ToolCallExecutionEvent",
            "source": "a",
            "content": [{"name": "g", "content": "2"}, {"name": "f", "content": "1"}],
        },
    ]
    final = {"type": "TextMessage", "source": "a", "content": "Done."}
    turns = AutoParser().parse({"chat_message": final, "inner_messages": inner}).turns
    assert [told(turn) for turn in turns] == [
        "agent | f{}",
        'tool | f | = "1"',
        "agent | g{}",
        'tool | g | = "2"',
        "agent | Done.",
    ]


def test_spans_printed_one_behind_the_other_are_one_trace_and_a_broken_one_is_named():
    problem, trace = read("console_spans.json")
    assert problem.startswith("not JSON")
    assert (len(trace.turns), trace.turns[-2].latency_ms) == (9, 6000.5)


def messages(*texts):
    return {"messages": [{"role": "user", "content": text} for text in texts]}


SPAN = {"traceId": "t", "spanId": "1", "attributes": {"gen_ai.operation.name": "chat", "gen_ai.prompt": "hi"}}
RUN = {"id": "1", "run_type": "chain", "inputs": {"input": "hi"}, "outputs": {"output": "ho"}}
GOOD = {
    "native": {"original_goal": "hi", "turns": [{"role": "user", "content": "hi"}]},
    "messages": messages("hi"),
    "anthropic": {"system": "s", **messages("hi")},
    "tau": {"task_id": 1, "reward": 0, "traj": [{"role": "user", "content": "hi"}]},
    "otel": SPAN,
    "langsmith": RUN,
    "langfuse": {"id": "1", "traceId": "t", "type": "GENERATION", "parentObservationId": None, "input": "hi", "output": "ho"},
    "inspect": {"id": 1, "epoch": 1, "target": "", **messages("hi")},
    "swe-agent": {"trajectory": [{"action": "ls", "observation": "a", "thought": "I look."}]},
    "claude-code": session_line("1", None, "s", "hi"),
}


@pytest.mark.parametrize("broken", [{"oops": 1}, 3, None, "text", [], {}, {"messages": 3}])
@pytest.mark.parametrize("kind", sorted(GOOD))
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_broken_record_does_not_refuse_the_others(kind, broken, place):
    good = [{**json.loads(json.dumps(GOOD[kind]).replace('"t"', f'"t{n}"')), "id": f"i{n}"} for n in range(2)]
    found = list(AutoParser().each([*good[:place], broken, *good[place:]]))
    count = 1 if kind == "claude-code" else 2  # the lines of one session
    assert sum(isinstance(one, Trace) for one in found) == count
    assert sum(isinstance(one, UsageError) for one in found) == (0 if kind == "claude-code" else 1)


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_format_is_found_in_any_list(kind):
    assert AutoParser().format_of([{"x": 1}, GOOD[kind], 3, GOOD[kind]]) == kind
    assert AutoParser().format_of(GOOD[kind]) == kind


@pytest.mark.parametrize("goal", [None, ""])
def test_goal_that_is_missing_is_what_the_user_said_first(tmp_path, goal):
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "human", "content": "Sum up."},
        {"role": "user", "content": "Now."},
    ]
    for value in ({"original_goal": goal, "turns": turns}, {"turns": turns}, {"goal": goal, "turns": turns}):
        (tmp_path / "x.jsonl").write_text(json.dumps(value) + "\n")
        (item,) = read_traces([tmp_path / "x.jsonl"])
        assert item.trace.original_goal == "Sum up."


LATE = """
import json, sys
from dspy_programs.failures.auto_parser import AutoParser
run = {"id": "r", "run_type": "tool", "name": "f", "inputs": {}, "outputs": {"output": "x"}}
spans = [("2026-03-29T01:59:59", "2026-03-29T03:00:01"), ("2026-10-25T02:59:59", "2026-10-25T03:00:01.5"),
         ("2026-03-03T20:15:01+00:00", "2026-03-03T20:15:02"), ("2026-03-03 20:15:01 UTC", "2026-03-03T21:15:02+01:00")]
found = [AutoParser().parse({**run, "start_time": a, "end_time": b}).turns[0].latency_ms for a, b in spans]
print(json.dumps(found))
"""


@pytest.mark.parametrize("zone", ["Europe/Vienna", "America/St_Johns"])
def test_times_without_a_zone_are_utc_on_every_machine(zone):
    shown = subprocess.run([sys.executable, "-c", LATE], env={**os.environ, "TZ": zone}, capture_output=True, check=True)
    assert json.loads(shown.stdout) == [3_602_000.0, 2500.0, 1000.0, 1000.0]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "tool", "content": "gone", "is_error": True},
        {"role": "tool", "content": "gone", "isError": True},
        {"role": "tool", "content": "gone", "status": "error"},
        {"role": "tool", "content": {"content": [{"type": "text", "text": "gone"}], "isError": True}},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "gone", "is_error": True}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "1", "content": [{"text": "gone"}], "status": "error"}}]},
        {
            "role": "tool",
            "content": [{"type": "tool-result", "toolCallId": "1", "output": {"type": "error-text", "value": "gone"}}],
        },
        {"type": "FunctionExecutionResultMessage", "content": [{"content": "gone", "call_id": "1", "is_error": True}]},
        {"type": "tool", "data": {"content": "gone", "tool_call_id": "1", "status": "error"}},
        {"type": "function_call_output", "call_id": "1", "output": "gone", "status": "incomplete"},
    ],
)
def test_failure_that_a_field_says_is_handed_on_as_structure(message):
    turn = AutoParser().parse([{"role": "user", "content": "go"}, message]).turns[-1]
    assert turn.tool_output == {"error": "gone"} or json.dumps(turn.tool_output).count("isError") == 1


def test_records_that_a_tool_gave_are_data_and_no_parts_of_a_message():
    rows = [{"type": "dog", "name": "Rex"}, {"type": "cat", "name": "Tom"}]
    turn = AutoParser().parse([{"role": "tool", "tool_call_id": "1", "content": rows}]).turns[0]
    assert turn.tool_output == rows


def test_spans_in_a_ring_and_ten_thousand_of_them_end():
    ring = [{**SPAN, "spanId": "1", "parentSpanId": "2"}, {**SPAN, "spanId": "2", "parentSpanId": "1"}]
    assert len(AutoParser().parse(ring).turns) == 1
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f", "gen_ai.tool.call.result": "ok"}
    many = [{"traceId": "t", "spanId": str(n), "parentSpanId": str(n - 1), "attributes": tool} for n in range(10_000)]
    assert len(AutoParser().parse(many).turns) == 1  # each inside the one before: one call


def test_a_span_may_end_before_it_begins():
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "done"}]}]',
    }
    for start, end in ((2, 1), (1_740_902_402_900_000_128, 1_740_902_402_899_999_999)):
        span = {"traceId": "t", "spanId": "a", "startTimeUnixNano": str(start), "endTimeUnixNano": str(end), "attributes": said}
        assert AutoParser().parse([span]).turns[-1].content == "done"


RAW = {path.name: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
       if path.suffix == ".jsonl" else json.loads(path.read_text(encoding="utf-8"))
       for path in sorted(OTHERS.iterdir()) if path.name != "console_spans.json"}  # fmt: skip
PLACES = {name: list(places_of(raw))[1:] for name, raw in RAW.items()}


@settings(deadline=None)
@given(st.data(), st.sampled_from(sorted(RAW)), st.booleans())
def test_damaged_log_is_a_trace_or_a_usage_error(data, name, is_named):
    raw = json.loads(json.dumps(RAW[name]))
    for path in data.draw(st.lists(st.sampled_from(PLACES[name]), min_size=1, max_size=3)):
        *above, last = path
        node = raw
        try:
            for key in above:
                node = node[key]
            node[last] = data.draw(ANYTHING)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier damage has taken this place away
    for one in AutoParser(AutoParser().format_of(RAW[name]) if is_named else None).each(raw):
        assert isinstance(one, UsageError) or Trace.model_validate_json(one.model_dump_json()) == one
