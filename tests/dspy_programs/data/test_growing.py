"""The loop with scripted parts: what seeds what, what counts, when it stops, what is in the files, what a cut leaves."""

import hashlib
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from dspy_programs.data import DataFolder, Judgment, Seed, Settings, Unjudged, grow, read_pairs
from dspy_programs.data.growing.drafts import Written
from dspy_programs.data.growing.growth_files import growths_in
from dspy_programs.data.growing.show import status_of
from dspy_programs.data.limits import Limits, Meter
from dspy_programs.errors import ModelFailing, RunLocked, RunMismatch, UsageError
from dspy_programs.programs.data_generator import Rejected
from dspy_programs.types import Pair
from tests.dspy_programs.data.growing_script import WORDS, without_times

DEATHS = 25
SEEDS = ["rivers in spring", "bread from rye"]
NAMES = "amber birch copper delta ember fjord garnet harbour indigo juniper kestrel lantern".split()


class Write:
    """Writes as many pairs as are asked for, each new; or what `script` gives."""

    name = "scripted"

    def __init__(self, script: Callable[..., Written] | None = None) -> None:
        self.script, self.requests = script, []

    def __call__(self, request):
        self.requests.append(request)
        if self.script:
            return self.script(request)
        return Written([drafted(request, nth) for nth in range(request.pairs)], [])


def drafted(request, nth: int) -> Pair:
    """The first pair of a request is about amber; all are told apart by words drawn from what was asked."""
    digest = hashlib.sha256(f"{request.seed.instruction}/{request.cycle}/{nth}".encode()).digest()
    told = " ".join(WORDS[byte % len(WORDS)] for byte in digest[:8])
    return Pair(instruction=f"{NAMES[nth]}: {told} of {request.seed.instruction[:16]}?", output=told)


class Judge:
    """Passes what `passes` says; counts what it was asked."""

    def __init__(self, passes: Callable[[Pair], bool] = lambda pair: True) -> None:
        self.passes, self.asked = passes, []

    def __call__(self, pair):
        self.asked.append(pair.id)
        passed = self.passes(pair)
        score = 9.0 if passed else 2.0
        return Judgment(
            pair_id=pair.id,
            scores={"correctness": score, "overall": score},
            passed=passed,
            judge_model="scripted",
            judgment_reasoning="fine" if passed else "it is wrong",
        )


def grown(folder, seeds=SEEDS, write=None, judge=None, check=lambda pair: [], **options):
    options = {"max_cycles": 2, "min_pass_rate": 0.0} | options
    return grow(seeds, DataFolder(folder), write=write or Write(), judge=judge or Judge(), check=check, **options)


def checkpoint(folder, number):
    return json.loads((folder / "checkpoints" / f"checkpoint_{number:03}.json").read_text())


def test_files_have_the_flywheels_names_and_keys(tmp_path):
    found = grown(tmp_path)
    last = checkpoint(tmp_path, 2)
    assert last.keys() >= {"current_cycle", "cycles", "all_passed_pairs_count"}
    assert last["current_cycle"] == 2 and last["all_passed_pairs_count"] == found.passed_pairs == 8
    wanted = (
        "cycle_id status seeds generated_pairs judgments passed_pairs passed_judgments eval_metrics dataset_path artifacts "
    )
    wanted += "start_time end_time duration_seconds pass_rate avg_quality_score"
    assert [cycle["cycle_id"] for cycle in last["cycles"]] == [1, 2]
    assert last["cycles"][1].keys() >= set(wanted.split())
    metrics = last["cycles"][1]["eval_metrics"]
    assert metrics == {
        "total": 4.0, "passed": 4.0, "failed": 0.0, "pass_rate": 1.0, "avg_correctness": 9.0, "avg_overall": 9.0
    }  # fmt: skip
    passed = json.loads((tmp_path / "cycle_002_passed.json").read_text())
    assert [pair["cycle_id"] for pair in passed] == [2] * 4  # PEERS: always null
    assert {pair["source_seed"] for pair in passed} == set(SEEDS)
    rows = json.loads((tmp_path / "train" / "train_cycle_002.json").read_text())
    assert [row["text"] for row in rows] == [
        f"### Instruction:\n{row['instruction']}\n\n### Response:\n{row['output']}" for row in rows
    ]
    pairs = list(read_pairs(DataFolder(tmp_path).existing("grown")))
    assert [pair.cycle_id for pair in pairs] == [1] * 4 + [2] * 4
    assert json.loads((tmp_path / "user" / "grown.meta.json").read_text())["row_count"] == 8


