"""A corpus is on file as a whole or not at all, also for the process that comes after a kill; jobs survive."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from dspy_programs.agent.sessions import Sessions
from dspy_programs.documents import Corpora, Documents, IngestionJobs
from dspy_programs.documents.corpora import _FIRST
from dspy_programs.documents.parts import likeliest
from dspy_programs.errors import UsageError


def ended(corpora: Corpora, job: str) -> str:
    for _ in range(500):
        if (found := corpora.job(job)).state in ("completed", "failed"):
            return f"{found.state}: {found.message}"
        time.sleep(0.01)
    raise AssertionError("the job did not end")


def test_corpus_is_replaced_as_a_whole(tmp_path):
    corpora = Corpora(tmp_path / "d.sqlite")
    corpora.put("a", ["one", "two"], ["x"], "first")
    corpora.put("a", ["three"], ["y"])
    [known] = corpora.all()
    assert (known.parts, known.sources, known.description, corpora.texts("a")) == (1, ["y"], "", ["three"])
    with pytest.raises(RuntimeError), corpora.database.together():
        corpora.put("a", ["four"], ["z"])
        raise RuntimeError
    assert corpora.texts("a") == ["three"]


def test_killed_while_it_replaces_leaves_the_old_or_the_new(tmp_path):
    code = (
        "import sys; from dspy_programs.documents import Corpora\n"
        "corpora = Corpora(sys.argv[1])\nn = 0\n"
        "while True:\n    n += 1; corpora.put('a', [str(n)] * 50, ['x']); print(n, flush=True)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "d.sqlite")], stdout=subprocess.PIPE)
    for _ in range(20):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    texts = Corpora(tmp_path / "d.sqlite").texts("a")
    assert len(texts) == 50 and len(set(texts)) == 1 and int(texts[0]) >= 20


def test_file_of_the_first_version_is_brought_to_today(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "d.sqlite")) as old:
        old.executescript(_FIRST + "PRAGMA user_version = 1;")
        old.execute("INSERT INTO corpora VALUES ('a', '', '[\"x\"]', 6, 0)")
        old.executemany("INSERT INTO parts VALUES ('a', ?, ?)", [(0, "one"), (1, "heron")])
        old.commit()
    corpora = Corpora(tmp_path / "d.sqlite")
    assert corpora.texts("a") == ["one", "heron"] and corpora.get("a").parts == 2
    assert likeliest(corpora.database, "a", "Where is the heron?") == [1]


@pytest.mark.parametrize("bytes_left", [10, 5_000])
def test_file_that_was_cut_off_is_one_line(tmp_path, bytes_left):
    corpora = Corpora(tmp_path / "d.sqlite")
    corpora.put("a", ["some text"] * 100, ["x"])
    corpora.database.close()
    content = (tmp_path / "d.sqlite").read_bytes()
    (tmp_path / "d.sqlite").write_bytes(content[:bytes_left])
    with pytest.raises(UsageError, match=r"d\.sqlite"):
        Corpora(tmp_path / "d.sqlite").texts("a")


def test_what_is_removed_is_on_no_page_of_the_file(tmp_path):
    corpora = Corpora(tmp_path / "d.sqlite")
    corpora.put("a", ["The password is heron9931."], ["x"])
    corpora.put("b", ["Rooms are blue."], ["x"])
    corpora.remove("a")
    corpora.database.close()
    assert b"heron9931" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert likeliest(Corpora(tmp_path / "d.sqlite").database, "a", "heron9931") == []


def test_one_of_many_corpora_is_found_without_a_look_at_the_others(tmp_path):
    corpora = Corpora(tmp_path / "d.sqlite")
    with corpora.database.together():
        for number in range(300):
            corpora.put(f"c{number}", ["text"], ["x"])
    for wanted in (
        "SELECT count(*) FROM texts WHERE corpus = 'c7'",
        "SELECT text FROM texts WHERE corpus = 'c7' ORDER BY number",
        "SELECT * FROM corpora WHERE id = 'c7'",
    ):
        [plan] = corpora.database.rows(f"EXPLAIN QUERY PLAN {wanted}")
        assert plan["detail"].startswith("SEARCH"), plan["detail"]
    assert len(corpora.all()) == 300


def test_removal_that_was_killed_before_its_end_can_be_repeated(tmp_path, monkeypatch):
    """What was kept goes first: the other way round, files of a corpus that is not listed would stay for ever."""
    monkeypatch.setenv("DSPY_PROGRAMS_PROMPTS", str(tmp_path / "prompts"))
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a@0-0123456789abcdef.bin").write_bytes(b"state")
    shelf = Documents(tmp_path / "d.sqlite")
    shelf.corpora.put("a", ["one"], ["x"])
    with contextlib.closing(sqlite3.connect(tmp_path / "d.sqlite")) as other:
        other.execute("CREATE TRIGGER no BEFORE DELETE ON corpora BEGIN SELECT RAISE(ABORT, 'killed here'); END")
        with pytest.raises(UsageError, match="killed here"):
            shelf.remove("a")
        assert not list((tmp_path / "prompts").glob("a@*")) and shelf.corpora.texts("a") == ["one"]
        other.execute("DROP TRIGGER no")
    shelf.remove("a")
    assert shelf.corpora.all() == []


def test_other_file_is_refused(tmp_path):
    Sessions(tmp_path / "s.sqlite")
    (tmp_path / "t.sqlite").write_text("no database at all, but long enough to be taken for one")
    for name in ("s.sqlite", "t.sqlite"):
        with pytest.raises(UsageError, match="documents"):
            Corpora(tmp_path / name)


def test_job_that_a_process_left_is_done_by_the_next(tmp_path):
    first = IngestionJobs(Documents(tmp_path / "d.sqlite"))
    job = first.begin("a", ["one", "two"])  # and never opened: as if it were killed
    assert (job.state, Corpora(tmp_path / "d.sqlite").texts("a")) == ("pending", ["one\n\ntwo"])
    second = IngestionJobs(Documents(tmp_path / "d.sqlite"))
    second.open()
    assert ended(second.documents.corpora, job.id) == "completed: on file; this model keeps nothing"
    second.close()


def test_job_whose_corpus_is_gone_fails_and_the_next_goes_on(tmp_path):
    jobs = IngestionJobs(Documents(tmp_path / "d.sqlite"))
    gone, left = jobs.begin("a", ["one"]), jobs.begin("b", ["two"])
    jobs.documents.remove("a")
    jobs.open()
    assert ended(jobs.documents.corpora, gone.id).startswith("failed: ") and ended(jobs.documents.corpora, left.id)
    jobs.close()


def test_jobs_go_on_after_one_whose_end_could_not_be_written(tmp_path):
    jobs = IngestionJobs(Documents(tmp_path / "d.sqlite"))
    lost, done = jobs.begin("a", ["one"]), jobs.begin("b", ["two"])
    with contextlib.closing(sqlite3.connect(tmp_path / "d.sqlite")) as other:
        other.execute(
            f"CREATE TRIGGER no BEFORE UPDATE ON jobs WHEN new.id = '{lost.id}' BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        jobs.open()
        assert ended(jobs.documents.corpora, done.id).startswith("completed")
        assert jobs.documents.corpora.job(lost.id).state == "pending"  # so the next process does it
        other.execute("DROP TRIGGER no")
    jobs.close()
    jobs.open()
    assert ended(jobs.documents.corpora, lost.id).startswith("completed")
    jobs.close()


def test_closed_begins_no_other_job(tmp_path):
    jobs = IngestionJobs(Documents(tmp_path / "d.sqlite"))
    jobs.open()
    jobs.close()
    job = jobs.begin("a", ["one"])
    time.sleep(0.05)
    assert jobs.documents.corpora.job(job.id).state == "pending"


def test_two_that_replace_one_corpus_at_once_leave_one_of_them_whole(tmp_path):
    Corpora(tmp_path / "d.sqlite")

    def put(text: str) -> None:
        own = Corpora(tmp_path / "d.sqlite")  # a connection of its own, as another process has
        for _ in range(10):
            own.put("a", [text] * 20, [text])

    threads = [threading.Thread(target=put, args=[text]) for text in ("one", "two")]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    corpora = Corpora(tmp_path / "d.sqlite")
    [known] = corpora.all()
    assert corpora.texts("a") == known.sources * 20 and len(likeliest(corpora.database, "a", known.sources[0])) == 20
