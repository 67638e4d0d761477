"""A corpus is on file as a whole or not at all, also for the process that comes after a kill; jobs survive."""

import os
import signal
import subprocess
import sys
import time

import pytest

from dspy_programs.agent.sessions import Sessions
from dspy_programs.documents import Corpora, Documents, IngestionJobs
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
