"""A run over a file: what is paid once stays paid, what failed is asked again, and whatever ends it loses nothing."""

import threading
import time
from pathlib import Path

import pytest
from dspy.utils.exceptions import ContextWindowExceededError, LMAuthError, LMServerError, LMTransportError

from dspy_programs.data import JudgmentCache
from dspy_programs.data.judging.judge_run import Selection
from dspy_programs.data.judging.judges import ModelJudge, RulesJudge, key_of
from dspy_programs.data.judging.judgments_file import JudgmentsFile, read_judgments, whole_bytes
from dspy_programs.data.judging.run import MOST_LOST, UNREADABLE_AT_FIRST
from dspy_programs.data.judging.sampling import sampled
from dspy_programs.data.judging.shown import Shown
from dspy_programs.data.limits import Limits
from dspy_programs.data.pair import DataPair
from dspy_programs.data.pairs_file import as_line, read_pairs
from dspy_programs.errors import DatasetError, ModelFailing, RunError, RunLocked, UsageError
from dspy_programs.lm import connect
from dspy_programs.programs.quality_judge import QualityJudge
from dspy_programs.rubric import rubric_of
from tests.dspy_programs.data.judging.judges import BAD, GOOD, QUALITY, Bench, by_word, number_in, pairs, write_pairs
from tests.fakes import scripted_lm
from tests.processes import forks


def test_the_second_run_asks_nothing_and_changes_nothing(tmp_path):
    bench = Bench(tmp_path)
    first = bench.judge(by_word)
    before = bench.output.read_bytes()
    second = bench.judge(by_word)
    assert (first.hits, first.misses, first.written) == (0, 6, 6)
    assert (second.hits, second.misses, second.written, bench.asked) == (6, 0, 0, 0)
    assert bench.output.read_bytes() == before


def test_a_lost_file_comes_back_from_the_cache(tmp_path):
    bench = Bench(tmp_path)
    bench.judge(by_word)
    before = bench.lines
    bench.output.unlink()
    found = bench.judge(by_word)
    assert (found.hits, found.misses, bench.asked) == (6, 0, 0) and bench.lines == before


def test_without_the_cache_everything_is_asked_again(tmp_path):
    bench = Bench(tmp_path)
    bench.judge(by_word)
    found = bench.judge(lambda prompt: BAD, fresh=True)
    assert (found.hits, found.misses, bench.asked, len(bench.lines)) == (0, 6, 6, 6)
    assert found.totals.passed == 0
    assert bench.judge(lambda prompt: GOOD).totals.passed == 0  # what was asked last is what is known


def test_an_interrupted_run_without_the_cache_goes_on_where_it_was(tmp_path):
    bench = Bench(tmp_path)
    bench.judge(by_word)
    found = bench.judge(by_word, fresh=True, limits=Limits(tokens=1))
    assert found.written == 1 and "limit reached: 1 tokens" in found.stopped
    found = bench.judge(by_word, fresh=True)
    assert (found.kept, bench.asked, len(bench.lines)) == (1, 5, 6)
    bench.judge(by_word, fresh=True)
    assert bench.asked == 6


def edited(rubric):
    criteria = [each.model_copy(update={"description": f"{each.description}!"}) for each in rubric.criteria]
    return rubric.model_copy(update={"criteria": criteria})


def test_another_text_of_the_rubric_asks_again_though_its_version_stays(tmp_path):
    bench = Bench(tmp_path)
    bench.judge(by_word)
    found = bench.judge(lambda prompt: BAD, rubric=edited(QUALITY))
    assert (found.hits, found.misses, found.replaced) == (0, 6, 6)
    assert len(bench.lines) == 6 and found.totals.passed == 0
    assert len(list(read_judgments(bench.output.with_name("demo.t.jsonl.bak")))) == 6


def test_another_pass_condition_costs_nothing_and_changes_the_verdicts(tmp_path):
    bench = Bench(tmp_path)
    assert bench.judge(by_word).totals.passed == 3
    for condition, passed in (("overall >= 0", 6), ("overall > 10", 0)):
        strict = QUALITY.model_copy(update={"pass_condition": condition})
        found = bench.judge(by_word, rubric=strict)
        assert (bench.asked, found.totals.passed, found.totals.judged) == (0, passed, 6)


def test_the_environments_minimum_counts_at_once(tmp_path, monkeypatch):
    bench = Bench(tmp_path)
    bench.judge(by_word)
    monkeypatch.setenv("QUALITY_MIN_SCORE", "10")
    assert bench.judge(by_word).totals.passed == 3 and bench.asked == 0


