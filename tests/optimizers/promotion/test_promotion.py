"""Promotion and going back: what is in use is always whole, nothing is lost, whoever is killed, late, full or not allowed."""

import contextlib
import io
import itertools
import json
import os
import resource
import shutil
import sys
import tempfile
import warnings
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import dspy
import pytest

from dspy_programs import Planner, load
from dspy_programs.errors import CompiledMismatch, CompiledProgramError, UsageError
from dspy_programs.predict import add_reasoning
from dspy_programs.registry import all_compiled, read_compiled
from dspy_programs.registry.compiled_store import available_models, shipped_directory, user_directory
from optimizers.promotion import Entry, Superseded, digest_of, export_stock, promote
from optimizers.promotion.program_history import STAMP
from optimizers.promotion.promoting import doubts, history, in_use, look_at, rollback
from tests.processes import Started

LM = "local/qwen2.5-coder-1.5b"
SHIPPED = shipped_directory() / "planner" / "qwen2.5-coder-1.5b.json"
CHANGES = (os.open, os.replace, os.unlink, os.mkdir, os.chmod, open)  # functions by which files change


def version(folder: Path, name: str, change=lambda state: None) -> Path:
    """Write the shipped planner with an instruction of its own: another program that fits as well."""
    state = json.loads(SHIPPED.read_bytes())
    state["plan"]["signature"]["instructions"] = f"Plan it as {name} does."
    del state["plan"]["demos"][3:]
    change(state)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(state), encoding="utf-8")
    return path


def app(state) -> dict:
    return state["metadata"]["app"]


@pytest.fixture
def versions(tmp_path):
    return [version(tmp_path, name) for name in "abcd"]


@pytest.fixture
def users() -> Path:
    return user_directory() / "planner" / "qwen2.5-coder-1.5b.json"


def put(*sources: Path) -> None:
    for source in sources:
        promote(source, "planner", LM)


def instruction() -> str:
    return load("planner", LM).plan.signature.instructions


def used() -> str:
    """Name the version that `load` takes."""
    text = instruction()
    return text.split()[3] if text.startswith("Plan it as") else "shipped"


def names(entries) -> list[str]:
    """Show a history shortly: * is in use, - was set aside."""
    marks = {(True, False): "*", (False, True): "-", (False, False): ""}
    texts = [
        "shipped" if e.shipped else json.loads(e.path.read_bytes())["plan"]["signature"]["instructions"].split()[3]
        for e in entries
    ]
    return [f"{text}{marks[e.in_use, e.set_aside]}" for e, text in zip(entries, texts, strict=True)]


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_in_use_is_the_users_file_before_the_shipped_one(versions, users):
    assert in_use("planner", LM) == SHIPPED
    put(versions[0])
    assert in_use("planner", LM) == users
    assert in_use("planner", "openai/none") is None


def test_promote_puts_a_program_to_use_with_its_card(versions, users):
    done = promote(versions[0], "planner", LM)
    assert used() == "a" and users.read_bytes() == versions[0].read_bytes()
    assert done.changed and done.before.shipped and done.now.path == users
    assert users.with_suffix(".md").read_text().startswith(f"# planner for {LM}")
    assert users.stat().st_mode & 0o777 == 0o644


def test_promote_keeps_what_was_in_use(versions):
    put(versions[0])
    done = promote(versions[1], "planner", LM)
    assert used() == "b" and done.before.path.read_bytes() == versions[0].read_bytes()
    assert done.before.path.with_suffix(".md").is_file()
    assert names(history("planner", LM)) == ["b*", "a", "shipped"]


def test_history_lies_beside_the_file_under_time_and_digest(versions, users):
    put(*versions[:2])
    old = history("planner", LM)[1]
    assert old.path.parent == users.parent / "history" / "qwen2.5-coder-1.5b"
    assert old.path.name == f"{old.date.strftime(STAMP)}-{old.digest[:8]}.json"
    assert timedelta(0) <= datetime.now(UTC) - old.date < timedelta(minutes=5)


