"""What a policy in the system's text asks for: read from its sentences, held against the calls, and against refusals."""

import time

import pytest

from dspy_programs.programs.failure_judge import View, findings_of
from dspy_programs.programs.failure_judge.policy import LONGEST_POLICY, policy_of
from dspy_programs.types import Trace

CONFIRM = "Before you cancel or change an order, list the details and obtain the user's explicit confirmation (yes)."
LOOK_UP = "Always look up the order before you change it."
NO_REFUND = "Basic economy tickets cannot be refunded."


def run_of(policy, *turns, tools=None):
    told = [{"role": "system", "content": policy}, {"role": "user", "content": "Cancel order W17 please"}, *turns]
    numbered = [{"turn_number": i, **turn} for i, turn in enumerate(told)]
    return Trace(original_goal="Cancel order W17", turns=numbered, tools=tools)


def called(name, output="ok", **given):
    return {"role": "tool", "tool_name": name, "tool_input": given, "tool_output": output}


def misuse(trace):
    return [f for f in findings_of(View(trace)) if f.mode == "TOOL_MISUSE"]


ASKS = {"role": "agent", "content": "I will cancel order W17 and refund 20 dollars. Do you agree (yes/no)?"}
CANCELS = called("cancel_order", order_id="W17")
SAYS_SO = {"role": "agent", "content": "Order W17 is cancelled."}


def test_a_change_without_the_yes_that_the_policy_wants_is_found_at_the_call():
    (finding,) = misuse(run_of(CONFIRM, CANCELS, SAYS_SO))
    assert finding.turn == 2
    assert "cancel_order" in finding.evidence
    assert "Before you cancel or change an order" in finding.evidence


def test_evidence_shows_what_a_long_rule_asks_for_at_its_end():
    named = "cancelling or changing an order, adding or removing items, changing the address, the payment or the delivery day"
    rule = (
        f"Before any action that updates the database of orders ({named}), list the details and obtain the user's explicit yes."
    )
    (finding,) = misuse(run_of(rule, CANCELS, SAYS_SO))
    assert finding.evidence.startswith("cancel_order without the user's yes")
    assert finding.evidence.endswith("list the details and obtain the user's explicit yes")
    assert len(finding.evidence) <= 300


@pytest.mark.parametrize("yes", ["yes", "Yes, go ahead.", "Sure!", "please do", "That works for me", "I confirm"])
def test_a_change_after_the_users_yes_is_none(yes):
    assert not misuse(run_of(CONFIRM, ASKS, {"role": "user", "content": yes}, CANCELS, SAYS_SO))


@pytest.mark.parametrize(
    "policy",
    [
        "",
        "You are a helpful agent.",
        "Before you book a table, obtain the user's explicit confirmation.",  # says nothing of orders
        "Before you upgrade cabin classes, edit baggage or add travel insurance, obtain the user's explicit confirmation.",
    ],
)
def test_a_change_that_no_rule_is_about_is_none(policy):
    assert not misuse(run_of(policy, CANCELS, SAYS_SO))


def test_handing_over_to_a_person_is_no_change():
    general = "Before any change obtain the user's explicit confirmation."
    assert not misuse(run_of(general, called("transfer_to_human_agents"), SAYS_SO))
    assert misuse(run_of(general, called("delete_account"), SAYS_SO))


def test_a_change_before_the_look_up_is_found_and_after_it_none():
    tools = ["get_order_details", "change_order"]
    early, late = called("change_order", order_id="W17"), called("get_order_details", {"id": "W17"}, order_id="W17")
    (finding,) = misuse(run_of(LOOK_UP, early, late, SAYS_SO, tools=tools))
    assert (finding.turn, "before get_order_details" in finding.evidence) == (2, True)
    assert not misuse(run_of(LOOK_UP, late, early, SAYS_SO, tools=tools))
    assert not misuse(run_of(LOOK_UP, early, SAYS_SO, tools=["change_order"]))  # nothing on offer looks it up


def refusal(policy, asked, answer):
    told = [("system", policy), ("user", asked), ("agent", answer)]
    turns = [{"turn_number": i, "role": role, "content": text} for i, (role, text) in enumerate(told)]
    trace = Trace(original_goal=asked, turns=turns, tools=["refund_ticket"])
    return [f for f in findings_of(View(trace)) if f.mode == "OVER_REFUSAL"]


@pytest.mark.parametrize(
    ("policy", "asked", "answer", "is_one"),
    [
        (NO_REFUND, "Refund my basic economy ticket", "I'm sorry, I can't refund basic economy tickets.", False),
        (NO_REFUND, "Refund my business ticket", "I'm sorry, I can't do that.", True),
        ("You can only help with billing.", "Write me a poem on rain", "I'm sorry, I cannot help with poems.", False),
        ("You can only help with billing.", "Explain my billing statement", "I'm sorry, I cannot help with that.", True),
        ("", "Refund my basic economy ticket", "I'm sorry, I can't refund it.", True),
        ("Transfer to a human if and only if it cannot be handled.", "Refund it, W17", "I'm sorry, I can't do that.", True),
    ],
)
def test_a_refusal_that_the_policy_asks_for_is_none(policy, asked, answer, is_one):
    assert bool(refusal(policy, asked, answer)) is is_one


def test_hostile_policies_are_read_in_no_time():
    for text in (
        "never " * 100_000,
        "a." * 100_000,
        "before obtain user " * 50_000,
        "\n" * 100_000,
        "x" * 1_000_000,
        "only " * 50_000,
    ):
        begin = time.perf_counter()
        policy_of(text)
        assert time.perf_counter() - begin < 2
    assert policy_of("Orders must not be changed. " * 10_000).forbids[0].sentence == "Orders must not be changed"
    assert len(policy_of("Orders must not be changed. " * 10_000).forbids) <= LONGEST_POLICY // 20
