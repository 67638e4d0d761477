"""Answers kept on disk: what makes two requests the same, how long an answer holds, and what a broken file does."""

import os
import sqlite3
import threading

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
def test_broken_file_is_ignored_with_a_warning_and_left_alone(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    lm = counting_lm()
    with pytest.warns(UserWarning, match=r"answers\.sqlite: ignored"):
        kept = cached(lm, AnswerCache(path))
    assert [said(kept), said(kept)] == ["1", "2"] and path.read_bytes() == content


def test_broken_or_foreign_answer_is_asked_again(path):
    lm = counting_lm()
    said(cached(lm, AnswerCache(path)))
    with sqlite3.connect(path) as file:
        file.execute("UPDATE answers SET answer = ?", ('{"another": "shape"}',))
    assert said(cached(lm, AnswerCache(path))) == "2"
    with sqlite3.connect(path) as file:
        file.execute("UPDATE answers SET answer = ?", ('{"torn',))
    with pytest.warns(UserWarning, match="ignored"):
        assert said(cached(lm, AnswerCache(path))) == "3"


def test_a_directory_in_the_way_costs_the_cache_and_not_the_answer(path):
    path.mkdir(parents=True)
    with pytest.warns(UserWarning, match="ignored"):
        assert said(cached(counting_lm(), AnswerCache(path))) == "1"


def test_errors_are_not_kept(path):
    with ChatServer(lambda prompt: "well", status=400) as server:
        kept = cached(connect("openai/mine", api_base=server.url), AnswerCache(path))
        with pytest.raises(dspy.utils.exceptions.LMError):
            said(kept)
        server.status = 200
        assert said(kept) == "well"


def test_only_the_owner_can_read_answers(path):
    said(cached(counting_lm(), AnswerCache(path)))
    assert os.stat(path).st_mode & 0o077 == 0


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