def test_promote_keeps_a_file_that_was_put_there_by_hand(versions, users):
    users.parent.mkdir(parents=True)
    shutil.copy(versions[0], users)
    os.utime(users, (1_700_000_000, 1_700_000_000))
    put(versions[1])
    found = history("planner", LM)
    assert names(found) == ["b*", "a", "shipped"] and found[1].date == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_promote_keeps_a_broken_file_too_and_load_works_again(versions, users):
    users.parent.mkdir(parents=True)
    users.write_text("{")
    assert "not a compiled program" in history("planner", LM)[0].fault
    put(versions[0])
    assert used() == "a"
    assert history("planner", LM)[1].path.read_text() == "{"


def test_promote_the_same_bytes_again_changes_nothing(versions, users):
    put(versions[0])
    before = files_below(user_directory())
    done = promote(versions[0], "planner", LM)
    assert not done.changed and done.now.path == users
    assert files_below(user_directory()) == before


def test_promote_over_something_else_than_it_was_compared_with_changes_nothing(versions, users):
    shipped = digest_of(SHIPPED.read_bytes())
    promote(versions[0], "planner", LM, over=shipped)
    before = files_below(user_directory())
    for over in (shipped, None, digest_of(versions[1].read_bytes())):
        with pytest.raises(Superseded):
            promote(versions[2], "planner", LM, over=over)
    assert files_below(user_directory()) == before
    promote(versions[2], "planner", LM, over=digest_of(versions[0].read_bytes()))
    assert used() == "c"


def test_promote_the_shipped_bytes_where_they_are_in_use_makes_no_file(tmp_path, users):
    copy = shutil.copy(SHIPPED, tmp_path / "copy.json")
    done = promote(Path(copy), "planner", LM)
    assert not done.changed and done.now.shipped and not users.exists()


def test_promote_mends_the_card_that_a_kill_left_behind(versions, users):
    put(versions[0])
    card = users.with_suffix(".md").read_text()
    users.with_suffix(".md").write_text("of another")
    put(versions[0])
    assert users.with_suffix(".md").read_text() == card


def test_promote_to_another_place(versions, tmp_path):
    target = tmp_path / "elsewhere" / "mine.json"
    for source in versions[:2]:
        promote(source, "planner", LM, target)
    assert target.read_bytes() == versions[1].read_bytes() and used() == "shipped"
    assert len(list((target.parent / "history" / "mine").glob("*.json"))) == 2


def test_promote_to_a_file_of_any_name(versions, tmp_path):
    for source in versions[:2]:
        promote(source, "planner", LM, tmp_path / "out.v2")
    assert (tmp_path / "out.v2").read_bytes() == versions[1].read_bytes() and (tmp_path / "out.v2.md").is_file()
    assert len(list((tmp_path / "history" / "out.v2").glob("*.json"))) == 2


@pytest.mark.parametrize("target", ["card.md", "pipe"])
def test_promote_refuses_a_card_or_a_pipe_as_target(target, versions, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="give a JSON file"):
        promote(versions[0], "planner", LM, tmp_path / target)


def test_promote_keeps_the_mode_of_the_file_it_replaces(versions, users):
    put(versions[0])
    users.chmod(0o600)
    put(versions[1])
    assert {path.stat().st_mode & 0o777 for path in [users, users.with_suffix(".md")]} == {0o600}