@pytest.mark.parametrize("field", ["instruction", "input", "context", "output"])
def test_a_pair_whose_text_changed_is_judged_again(tmp_path, field):
    bench = Bench(tmp_path)
    bench.judge(by_word)
    changed = [
        pair.model_copy(update={field: getattr(pair, field) + " more"}) if i == 2 else pair for i, pair in enumerate(pairs(6))
    ]
    write_pairs(tmp_path, changed)
    found = bench.judge(by_word)
    assert (found.kept, found.misses) == (5, 1)


def test_pairs_that_differ_only_in_input_are_two_judgments(tmp_path):
    two = [DataPair(instruction="question number 1", input=word, output="GOOD").identified() for word in ("cat", "dog")]
    bench = Bench(tmp_path, found=two)
    bench.judge(by_word)
    assert bench.asked == 2 and len({line["pair_id"] for line in bench.lines}) == 2


def test_pairs_that_look_the_same_to_the_judge_have_a_judgment_each_and_are_asked_once(tmp_path):
    turns = [{"role": "user", "content": "question number 1"}, {"role": "assistant", "content": "GOOD"}]
    plain = DataPair(instruction="question number 1", output="GOOD")
    two = [plain.identified(), plain.model_copy(update={"messages": turns}).identified()]
    bench = Bench(tmp_path, found=two)
    first, second = bench.judge(by_word), bench.judge(by_word)
    assert (first.written, first.misses, second.written, second.kept) == (2, 1, 0, 2)
    assert [line["pair_id"] for line in bench.lines] == [pair.id for pair in two]


def test_another_model_program_or_decoding_is_another_judge():
    strict, warm = QualityJudge(), scripted_lm(by_word, "scripted/one")
    strict.score.signature = strict.score.signature.with_instructions("Be strict.")
    warm.kwargs["temperature"] = 0.5
    judges = [
        ModelJudge(scripted_lm(by_word, "scripted/one"), QUALITY),
        ModelJudge(scripted_lm(by_word, "scripted/one"), QUALITY, strict),
        ModelJudge(scripted_lm(by_word, "scripted/two"), QUALITY),
        ModelJudge(connect("openai/one", api_base="http://localhost:1/v1"), QUALITY),
        ModelJudge(connect("openai/one", api_base="http://localhost:2/v1"), QUALITY),
        ModelJudge(warm, QUALITY),
        RulesJudge(QUALITY),
    ]
    assert len({key_of(judge, Shown("a", "b", "c")) for judge in judges}) == len(judges)


def test_new_pairs_are_all_that_is_asked(tmp_path):
    bench = Bench(tmp_path)
    bench.judge(by_word)
    write_pairs(tmp_path, pairs(8))
    found = bench.judge(by_word)
    assert (found.kept, bench.asked, len(bench.lines)) == (6, 2, 8)


def test_what_failed_is_not_kept_and_is_asked_again(tmp_path):
    bench = Bench(tmp_path)
    found = bench.judge(lambda prompt: "Parse me" if number_in(prompt) % 3 == 0 else by_word(prompt))
    assert (found.failed, found.written) == (2, 4) and len(found.failures) == 2
    found = bench.judge(by_word)
    assert (found.kept, bench.asked, found.failed, len(bench.lines)) == (4, 2, 0, 6)


def dead(prompt):
    raise LMServerError("the server is down")


def test_a_dead_model_ends_the_run_before_anything_is_written(tmp_path):
    bench = Bench(tmp_path, 20)
    with pytest.raises(ModelFailing, match="does not answer: the server is down; nothing was judged"):
        bench.judge(dead, at_once=4)
    assert bench.asked == MOST_LOST and not bench.output.exists()


def test_a_dead_model_leaves_the_judgments_of_before(tmp_path):
    bench = Bench(tmp_path)
    bench.judge(by_word)
    before = bench.output.read_bytes()
    with pytest.raises(ModelFailing):
        bench.judge(dead, fresh=True)
    with pytest.raises(ModelFailing):
        bench.judge(dead, rubric=edited(QUALITY))
    assert bench.output.read_bytes() == before


def test_a_server_that_is_not_there_ends_the_run_at_the_first_call(tmp_path):
    def nowhere(prompt):
        raise LMTransportError("connection refused")

    bench = Bench(tmp_path, 20)
    with pytest.raises(ModelFailing, match="connection refused"):
        bench.judge(nowhere, at_once=8)
    assert bench.asked == 1
    found = bench.judge(lambda prompt: nowhere(prompt) if number_in(prompt) == 3 else by_word(prompt))
    assert (found.failed, found.written) == (1, 19)


def test_a_wrong_key_ends_the_run_at_the_first_call(tmp_path):
    def refuses(prompt):
        raise LMAuthError("wrong key")

    bench = Bench(tmp_path, 20)
    with pytest.raises(ModelFailing, match="wrong key"):
        bench.judge(refuses, at_once=8)
    assert bench.asked == 1


