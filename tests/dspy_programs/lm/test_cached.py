"""Answers kept on disk: what makes two requests the same, how long an answer holds, and what a broken file does."""

import json
import os
import sqlite3
import threading
import warnings
from pathlib import Path

import dspy
import pytest

from dspy_programs.lm import connect, sample
from dspy_programs.lm.cached import AnswerCache, cached, default_path
from tests.fakes import ChatServer, scripted_lm
from tests.processes import forks


def counting_lm(name="scripted/judge"):
    """Answers with how often it was asked."""
    lm = scripted_lm(lambda prompt: str(len(lm.engine.prompts)), name)
    return lm


def said(lm, prompt="hello", **settings):
    [text] = lm(prompt, **settings)
    return text if isinstance(text, str) else text["text"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "answers.sqlite"


def test_same_request_is_asked_once_also_by_the_next_process(path):
    lm = counting_lm()
    assert said(cached(lm, AnswerCache(path))) == said(cached(lm, AnswerCache(path))) == "1"
    assert len(lm.engine.prompts) == 1


def test_prompt_model_decoding_and_sample_each_make_another_request(path):
    lm, other = counting_lm(), counting_lm("scripted/other")
    kept = cached(lm, AnswerCache(path))
    assert [said(kept), said(kept, "hello "), said(kept, temperature=0.5), said(kept, max_tokens=7)] == ["1", "2", "3", "4"]
    assert said(cached(other, AnswerCache(path))) == "1" and len(other.engine.prompts) == 1
    with sample(1):
        assert [said(kept), said(kept)] == ["5", "5"]
    assert said(kept) == "1"


def test_two_servers_with_one_model_name_are_not_one_model(path):
    with ChatServer(lambda prompt: "left") as left, ChatServer(lambda prompt: "right") as right:
        answers = [said(cached(connect("openai/mine", api_base=s.url), AnswerCache(path))) for s in (left, right, left)]
        assert answers == ["left", "right", "left"] and len(left.requests) == 1


def test_another_model_served_later_at_one_address_under_one_name_is_another_model(path):
    clock = [0.0]
    with ChatServer(lambda prompt: str(len(server.requests))) as server:
        kept = cached(connect("openai/mine", api_base=server.url), AnswerCache(path))
        kept.engine.served.clock = lambda: clock[0]
        server.pages["/v1/models"] = {"data": [{"id": "mine", "root": "/weights/first"}]}
        assert [said(kept), said(kept)] == ["1", "1"]
        server.pages["/v1/models"] = {"data": [{"id": "mine", "root": "/weights/second"}]}
        clock[0] += 11
        assert [said(kept), said(kept)] == ["2", "2"], "also in one process"
        server.pages["/v1/models"] = {"data": [{"id": "mine", "root": "/weights/first"}]}
        assert said(cached(connect("openai/mine", api_base=server.url), AnswerCache(path))) == "1"


def test_server_that_cannot_be_asked_what_it_runs_gives_no_answer_of_another(path):
    """It may have begun to serve another model meanwhile; its error is said, and not an old answer."""
    with ChatServer(lambda prompt: "well") as server:
        url = server.url
        assert said(cached(connect("openai/mine", api_base=url), AnswerCache(path))) == "well"
    gone = connect("openai/mine", api_base=url)
    gone.num_retries = 0
    with pytest.raises(dspy.utils.exceptions.LMError):
        said(cached(gone, AnswerCache(path)))


def test_old_answers_are_asked_again_and_removed(path):
    clock = [1000.0]
    lm = counting_lm()
    kept = cached(lm, AnswerCache(path, ttl_seconds=60, now=lambda: clock[0]))
    assert said(kept) == "1"
    clock[0] += 59
    assert said(kept) == "1"
    clock[0] += 2
    assert said(kept) == "2"
    AnswerCache(path, ttl_seconds=60, now=lambda: clock[0] + 1000)
    assert sqlite3.connect(path).execute("SELECT count(*) FROM answers").fetchone() == (0,)


@pytest.mark.parametrize("content", [b"not a database, but long enough to look at" * 50, b"SQLite format 3\0" + b"\xff" * 5000])
def test_damaged_file_is_put_aside_with_one_warning_and_begun_anew(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    lm = counting_lm()
    with pytest.warns(UserWarning, match=r"answers\.sqlite: damaged \(.*\); it is now .*answers\.sqlite\.damaged") as said_:
        kept = cached(lm, AnswerCache(path))
        assert [said(kept), said(kept)] == ["1", "1"]
    assert len(said_) == 1 and path.with_name("answers.sqlite.damaged").read_bytes() == content
    assert os.name != "posix" or path.stat().st_mode & 0o077 == 0
    assert said(cached(lm, AnswerCache(path))) == "1"


@pytest.mark.parametrize("columns", ["question TEXT", "key TEXT PRIMARY KEY, at REAL, answer TEXT, model TEXT NOT NULL"])
def test_table_of_another_form_is_put_aside(path, columns):
    path.parent.mkdir()
    with sqlite3.connect(path) as file:
        file.execute(f"CREATE TABLE answers ({columns})")
    with pytest.warns(UserWarning, match="damaged"):
        cache = AnswerCache(path)
    cache.put("a", 1)
    assert cache.get("a") == 1


def test_damage_that_shows_later_is_put_aside_then(path):
    first = AnswerCache(path)
    for number in range(1000):  # more than SQLite keeps in memory
        first.put(str(number), "x" * 5000)
    first.close()
    cache, lm = AnswerCache(path), counting_lm()
    with path.open("r+b") as file:  # all but the first pages, which tell what tables there are
        file.seek(4 * 4096)
        file.write(b"\xff" * (path.stat().st_size - 4 * 4096))
    with pytest.warns(UserWarning, match="damaged") as warned:
        assert [cache.get(str(number)) for number in range(1000)] == [None] * 1000
        kept = cached(lm, cache)
        assert [said(kept), said(kept)] == ["1", "1"]
    assert len(warned) == 1


@pytest.mark.parametrize("bad", ['{"torn', "[" * 100_000, b"\xff\xfe", None, '{"another": "shape"}', "5"])
def test_bad_row_costs_one_answer_and_is_replaced(path, bad):
    lm, cache = counting_lm(), AnswerCache(path)
    kept = cached(lm, cache)
    said(kept, "good")
    said(kept, "bad")
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA ignore_check_constraints = 1")
        [newest] = file.execute("SELECT max(rowid) FROM answers").fetchone()
        file.execute("UPDATE answers SET answer = CAST(? AS TEXT) WHERE rowid = ?", ("" if bad is None else bad, newest))
    assert [said(kept, "bad"), said(kept, "bad"), said(kept, "good")] == ["3", "3", "1"]


def test_bad_time_of_a_row_costs_one_answer(path):
    kept = cached(counting_lm(), AnswerCache(path))
    said(kept)
    with sqlite3.connect(path) as file:
        file.execute("UPDATE answers SET at = 'yesterday'")
    assert [said(kept), said(kept)] == ["2", "2"]


def test_file_stays_below_its_size_and_the_oldest_go(path):
    clock = iter(range(10**6))
    cache = AnswerCache(path, now=lambda: float(next(clock)), most_bytes=1_000_000)
    for number in range(1000):
        cache.put(str(number), "x" * 5000)
    cache.put("huge", "x" * 600_000)
    there = [number for number in range(1000) if cache.get(str(number)) is not None]
    assert there == list(range(there[0], 1000)) and 100 < len(there) < 200 and cache.get("huge") is None
    cache.close()
    assert path.stat().st_size < 1_200_000 and not list(path.parent.glob("*-wal"))


def test_cap_below_an_empty_file_ends(path):
    cache = AnswerCache(path, most_bytes=100)
    cache.put("a", 1)
    assert cache.get("a") is None


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_costs_the_cache_and_not_the_answer_and_stays_as_it_is(tmp_path, make):
    """Also for root, who could make /dev/null private, or move it aside as a damaged cache."""
    path = tmp_path / "answers.sqlite"
    make(path)
    path.chmod(0o755)
    before = path.stat()
    with pytest.warns(UserWarning, match="answers are not cached \\(not a file\\)"):
        assert said(cached(counting_lm(), AnswerCache(path))) == "1"
    assert path.stat() == before and os.listdir(tmp_path) == ["answers.sqlite"]


@pytest.mark.skipif(not os.path.isdir("/sys"), reason="a folder that takes no files, not even from root")
def test_folder_that_takes_no_files_costs_the_cache_and_not_the_answer():
    with pytest.warns(UserWarning, match="/sys/answers.sqlite: answers are not cached .*DSPY_PROGRAMS_ANSWERS") as warned:
        assert said(cached(counting_lm(), AnswerCache(Path("/sys/answers.sqlite")))) == "1"
    assert len(warned) == 1


def fill_disk(path, told):
    import resource

    cache = AnswerCache(path)
    cache.put("before", 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        answers = [said(cached(counting_lm(), cache), "x" * 100_000) for _ in range(3)]
    told.write_text(json.dumps([answers, [str(warning.message) for warning in warned], cache.get("before")]))


def test_full_disk_costs_the_cache_and_not_the_answer(path, tmp_path):
    pytest.importorskip("resource", reason="a limit on the size of files stands for a full disk")
    process = forks().Process(target=fill_disk, args=(path, tmp_path / "told"))
    process.start()
    process.join(60)
    answers, warned, before = json.loads((tmp_path / "told").read_text())
    assert answers == ["1", "1", "1"] and before == 1
    assert len(warned) == 1 and "new answers are not cached" in warned[0]


def test_errors_are_not_kept(path):
    with ChatServer(lambda prompt: "well", status=400) as server:
        kept = cached(connect("openai/mine", api_base=server.url), AnswerCache(path))
        with pytest.raises(dspy.utils.exceptions.LMError):
            said(kept)
        server.status = 200
        assert said(kept) == "well"


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_only_the_owner_can_read_answers_also_where_others_could(path, monkeypatch):
    path = path.parent / "dspy-programs" / "answers.sqlite"
    monkeypatch.setenv("XDG_CACHE_HOME", str(path.parents[1]))
    for _ in range(2):
        cache = AnswerCache(default_path() if os.environ.pop("DSPY_PROGRAMS_ANSWERS", None) is None else path)
        said(cached(counting_lm(), cache))
        modes = {file.name: file.stat().st_mode & 0o777 for file in [path.parent, *path.parent.iterdir()]}
        assert set(modes.values()) == {0o600, 0o700} and modes[path.parent.name] == 0o700 and len(modes) == 5
        for file in [path.parent, *path.parent.iterdir()]:
            file.chmod(0o777)


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_folder_that_is_the_users_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o755)
    AnswerCache(tmp_path / "answers.sqlite").put("a", 1)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_threads_share_one_cache(path):
    kept = cached(counting_lm(), AnswerCache(path))
    said(kept)
    answers = []
    threads = [threading.Thread(target=lambda: answers.extend(said(kept) for _ in range(20))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["1"] * 160


def fill(folder, first, together):
    for number in range(20):
        together.wait()  # all open a new file at the same moment
        cache = AnswerCache(folder / f"{number}.sqlite")
        for key in range(first, first + 5):
            cache.put(str(key), {"n": key})


def test_processes_that_open_and_write_at_once_lose_nothing(tmp_path):
    together = forks().Barrier(4)
    writers = [forks().Process(target=fill, args=(tmp_path, 5 * each, together)) for each in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    for number in range(20):
        cache = AnswerCache(tmp_path / f"{number}.sqlite")
        assert [cache.get(str(n)) for n in range(20)] == [{"n": n} for n in range(20)], number


def test_the_file_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("DSPY_PROGRAMS_ANSWERS", str(tmp_path / "mine.sqlite"))
    assert default_path() == tmp_path / "mine.sqlite"