REFUSED = {
    "other program": (lambda state: app(state).update(program="actor"), "compiled actor for"),
    "other model": (lambda state: app(state).update(lm="openai/other"), "for openai/other, not planner for"),
    "drifted field": (lambda state: app(state)["fields"]["plan"][0].update(name="means"), "differ or are in another order"),
    "drifted seed": (
        lambda state: app(state)["seed_instructions_sha256"].update(plan="0"),
        "has changed since it was compiled",
    ),
    "no notes of ours": (lambda state: state["metadata"].pop("app"), "not a compiled program"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_promote_refuses_what_load_would_refuse(what, versions, tmp_path):
    change, message = REFUSED[what]
    put(versions[0])
    before = files_below(user_directory())
    with pytest.raises(CompiledProgramError, match=message):
        put(version(tmp_path, "bad", change))
    assert files_below(user_directory()) == before


@pytest.mark.parametrize("source", ["nothing.json", "."])
def test_promote_refuses_what_is_no_file(source, tmp_path):
    with pytest.raises(CompiledProgramError, match="cannot be read"):
        put(tmp_path / source)


def test_promote_refuses_an_unknown_program(versions):
    with pytest.raises(UsageError, match="unknown program 'plannr'"):
        promote(versions[0], "plannr", LM)


def test_history_is_nothing_that_load_or_verify_would_take(versions):
    put(*versions)
    rollback("planner", LM)
    mine = [path for path in all_compiled() if path.is_relative_to(user_directory())]
    assert len(mine) == 1 and LM in available_models("planner")


def test_history_tells_scores_and_digests(versions):
    put(version(versions[0].parent, "e", lambda state: app(state)["scores"]["validation"].update(in_use=0.5)))
    entry, shipped = history("planner", LM)
    saved = read_compiled(SHIPPED).provenance.scores
    assert entry.validation == saved["validation"] | {"in_use": 0.5} and entry.kept == "compiled"
    assert entry.test["compiled"] == saved["test"]["compiled"] and entry.judged_on == shipped.judged_on
    assert shipped.shipped and shipped.date is None and shipped.path == SHIPPED and len(shipped.digest) == 64


def test_history_without_any():
    assert history("planner", "openai/none") == []
    assert not user_directory().exists()


@pytest.mark.parametrize("scores", [{}, {"validation": None, "test": []}, {"validation": {"seed": "x"}, "test": {"seed": 1}}])
def test_history_takes_missing_scores_as_unknown(scores, tmp_path):
    put(version(tmp_path, "e", lambda state: app(state).update(scores=scores, training={})))
    entry = history("planner", LM)[0]
    assert (entry.validation, entry.test, entry.score, entry.status) == ({}, {}, None, None)
    assert "unknown" not in user_directory().name and (user_directory() / "planner/qwen2.5-coder-1.5b.md").is_file()


def test_history_survives_many_promotions_in_the_same_second(versions):
    for number in range(40):
        put(versions[number % 4])
    found = history("planner", LM)
    dates = [entry.date for entry in found[:-1]]
    assert len(dates) == 40 and dates == sorted(set(dates), reverse=True)
    assert names(found)[:3] == ["d*", "c", "b"]


def test_history_keeps_its_order_when_the_clock_goes_back(versions, users):
    put(versions[0])
    first = history("planner", LM)[0].path
    past = next((users.parent / "history" / "qwen2.5-coder-1.5b").glob("*.json"))
    past.rename(past.with_name(past.name.replace(past.name[:4], "2999")))
    put(versions[1])
    assert names(history("planner", LM)) == ["b*", "a", "shipped"] and first == users
    rollback("planner", LM)
    assert used() == "a"


def test_rollback_goes_back_step_by_step_to_the_shipped_one(versions, users):
    put(*versions[:3])
    seen = []
    for _ in range(3):
        rollback("planner", LM)
        seen.append(used())
    assert seen == ["b", "a", "shipped"] and not users.exists() and not users.with_suffix(".md").exists()
    assert names(history("planner", LM)) == ["c-", "b-", "a-", "shipped*"]
    with pytest.raises(UsageError, match="the shipped program is in use; there is nothing before it"):
        rollback("planner", LM)


def test_rollback_after_a_new_promotion_does_not_bring_back_what_was_rolled_back(versions):
    put(*versions[:3])
    rollback("planner", LM)
    rollback("planner", LM)
    put(versions[3])
    rollback("planner", LM)
    assert used() == "a"


def test_rollback_goes_through_the_same_program_twice(versions):
    a, b = versions[:2]
    put(a, b, a)
    seen = [used()]
    for _ in range(3):
        rollback("planner", LM)
        seen.append(used())
    assert seen == ["a", "b", "a", "shipped"]


def test_rollback_to_a_digest_back_and_forth(versions):
    put(*versions[:3])
    digest = {name[0]: entry.digest for name, entry in zip("cba", history("planner", LM), strict=False)}
    rollback("planner", LM, digest["a"][:8])
    assert used() == "a"
    done = rollback("planner", LM, digest["c"][:12].upper())
    assert used() == "c" and done.before.digest == digest["a"]
    rollback("planner", LM)
    assert used() == "a"
    assert not rollback("planner", LM, digest["a"]).changed
    rollback("planner", LM, "shipped")
    assert used() == "shipped" and not rollback("planner", LM, "shipped").changed
    rollback("planner", LM, digest["b"])
    assert used() == "b" and {e.digest for e in history("planner", LM)} >= set(digest.values())


def test_rollback_keeps_a_file_that_was_put_there_by_hand(versions, users):
    users.parent.mkdir(parents=True)
    shutil.copy(versions[0], users)
    done = rollback("planner", LM)
    assert used() == "shipped" and done.before.path.read_bytes() == versions[0].read_bytes()


def test_rollback_where_nothing_is_shipped_ends_at_the_program_as_it_was_written(versions, tmp_path):
    source = version(tmp_path, "e", lambda state: app(state).update(lm="openai/mine"))
    promote(source, "planner", "openai/mine")
    done = rollback("planner", "openai/mine")
    assert done.now is None and done.before.path.read_bytes() == source.read_bytes()
    with pytest.warns(UserWarning, match="runs uncompiled"):
        load("planner", "openai/mine")
    with pytest.raises(UsageError, match="the uncompiled program is in use; there is nothing before it"):
        rollback("planner", "openai/mine")


def test_rollback_without_history():
    with pytest.raises(UsageError, match="the shipped program is in use; there is nothing before it"):
        rollback("planner", LM)
    assert not user_directory().exists()


@pytest.mark.parametrize("to", ["0123456789", "xyz"])
def test_rollback_to_an_unknown_digest_names_those_there_are(to, versions):
    put(*versions[:2])
    before = files_below(user_directory())
    with pytest.raises(UsageError, match="has the digest") as caught:
        rollback("planner", LM, to)
    assert all(entry.digest[:8] in str(caught.value) for entry in history("planner", LM))
    assert files_below(user_directory()) == before


def test_rollback_to_a_digest_that_is_begun_twice(versions):
    put(*versions)
    starts = [entry.digest[0] for entry in history("planner", LM)]
    for number in range(50):
        if twice := next((each for each in starts if starts.count(each) > 1), None):
            break
        put(version(versions[0].parent, f"more-{number}"))
        starts = [entry.digest[0] for entry in history("planner", LM)]
    with pytest.raises(UsageError, match="matches more than one digest"):
        rollback("planner", LM, twice)


def test_rollback_refuses_what_load_would_refuse(versions, users):
    users.parent.mkdir(parents=True)
    users.write_text("{")
    put(versions[0])
    with pytest.raises(UsageError, match=r"not a compiled program.*--to"):
        rollback("planner", LM)
    assert used() == "a"
    rollback("planner", LM, "shipped")
    assert used() == "shipped"


def test_users_directory_may_be_a_link(versions, tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("DSPY_PROGRAMS_COMPILED", str(tmp_path / "link"))
    put(*versions[:2])
    rollback("planner", LM)
    assert used() == "a" and (tmp_path / "link").is_symlink()
    assert (tmp_path / "real/planner/qwen2.5-coder-1.5b.json").read_bytes() == versions[0].read_bytes()


def test_users_file_may_be_a_link(versions, users, tmp_path):
    users.parent.mkdir(parents=True)
    real = Path(shutil.copy(versions[0], tmp_path / "real.json"))
    users.symlink_to(real)
    put(versions[1])
    assert users.is_symlink() and real.read_bytes() == versions[1].read_bytes()
    rollback("planner", LM)
    rollback("planner", LM)
    assert used() == "shipped" and real.read_bytes() == versions[0].read_bytes()


def contents() -> set[bytes]:
    """Return every compiled program that is or was in use."""
    return {path.read_bytes() for path in user_directory().rglob("*.json")}


def in_child(work) -> int:
    """Do it in a process of its own; return how that ended: 0, its exit code, or minus the signal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads of the test run are not used by the child
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except (UsageError, CompiledProgramError):
            code = 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def at_changes(then, work) -> None:
    """Do `work` and call `then` with 0, 1, ... straight after each change of files, which may be half of a write."""
    numbers = itertools.count()

    def profile(frame, event: str, function) -> None:
        if event != "c_return":
            return
        writes = isinstance(getattr(function, "__self__", None), io.BufferedWriter) and function.__name__ == "write"
        reads = frame.f_back and frame.f_back.f_code.co_name in ("read_bytes", "read_text")
        if (writes or function in CHANGES) and not reads:
            then(next(numbers))

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)


def die_at(wanted: int, number: int) -> None:
    if number == wanted:
        os.kill(os.getpid(), 9)


def copies(work, folder: Path) -> list[Path]:
    """Do it; return copies of the user's directory, one from each moment between two changes: what a kill -9 then leaves."""
    made = []

    def copy(number: int) -> None:
        if user_directory().is_dir():
            made.append(shutil.copytree(user_directory(), folder / f"killed-{number}"))

    at_changes(copy, work)
    return made


STEPS = {
    "first promotion": ([], lambda a, b, c: put(b), {"shipped", "b"}),
    "promotion": ("a", lambda a, b, c: put(b), {"a", "b"}),
    "rollback": ("ab", lambda a, b, c: rollback("planner", LM), {"a", "b"}),
    "rollback to shipped": ("a", lambda a, b, c: rollback("planner", LM), {"a", "shipped"}),
    "rollback forward": ("ab-", lambda a, b, c: rollback("planner", LM, look_at(b).digest), {"a", "b"}),
}


def begin(steps: str, a: Path, b: Path) -> None:
    """Put a and b to use and go back, as "ab-" says."""
    for name in steps:
        put({"a": a, "b": b}[name]) if name != "-" else rollback("planner", LM)


@pytest.mark.parametrize("step", STEPS)
def test_kill_between_any_two_changes_leaves_old_or_new_in_use_and_loses_nothing(step, versions, tmp_path, monkeypatch):
    begun, work, may_be = STEPS[step]
    a, b, c, _ = versions
    begin(begun, a, b)
    known = contents()
    killed = copies(lambda: work(a, b, c), tmp_path)
    seen = set()
    for left in [*killed, user_directory()]:
        monkeypatch.setenv("DSPY_PROGRAMS_COMPILED", str(left))
        seen.add(used())
        put(c)  # the next one is not in the way of what the killed one left
        assert used() == "c" and contents() >= known
        rollback("planner", LM)
        assert used() in may_be
    assert seen == may_be and len(killed) > 3, "killed early the old one is in use, killed late the new one"


@pytest.mark.parametrize("step", STEPS)
def test_copy_of_the_directory_is_what_a_kill_leaves(step, versions, tmp_path, monkeypatch):
    begun, work, _ = STEPS[step]
    a, b, c, _ = versions
    begin(begun, a, b)
    made = copies(lambda: work(a, b, c), tmp_path)
    copy = made[len(made) // 2]
    number = int(copy.name.removeprefix("killed-"))
    monkeypatch.setenv("DSPY_PROGRAMS_COMPILED", str(tmp_path / "killed"))
    begin(begun, a, b)
    assert in_child(lambda: at_changes(partial(die_at, number), lambda: work(a, b, c))) == -9
    assert sorted(files_below(tmp_path / "killed").values()) == sorted(files_below(copy).values())


def promote_each(sources) -> int:
    for source in sources:
        promote(Path(source), "planner", LM)
    return 0


def test_two_processes_at_once_lose_nothing(versions, tmp_path, users):
    sources = [[str(version(tmp_path, f"{who}-{n}")) for n in range(12)] for who in ("one", "two")]
    running = [Started(promote_each, each, tmp_path) for each in sources]
    while any(process.poll() is None for process in running):
        instruction()  # never half a file, never an error
    assert [process.returncode for process in running] == [0, 0]
    found = history("planner", LM)
    assert len({entry.digest for entry in found}) == 25 and not any(entry.set_aside for entry in found)
    order = [name.split("-") for name in names(found)[-2::-1]]
    assert all([n.strip("*") for who, n in order if who == each] == [str(n) for n in range(12)] for each in ("one", "two"))
    assert not [path for path in users.parent.rglob(".*")], "no temporary file is left"


@contextlib.contextmanager
def limited_files(size: int):
    """A limit on the size of files stands in for the end of the disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_full_disk_changes_nothing(versions):
    put(versions[0])
    before = files_below(user_directory())
    with limited_files(2_000), pytest.raises(UsageError, match="cannot be written"):
        put(versions[1])
    assert files_below(user_directory()) == before and used() == "a"


def test_full_disk_at_the_last_step_changes_nothing(versions, users, tmp_path):
    """The history has room, the place of the file in use has none: it is a link into a folder that is gone."""
    users.parent.mkdir(parents=True)
    users.symlink_to(tmp_path / "gone" / "real.json")
    with pytest.raises(UsageError, match="cannot be written"):
        put(versions[0])
    assert names(history("planner", LM)) == ["shipped*"]
    assert [path.name for path in users.parent.rglob("*") if path.is_file()] == ["lock"]


def test_full_disk_does_not_stop_a_step_back_to_the_shipped_one(versions):
    put(versions[0])
    with limited_files(2_000):
        rollback("planner", LM)
    assert used() == "shipped"


def as_nobody(work):
    """Return `work` for a user that owns nothing; root may write everywhere."""

    def run() -> None:
        if os.geteuid() == 0:
            os.setuid(65534)
        work()

    return run


@pytest.mark.parametrize("work", [lambda source: put(source), lambda source: rollback("planner", LM)], ids=["put", "back"])
def test_folder_that_may_only_be_read_is_one_line_and_stays_as_it_is(work, versions, monkeypatch):
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("DSPY_PROGRAMS_COMPILED", folder)
        put(versions[0])
        source = Path(shutil.copy(versions[1], folder))
        for path in [Path(folder), *Path(folder).rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        before = files_below(Path(folder))
        try:
            assert in_child(as_nobody(lambda: work(source))) == 2
            assert in_child(as_nobody(lambda: history("planner", LM))) == 0
            assert files_below(Path(folder)) == before
        finally:
            for path in [Path(folder), *Path(folder).rglob("*")]:
                path.chmod(0o755)


def test_target_that_is_a_folder_is_refused(versions, users):
    users.mkdir(parents=True)
    with pytest.raises(UsageError, match="give a JSON file"):
        put(versions[0])


def entry(score=0.8, in_use=None, kept="compiled", **more) -> Entry:
    validation = {"seed": 0.5, "compiled": score} | ({} if in_use is None else {"in_use": in_use})
    test = {name: {"mean": mean, "low": 0.0, "high": 1.0} for name, mean in (("seed", 0.5), ("compiled", 0.7))}
    known = {"validation": validation, "test": test, "status": "tested", "judged_on": "rows", "kept": kept} | more
    return Entry(Path("x.json"), None, False, program="planner", lm=LM, digest="0" * 64, **known)


UNKNOWN = "unknown whether"
OTHERS = {"judged_on": "others"}
INTERVAL = {"mean": -0.1, "low": -0.2, "high": -0.05}
DOUBTS = {
    "better than then and now": (entry(0.8, in_use=0.7), entry(0.7), []),
    "better than then, and that is in use": (entry(0.8, in_use=0.7, parent="0" * 64), entry(0.9, **OTHERS), []),
    "better than then, which was shipped": (entry(0.8, in_use=0.7), entry(0.9, shipped=True, **OTHERS), []),
    "better than then, another is in use": (entry(0.8, in_use=0.7, parent="1" * 64), entry(0.7, **OTHERS), [UNKNOWN]),
    "no status is no fault": (entry(0.8, in_use=0.7, status=None), entry(0.7), []),
    "nothing in use": (entry(0.8), None, []),
    "nothing in use, worse than the seed": (entry(0.4), None, ["0.400 against 0.500"]),
    "equal to then": (entry(0.8, in_use=0.8), entry(0.7), ["the program then in use: 0.800 against 0.800"]),
    "worse than now": (entry(0.8, in_use=0.7), entry(0.9), ["does not beat the program in use: 0.800 against 0.900"]),
    "not comparable": (entry(0.8), entry(0.7, **OTHERS), [UNKNOWN]),
    "rows unknown": (entry(0.8, judged_on=None), entry(0.7, judged_on=None), [UNKNOWN]),
    "score unknown": (entry(0.8, validation={}), entry(0.7), [UNKNOWN]),
    "in use is refused by load": (entry(0.8), entry(0.9, fault="drifted"), []),
    "the seed": (entry(0.8, in_use=0.4, kept="seed"), entry(0.4), ["it is the uncompiled program"]),
    "interrupted": (entry(0.8, in_use=0.7, test={}, status="interrupted"), entry(0.7), ["no test score (interrupted)"]),
    "not tested": (entry(0.8, in_use=0.7, test={}, status=None), entry(0.7), ["it has no test score"]),
    "worse on test than the seed": (
        entry(0.8, in_use=0.7, test=entry().test | {"difference": INTERVAL}),
        entry(0.7),
        ["on the test rows it is worse than the uncompiled program, by 0.100"],
    ),
    "worse on test than then": (
        entry(0.8, in_use=0.7, test=entry().test | {"gain": INTERVAL}),
        entry(0.7),
        ["on the test rows it is worse than the program then in use, by 0.100"],
    ),
    "NaN": (entry(float("nan"), in_use=0.7), entry(0.7), ["the program then in use", "the program in use"]),
}


@pytest.mark.parametrize("case", DOUBTS)
def test_doubts_say_what_speaks_against_it(case):
    source, now, expected = DOUBTS[case]
    found = doubts(source, now)
    assert len(found) == len(expected) and all(text in line for text, line in zip(expected, found, strict=True))


def test_look_at_reads_a_file_before_it_is_put_to_use(versions):
    seen = look_at(versions[0])
    assert (seen.program, seen.lm, seen.tested, seen.in_use) == ("planner", LM, True, False)
    put(versions[0])
    assert history("planner", LM)[0].digest == seen.digest


@pytest.mark.parametrize(
    "path", sorted(shipped_directory().glob("*/*.json")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_export_is_read_by_stock_dspy_and_says_the_same(path, tmp_path):
    stock = tmp_path / "stock.json"
    ours = load(path.parent.name, path=path)
    export_stock(path, stock, ours)
    theirs = type(ours)()
    theirs.load(stock)
    assert theirs.dump_state() == ours.dump_state()
    assert json.loads(stock.read_bytes())["metadata"].keys() == {"dependency_versions"}


def test_export_is_read_into_a_plain_predictor(tmp_path):
    export_stock(SHIPPED, tmp_path / "stock.json", Planner())

    class Plain(dspy.Module):
        def __init__(self):
            super().__init__()
            self.plan = dspy.Predict(Planner().plan.signature)

    program = Plain()
    program.load(tmp_path / "stock.json")
    assert len(program.plan.demos) == 200


def test_export_with_chain_of_thought_needs_the_same_change_of_the_program(tmp_path):
    thinking = add_reasoning(Planner())
    thinking.save(tmp_path / "thinking.json")
    state = json.loads((tmp_path / "thinking.json").read_bytes())
    notes = json.loads(SHIPPED.read_bytes())["metadata"]["app"]
    state["metadata"]["app"] = notes
    (tmp_path / "ours.json").write_text(json.dumps(state))
    export_stock(tmp_path / "ours.json", tmp_path / "stock.json", thinking)
    again = add_reasoning(Planner())
    again.load(tmp_path / "stock.json")
    assert again.dump_state() == thinking.dump_state()


def test_export_does_not_replace_the_program_itself(versions):
    before = versions[0].read_bytes()
    with pytest.raises(UsageError, match="the compiled program itself"):
        export_stock(versions[0], versions[0], Planner())
    assert versions[0].read_bytes() == before


def test_export_refuses_what_is_no_compiled_program(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(CompiledProgramError):
        export_stock(tmp_path / "x.json", tmp_path / "y.json", Planner())
    assert not (tmp_path / "y.json").exists()


def test_mismatch_is_the_error_of_another_model(versions):
    with pytest.raises(CompiledMismatch):
        promote(versions[0], "planner", "openai/other")
