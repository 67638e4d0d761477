"""Checks of single pairs: what each finds, and what it must leave alone."""

import gzip
import json

import pytest

from dspy_programs.data import CheckOptions, DataPair, Validator
from dspy_programs.data.checks.pii import pii_in, redacted, redacted_pair
from dspy_programs.data.checks.secrets import secrets_in
from dspy_programs.errors import ProgramsError, UsageError


def found(pair: dict, *checks: str, **options) -> list[tuple[str, str]]:
    issues = Validator(CheckOptions(checks=checks, **options)).check(DataPair(**pair))
    return [(issue.check, issue.severity) for issue in issues]


def asked(output: str) -> dict:
    return {"instruction": "Do as you are told", "output": output}


def test_an_unknown_check_is_an_error_that_suggests():
    with pytest.raises(UsageError, match="did you mean schema"):
        CheckOptions(checks=("scema",))


@pytest.mark.parametrize("pii, severity", [("warn", "warning"), ("strict", "error")])
def test_the_policy_sets_the_severity(pii, severity):
    assert found(asked("mail bo@uni.se"), "pii", pii=pii) == [("pii", severity)]


def test_personal_data_is_not_looked_for_if_the_policy_is_off():
    assert found(asked("mail bo@uni.se"), "pii", pii="off") == []


@pytest.mark.parametrize(
    "text",
    [
        "The code is 1234567.",
        "Version 1.2.3.4 is out",
        "upgrade to v10.22.30.41",
        "order number 4501234567",
        "ISBN 978-3-16-148410-0",
        "4111 1111 1111 1112",
        "GB29 XABC 1016 1234 5678 90",
        "2026-03-04 10:30",
        "666-45-6789",
        "192.168.1.1 and 127.0.0.1",
        "A@B",
    ],
)
def test_numbers_that_identify_nobody_are_left_alone(text):
    assert pii_in(text) == []


def test_spans_say_where_and_redaction_says_what():
    text = "Write to ana@uni.pt or +44 20 7946 0958, card 4111 1111 1111 1111."
    assert [(span.kind, text[span.start : span.end]) for span in pii_in(text)] == [
        ("email", "ana@uni.pt"),
        ("phone", "+44 20 7946 0958"),
        ("card", "4111 1111 1111 1111"),
    ]
    assert redacted(text) == "Write to [EMAIL] or [PHONE], card [CARD]."


def test_a_redacted_pair_has_an_id_of_its_own_and_says_what_it_was():
    turns = [{"role": "user", "content": "I am bo@uni.se"}, {"role": "assistant", "content": "Hello", "tool_call_id": "a@b.se"}]
    pair = DataPair(instruction="I am bo@uni.se", output="Hello", messages=turns).identified()
    clean = redacted_pair(pair)
    assert clean.messages == [{"role": "user", "content": "I am [EMAIL]"}, {**turns[1]}]
    assert clean.id == clean.model_copy(update={"id": ""}).identified().id != pair.id
    assert clean.metadata == {"redacted_from": pair.id}


@pytest.mark.parametrize("text", ["oh shit", "sh1t", "what the f*ck", "f**k", "f u c k", "fuuuuck", "FUCKING"])
def test_swear_words_are_found_however_they_are_written(text):
    assert found(asked(text), "profanity") == [("profanity", "warning")]


@pytest.mark.parametrize("text", ["Scunthorpe", "a class in the cockpit", "Essex", "shoot a photo", "kill -9", "x**y"])
def test_words_that_only_look_like_swearing_are_left_alone(text):
    assert found(asked(text), "profanity") == []


@pytest.mark.parametrize(
    "kind, text",
    [
        ("openai_key", "sk-a8Kd93jfLq02mXz7Pw4T"),
        ("github_token", "ghp_a8Kd93jfLq02mXz7Pw4Ta8Kd93jfLq02mXz7"),
        ("aws_key", "AKIAIOSFODNN7EXAMPLE"),
        ("private_key", "-----BEGIN RSA PRIVATE KEY-----\nMIIEpA\n-----END RSA PRIVATE KEY-----"),
        ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.dBjftJeZ4CVPmB92K27uhbUJU1p1r"),
        ("password", "password = 'hunter22'"),
        ("url_password", "postgres://admin:pa55phrase@db.internal/x"),
    ],
)
def test_secrets_are_found_by_kind(kind, text):
    assert [secret.kind for secret in secrets_in(f"use {text} here")] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "api_key = 'your-api-key-here'",
        "token = os.environ['TOKEN']",
        "password: <your password>",
        "commit 9f3c2ab7714d0a3b9f3c2ab7714d0a3b9f3c2ab7",
        "123e4567-e89b-12d3-a456-426614174000",
        "the next token is predicted",
        "sk-learn and task-force-of-the-1990s",
    ],
)
def test_samples_and_hashes_are_no_secrets(text):
    assert secrets_in(text) == []


def test_a_message_about_a_secret_does_not_repeat_it():
    issues = Validator(CheckOptions(checks=("secrets",))).check(DataPair(**asked("sk-a8Kd93jfLq02mXz7Pw4T")))
    assert "a8Kd93" not in issues[0].model_dump_json()


