"""Which requests are easy: learnt from rows, measured on unseen ones, turned on only where it is worth it."""

import json
import random

import pytest
import yaml

from dspy_programs.__main__ import main
from dspy_programs.errors import UsageError
from dspy_programs.router import Needs, Router, needs_of
from dspy_programs.router.learning.difficulty import Row, fitted, measured
from dspy_programs.router.learning.difficulty_file import Easy, read_easy, read_rows, write_easy
from tests.router_support import asks, catalogue, entry

EASY, HARD = ("translate the greeting", "list the capital of"), ("prove the theorem about", "derive the integral of")
WORDS = "alpha beta gamma delta eps zeta eta theta".split()


def rows(count, signal=True, seed=0):
    """Graded scores: the cheap model is as good at easy requests, and far worse at hard ones."""
    rng = random.Random(seed)
    for _ in range(count):
        kind = rng.choice([EASY, HARD])
        text = f"{rng.choice(kind)} {' '.join(rng.choices(WORDS, k=8))}"
        cheap = 0.4 if signal and kind is HARD else 0.9 if signal else 0.7
        yield Row(text, min(1, max(0, rng.gauss(cheap, 0.05))), min(1, max(0, rng.gauss(0.9, 0.05))))


def test_what_is_easy_is_told_from_what_is_hard():
    known = fitted(list(rows(200)))
    assert known.is_easy("translate the greeting beta beta gamma") and not known.is_easy("prove the theorem about eta delta")


def test_measured_on_unseen_rows_it_saves_without_loss():
    found = measured(list(rows(200)))
    assert found.easy.low > 0.3 and found.change.low > -0.02 and found.by_chance < -0.05 and found.is_worth_it(0.02)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_to_learn_is_not_worth_it(seed):
    assert not measured(list(rows(150, signal=False, seed=seed))).is_worth_it(0.02)


def test_labels_at_random_are_not_worth_it():
    rng = random.Random(3)
    shuffled = [Row(row.text, float(rng.random() < 0.6), float(rng.random() < 0.9)) for row in rows(150)]
    assert not measured(shuffled).is_worth_it(0.02)


def easy_router(tmp_path, program="planner"):
    path = tmp_path / "difficulty.json"
    write_easy(Easy(program, "m/0", "m/1", fitted(list(rows(200)))), path)
    return Router(catalogue(entries=[entry(0), entry(1)], learning={"difficulty_file": str(path)}))


def chosen(router, **needs):
    return router.catalogue.models[router.decide(Needs(priority="quality", **needs)).best].id


def test_easy_request_of_the_program_goes_to_the_cheap_model(tmp_path):
    router = easy_router(tmp_path)
    assert chosen(router, program="planner", text="list the capital of eta alpha") == "m/0"
    assert chosen(router, program="planner", text="derive the integral of eta alpha") == "m/1"
    assert chosen(router, text="list the capital of eta alpha") == "m/1", "of no program"


def test_text_is_the_last_message_of_the_user():
    messages = [*asks("first")["messages"], {"role": "assistant", "content": "x"}, *asks("last")["messages"]]
    assert needs_of({"messages": messages}).text == "last"


@pytest.mark.parametrize("text", ["", "{}", '{"form": "dspy-programs route difficulty 1", "weights": [1]}'])
def test_damaged_file_is_refused(tmp_path, text):
    path = tmp_path / "difficulty.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"difficulty\.json: not what `route fit` writes"):
        read_easy(path)


def test_models_of_the_file_must_be_in_the_catalogue(tmp_path):
    path = tmp_path / "difficulty.json"
    write_easy(Easy("p", "m/0", "m/5", fitted(list(rows(60)))), path)
    with pytest.raises(UsageError, match="'m/5' is not in the catalogue"):
        Router(catalogue(entries=[entry(0)], learning={"difficulty_file": str(path)}))


def written(tmp_path, some):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps({"text": one.text, "scores": {"m/0": one.cheap, "m/1": one.strong}}) for one in some))
    return path


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"text": 1, "scores": {}}', '{"text": "a", "scores": {"m/0": 2}}', '{"text": "a"}']
)
def test_wrong_row_is_named(tmp_path, line):
    path = written(tmp_path, rows(1))
    path.write_text(path.read_text() + "\n" + line)
    with pytest.raises(UsageError, match=r"rows\.jsonl:2: not a row"):
        read_rows(path, "m/0", "m/1")


@pytest.fixture
def fit(tmp_path):
    path = tmp_path / "router.yaml"
    learning = {"difficulty_file": str(tmp_path / "difficulty.json")}
    path.write_text(yaml.safe_dump({"models": [entry(0), entry(1)], "learning": learning}))

    def run(some, *more):
        words = [
            "route",
            "fit",
            written(tmp_path, some),
            "-c",
            path,
            "--program",
            "planner",
            "--cheap",
            "m/0",
            "--strong",
            "m/1",
        ]
        return main([str(word) for word in [*words, *more]])

    return run


def test_fit_shows_the_savings_and_turns_on(fit, tmp_path, capsys):
    assert fit(rows(200)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("200 rows") and lines[2].startswith("the price falls by  0.") and "[" in lines[2]
    assert lines[-1] == f"turned on: written to {tmp_path / 'difficulty.json'}"
    assert read_easy(tmp_path / "difficulty.json").program == "planner"


def test_fit_that_is_not_worth_it_writes_nothing_and_exits_1(fit, tmp_path, capsys):
    assert fit(rows(100, signal=False)) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("not turned on") and not (tmp_path / "difficulty.json").exists()


def test_fit_needs_rows_enough(fit, capsys):
    assert fit(rows(20)) == 2
    assert "20 rows have scores of m/0 and m/1; at least 50 are needed" in capsys.readouterr().err
