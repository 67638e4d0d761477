"""A judge behind a server: JSON, free text, gibberish, silence; and no question is paid for twice."""

import json
import re
import warnings

import pytest
from hypothesis import given, strategies as st

from dspy_programs.budget import JudgeScorer, OfflineScorer, SectionsScorer
from dspy_programs.budget.commands import app
from dspy_programs.budget.measuring.judge import FREE_TEXT, from_text
from dspy_programs.cli import run
from dspy_programs.errors import LanguageModelError, UsageError
from dspy_programs.programs.section_scorer import SectionScorer
from dspy_programs.rubric import rubric_of
from dspy_programs.types import Criterion, Rubric, Section
from tests.fakes import ChatServer, scripted_lm

QA = rubric_of("qa")
WEIGHTED = Rubric(name="w", criteria=[Criterion(name="fact_check", weight=3), Criterion(name="tone")])
SECTIONS = [Section(name="a", content="Be right."), Section(name="b", content='Say "hi" to {x}.')]


def marks(accuracy, relevance):
    return json.dumps(
        {"scores": [{"criterion": "accuracy", "score": accuracy}, {"criterion": "relevance", "score": relevance}]}
    )


def judged(reply, rubric=QA, sections=SECTIONS):
    lm = scripted_lm(lambda prompt: reply, "scripted/judge")
    return JudgeScorer(lm).score(sections, rubric, "to test"), lm.engine


def test_judge_gives_the_weighted_mean_and_shows_the_prompt_as_data():
    score, engine = judged(marks(1.0, 0.5))
    assert score.value == 0.75 and (score.calls, score.confidence, score.answered_by) == (1, 1.0, "model")
    assert (
        json.dumps('Be right.\n\nSay "hi" to {x}.') in engine.prompts[0]
        and QA.scoring_instructions.strip() in engine.prompts[0]
    )


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("Accuracy: 0.8\nRelevance: 0.6", 0.7),
        ("I would say accuracy is 8/10, and for relevance 6 out of 10.", 0.7),
        ("**Accuracy**: 80%\n**Relevance**: 60 %", 0.7),
        ("Score: 0.7", 0.7),
        ("Overall score: 7/10. Well done.", 0.7),
        ("0.7", 0.7),
        ("7", 0.7),
        ("My rating is 70 out of 100", 0.7),
        ('{"accuracy": 0.8, "relevance": 0.6}', 0.7),
        ('{"score": 0.7}', 0.7),
        ("accuracy: 0.8 (relevance not judged). Overall: 0.7", 0.7),
    ],
)
def test_free_text_is_read_by_pattern_with_lower_confidence(reply, value):
    score, _ = judged(reply)
    assert score.value == pytest.approx(value) and score.confidence == FREE_TEXT and "free text" in score.note


@pytest.mark.parametrize(
    "reply", ["", "Good prompt!", "I have 2 remarks.", "score: 12/10", "score: -0.5", "score: NaN", "score 5/0", "[" * 3000]
)
def test_reply_without_a_score_has_no_value(reply):
    score, _ = judged(reply)
    assert score.value is None and "no score" in score.note


def test_free_text_names_of_several_words_and_weights():
    assert from_text("fact check: 1.0, tone: 0.0", WEIGHTED).value == pytest.approx(0.75)


remarks = st.lists(st.sampled_from(["accuracy", "relevance", "score", ": ", "/", "10", "0.8", "%", "-", ".", "1e9", "\n", "é"]))


@given(remarks.map("".join) | st.text(max_size=80))
def test_any_text_gives_a_share_or_nothing(reply):
    value = from_text(reply, QA).value
    assert value is None or 0 <= value <= 1


def test_huge_free_text_is_read_in_time():
    assert from_text("score " * 200_000, QA).value is None
    assert from_text("9" * 1_000_000, QA).value is None


def test_marks_for_other_criteria_are_no_scores():
    assert judged(json.dumps({"scores": [{"criterion": "accuracy", "score": 1}]}))[0].value is None


def test_judge_refuses_a_prompt_it_could_not_read_whole():
    with pytest.raises(UsageError, match="a judge reads"):
        judged(marks(1, 1), sections=[Section(name="a", content="x" * 60_001)])


