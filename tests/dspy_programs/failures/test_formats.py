"""One run told in every format gives the same turns; what is odd in a format is kept or reported."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from dspy_programs.errors import UsageError
from dspy_programs.failures.auto_parser import AutoParser
from dspy_programs.failures.formats import FORMATS
from dspy_programs.failures.formats.auto import format_of_object
from dspy_programs.failures.reader import read_traces
from dspy_programs.programs.failure_judge.trace_view import calls_of
from dspy_programs.types import Trace

FIXTURES = Path(__file__).parent / "fixtures"
TIMELESS = {
    *("anthropic.json", "autogen.json", "gemini.json", "langchain.json", "langgraph.json", "openai.json", "openai_agents.json"),
    *("openai_responses.json", "otel_logs.json", "swe_agent.traj", "tau.json", "tau2.json"),
}
SAME_RUN = sorted({file.name for file in FIXTURES.iterdir() if file.is_file()} - {"messages.json"})


def told(name):
    (item,) = read_traces([FIXTURES / name])
    assert item.problem is None
    return item.trace


def comparable(trace, with_times):
    """The turns as JSON; an output that is JSON in a text counts as what it says."""
    rows = []
    for turn in trace.turns:
        row = turn.model_dump(exclude={"latency_ms"} if not with_times else set())
        output = row["tool_output"]
        row["tool_output"] = json.loads(output) if isinstance(output, str) and output.startswith("{") else output
        rows.append(row)
    return rows


@pytest.mark.parametrize("name", SAME_RUN)
def test_one_run_gives_the_same_turns_in_every_format(name):
    native, other = told("native.json"), told(name)
    with_times = name not in TIMELESS
    assert comparable(other, with_times) == comparable(native, with_times)
    assert other.original_goal == native.original_goal
    assert other.final_result == native.final_result


@pytest.mark.parametrize("name", SAME_RUN)
def test_every_call_keeps_its_own_result(name):
    calls = calls_of(told(name).turns)
    assert [call.name for call in calls] == ["get_weather", "search_trains", "book_seat"]
    assert ["rain" in calls[0].output, "TGV" in calls[1].output, "not free" in calls[2].output] == [True] * 3


@pytest.mark.parametrize(
    "name",
    ["langsmith.json", "otel.json", "inspect.json", "inspect.eval", "tau.json", "tau2.json", "native.json", "langfuse.json"],
)
def test_outcome_is_taken_over_where_it_is_recorded(name):
    assert told(name).is_successful is False


NO_TOOLS = {"tau.json", "langgraph.json", "otel_logs.json", "swe_agent.traj", "claude_code.jsonl"}


@pytest.mark.parametrize("name", SAME_RUN)
def test_tools_on_offer_are_taken_over_where_they_are_recorded(name):
    assert told(name).tools == (None if name in NO_TOOLS else ["book_seat", "get_weather", "search_trains"])


WITH_SCHEMAS = {"langfuse.json", "langfuse_download.json", "openinference.jsonl", "phoenix_frame.json", "phoenix_rest.json",
                "openllmetry.json", "vercel.json", "gemini.json", "autogen.json", "openai_agents.json", "langchain.json",
                "tau2.json"}  # fmt: skip


@pytest.mark.parametrize("name", sorted(WITH_SCHEMAS))
def test_schemas_of_the_tools_are_taken_over(name):
    schemas = told(name).tool_schemas
    assert schemas["get_weather"] == {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    assert schemas.keys() == {"get_weather", "search_trains", "book_seat"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("native.json", "native"),
        ("langsmith.json", "langsmith"),
        ("langgraph.json", "langgraph"),
        ("messages.json", "messages"),
        ("openai.json", "openai"),
        ("openai_responses.json", "openai"),
        ("anthropic.json", "anthropic"),
        ("otel.json", "otel"),
        ("inspect.json", "inspect"),
        ("tau.json", "tau"),
        ("tau2.json", "tau"),
        ("langfuse.json", "langfuse"),
        ("langfuse_download.json", "langfuse"),
        ("phoenix_frame.json", "otel"),
        ("phoenix_rest.json", "otel"),
        ("openllmetry.json", "otel"),
        ("vercel.json", "otel"),
        ("otel_logs.json", "otel"),
        ("gemini.json", "gemini"),
        ("autogen.json", "autogen"),
        ("openai_agents.json", "openai"),
        ("langchain.json", "langgraph"),
        ("swe_agent.traj", "swe-agent"),
    ],
)
def test_format_is_found_and_may_be_named(name, expected):
    raw = json.loads((FIXTURES / name).read_text(encoding="utf-8"))
    assert AutoParser().format_of(raw) == expected
    assert AutoParser(expected).parse(raw) == AutoParser().parse(raw)
    assert AutoParser().parse_file(FIXTURES / name) == AutoParser().parse(raw)


def test_flat_runs_that_name_their_parents_are_the_tree_they_come_from():
    tree = json.loads((FIXTURES / "langsmith.json").read_text(encoding="utf-8"))
    flat = []

    def take(run, parent):
        below = run.pop("child_runs", [])
        flat.append({**run, "parent_run_id": parent})
        for child in below:
            take(child, run["id"])

    take(tree, None)
    assert AutoParser().parse(flat[::-1]).turns == told("langsmith.json").turns
    exported = [
        {**{key: run[key] for key in run if key != "id"}, "run_id": run["id"]} for run in flat
    ]  # LangChain's own script
    assert AutoParser().parse({"trace_id": "t", "runs": exported[::-1]}).turns == told("langsmith.json").turns


def test_tree_of_runs_needs_no_ids():
    tool = {"run_type": "tool", "name": "search", "inputs": {"q": "x"}, "outputs": {"output": "3 open"}}
    root = {"run_type": "chain", "inputs": {"input": "How many?"}, "outputs": {"output": "Three."}, "child_runs": [tool]}
    assert [turn.role for turn in AutoParser().parse(root).turns] == ["user", "tool", "agent"]
    assert len(AutoParser().parse_all([root, root])) == 2


def test_times_in_nanoseconds_are_so_however_small():
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f", "gen_ai.tool.call.result": "ok"}
    span = {"traceId": "t", "attributes": attributes, "startTimeUnixNano": "1000000000", "endTimeUnixNano": "3500000000"}
    assert AutoParser().parse(span).turns[-1].latency_ms == 2500


def test_runs_in_a_ring_and_runs_that_come_twice_end():
    def run(id_, parent):
        return {"id": id_, "run_type": "chain", "parent_run_id": parent, "inputs": {"input": "x"}, "outputs": {"output": "y"}}

    assert len(AutoParser().parse_all([run("a", "b"), run("b", "a"), run("c", "b"), run("d", "d")])) == 2
    assert len(AutoParser().parse_all([run(str(i), str(i - 1)) for i in range(60) for _ in range(2)])) == 1


def test_spans_of_several_traces_are_told_apart():
    spans = [json.loads(line) for line in (FIXTURES / "otel_spans.jsonl").read_text(encoding="utf-8").splitlines()]
    others = [{**span, "context": {**span["context"], "trace_id": "0xb"}} for span in spans]
    mixed = [span for pair in zip(spans, others, strict=True) for span in pair]
    first, second = AutoParser().parse_all(mixed)
    assert first.turns == second.turns == told("otel_spans.jsonl").turns
    assert second.trace_id == "0xb"


def parsed(*messages):
    return AutoParser().parse(list(messages))


def test_unknown_role_is_kept_with_its_name():
    trace = parsed({"role": "user", "content": "hi"}, {"role": "critic", "content": "too short"})
    assert (trace.turns[1].role, trace.turns[1].content) == ("agent", "critic: too short")


def test_broken_arguments_stay_as_they_were_written():
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": '}}
    assert parsed({"role": "assistant", "content": None, "tool_calls": [call]}).turns[0].tool_input == '{"x": '


def test_langchain_calls_that_could_not_be_read_are_calls():
    bad = {"name": "f", "args": '{"x"', "id": "a", "error": "bad", "type": "invalid_tool_call"}
    trace = parsed(
        {"type": "human", "content": "go"}, {"type": "ai", "content": "", "tool_calls": [], "invalid_tool_calls": [bad]}
    )
    assert (trace.turns[1].tool_name, trace.turns[1].tool_input) == ("f", '{"x"')


def test_call_told_as_a_part_and_beside_it_is_one_call():
    part = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
    trace = parsed({"type": "ai", "content": [part], "tool_calls": [{"name": "f", "args": {"x": 1}, "id": "a"}]})
    assert len(trace.turns) == 1


def test_result_without_its_call_is_kept():
    trace = parsed({"role": "user", "content": "hi"}, {"role": "tool", "tool_call_id": "gone", "name": "f", "content": "42"})
    assert (trace.turns[1].role, trace.turns[1].tool_name, trace.turns[1].tool_output) == ("tool", "f", "42")


def test_ids_that_come_again_answer_the_latest_call():
    def step(output):
        call = {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        return [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "call_0", "content": output}]

    assert [call.output for call in calls_of(parsed(*step("one"), *step("two")).turns)] == ["one", "two"]


def test_repeated_call_is_told_twice_by_histories_that_repeat_it():
    def said(role, *parts):
        return {"role": role, "parts": list(parts)}

    def call(id_):
        return said("assistant", {"type": "tool_call", "id": id_, "name": "f", "arguments": {}})

    def result(id_):
        return said("tool", {"type": "tool_call_response", "id": id_, "response": "none"})

    ask, end = said("user", {"type": "text", "content": "go"}), said("assistant", {"type": "text", "content": "done"})
    histories = [[ask], [ask, call("1"), result("1")], [ask, call("1"), result("1"), call("2"), result("2")]]
    spans = [
        {
            "traceId": "t",
            "spanId": str(i),
            "startTimeUnixNano": str(i),
            "attributes": {
                "gen_ai.operation.name": "chat",
                "gen_ai.input.messages": history,
                "gen_ai.output.messages": [[call("1"), call("2"), end][i]],
            },
        }
        for i, history in enumerate(histories)
    ]
    turns = AutoParser().parse(spans).turns
    assert [turn.tool_name or turn.content for turn in turns] == ["go", "f", "f", "f", "f", "done"]


def test_attributes_with_an_index_tell_the_conversation_too():
    attributes = {
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": "go",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.tool_calls.0.name": "f",
        "gen_ai.completion.0.tool_calls.0.arguments": '{"x": 1}',
    }
    turns = AutoParser().parse({"spanId": "1", "traceId": "t", "attributes": attributes}).turns
    assert [(turn.content, turn.tool_input) for turn in turns] == [("go", None), ("", {"x": 1})]


def test_run_of_a_chain_without_children_is_a_question_and_an_answer():
    run = {"id": "r", "run_type": "chain", "inputs": {"question": "Who?"}, "outputs": {"answer": "Ada."}, "status": "success"}
    trace = AutoParser().parse(run)
    assert [(turn.role, turn.content) for turn in trace.turns] == [("user", "Who?"), ("agent", "Ada.")]
    assert trace.is_successful is None


def test_error_of_a_run_or_a_sample_is_its_failure():
    run = {"id": "r", "run_type": "llm", "inputs": {"messages": [{"role": "user", "content": "Who?"}]}, "error": "rate limit"}
    assert (AutoParser().parse(run).is_successful, AutoParser().parse(run).turns[-1].content) == (False, "(error) rate limit")
    sample = {
        "id": 1,
        "epoch": 1,
        "target": "",
        "messages": [{"role": "user", "content": "Who?"}],
        "error": {"message": "boom"},
    }
    assert (AutoParser().parse(run).error, AutoParser().parse(sample).error) == ("rate limit", "boom")
    broken = AutoParser().parse({"task_id": 1, "reward": 0.0, "info": {"error": "boom"}, "traj": []})
    assert (broken.final_result, broken.error, broken.is_successful) == (None, "boom", False)


def test_agents_that_talk_to_each_other_keep_their_names():
    history = [
        {"role": "assistant", "name": "Planner", "content": "Run it."},
        {"role": "user", "name": "Computer_terminal", "content": "exitcode: 0"},
        {"role": "user", "name": "Coder", "content": "Done."},
    ]
    trace = AutoParser().parse({"question": "How many?", "history": history, "is_correct": False})
    assert [(turn.role, turn.content or turn.tool_output) for turn in trace.turns] == [
        ("agent", "Planner: Run it."),
        ("tool", "exitcode: 0"),
        ("agent", "Coder: Done."),
    ]
    assert (trace.original_goal, trace.is_successful) == ("How many?", False)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"a": 1, "b": 2}, "an object with the keys a, b"),
        ([], "an empty list"),
        ([1, 2], "a list of a number"),
        ("text", "a text"),
        (None, "null"),
        ({}, "the keys none"),
        ({"messages": []}, "messages: empty"),
        ({"messages": [{"role": "user", "content": "hi"}, 3]}, r"messages\[1\]: is a number"),
        ({"eval": {}, "plan": {}}, "samples"),
        ({"original_goal": "x", "turns": [{"role": "user", "content": 3}]}, "turns.0.content"),
        ({"original_goal": "x", "turns": [{"content": "a"}]}, "turns.0.role"),
        ({"turns": []}, "original_goal"),
    ],
)
def test_what_is_no_trace_is_said(raw, words):
    with pytest.raises(UsageError, match=words):
        AutoParser().parse(raw)


def test_unknown_shape_names_the_known_formats():
    with pytest.raises(UsageError, match=", ".join(FORMATS)):
        AutoParser().parse({"a": 1})


def test_unknown_name_of_a_format_is_refused():
    with pytest.raises(UsageError, match="choose from"):
        AutoParser("xml")


@pytest.mark.parametrize("format", FORMATS)
def test_named_format_that_does_not_fit_is_said(format):
    with pytest.raises(UsageError):
        AutoParser(format).parse({"a": 1})


def test_row_of_the_data_set_is_a_trace():
    row = {"id": "x", "goal": "go", "turns": [{"turn_number": 0, "role": "user", "content": "go"}], "mode": "none"}
    assert (AutoParser().parse(row).trace_id, AutoParser().parse(row).original_goal) == ("x", "go")


WORDS = st.sampled_from(
    "role content type text tool_calls tool_use tool_result id name input function arguments messages turns "
    "run_type inputs outputs child_runs llm tool chain attributes traceId spanId events key value stringValue "
    "gen_ai.operation.name chat execute_tool gen_ai.input.messages parts samples eval traj state values kwargs data "
    "error user assistant reward original_goal generations choices message start_time scores parent_run_id "
    "function_call function_call_output".split()
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6), max_leaves=30
)


@settings(deadline=None)
@given(raw=ANYTHING, format=st.sampled_from([None, *FORMATS]))
def test_any_json_is_a_trace_or_a_usage_error(raw, format):
    before = repr(raw)
    for one in AutoParser(format).each(raw):
        assert isinstance(one, (Trace, UsageError))
        if isinstance(one, Trace):
            assert Trace.model_validate_json(one.model_dump_json()) == one
            assert [turn.turn_number for turn in one.turns] == sorted(
                turn.turn_number for turn in one.turns
            ) or "turns" in before
    assert repr(raw) == before


def places_of(value, path=()):
    """Every place in a JSON value, as the keys that lead there."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places_of(inner, (*path, key))


