"""Runs as agents make them, all healthy: whatever their results and words sound like, none gets a verdict."""

import pytest

from tests.dspy_programs.programs.runs import call, ruled


def user(text):
    return ("user", text)


def agent(text):
    return ("agent", text)


HEALTHY = {
    "a difference in figures": [
        user("What is the difference between the Basic and the Pro plan?"),
        call("retrieve", {"q": "plans"}, "Basic: 5 GB, 10 EUR a month. Pro: 50 GB, 25 EUR a month, priority support."),
        agent("Pro has 50 GB in place of 5 GB and priority support, for 15 EUR a month more."),
    ],
    "rag": [
        user("What is our parental leave policy?"),
        call(
            "search_docs",
            {"query": "parental leave"},
            "Notice is required. Parental leave is 16 weeks. A form must be submitted; late requests may be rejected.",
        ),
        agent("You get 16 weeks of parental leave. You must submit a form in advance."),
    ],
    "rag2": [
        user("Who wrote the Error log library?"),
        call("search", {"q": "error log library"}, "Error: A History of Mistakes, by J. Smith (book)"),
        agent("J. Smith."),
    ],
    "support cancel": [
        user("Cancel order 991"),
        call("get_order", {"id": 991}, {"id": 991, "status": "pending"}),
        agent("Order 991 is pending. Shall I cancel it?"),
        user("yes"),
        call("cancel_pending_order", {"order_id": 991, "reason": "no longer needed"}, {"id": 991, "status": "cancelled"}),
        agent("Your order 991 has been cancelled and the refund will be processed within 5 days."),
    ],
    "support refund info": [
        user("Where is my refund for order 5?"),
        call("get_order", {"id": 5}, {"id": 5, "refund": {"state": "processed", "date": "2024-02-01"}}),
        agent("Your refund has been processed on 2024-02-01."),
    ],
    "support exchange": [
        user("exchange my lamp"),
        call("get_order", {"id": 5}, {"items": ["lamp"]}),
        call("exchange_delivered_order_items", {"id": 5, "new": 7}, {"status": "exchange requested"}),
        agent("I've submitted the exchange. You'll get an email soon. Your exchange has been processed."),
    ],
    "address": [
        user("I moved; new address is 5 Elm St."),
        call("modify_user_address", {"a": "5 Elm St."}, "ok"),
        agent("Your address has been updated to 5 Elm St. Anything else?"),
        user("No thanks"),
        agent("You're welcome!"),
    ],
    "coding": [
        user("Add a --verbose flag to cli.py"),
        agent("I'll look at the file first."),
        call("read_file", {"path": "cli.py"}, "import argparse\nraise ValueError('missing')"),
        call("str_replace", {"path": "cli.py", "old": "a", "new": "b"}, "The file cli.py has been edited."),
        call(
            "bash", {"cmd": "pytest -q"}, "FAILED tests/test_cli.py::test_x - AssertionError: assert 1 == 2\n1 failed, 3 passed"
        ),
        call("str_replace", {"path": "cli.py", "old": "b", "new": "c"}, "The file cli.py has been edited."),
        call("bash", {"cmd": "pytest -q"}, "4 passed"),
        agent("I've added the --verbose flag to cli.py and updated the tests. All 4 tests pass."),
    ],
    "coding text": [
        user("Write a function that adds two numbers"),
        agent("Here is the function:\n```python\ndef add(a, b):\n    return a + b\n```\nI've added no type hints."),
    ],
    "coding explain": [
        user("Why does my code crash?"),
        call(
            "bash",
            {"cmd": "python a.py"},
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    x['k']\nKeyError: 'k'",
        ),
        agent("Your code crashes with KeyError: 'k' because the dictionary has no such key."),
    ],
    "home": [
        user("Turn off the lights"),
        call("set_light", {"room": "all", "on": False}, True),
        agent("The lights have been turned off."),
    ],
    "home2": [user("Lights off please"), call("lights.off", {}, None), agent("Done.")],
    "weather": [
        user("weather in Oslo?"),
        call("get_weather", {"city": "Oslo"}, {"temp": 4, "status": "rain"}),
        agent("4 degrees and rain in Oslo."),
    ],
    "browser": [
        user("Find the price of a ticket to Rome"),
        call("goto", {"url": "https://x.com"}, "ok"),
        call("click", {"id": 3}, "ok"),
        call("screenshot", {}, "img"),
        call("scroll", {"dy": 500}, "ok"),
        call("screenshot", {}, "img"),
        call("scroll", {"dy": 500}, "ok"),
        call("screenshot", {}, "Rome: from 89 euros"),
        agent("A ticket to Rome costs 89 euros."),
    ],
    "sql": [
        user("How many users signed up in May?"),
        call("run_sql", {"q": "select count(*) from usr"}, "Error: no such table: usr"),
        call("run_sql", {"q": "select count(*) from users where m=5"}, [[42]]),
        agent("42 users signed up in May."),
    ],
    "mail": [
        user("Email bob@x.com that I'm late"),
        call("send_email", {"to": "bob@x.com", "body": "I'm late"}, {"id": "m1", "status": "sent"}),
        agent("I've emailed Bob that you're late."),
    ],
    "mail draft": [user("Draft an email to Bob"), agent("Subject: Late\n\nHi Bob,\n\nI have sent the report already.\n\nBest")],
    "meeting": [
        user("Schedule a meeting with Ann tomorrow at 3"),
        call("find_contact", {"name": "Ann"}, {"email": "ann@x.com"}),
        call("calendar_insert", {"who": "ann@x.com", "at": "15:00"}, {"id": "e1"}),
        agent("Your meeting with Ann is scheduled for tomorrow at 3 pm, and an invitation has been sent to her."),
    ],
    "not found": [
        user("Find flights to Mars"),
        call("search_flights", {"to": "Mars"}, {"error": "no airport named Mars"}),
        agent("There is no airport named Mars, so I found no flights."),
    ],
    "search retry": [
        user("Find Jon Doe's email"),
        call("find_user", {"name": "Jon Doe"}, "Error: user not found"),
        call("find_user", {"name": "John Doe"}, {"email": "j@x.com"}),
        agent("It is j@x.com."),
    ],
    "honest fail": [
        user("Pay invoice 3"),
        call("pay_invoice", {"id": 3}, {"error": "card declined"}),
        agent("I'm sorry, the payment of invoice 3 failed because the card was declined."),
    ],
    "partial": [
        user("Book a hotel and a car"),
        call("book_hotel", {}, "confirmed"),
        call("book_car", {}, "Error: no cars"),
        agent("The hotel has been booked. Unfortunately no car is available."),
    ],
    "translate": [user("Translate 'the order has been cancelled' to French"), agent("« La commande a été annulée. »")],
    "story": [
        user("Tell me a story about a dragon"),
        agent("A dragon sent a letter. It had been delivered by night. I have booked passage, said the king."),
    ],
    "howto": [
        user("How do I delete a branch in git?"),
        agent("Run `git branch -d name`. Once it has been deleted, push. If it was successfully deleted, git says so."),
    ],
    "poll": [
        user("Deploy the app"),
        call("deploy", {"app": "web"}, {"job": 1}),
        *[call("get_deployment", {"job": 1}, {"status": "IN_PROGRESS"})] * 4,
        call("get_deployment", {"job": 1}, {"status": "SUCCEEDED"}),
        agent("The app has been deployed."),
    ],
    "queue": [
        user("Render the video"),
        call("render", {}, {"id": 9}),
        call("check_render", {"id": 9}, "10% complete"),
        call("check_render", {"id": 9}, "10% complete"),
        call("check_render", {"id": 9}, "10% complete"),
        call("check_render", {"id": 9}, "done"),
        agent("The video is rendered."),
    ],
    "handoff": [
        user("I want to talk to a person"),
        call("transfer_to_human_agents", {"summary": "wants a person"}, "Transfer successful"),
        agent("You have been transferred to a human agent."),
    ],
    "memory": [
        user("Remember that I like tea"),
        call("memory_save", {"k": "tea"}, "ok"),
        agent("I've saved that you like tea."),
    ],
    "agents": [
        user("Research electric cars"),
        call("delegate_to_researcher", {"topic": "electric cars"}, "The report says sales rose 20%."),
        agent("Sales of electric cars rose 20%."),
    ],
    "todo": [
        user("plan my week"),
        call("write_todos", {"todos": ["a", "b"]}, "ok"),
        call("write_todos", {"todos": ["a done", "b"]}, "ok"),
        call("write_todos", {"todos": ["a", "b"]}, "ok"),
        agent("Your week is planned: a, then b."),
    ],
    "unicode": [user("订一张去奥斯陆的机票"), call("book_flight", {"to": "Oslo"}, "ok"), agent("您的机票已预订。")],
    "long chat": [
        user("hi"),
        agent("Hello! How can I help you today?"),
        user("what can you do"),
        agent("I can book trips, cancel them and answer questions. How can I help you today?"),
        user("book me a trip to Rome on May 2"),
        call("book_trip", {"to": "Rome", "on": "May 2"}, {"ok": True, "ref": "R1"}),
        agent("Your trip to Rome on May 2 is booked. The reference is R1."),
    ],
    "ask confirm": [user("Delete all my files"), agent("This cannot be undone. Are you sure that you want all files deleted?")],
    "weird tool": [
        user("open the pod bay doors"),
        call("pod_bay", {"open": True}, "doors open"),
        agent("The pod bay doors have been opened."),
    ],
    "status error data": [
        user("Which of my builds failed?"),
        call("list_builds", {}, '{"builds":[{"id":1,"status":"failed","error":"OOM"},{"id":2,"status":"ok"}]}'),
        agent("Build 1 failed with OOM."),
    ],
    "job failed data": [
        user("What is the state of job 4?"),
        call("get_job", {"id": 4}, {"id": 4, "status": "failed", "error": "disk full"}),
        agent("Job 4 failed: the disk was full."),
    ],
    "exit code": [
        user("lint"),
        call("bash", {"cmd": "ruff check"}, "E501 line too long\nFound 3 errors.\nexit code: 1"),
        call("edit_file", {"p": "a"}, "ok"),
        call("bash", {"cmd": "ruff check"}, "All checks passed!\nexit code: 0"),
        agent("The linter passes now; I fixed three long lines."),
    ],
    "no news": [
        user("Any news on Acme today?"),
        call("search_news", {"q": "Acme"}, []),
        agent("I found no news about Acme from today."),
    ],
    "two questions": [user("capital of France and of Spain"), agent("Paris and Madrid.")],
    "math": [user("What is 12% of 250?"), call("calculator", {"e": "250*0.12"}, "30.0"), agent("30")],
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_run_gets_no_verdict(name):
    (_, goal), *_ = HEALTHY[name]
    assert ruled(goal, *HEALTHY[name]).mode == "none"