def test_failed_instructions_seed_the_next_cycle_ten_at_most_none_twice(tmp_path):
    write = Write()
    seeds = [f"seed {name}" for name in NAMES]
    judge = Judge(lambda pair: False)
    grown(tmp_path, seeds, write, judge, max_cycles=3, settings=Settings(per_seed=1))
    by_cycle = {number: [each.seed for each in write.requests if each.cycle == number] for number in (1, 2, 3)}
    assert [len(by_cycle[number]) for number in (1, 2, 3)] == [12, 22, 22]
    failed = [each["instruction"] for each in checkpoint(tmp_path, 1)["cycles"][0]["generated_pairs"]]
    assert [seed.instruction for seed in by_cycle[2]] == seeds + failed[:10]
    assert [seed.failures for seed in by_cycle[2]][12:] == [["it is wrong"]] * 10
    for seeds_of_cycle in by_cycle.values():
        assert max(Counter(seed.instruction for seed in seeds_of_cycle).values()) == 1


def test_what_a_check_found_is_failed_not_judged_and_is_a_lesson(tmp_path):
    judge, write = Judge(), Write()
    check = lambda pair: ["secrets: a key"] if pair.instruction.startswith("amber") else []  # noqa: E731
    grown(tmp_path, write=write, judge=judge, check=check)
    first = checkpoint(tmp_path, 1)["cycles"][0]
    assert first["eval_metrics"]["total"] == 4 and first["eval_metrics"]["failed"] == 2 and first["pass_rate"] == 0.5
    assert len(first["judgments"]) == 2 and set(first["failed_checks"]).isdisjoint(judge.asked)
    second = [request.seed for request in write.requests if request.cycle == 2]
    assert [seed.instruction for seed in second] == SEEDS and ["secrets: a key"] in [seed.failures for seed in second]


@pytest.mark.parametrize(("least", "cycles"), [(0.5, 1), (0.25, 2), (0.26, 1)])
def test_stops_below_the_least_pass_rate_and_says_so(tmp_path, least, cycles):
    """PEERS bug 10: 0.1 was built in."""
    count = itertools.count()
    found = grown(tmp_path, judge=Judge(lambda pair: next(count) % 4 == 0), min_pass_rate=least)
    assert len(found.cycles) == cycles and found.cycles[0].pass_rate == 0.25
    assert ("the pass rate of cycle 1, 25.0%, is below the least" in found.stopped) == (cycles == 1)


def test_pass_rate_at_the_least_goes_on_and_usual_least_is_a_half(tmp_path):
    half = Judge(lambda pair: pair.instruction.startswith("amber"))
    found = grow(SEEDS, tmp_path, write=Write(), judge=half, check=lambda pair: [], max_cycles=2)
    assert found.cycles[0].pass_rate == 0.5 and len(found.cycles) == 2


def test_stopped_growth_stays_stopped_until_the_least_is_lowered(tmp_path):
    grown(tmp_path, judge=Judge(lambda pair: False), min_pass_rate=0.5)
    write = Write()
    again = grown(tmp_path, write=write, resume=True, min_pass_rate=0.5)
    assert len(again.cycles) == 1 and "below the least" in again.stopped and not write.requests
    assert len(grown(tmp_path, write=write, resume=True, min_pass_rate=0.0).cycles) == 2