def test_a_model_that_dies_midway_stops_the_run_and_keeps_what_is_there(tmp_path):
    bench = Bench(tmp_path, 20)
    found = bench.judge(lambda prompt: by_word(prompt) if number_in(prompt) < 5 else dead(prompt))
    assert found.model_stopped and (found.written, found.failed) == (5, MOST_LOST) and not found.complete
    assert bench.judge(by_word).complete and len(bench.lines) == 20


def test_errors_now_and_then_are_failures_of_their_pairs(tmp_path):
    bench = Bench(tmp_path, 20)
    found = bench.judge(lambda prompt: dead(prompt) if number_in(prompt) % 5 == 4 else by_word(prompt), at_once=4)
    assert (found.written, found.failed, found.stopped) == (16, 4, "")


def test_a_model_that_never_writes_scores_is_not_asked_for_ever(tmp_path):
    bench = Bench(tmp_path, 100)
    with pytest.raises(ModelFailing, match=f"{UNREADABLE_AT_FIRST} replies in a row could not be read"):
        bench.judge(lambda prompt: "lovely")
    assert bench.asked == UNREADABLE_AT_FIRST


def test_a_text_too_long_for_the_model_says_nothing_about_the_model(tmp_path):
    def narrow(prompt):
        if number_in(prompt) < 10:
            raise ContextWindowExceededError(message="too long")
        return by_word(prompt)

    found = Bench(tmp_path, 14).judge(narrow)
    assert (found.failed, found.written, found.stopped) == (10, 4, "")


def test_slow_answers_are_awaited_side_by_side(tmp_path):
    """The first pair goes alone; then nobody is answered until eight have asked."""
    eight = threading.Barrier(8)

    def slow(prompt):
        if number_in(prompt):
            eight.wait(60)
        return by_word(prompt)

    bench = Bench(tmp_path, 25)
    assert bench.judge(slow, at_once=8).complete and len({line["pair_id"] for line in bench.lines}) == 25


@pytest.mark.parametrize("at_once", [1, 6])
def test_a_limit_in_tokens_ends_the_run_and_the_next_goes_on(tmp_path, at_once):
    bench = Bench(tmp_path, 30)
    found = bench.judge(by_word, at_once=at_once, limits=Limits(tokens=3000))
    assert "limit reached: 3,000 tokens" in found.stopped and 0 < found.written < 30 and not found.complete
    used = found.spent.input_tokens + found.spent.output_tokens
    assert 3000 <= used <= 3000 + at_once * 1500
    first = found.written
    assert bench.judge(by_word).kept == first and bench.asked == 30 - first


def test_a_limit_in_minutes_ends_the_run(tmp_path):
    found = Bench(tmp_path, 30).judge(lambda prompt: time.sleep(0.02) or GOOD, limits=Limits(minutes=0.1 / 60))
    assert "minutes" in found.stopped and 0 < found.written < 30


def test_a_limit_in_money_needs_a_price(tmp_path):
    with pytest.raises(UsageError, match="no price"):
        Bench(tmp_path).judge(by_word, limits=Limits(usd=1))


def test_a_limit_in_money_with_a_price_ends_the_run(tmp_path):
    found = Bench(tmp_path, 30).judge(by_word, names=["openai/gpt-4o"], limits=Limits(usd=0.003))
    assert "limit reached: 0.003 USD" in found.stopped and 0 < found.written < 30 and found.spent.usd >= 0.003


