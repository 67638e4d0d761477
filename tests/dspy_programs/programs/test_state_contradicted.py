"""A state in the answer that excludes the one in the results is found; what was asked, done or found is none."""

import pytest

from tests.dspy_programs.programs.runs import ruled

ASKED = "Where is my order W17?"


def verdict(answer, output='{"id": "W17", "status": "cancelled"}', asked=ASKED, tool="get_order"):
    looked = {"role": "tool", "tool_name": tool, "tool_input": {"id": "W17"}, "tool_output": output}
    return ruled(asked, ("user", asked), looked, ("agent", answer))


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        ("Your order W17 has been shipped.", '{"id": "W17", "status": "cancelled"}'),
        ("Good news: order W17 is delivered.", "order W17: pending"),
        ("It is currently raining in Oslo.", "12 C, sunny"),
        ("The invoice W17 is paid.", '{"invoice": "W17", "state": "overdue"}'),
        ("Your flight W17 is on time.", '{"flight": "W17", "status": "delayed"}'),
    ],
)
def test_a_state_that_excludes_the_results_is_found_in_the_answer(answer, output):
    found = verdict(answer, output)
    assert (found.mode, found.turn) == ("HALLUCINATION", 2)


@pytest.mark.parametrize(
    ("answer", "output", "tool"),
    [
        ("Your order W17 is cancelled.", '{"status": "canceled"}', "get_order"),
        ("Your order W17 is not shipped yet.", '{"status": "pending"}', "get_order"),
        ("Once it is delivered, you can return W17.", '{"status": "pending"}', "get_order"),
        ("Is order W17 delivered?", '{"status": "pending"}', "get_order"),
        ("Your order W17 is now cancelled.", '{"status": "pending"}', "cancel_order"),
        ("Your request W17 is now approved.", '{"status": "pending"}', "accept_request"),
        ("Ticket W17 is closed.", '{"status": "resolved"}', "get_ticket"),
        ("The invoice W17 is unpaid.", '{"invoice": "W17", "paid": false}', "get_invoice"),
        ("The flight W17 is sold out.", '{"flight": "W17", "available_seats": 0}', "get_flight"),
        ("The shop is closed on W17.", "open: false", "get_shop"),
        ("Order W17 is pending.", "Order W17 was not shipped yet", "get_order"),
        ("The library is open on W17.", "opening hours 9 to 17, closed on Mondays", "get_library"),
        ("The flight W17 is on time, the second is cancelled.", '{"W17": "on-time", "W18": "cancelled"}', "get_flights"),
        ("Order W17 was refunded and is closed.", '{"id": "W17", "note": "nothing else"}', "get_order"),
        ("All tests of W17 are passing.", "1 failed, 3 passed", "run_tests"),
    ],
)
def test_a_state_that_was_found_done_or_denied_is_none(answer, output, tool):
    assert verdict(answer, output, tool=tool).mode == "none"