def test_failed_generation_is_never_a_pair(tmp_path):
    """PEERS bug 9: "[Generation failed]" was judged, passed and trained on."""
    tries = Counter()

    def script(request):
        tries[request.turn] += 1
        if request.turn == 1 or (request.turn == 2 and tries[2] == 1):
            raise Unjudged("HTTP 500", kind="lost")
        return Written(
            [Pair(instruction=f"Say {NAMES[request.turn]}.", output="yes")], [Rejected(reason="no JSON", raw="oops")]
        )

    judge = Judge()
    grown(tmp_path, [*SEEDS, "old maps"], Write(script), judge, max_cycles=1)
    (cycle,) = checkpoint(tmp_path, 1)["cycles"]
    assert tries == {0: 1, 1: 2, 2: 2}  # what was lost is asked for once more
    assert [pair["instruction"] for pair in cycle["generated_pairs"]] == ["Say amber.", "Say copper."]
    assert len(judge.asked) == 2
    assert [(each["stage"], each["reason"]) for each in cycle["refused"]] == [
        ("generation", "no JSON"),
        ("generation", "HTTP 500"),
        ("generation", "no JSON"),
    ]


def test_pair_without_a_verdict_is_neither_passed_nor_failed_and_no_seed(tmp_path):
    def passes(pair):
        if pair.instruction.startswith("amber"):
            raise Unjudged("the reply has no scores")
        return True

    grown(tmp_path, judge=Judge(passes), max_cycles=1)
    last = checkpoint(tmp_path, 1)
    assert last["cycles"][0]["eval_metrics"]["total"] == 2 and last["cycles"][0]["pass_rate"] == 1.0
    assert last["cycles"][0]["refused_counts"] == {"judge": 2} and len(last["next_seeds"]) == 2


def test_near_duplicates_of_anything_that_exists_are_refused_with_the_reason(tmp_path):
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "old.jsonl").write_text('{"instruction": "Which sea lies west of Denmark?", "output": "x"}\n')
    drafts = [
        "which sea lies west of Denmark",
        "Name two rivers of Sweden.",
        "name two rivers of sweden!",
        "Spell the word cat.",
    ]
    write = Write(lambda request: Written([Pair(instruction=text, output="x") for text in drafts], []))
    found = grown(tmp_path, ["seed a"], write, settings=Settings(per_seed=4), max_cycles=3)
    first = checkpoint(tmp_path, 1)["cycles"][0]
    assert [pair["instruction"] for pair in first["generated_pairs"]] == [drafts[1], drafts[3]]
    assert [each["reason"] for each in first["refused"]] == [
        "near pair 1 of old (words 1.00)",
        "near pair 1 of this cycle (words 1.00)",
    ]
    assert [cycle.total for cycle in found.cycles] == [2, 0] and "brought no new pair" in found.stopped


def test_instruction_that_failed_may_be_answered_anew_but_what_passed_is_refused(tmp_path):
    write = Write(lambda request: Written([Pair(instruction="Spell a word.", output=f"answer {request.cycle}")], []))
    judge = Judge(lambda pair: pair.output == "answer 2")
    found = grown(tmp_path, ["seed a"], write, judge, settings=Settings(per_seed=1), max_cycles=9)
    assert [(cycle.total, cycle.passed) for cycle in found.cycles] == [(1, 0), (1, 1), (0, 0)]
    assert checkpoint(tmp_path, 3)["cycles"][2]["refused"][0]["reason"] == "near pair 1 of cycle 2 (words 1.00)"


def test_resume_goes_on_at_the_next_cycle(tmp_path):
    """PEERS bug 10: cycles were begun again at 1, and checkpoints overwritten."""
    grown(tmp_path, max_cycles=2)
    before = [(tmp_path / "checkpoints" / f"checkpoint_00{n}.json").read_text() for n in (1, 2)]
    with pytest.raises(UsageError, match="2 cycles done already"):
        grown(tmp_path, max_cycles=4)
    write = Write()
    found = grown(tmp_path, (), write, max_cycles=4, resume=True)
    assert [cycle.cycle_id for cycle in found.cycles] == [1, 2, 3, 4] and found.passed_pairs == 16
    assert {request.cycle for request in write.requests} == {3, 4}
    assert before == [(tmp_path / "checkpoints" / f"checkpoint_00{n}.json").read_text() for n in (1, 2)]
    with pytest.raises(RunMismatch, match="other seeds"):
        grown(tmp_path, ["another"], resume=True)


