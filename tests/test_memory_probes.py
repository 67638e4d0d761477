"""The probe benchmark's own parts: a probe can fail, everything kept is 1.0, nothing kept is 0, and the data are whole."""

import json

import pytest

from dspy_programs.errors import UsageError
from tests.memory_probes.__main__ import budget_for, checked, compressed, holds, run, show
from tests.memory_probes.conversations import HERE, by_conversation, conversations, probes, read_jsonl
from tests.memory_probes.figures import difference, like, share_of, tables
from tests.memory_probes.matching import Probe, answered, missing, normalised, span
from tests.memory_probes.methods import Ours, Rule, cleared, everything, hybrid, last_n, methods, nothing
from tests.memory_probes.sent import is_system, systems, text_of, tokens_of, total

OWN = [line for line in read_jsonl(HERE / "conversations.jsonl") if line["source"] == "own"]


def asks(*needs, within=160, kind="value"):
    return Probe("x/1", "x", kind, "?", [[need] if isinstance(need, str) else list(need) for need in needs], within)


def says(probe, text):
    return answered(probe, normalised(text))


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return conversations(tmp_path_factory.mktemp("none"), OWN)


@pytest.mark.parametrize("text", ["1,200 USD", "$1200", "it costs $1,200.00.", '{"price": 1200}', '{"price":1200.0}'])
def test_an_amount_is_found_in_any_format(text):
    assert says(asks("1200"), text)


@pytest.mark.parametrize("text", ["12001", "1200.50", "0.1200", "HAT1200x", "1,200,000", "twelve hundred", ""])
def test_a_number_is_no_part_of_another(text):
    assert not says(asks("1200"), text)


@pytest.mark.parametrize("text", ["May 20th, 2024", "20 May 2024", "2024-05-20T10:00", "20.05.2024", "20. Mai 2024"])
def test_a_date_is_found_in_any_format(text):
    assert says(asks("2024-05-20"), text) and says(asks("05-20"), text) and not says(asks("2024-05-02"), text)


def test_needs_must_be_near_each_other_and_all_there():
    probe = asks("book_flight", ["done", "success*"], within=60)
    assert says(probe, "done: book_flight(HAT136)") and says(probe, "book flight: successfully ended")
    assert not says(probe, "book_flight(HAT136)")
    assert not says(probe, "book_flight(HAT136)" + " and so on" * 20 + " done")
    assert missing(probe, normalised("done, all of it")) == ["book_flight"]


def test_the_shortest_part_counts():
    assert span(asks("a1", "b2"), normalised("a1 ......... b2 a1")) == 5


def test_json_escapes_are_read():
    assert says(asks("Müller"), r'{"name": "M\u00fcller"}') and says(asks("line two"), r"line\ntwo")


def test_the_system_prompt_answers_nothing():
    messages = [{"role": "system", "content": "Code K-77."}, {"role": "user", "content": "Hello"}]
    assert not says(asks("K-77"), text_of(messages, systems(messages)))
    note = {"role": "system", "content": "Earlier: code K-77."}
    assert says(asks("K-77"), text_of([*messages, note], systems(messages)))


def test_calls_and_ids_are_counted_and_read():
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"key": "Z9"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    assert tokens_of(message) > tokens_of({"role": "assistant", "content": 'find({"key": "Z9"})'})
    assert says(asks("find", "Z9"), text_of([message]))


def test_every_probe_is_answered_by_its_conversation(own):
    by_talk = dict(by_conversation(probes()))
    checked(own, by_talk)
    spoiled = own[0]._replace(messages=own[0].messages[:2])
    with pytest.raises(UsageError, match=r"not in the conversation"):
        checked([spoiled], by_talk)


@pytest.mark.parametrize("rolling", [False, True])
def test_everything_scores_one_and_nothing_zero(own, rolling):
    by_talk = dict(by_conversation(probes()))
    for rule, budget, expected in ((everything, 1.0, 1.0), (nothing, 0.9, 0.0)):
        runs = [run("x", lambda rule=rule: Rule(rule), talk, by_talk[talk.id], budget, rolling) for talk in own]
        assert share_of(runs).mean == expected


def test_what_is_over_the_budget_counts_as_nothing(own):
    asked = dict(by_conversation(probes()))[own[0].id]
    found = run("x", lambda: Rule(everything), own[0], asked, 0.5, False)
    assert not found.fits and not any(found.kept)