RAW = {name: [json.loads(line) for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines()]
       if name.endswith(".jsonl") else json.loads((FIXTURES / name).read_text(encoding="utf-8"))
       for name in [*SAME_RUN, "messages.json"] if not name.endswith(".eval")}  # fmt: skip
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
    parser = AutoParser(AutoParser().format_of(RAW[name]) if is_named else None)
    for one in parser.each(raw):
        assert isinstance(one, UsageError) or Trace.model_validate_json(one.model_dump_json()) == one


MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool", "other"]), "content": st.text(max_size=10)},
    optional={
        "tool_calls": st.lists(
            st.fixed_dictionaries({"id": st.sampled_from("abc"), "name": st.sampled_from("fg"), "args": st.just({"q": 1})}),
            max_size=3,
            unique_by=lambda call: call["id"],
        ),
        "tool_call_id": st.sampled_from("abcd"),
    },
)


@settings(deadline=None)
@given(st.lists(MESSAGE, min_size=1, max_size=8))
def test_no_text_call_or_result_of_a_conversation_is_lost(messages):
    turns = AutoParser("openai").parse(messages).turns
    texts = [message["content"] for message in messages if message["role"] != "tool" and message["content"]]
    outputs = [message["content"] for message in messages if message["role"] == "tool"]
    calls = sum(len(message.get("tool_calls", [])) for message in messages if message["role"] != "tool")
    assert sorted(turn.content.removeprefix("other: ") for turn in turns if turn.content.removeprefix("other: ")) == sorted(
        texts
    )
    assert sorted(str(turn.tool_output) for turn in turns if turn.tool_output is not None) == sorted(outputs)
    assert sum(turn.role != "tool" and turn.tool_name is not None and turn.tool_output is None for turn in turns) == calls
    assert format_of_object({"messages": messages}) in FORMATS