def test_another_language_is_found_and_code_has_none():
    german = "Die Katze sitzt auf der Matte und wartet auf das Abendessen."
    assert found({"instruction": "Write about the cat, please", "output": german}, "lang") == [("lang", "warning")]
    assert found(asked("def f(x):\n    ans = 0\n    for i in range(x):\n        ans = ans + i\n    return ans"), "lang") == []
    assert len(found({"instruction": "Write about the old cat", "output": "It sits here."}, "lang", language="fr")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot fulfill your request. I'm just an AI.",
        "I apologize, but I cannot provide information on that.",
        "I'm really sorry that you're feeling this way, but I'm unable to provide the help that you need.",
        "No, I will not assist you.",
        "I am an AI language model and do not condone violence.",
        "As an AI language model, I don't have personal opinions.",
        "It's not appropriate or safe to share how this is done.",
        "I must clarify that it is never appropriate to do so.",
    ],
)
def test_refusals_are_found(text):
    assert found(asked(text), "refusals") == [("refusals", "warning")]


@pytest.mark.parametrize(
    "text",
    [
        "Do not promote yourself.",
        "Sorry, we are closed today.",
        "I apologize for the delay in my reply.",
        "I can't wait to see you.",
        "It is not legal to park there.",
        "As an AI, I have no opinions. However, cucumbers cannot practise law: they are vegetables.",
        "He cannot help it.",
    ],
)
def test_what_only_sounds_like_a_refusal_is_left_alone(text):
    assert found(asked(text), "refusals") == []


def test_a_refusal_is_looked_for_in_linear_time():
    for text in (" " * 300_000 + "x", "very " * 60_000, "I am an AI " + "b " * 100_000, "sorry for " + "a " * 100_000):
        assert found(asked(text), "refusals") == []


@pytest.mark.parametrize(
    "output, findings", [("```\nx", 1), ("a\n```python\nx\n```\nb", 0), ("```json\n{}\n```", 1), ("```python\nx\n```", 0)]
)
def test_fences(output, findings):
    assert len(found(asked(output), "fences")) == findings


CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}


@pytest.mark.parametrize(
    "roles, right",
    [
        (["user", "assistant"], True),
        (["system", "user", "assistant"], True),
        (["user", CALL, {"role": "tool", "tool_call_id": "1", "content": "3"}, "assistant"], True),
        (["user", CALL], True),
        (["user", CALL, "assistant"], False),
        (["user", CALL, {"role": "tool", "tool_call_id": "2", "content": "3"}, "assistant"], False),
        (["user", {"role": "tool", "content": "3"}, "assistant"], False),
        (["user", "user", "assistant"], False),
        (["assistant", "user", "assistant"], False),
        (["user", "assistant", "user"], False),
        (["user", "system", "assistant"], False),
        (["user", "narrator"], False),
    ],
)
def test_turns(roles, right):
    turns = [{"role": role, "content": "words"} if isinstance(role, str) else role for role in roles]
    assert (found({**asked("words"), "messages": turns}, "turns") == []) is right


def test_a_test_set_is_found_in_what_is_asked_and_said(tmp_path):
    tests = tmp_path / "tests.jsonl"
    long = "A train leaves the old station at nine and another one leaves the harbour two hours later than that"
    tests.write_text(json.dumps({"question": long}) + "\n" + json.dumps({"question": "Who wrote it"}) + "\n")
    options = {"against": (str(tests),)}
    assert found(asked(f"Well. {long.upper()}! What then?"), "contamination", **options) == [("contamination", "error")]
    assert found({"instruction": "Who wrote it?", "output": "Bo"}, "contamination", **options) == [("contamination", "error")]
    assert found(asked("A train leaves the old station at nine, and a bus follows."), "contamination", **options) == []


@pytest.mark.parametrize("name", ["tests.json", "lines.json", "tests.csv", "tests.jsonl.gz"])
def test_a_test_set_may_be_a_file_of_any_format(tmp_path, name):
    question = "A train leaves the old station at nine and another one leaves the harbour two hours later than that"
    rows = [{"question": question, "answer": "Two."}, {"question": "What is the colour of the old bridge?", "answer": "Red."}]
    path = tmp_path / name
    match name:
        case "tests.json":
            path.write_text(json.dumps(rows))
        case "lines.json":
            path.write_text(json.dumps({"data": rows}, indent=2))
        case "tests.csv":
            path.write_text(f"question,answer\n{question},Two.\n")
        case _:
            path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    options = {"against": (str(path),)}
    assert found(asked(question), "contamination", **options) == [("contamination", "error")]
    assert found(asked("Where is the new bridge?"), "contamination", **options) == []
    path.write_bytes(b"[{")
    with pytest.raises(ProgramsError, match=name):
        found(asked(question), "contamination", **options)


CUBE = "Write a function to find the whole surface area of a cube with 3 sides of length one"


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        (f"Please! {CUBE}. Thank you!", True),
        (CUBE.replace("cube", "cylinder"), False),
        (CUBE.replace("3", "4"), False),
        (CUBE.replace("one", "two"), False),
        (CUBE.replace("Write a", "Give me a"), True),
    ],
)
def test_a_row_of_the_same_form_is_not_the_short_test(tmp_path, text, is_found):
    tests = tmp_path / "tests.jsonl"
    tests.write_text(json.dumps({"question": CUBE}))
    assert bool(found({"instruction": text, "output": "No."}, "contamination", against=(str(tests),))) is is_found