@pytest.mark.parametrize("rule", [last_n, cleared, hybrid])
@pytest.mark.parametrize("share", [0.02, 0.25])
@pytest.mark.parametrize("rolling", [False, True])
def test_a_rule_is_within_the_budget_and_keeps_the_system_prompt(own, rule, share, rolling):
    for talk in own:
        budget = budget_for(talk.messages, share)
        sent = compressed(lambda: Rule(rule), talk.messages, budget, rolling)
        assert total(sent) <= budget
        assert [message for message in sent if is_system(message)] == talk.messages[:1]


def test_results_stay_with_their_calls(own):
    for rule in (last_n, cleared, hybrid):
        asked = set()
        for message in sent_by_rule(rule, own[0].messages, budget_for(own[0].messages, 0.3)):
            if message["role"] == "tool":
                assert message["tool_call_id"] in asked
            asked |= {call["id"] for call in message.get("tool_calls") or []}


def sent_by_rule(rule, messages, budget):
    return compressed(lambda: Rule(rule), messages, budget, False)


def test_ours_is_within_the_budget_as_sent(own):
    for talk in own:
        budget = budget_for(talk.messages, 0.25)
        assert total(compressed(Ours, talk.messages, budget, False)) <= budget


def test_a_budget_is_of_what_is_not_system():
    long, short = {"role": "system", "content": "policy " * 500}, {"role": "user", "content": "word " * 100}
    assert budget_for([long, short], 0.1) == tokens_of(long) + int(0.1 * tokens_of(short))


def test_a_budget_that_holds_the_urgent_is_told_from_one_that_does_not():
    urgent = [asks("book_flight", "HAT136", "done", kind="done"), asks("k", kind="value")]
    assert holds(urgent, 100) and not holds(urgent, 20) and holds(urgent[1:], 30)


def test_intervals_are_over_conversations_and_differences_paired(own):
    by_talk = dict(by_conversation(probes()))
    ours = [run("ours", lambda: Rule(everything), talk, by_talk[talk.id], 1.0, False) for talk in own]
    none = [one._replace(method="none", kept=[False] * len(one.kept)) for one in ours]
    found = difference(ours, none)
    assert (found.mean, found.low, found.high) == (1.0, 1.0, 1.0)
    assert share_of([]).count == 0 and like(ours, none) == ours
    text = "\n".join(tables([*ours, *none], ["all"]))
    assert "| ours | 1.000 [1.000, 1.000] |" in text and "| none | 0.000 [0.000, 0.000] |" in text


def test_show_says_what_is_lost_and_why(own):
    asked = dict(by_conversation(probes()))[own[0].id]
    text = "\n".join(show(own[0], asked, "last n", 0.5, False))
    assert "LOST (nowhere: " in text and "kept " in text and "(the system prompt)" in text


def test_no_group_is_in_both_halves_and_there_are_enough():
    lines = read_jsonl(HERE / "conversations.jsonl")
    halves: dict = {}
    for line in lines:
        halves.setdefault(line["group"], set()).add(line["half"])
    assert all(len(half) == 1 for half in halves.values())
    assert len(lines) >= 30 and len(probes()) >= 300
    assert {probe.conversation for probe in probes()} == {line["id"] for line in lines}
    assert len({probe.id for probe in probes()}) == len(probes())


def test_a_missing_raw_folder_is_one_clear_line(tmp_path):
    line = next(line for line in read_jsonl(HERE / "conversations.jsonl") if line["source"] == "tau")
    with pytest.raises(UsageError, match=r"cannot be built from .*give --raw"):
        conversations(tmp_path, [line])


def test_our_conversations_are_what_a_chat_api_takes(own):
    for talk in own:
        asked, answers = set(), []
        for message in talk.messages:
            asked |= {call["id"] for call in message.get("tool_calls") or []}
            for call in message.get("tool_calls") or []:
                json.loads(call["function"]["arguments"])
            answers += [message["tool_call_id"]] if message["role"] == "tool" else []
        assert set(answers) == asked and len(answers) == len(asked)


def test_the_methods_that_need_no_peer_are_always_there():
    assert {"ours", "last n", "hybrid", "cleared"} <= methods().keys()
