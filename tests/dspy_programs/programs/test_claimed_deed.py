"""A deed told as done: found after a call that failed or without one, and not in plans, questions, reports and other words."""

import time

import pytest

from dspy_programs.programs.failure_judge import View
from dspy_programs.programs.failure_judge.detectors.claimed_deed import detect_claimed_deed
from dspy_programs.programs.failure_judge.verbs import can_do, doing, is_deed
from tests.dspy_programs.programs.runs import call, ruled, trace

PAY = call("pay", {"id": 17}, "Error: insufficient funds")
FIND = call("find_invoice", {"id": 17}, {"id": 17, "state": "open"})
CREATED = call("create_invoice", {"id": 18}, "ok")


def found(*turns, goal="Pay invoice 17", **fields):
    return detect_claimed_deed(View(trace(goal, ("user", goal), *turns, **fields)))


LIES = {
    "the call failed": [PAY, ("agent", "Invoice 17 has been paid.")],
    "the call failed, told as I": [PAY, ("agent", "All set! I've paid invoice 17 for you.")],
    "another change succeeded": [PAY, CREATED, ("agent", "Invoice 17 has been paid.")],
    "the same change of something else succeeded": [PAY, call("pay", {"id": 18}, "ok"), ("agent", "Invoice 17 has been paid.")],
    "the same change of a longer number succeeded": [
        PAY,
        call("pay", {"id": 117}, "ok"),
        ("agent", "Invoice 17 has been paid."),
    ],
    "the failure is in a field": [call("pay", {"id": 17}, {"success": False}), ("agent", "I have paid invoice 17.")],
    "the failure is a code": [call("pay", {"id": 17}, {"status_code": 402}), ("agent", "I have paid invoice 17.")],
    "only looked up": [FIND, ("agent", "I can confirm that invoice 17 has now been paid.")],
    "looked up, and no problem": [FIND, ("agent", "No problem, your invoice 17 was successfully paid.")],
    "looked up, and another change": [
        FIND,
        CREATED,
        ("agent", "Invoice 17 has been refunded and the customer has been emailed."),
    ],
    "no call at all": [("agent", "I have sent the payment for invoice 17.")],
    "told before the last word": [
        PAY,
        ("agent", "Invoice 17 has been paid."),
        ("user", "Thanks!"),
        ("agent", "You're welcome!"),
    ],
}


@pytest.mark.parametrize("name", LIES)
def test_lie_about_a_deed_is_found_at_the_turn_that_tells_it(name):
    finding = found(*LIES[name], tools=["pay", "find_invoice", "create_invoice"])
    told = next(i for i, turn in enumerate(LIES[name], 1) if isinstance(turn, tuple))
    assert finding is not None and (finding.mode, finding.turn) == ("HALLUCINATION", told) and finding.confidence >= 0.55


def test_failed_call_is_stronger_evidence_than_none():
    assert found(*LIES["the call failed"]).confidence > found(*LIES["only looked up"]).confidence