def test_status_has_the_totals_after_a_reload(tmp_path):
    """PEERS bug 10: no pairs and no duration after a reload."""
    grown(tmp_path, judge=Judge(lambda pair: pair.source_seed == SEEDS[0]))
    grown(tmp_path, ["old maps"], name="maps", max_cycles=1)
    grown_, maps = (status_of(files) for files in growths_in(DataFolder(tmp_path)))
    assert (grown_.dataset, grown_.generated, grown_.passed, len(grown_.cycles)) == ("grown", 12, 4, 2)
    assert (maps.dataset, maps.generated, maps.passed) == ("maps", 2, 2)
    seconds = [cycle["duration_seconds"] for cycle in checkpoint(tmp_path, 2)["cycles"]]
    assert grown_.duration_seconds == pytest.approx(sum(seconds)) and min(seconds) > 0
    assert (tmp_path / "growths" / "maps" / "checkpoints" / "checkpoint_001.json").exists()


def test_a_data_set_that_was_ingested_is_never_replaced(tmp_path):
    (tmp_path / "user").mkdir()
    mine = tmp_path / "user" / "mine.jsonl"
    mine.write_text('{"instruction": "Add.", "output": "x"}\n')
    with pytest.raises(UsageError, match="was not grown here"):
        grown(tmp_path, name="mine")
    assert mine.read_text() == '{"instruction": "Add.", "output": "x"}\n'


def test_model_that_is_not_there_ends_at_the_first_call_and_nothing_is_kept(tmp_path):
    def script(request):
        raise Unjudged("refused to connect", kind="lost")

    write = Write(script)
    with pytest.raises(ModelFailing, match=r"does not answer: refused to connect; cycle 1 is not kept"):
        grown(tmp_path, write=write)
    assert len(write.requests) == 1 and sorted(path.name for path in tmp_path.rglob("*.json*")) == ["plan.json"]
    assert grown(tmp_path, resume=True).passed_pairs == 8


@pytest.mark.parametrize("kind", ["lost", "reply"])
def test_judge_that_stops_answering_ends_it_and_the_cycle_is_not_kept(tmp_path, kind):
    def passes(pair):
        if pair.cycle_id == 2:
            raise Unjudged("gone", kind=kind)
        return True

    with pytest.raises(ModelFailing, match="cycle 2 is not kept"):
        grown(tmp_path, judge=Judge(passes), settings=Settings(per_seed=8), seeds=[*SEEDS, *NAMES])
    assert checkpoint(tmp_path, 1)["current_cycle"] == 1 and not list(tmp_path.rglob("*002*"))


class Mortal:
    """A server that answers several at once in any order, and after so many answers none; what it answered is kept."""

    name = "scripted"

    def __init__(self, draw: random.Random, kept: dict, life: int) -> None:
        self.draw, self.kept, self.left, self.lock = draw, kept, life, threading.Lock()

    def serve(self, answer: Callable):
        def served(thing):
            key = getattr(thing, "id", str(thing))
            with self.lock:
                seconds = self.draw.random() / 2000
                self.left -= key not in self.kept
                if self.left < 0:
                    raise Unjudged("connection reset", kind="lost")
            time.sleep(seconds)
            return self.kept.setdefault(key, answer(thing))

        served.name = self.name
        return served


def text_of_files(folder) -> dict[str, str]:
    files = [*(folder / "checkpoints").glob("checkpoint_*"), *(folder / "user").glob("*.jsonl")]
    return {path.name: without_times(path.read_text()) for path in files}


def test_server_that_dies_at_any_moment_with_several_requests_at_once_changes_nothing(tmp_path):
    """One or two requests that were lost at the end of a cycle were too few to notice: it was kept without them."""
    seeds = [*SEEDS, *NAMES[:4]]
    grown(tmp_path / "whole", seeds)
    wanted = text_of_files(tmp_path / "whole")
    ends = Counter()
    for number in range(DEATHS):
        draw, kept, folder = random.Random(number), {}, tmp_path / str(number)
        for life in (draw.randrange(40), 10_000):
            server = Mortal(draw, kept, life)
            try:
                grown(folder, seeds, server.serve(Write()), server.serve(Judge()), at_once=5, resume=True)
            except ModelFailing as error:
                ends[str(error).partition("; cycle ")[2][:1]] += 1
        assert text_of_files(folder) == wanted, number
    assert min(ends["1"], ends["2"]) > DEATHS // 5