def test_dead_server_is_one_line(monkeypatch):
    import dspy

    def fail(prompt):
        raise dspy.lm15.AuthError("wrong key")

    with pytest.raises(LanguageModelError, match=r"judge \(scripted/judge\): .*wrong key"):
        JudgeScorer(scripted_lm(fail, "scripted/judge")).score(SECTIONS, QA)


DOUBTFUL = "Separate the items of a list by semicolons rather than by commas."
COMMAS = Rubric(name="c", criteria=[Criterion(name="commas", description="comma-free")])


def test_sections_scorer_asks_once_for_each_section_in_any_prompt():
    lm = scripted_lm(lambda prompt: '{"asks": "yes"}', "scripted/sections")
    scorer = SectionsScorer(lm, SectionScorer())
    sections = [Section(name=f"s{i}", content=f"{DOUBTFUL} {i}") for i in range(3)]
    first = scorer.score(sections, COMMAS)
    again = [scorer.score(part, COMMAS) for part in (sections[:1], sections[1:], sections[::-1])]
    assert first.calls == len(lm.engine.prompts) > 0 and [score.calls for score in again] == [0, 0, 0]
    assert {score.value for score in (first, *again)} == {1.0} and first.answered_by == "model"


def test_sections_scorer_says_when_the_rules_answered():
    lm = scripted_lm(lambda prompt: "gibberish", "scripted/sections")
    sections = [Section(name="s", content=DOUBTFUL)]
    score = SectionsScorer(lm, SectionScorer()).score(sections, COMMAS)
    assert score.answered_by == "rules" and "could not be read" in score.note
    assert score.value == OfflineScorer().score(sections, COMMAS).value


# --- answers kept on disk -------------------------------------------------------------------------------------------


PROMPT = "- {name: a, content: Be accurate., priority: 1}\n- {name: b, content: Answer the question., priority: 2}\n"


@pytest.fixture
def prompt(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(PROMPT)
    return path


def negotiated(server, prompt, *more):
    server.pages["/api/tags"] = {"models": [{"name": "tiny:latest"}]}
    base = server.url.removesuffix("/v1")
    before = len(server.requests)
    arguments = [
        "negotiate",
        str(prompt),
        "-s",
        "ollama",
        "-m",
        "tiny",
        "--api-base",
        base,
        "--min-savings",
        "0.1",
        "--max-savings",
        "1",
        "--allow",
        "all",
        *more,
    ]
    assert run(app, arguments) == 0
    return len(server.requests) - before


def scripted(prompt):
    return marks(0.9, 0.9 if "Answer the question" in prompt else 0.2)


def test_same_command_twice_asks_nothing_twice(prompt, capsys):
    with ChatServer(scripted) as server:
        first = negotiated(server, prompt)
        output = capsys.readouterr().out
        assert first > 1 and negotiated(server, prompt) == 0
        again = capsys.readouterr().out
    assert re.sub(r"[\d.]+ s\n", "", output) == re.sub(r"[\d.]+ s\n", "", again)


def test_changed_rubric_text_section_or_model_asks_again(prompt, tmp_path):
    rubric = tmp_path / "r.yaml"
    text = "name: qa\ncriteria: [{name: accuracy, description: is true}, {name: relevance}]\n"
    with ChatServer(scripted) as server:
        rubric.write_text(text)
        first = negotiated(server, prompt, "-r", str(rubric))
        assert first and negotiated(server, prompt, "-r", str(rubric)) == 0
        rubric.write_text(text.replace("is true", "is really true"))
        assert negotiated(server, prompt, "-r", str(rubric)) == first
        rubric.write_text(text + "scoring_instructions: Be strict.\n")
        assert negotiated(server, prompt, "-r", str(rubric)) == first
        prompt.write_text(PROMPT.replace("Be accurate.", "Be very accurate."))
        assert negotiated(server, prompt, "-r", str(rubric)) > 0


def test_no_cache_asks_every_time(prompt, tmp_path):
    with ChatServer(scripted) as server:
        first = negotiated(server, prompt, "--no-cache")
        assert first and negotiated(server, prompt, "--no-cache") == first
    assert not (tmp_path / "answers.sqlite").exists()


def test_damaged_cache_file_is_a_warning_and_is_put_aside(prompt, tmp_path):
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"no database" * 100)
    with ChatServer(scripted) as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert negotiated(server, prompt) > 0
    assert any("answers.sqlite.damaged" in str(warning.message) for warning in caught)
    assert path.with_name("answers.sqlite.damaged").read_bytes() == b"no database" * 100