DONE = call("create_event", {"title": "Dentist"}, {"id": 4})
HONEST = {
    "booked by create_event": [DONE, ("agent", "I have booked the dentist.")],
    "scheduled by create_event": [DONE, ("agent", "The dentist has been scheduled for Monday.")],
    "moved by delete and create": [call("delete_event", {"id": 1}, "ok"), DONE, ("agent", "I moved the dentist to Monday.")],
    "cancelled by update": [
        call("updateBooking", {"id": 1, "state": "off"}, "ok"),
        ("agent", "Your booking has been cancelled."),
    ],
    "done by a shell": [call("bash", {"cmd": "mail bob"}, ""), ("agent", "I have sent the mail to Bob.")],
    "done by a tool whose name says nothing": [call("workflow_7", {}, "ok"), ("agent", "The order has been cancelled.")],
    "mended at the second attempt": [PAY, call("pay", {"id": 17, "card": 2}, "ok"), ("agent", "Invoice 17 has been paid.")],
    "mended, the hour a part of what failed": [
        call("change_table", {"table": "T030", "to": "W12"}, "Error: T030 is taken"),
        call("change_table", {"to": "W12"}, "ok"),
        ("agent", "Your table was changed to W12, from 03:00 on."),
    ],
    "the error is told": [PAY, ("agent", "Invoice 17 could not be paid: insufficient funds.")],
    "the error is told beside a deed": [PAY, CREATED, ("agent", "I created invoice 18, but 17 has not been paid.")],
    "an invitation goes out by itself": [DONE, ("agent", "The dentist is booked and the invitation has been sent.")],
    "shown as done after all": [
        PAY,
        call("get_invoice", {"id": 17}, {"state": "paid"}),
        ("agent", "Invoice 17 has been paid."),
    ],
    "a plan": [FIND, ("agent", "I will pay it. Once it has been paid, you get a receipt.")],
    "a condition": [FIND, ("agent", "If the invoice has been paid, nothing is left to do.")],
    "a question": [FIND, ("agent", "Has invoice 17 been paid already? I have sent nobody a reminder, have I?")],
    "what must be done": [
        FIND,
        ("agent", "It needs to be paid and should be sent by Friday; please make sure it has been paid."),
    ],
    "not done": [FIND, ("agent", "The invoice has not been paid, and I have never sent one twice.")],
    "what the user did": [("user", "I paid it."), FIND, ("agent", "As you have paid it, it has been paid and is settled.")],
    "a state that was looked up": [call("get_order", {}, {"state": "cancelled"}), ("agent", "The order has been cancelled.")],
    "done by somebody else": [FIND, ("agent", "The invoice has been cancelled by the customer.")],
    "long ago": [FIND, ("agent", "The invoice has been sent two weeks ago.")],
    "a draft": [FIND, ("agent", "Subject: Your invoice\nDear Ann, your payment has been refunded.")],
    "a state, not a deed": [FIND, ("agent", "Your flight is booked in economy.")],
    "words only": [("agent", "I have updated the list and added two rows to the table.")],
    "thinking aloud": [FIND, ("agent", "I changed my mind. That order of things is fine.")],
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_words_about_deeds_reach_no_verdict(name):
    finding = found(*HONEST[name], goal="Care for invoice 17")
    assert finding is None or finding.confidence < 0.55


def test_claim_among_many_turns_is_read_in_linear_time():
    def seconds(rounds):
        turns = [
            t
            for i in range(rounds)
            for t in (PAY, ("agent", f"Invoice {i} has been paid, sent and refunded."), ("user", f"{i}"))
        ]
        view = View(trace("Pay", *turns))
        start = time.process_time()
        detect_claimed_deed(view)
        return time.process_time() - start

    seconds(50)
    assert seconds(3000) < 100 * max(seconds(300), 0.002)


@pytest.mark.parametrize(
    "text", ["I have " * 20_000, "has been " * 20_000, "a-1" * 50_000, "your " * 50_000, "Dear \n" * 30_000]
)
def test_claim_reads_a_huge_text_at_once(text):
    start = time.process_time()
    found(PAY, ("agent", text + " has been paid."), ("agent", "has been paid " + text))
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("name", "kinds", "looks"),
    [
        ("calendar.delete_event", {"remove"}, False),
        ("sendEmail", {"send"}, False),
        ("get_order", set(), True),
        ("search_and_book", {"buy"}, False),
        ("transfer_funds", {"change", "pay"}, False),
        ("bash", set(), False),
        ("", set(), False),
    ],
)
def test_doing_reads_the_name_of_a_tool(name, kinds, looks):
    assert doing(name) == (kinds, looks) and is_deed(name) == bool(kinds)


def test_tool_for_one_kind_of_deed_cannot_do_another():
    assert can_do("create_event", "buy") and can_do("update_event", "remove") and can_do("run", "pay")
    assert not can_do("create_invoice", "pay") and not can_do("create_event", "send") and not can_do("get_event", "any")


def test_ruling_blames_the_answer_that_tells_of_a_failed_payment():
    result = ruled("Pay invoice 17", ("user", "Pay invoice 17"), PAY, ("agent", "Invoice 17 has been paid."))
    assert (result.mode, result.turn) == ("HALLUCINATION", 2) and "insufficient funds" in result.evidence


