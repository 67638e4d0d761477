"""The cache in a real Redis (Debian's redis-server), also killed in the middle: G7, G18."""

import contextlib
import logging
import shutil
import socket
import subprocess
import threading
import time

import pytest

from dspy_programs.errors import MissingExtra, UsageError
from dspy_programs.router.answers.memory import MemoryAnswers
from dspy_programs.router.answers.redis import RedisAnswers
from tests.openai_server import openai_servers
from tests.router_support import asks, router

redis = pytest.importorskip("redis", reason="the extra `router` is not installed")
SERVER = shutil.which("redis-server")
needs_server = pytest.mark.skipif(SERVER is None, reason="redis-server is not installed: apt-get install redis-server")


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


class Redis:
    def __init__(self, folder, port=None):
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        command = [SERVER, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.client = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + 10
        while True:
            try:
                self.client.ping()
                return
            except redis.RedisError:
                assert time.monotonic() < deadline and self.process.poll() is None
                time.sleep(0.01)

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path):
    running = Redis(tmp_path)
    yield running
    running.kill()


def settings(url, **more):
    return {"cache": {"backend": "redis", "redis_url": url, **more}}


@needs_server
def test_g7_two_routers_share_redis(server):
    with openai_servers("one") as [upstream]:
        first, second = (router(upstream, **settings(server.url)) for _ in range(2))
        first.chat(asks())
        assert second.chat(asks()).cached and len(upstream.bodies) == 1
        [key] = server.client.keys()
        assert key.startswith(b"router:cache:") and 3_590_000 < server.client.pttl(key) <= 3_600_000
        told = second.answers.stats()
        assert (told["backend"], told["connected"], told["cached_entries"]) == ("redis", True, 1) and told["used_memory"] > 0


@needs_server
def test_clear_touches_no_other_keys(server):
    server.client.set("somebody:else", "1")
    with openai_servers("one") as [upstream]:
        routes = router(upstream, **settings(server.url))
        for number in range(3):
            routes.chat(asks(str(number)))
        assert routes.answers.clear() == 3
        assert server.client.keys() == [b"somebody:else"] and not routes.chat(asks("0")).cached


@needs_server
def test_g7_redis_killed_in_the_middle_goes_on_in_memory_and_says_so(server, tmp_path, caplog):
    now = [1000.0]
    with openai_servers("one") as [upstream], caplog.at_level(logging.INFO, "dspy_programs.serve.router"):
        logging.getLogger("dspy_programs.serve").propagate = True
        routes = router(upstream, **settings(server.url))
        routes.answers._clock = lambda: now[0]
        routes.chat(asks("before"))
        server.kill()
        assert routes.chat(asks("before")).cached, "what this router gave is in its memory too"
        assert not routes.chat(asks("after")).cached and routes.chat(asks("after")).cached
        assert routes.place == "memory, because Redis does not answer"
        told = routes.answers.stats()
        assert (told["connected"], told["fallback"], told["cached_entries"]) == (False, "memory", 2)
        again = Redis(tmp_path, server.port)
        try:
            now[0] += 6
            assert not routes.chat(asks("later")).cached and routes.chat(asks("later")).cached
            assert routes.answers.stats()["connected"] and len(again.client.keys()) == 1
        finally:
            again.kill()
    lines = [record.getMessage() for record in caplog.records if record.name == "dspy_programs.serve.router"]
    assert [line.split(": ")[0].partition(" (")[0] for line in lines] == [
        f"Redis at 127.0.0.1:{server.port} does not answer",
        f"Redis at 127.0.0.1:{server.port} answers again",
    ]


def test_g18_start_without_redis_takes_less_than_a_second():
    with openai_servers("one") as [upstream]:
        start = time.perf_counter()
        routes = router(upstream, **settings(f"redis://:pa55word-secret@127.0.0.1:{free_port()}/0"))
        seconds = time.perf_counter() - start
        assert seconds < 1 and routes.place == "memory, because Redis does not answer"
        assert not routes.chat(asks()).cached and routes.chat(asks()).cached


def test_g18_redis_that_accepts_and_never_answers_holds_up_the_start_for_a_moment_only():
    with socket.create_server(("127.0.0.1", 0)) as silent, openai_servers("one") as [upstream]:
        start = time.perf_counter()
        routes = router(upstream, **settings(f"redis://127.0.0.1:{silent.getsockname()[1]}/0"))
        assert time.perf_counter() - start < 1
        assert not routes.chat(asks()).cached


def test_password_is_in_no_line(caplog):
    with openai_servers("one") as [upstream], caplog.at_level(logging.INFO):
        logging.getLogger("dspy_programs.serve").propagate = True
        routes = router(upstream, **settings(f"redis://:pa55word-secret@127.0.0.1:{free_port()}/0"))
        assert "pa55word" not in caplog.text + str(routes.answers.stats()) + routes.place


def test_url_that_is_none_is_refused():
    with openai_servers("one") as [upstream], pytest.raises(UsageError, match="redis_url: "):
        router(upstream, **settings("http://127.0.0.1"))


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with openai_servers("one") as [upstream], pytest.raises(MissingExtra, match=r'pip install "dspy-programs\[router\]"'):
        router(upstream, **settings("redis://127.0.0.1"))


class Scripted:
    """What speaks Redis's protocol, and answers GET by a script. `pings` are counted."""

    def __init__(self, get):
        self.get, self.kept, self.pings = get, [], 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listening.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listening.accept()[0],), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as received:
            while line := received.readline():
                words = []
                for _ in range(int(line[1:])):
                    words.append(received.read(int(received.readline()[1:])))
                    received.readline()
                self.pings += words[0] == b"PING"
                self.kept += [words[2]] if words[0] == b"SET" else []
                connection.sendall({b"PING": b"+PONG\r\n", b"GET": self.get}.get(words[0], b"+OK\r\n"))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._listening.close()


def bulk(data):
    return b"$%d\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize(
    "value",
    [
        b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
        bulk(b"{half"),
        bulk(b"[1]"),
        bulk(b'{"of": "somebody else"}'),
        bulk(b'{"choices": [null]}'),
    ],
)
def test_value_that_is_no_answer_is_a_miss_and_redis_stays(value, caplog):
    with Scripted(value) as server, openai_servers("one") as [upstream], caplog.at_level(logging.WARNING):
        logging.getLogger("dspy_programs.serve").propagate = True
        routes = router(upstream, **settings(server.url))
        assert [routes.chat(asks()).cached for _ in range(2)] == [False, False]
        assert routes.place == "redis" and len(server.kept) == 2 and not caplog.text


def test_whether_it_is_there_is_asked_once_in_a_second():
    now = [1000.0]
    with Scripted(b"$-1\r\n") as server:
        answers = RedisAnswers(server.url, 10, MemoryAnswers(10, 1000), lambda: now[0])
        assert all(answers.is_connected() for _ in range(50)) and server.pings == 1
        now[0] += 1.5
        assert answers.is_connected() and server.pings == 2


@pytest.mark.parametrize(
    "url", ["redis://:pa55/word@h:1/0", "redis://h:pa55", "redis://h:1?pa55=word", "redis://:pa55@h:99999/0"]
)
def test_what_is_wrong_with_a_url_does_not_tell_the_password(url):
    with openai_servers("one") as [upstream], pytest.raises(UsageError, match="redis_url: not like redis://") as raised:
        router(upstream, **settings(url))
    assert "pa55" not in str(raised.value)