def test_limits_end_it_within_the_cycle_and_resume_finishes_that(tmp_path):
    meter = Meter(Limits(tokens=100))

    def script(request):
        meter.count(input_tokens=30)
        return Write()(request)

    cut = grown(tmp_path, [*SEEDS, "old maps", "new shoes"], Write(script), meter=meter)
    assert cut.stopped.startswith("limit reached: 100 tokens, in cycle 1") and cut.cycles == [] and cut.passed_pairs == 0
    assert len(grown(tmp_path, (), resume=True).cycles) == 2


def test_most_pairs_are_of_all_cycles(tmp_path):
    judge = Judge()
    found = grown(tmp_path, judge=judge, max_pairs=5, max_cycles=9)
    assert found.passed_pairs == 5 and len(judge.asked) == 5 and "5 pairs passed, as many as were wanted" in found.stopped
    assert len(list(read_pairs(tmp_path / "user" / "grown.jsonl"))) == 5


def test_as_many_at_once_give_the_same_cycle(tmp_path):
    drawn = random.Random(5)

    def script(request):
        time.sleep(drawn.random() / 100)
        return Write()(request)

    results = []
    for name, at_once in (("a", 1), ("b", 7)):
        (tmp_path / name).mkdir()
        grown(tmp_path / name, [f"seed {each}" for each in NAMES], Write(script), at_once=at_once)
        results.append([pair.id for pair in read_pairs(tmp_path / name / "user" / "grown.jsonl")])
    assert len(results[0]) == 48 and results[0] == results[1]


def test_one_process_at_a_time(tmp_path):
    began, may_end = threading.Event(), threading.Event()

    def script(request):
        began.set()
        may_end.wait(10)
        return Write()(request)

    thread = threading.Thread(target=grown, args=(tmp_path, SEEDS, Write(script)))
    thread.start()
    began.wait(10)
    try:
        with pytest.raises(RunLocked, match="another process is growing here"):
            grown(tmp_path)
    finally:
        may_end.set()
        thread.join()


def test_templates_and_strategies_take_turns_over_seeds_and_cycles(tmp_path):
    write = Write()
    settings = Settings(templates=["QA", "CODE"], strategies=["seed", "evolve", "persona"], per_seed=1)
    grown(tmp_path, [f"Say what {name} is." for name in NAMES[:6]], write, settings=settings, max_cycles=6)
    of_first = [(each.template, each.strategy) for each in write.requests if each.seed.instruction == "Say what amber is."]
    assert len(set(of_first)) == 6
    assert len({(each.template, each.strategy) for each in write.requests if each.cycle == 1}) == 6


def test_what_only_names_a_subject_is_not_evolved(tmp_path):
    write = Write()
    grown(tmp_path, ["rye bread", "Bake rye bread at home."], write, settings=Settings(strategies=["evolve"]), max_cycles=1)
    assert [(each.seed.instruction, each.strategy) for each in write.requests] == [
        ("rye bread", "seed"),
        ("Bake rye bread at home.", "evolve"),
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_cycles": 0}, "above 0"),
        ({"min_pass_rate": 1.5}, "share from 0 to 1"),
        ({"name": "../x"}, "cannot be the name"),
        ({"seeds": ()}, "nothing to grow from"),
        ({"settings": Settings(templates=["POEM"])}, "unknown template 'POEM'"),
        ({"settings": Settings(strategies=[])}, "unknown strategy"),
        ({"settings": Settings(per_seed=9)}, "from 1 to 8"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(tmp_path, options, said):
    with pytest.raises(UsageError, match=said):
        grown(tmp_path, **options)
    assert not list(tmp_path.rglob("*.json"))


def test_lessons_reach_who_writes(tmp_path):
    write = Write()
    grown(tmp_path, [Seed(instruction="Book a table.", failures=["OVER_REFUSAL: it refused"])], write, max_cycles=1)
    assert write.requests[0].seed.failures == ["OVER_REFUSAL: it refused"]