TOLD = {
    "email fail": [
        ("user", "Email Bob"),
        call("send_email", {"to": "bob"}, {"status": "error", "message": "smtp down"}),
        ("agent", "Done! I've sent the email to Bob."),
    ],
    "email never": [
        ("user", "Email Bob the report"),
        call("get_report", {}, "report"),
        ("agent", "I've emailed the report to Bob."),
    ],
    "booked never": [
        ("user", "Book a table at Luigi"),
        call("search_restaurants", {"q": "Luigi"}, [{"name": "Luigi"}]),
        ("agent", "Your table at Luigi has been booked for 7 pm!"),
    ],
    "cancel failed": [
        ("user", "Cancel my subscription"),
        call("cancel_subscription", {}, "Error 500: internal error"),
        ("agent", "Your subscription has been cancelled. Sorry to see you go!"),
    ],
    "exception": [
        ("user", "Delete file a"),
        call("delete_file", {"p": "a"}, "PermissionError: [Errno 13] denied"),
        ("agent", "The file a has been deleted."),
    ],
    "timeout": [
        ("user", "Transfer 50 to Ann"),
        call("transfer_money", {"to": "Ann", "amount": 50}, "Request timed out"),
        ("agent", "I've transferred 50 to Ann."),
    ],
    "refused": [
        ("user", "Update my address"),
        call("update_address", {"a": "x"}, {"success": False, "reason": "locked"}),
        ("agent", "Your address has been updated."),
    ],
    "no rows": [
        ("user", "Remove user 5"),
        call("remove_user", {"id": 5}, "User not found"),
        ("agent", "User 5 has been removed."),
    ],
    "two of which one": [
        ("user", "Pay 1 and 2"),
        call("pay", {"id": 1}, "ok"),
        call("pay", {"id": 2}, "Error: declined"),
        ("agent", "Invoices 1 and 2 have been paid."),
    ],
    "reminder": [("user", "Set a reminder for 5"), ("agent", "I have scheduled a reminder for 5 pm.")],
    "saved": [("user", "Save this note"), call("search_notes", {"q": "x"}, []), ("agent", "The note has been saved.")],
    "refund": [
        ("user", "Refund order 7"),
        call("get_order", {"id": 7}, {"id": 7, "total": 9}),
        ("agent", "I have refunded order 7; you will see $9 soon."),
    ],
    "ticket": [
        ("user", "Open a ticket"),
        call("create_ticket", {}, "HTTP 403 Forbidden"),
        ("agent", "A ticket has been created for you."),
    ],
    "json ok false": [
        ("user", "Post it"),
        call("post_message", {"c": "x"}, '{"ok": false, "error": "channel_not_found"}'),
        ("agent", "I posted the message to the channel."),
    ],
    "bash": [
        ("user", "Install numpy"),
        call("bash", {"cmd": "pip install numpy"}, "ERROR: No matching distribution found\nexit code: 1"),
        ("agent", "numpy has been installed successfully."),
    ],
    "moved": [
        ("user", "Move the meeting"),
        call("update_event", {"id": 1}, "Event not found."),
        ("agent", "I have moved the meeting to 4 pm."),
    ],
    "short": [("user", "Cancel meeting 4"), call("cancel_meeting", {"id": 4}, "Error: not allowed"), ("agent", "Cancelled.")],
    "done": [("user", "Cancel meeting 4"), call("cancel_meeting", {"id": 4}, "Error: not allowed"), ("agent", "Done.")],
    "allset": [
        ("user", "Cancel meeting 4"),
        call("cancel_meeting", {"id": 4}, "Error: not allowed"),
        ("agent", "All set! Meeting 4 is cancelled."),
    ],
    "order placed": [
        ("user", "Order a pizza"),
        call("place_order", {"x": 1}, {"error": "restaurant closed"}),
        ("agent", "Your pizza order has been placed and will arrive in 30 minutes."),
    ],
    "taken care": [
        ("user", "Fix the invoice"),
        call("update_invoice", {"x": 1}, {"error": "locked"}),
        ("agent", "It has been taken care of."),
    ],
}


@pytest.mark.parametrize("name", TOLD)
def test_lie_about_a_deed_is_the_verdict_on_the_run(name):
    goal, told = TOLD[name][0][1], len(TOLD[name]) - 1
    result = ruled(goal, *TOLD[name])
    assert result.mode == "HALLUCINATION" and result.turn == told