def test_a_torn_last_line_is_cut_off_and_judged_again(tmp_path):
    bench = Bench(tmp_path)
    bench.judge(by_word)
    whole = bench.output.read_bytes()
    for cut in (1, 5, 100):
        bench.output.write_bytes(whole[:-cut])
        assert len(list(read_judgments(bench.output))) == (6 if cut == 1 else 5)  # whole, but for the end of its line
        found = bench.judge(by_word)
        assert (found.kept, found.written, bench.asked) == (5, 1, 0) and len(bench.lines) == 6
        assert sorted(bench.output.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_a_file_of_something_else_is_put_aside_not_lost(tmp_path):
    bench = Bench(tmp_path)
    bench.output.parent.mkdir(parents=True)
    bench.output.write_text('{"pair_id": "a", "scores": {}, "passed": true, "key": "no hex"}\nnonsense\n')
    found = bench.judge(by_word)
    assert found.replaced == 2 and len(bench.lines) == 6
    assert bench.output.with_name("demo.t.jsonl.bak").read_text().endswith("nonsense\n")


def test_reading_names_the_line_that_is_none(tmp_path):
    path = tmp_path / "j.jsonl"
    path.write_text('{"pair_id": "a", "scores": {"overall": 8}, "passed": true}\n{"pair_id": "b"}\n')
    with pytest.raises(DatasetError, match=r"j\.jsonl:2: scores: Field required"):
        list(read_judgments(path))


@pytest.mark.parametrize(
    "content", [b"", b"a", b"\n", b"ab\nc", b"x" * 200_000, b"y\n" + b"x" * 200_000, b"x" * 65_536 + b"\n"]
)
def test_whole_lines_are_counted_from_the_end(tmp_path, content):
    (tmp_path / "f").write_bytes(content)
    assert whole_bytes(tmp_path / "f") == content.rfind(b"\n") + 1


def test_two_runs_on_one_file_do_not_mix(tmp_path):
    bench = Bench(tmp_path)
    with JudgmentsFile(bench.output, "0" * 16), pytest.raises(RunLocked, match="another process is judging into it"):
        bench.judge(by_word)
    assert bench.judge(by_word).complete


def test_an_output_that_is_no_file_is_refused_before_anything_is_asked(tmp_path):
    bench = Bench(tmp_path)
    bench.output.mkdir(parents=True)
    with pytest.raises(UsageError, match="not a file"):
        bench.judge(by_word)
    assert bench.asked == 0


def judge_on_a_full_disk(root: Path, told: Path) -> None:
    import resource

    bench = Bench(root, 60)
    bench.judge(by_word, selection=Selection(most=3))
    size = bench.output.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    grown = bench.output.read_bytes()
    bench.output.write_bytes(grown + (b" " * 999 + b"\n") * ((399_000 - size) // 1000))
    try:
        bench.judge(by_word)
    except RunError as error:
        told.write_text(str(error))


def test_a_full_disk_is_one_clear_line_and_no_half_one(tmp_path):
    pytest.importorskip("resource", reason="a limit on the size of files stands for a full disk")
    process = forks().Process(target=judge_on_a_full_disk, args=(tmp_path, tmp_path / "told"))
    process.start()
    process.join(60)
    assert "run the same command again" in (tmp_path / "told").read_text()
    bench = Bench(tmp_path, 60)
    assert bench.output.read_bytes().endswith(b"\n") and 3 < len(list(read_judgments(bench.output))) < 60


def test_a_cache_that_cannot_be_written_costs_the_cache_only(tmp_path):
    bench = Bench(tmp_path)
    (tmp_path / ".cache").write_text("in the way")
    with pytest.warns(UserWarning, match="answers are not cached"):
        assert bench.judge(by_word).complete
    assert len(bench.lines) == 6


def test_a_foreign_row_in_the_cache_is_asked_again(tmp_path):
    cache = JudgmentCache(tmp_path)
    cache._opened().put("key", {"scores": "none"})
    assert cache.get("key") is None and (cache.hits, cache.misses) == (0, 1)


@pytest.mark.parametrize(
    ("share", "most", "size"), [(0.5, None, 50), (0.07, None, 7), (1.0, 3, 3), (0.5, 10, 10), (0.001, None, 1)]
)
def test_a_sample_has_its_exact_size_and_is_the_same_each_time(tmp_path, share, most, size):
    path = write_pairs(tmp_path, pairs(100))
    first = [pair.id for pair in sampled(path, 100, share, most)]
    assert len(first) == size and first == [pair.id for pair in sampled(path, 100, share, most)]
    order = [pair.id for pair in read_pairs(path)]
    assert first == sorted(first, key=order.index)
    assert share == 1 or most or size < 5 or first != [pair.id for pair in sampled(path, 100, share, most, seed=1)]


def test_every_pair_is_as_likely_in_a_sample(tmp_path):
    path = write_pairs(tmp_path, pairs(20))
    counts = dict.fromkeys((pair.id for pair in read_pairs(path)), 0)
    for seed in range(400):
        for pair in sampled(path, 20, 0.25, None, seed):
            counts[pair.id] += 1
    assert all(60 <= count <= 140 for count in counts.values())  # 100 expected, four and a half deviations


def test_a_broken_data_set_is_named_by_its_line(tmp_path):
    bench = Bench(tmp_path, 2)
    bench.pairs.write_bytes(b"".join(map(as_line, pairs(2))) + b"{broken\n")
    with pytest.raises(DatasetError, match=r"demo\.jsonl:3"):
        bench.judge(by_word, at_once=3)
    assert len(bench.lines) == 2


def test_an_empty_data_set_has_no_judgments(tmp_path):
    found = Bench(tmp_path, 0).judge(by_word)
    assert found.selected == 0 and found.complete and found.totals.judged == 0


def test_rules_judge_many_pairs_quickly(tmp_path):
    bench = Bench(tmp_path, 2000)
    before = time.monotonic()
    bench.judge()
    assert len(bench.lines) == 2000 and time.monotonic() - before < 20


def test_a_rubric_with_too_many_criteria_is_refused(tmp_path):
    rubric = rubric_of({"name": "many", "criteria": [{"name": f"c{i}"} for i in range(11)]})
    with pytest.raises(UsageError, match="at most 10"):
        Bench(tmp_path).judge(by_word, rubric=rubric)
