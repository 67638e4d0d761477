"""Processes of one user share a loaded model: who finds whom, and that nothing in the way is worse than not to share."""

import json
import os
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from filelock import FileLock

from dspy_programs.lm.embedded.embedded import EmbeddedEngine
from dspy_programs.lm.embedded.llama_server import LlamaServer
from dspy_programs.lm.embedded.sharing import conditions, private_directory, shared, wait_for
from dspy_programs.lm.weights.cache import CACHE_VARIABLE
from dspy_programs.lm.weights.catalog import CATALOG
from tests.fakes import ChatServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs Unix sockets")
MODEL = {"sha256": "0" * 64, "slots": 1}
KEY = "sesame"


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory, monkeypatch) -> Path:
    """A short path: that of a socket has 104 bytes at most."""
    folder = tmp_path_factory.mktemp("r")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.delenv("DSPY_PROGRAMS_SHARE", raising=False)
    return folder


class Http(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def get_request(self):
        return super().get_request()[0], ("unix", 0)


class Loaded:
    """A loaded model that listens at a socket, as the embedded server does. `loads` counts them all."""

    loads = 0

    def __init__(self, path: Path | None) -> None:
        type(self).loads += 1
        self.listening_address = "http://127.0.0.1:9"
        self.http = Http(str(path), Handler) if path else None
        if self.http:
            threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        if self.http:
            self.http.shutdown()
            self.http.server_close()


class Handler(BaseHTTPRequestHandler):
    """As llama.cpp does, tells anybody that it is well, and counts tokens for whoever has the key."""

    def do_GET(self):
        self.answer(200, {"data": [{"id": "x"}]})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        known = self.headers["Authorization"] == f"Bearer {KEY}"
        self.answer(200, {"tokens": []}) if known else self.answer(401, {"error": {"message": "Invalid API Key"}})

    def answer(self, status, reply):
        data = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def load():
    """Loads, and ends what was loaded when the test does."""
    alive = []

    def call(path):
        alive.append(Loaded(path))
        return alive[-1]

    Loaded.loads = 0
    yield call
    for server in alive:
        server.close()


def never(path):
    raise AssertionError("nothing should be loaded")


def test_second_process_asks_the_first(load):
    first = shared(MODEL, KEY, load)
    second = shared(MODEL, "other key", never)
    assert isinstance(first, Loaded)
    assert isinstance(second, LlamaServer) and second.key == KEY and second.model_names() == ["x"]


def test_key_and_socket_are_the_users_alone(load, runtime):
    shared(MODEL, KEY, load)
    room = private_directory()
    assert room.stat().st_mode & 0o777 == 0o700
    [offer] = room.glob("*.json")
    assert offer.stat().st_mode & 0o777 == 0o600
    assert sorted(path.suffix for path in room.iterdir()) == [".json", ".lock", ".sock"]


@pytest.mark.parametrize("other", [{"sha256": "1" * 64}, {"slots": 2}])
def test_another_model_or_one_loaded_in_another_way_is_not_shared(load, other):
    shared(MODEL, KEY, load)
    assert isinstance(shared(MODEL | other, KEY, load), Loaded)


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "CUDA_VISIBLE_DEVICES"])
def test_processes_that_chose_other_threads_do_not_share(load, monkeypatch, name):
    shared(MODEL, KEY, load)
    monkeypatch.setenv(name, "1")
    assert isinstance(shared(MODEL, KEY, load), Loaded)


def test_process_says_on_which_cores_and_how_nicely_it_runs():
    assert conditions()["priority"] == os.getpriority(os.PRIO_PROCESS, 0)
    assert conditions()["cores"] == (sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else None)


def test_model_is_loaded_anew_when_the_process_that_had_it_has_ended(load):
    first = shared(MODEL, KEY, load)
    first.close()  # its socket and its offer stay behind, as after kill -9
    assert isinstance(shared(MODEL, KEY, load), Loaded)
    assert isinstance(shared(MODEL, KEY, never), LlamaServer), "and others find the new one"
    assert len(list(private_directory().glob("*.sock"))) == 1, "what was left is cleared away"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"address": 1}',
        '{"address": 1, "key": 2, "socket": 3}',
        '{"address": "http://x", "key": "", "socket": ""}',
        '{"address": "x", "key": "k", "socket": "s"}',
    ],
)
def test_damaged_offer_is_replaced(load, content):
    shared(MODEL, KEY, load).close()
    [offer] = private_directory().glob("*.json")
    offer.write_text(content)
    assert isinstance(shared(MODEL, KEY, load), Loaded)
    assert isinstance(shared(MODEL, KEY, never), LlamaServer)


def test_offer_never_leads_out_of_the_private_directory(load, tmp_path):
    shared(MODEL, KEY, load)
    outside = Loaded(tmp_path / "s.sock")
    [offer] = private_directory().glob("*.json")
    offer.write_text(json.dumps({"address": "http://127.0.0.1:9", "key": KEY, "socket": str(tmp_path / "s.sock")}))
    assert isinstance(shared(MODEL, KEY, load), Loaded)
    outside.close()


def test_server_that_wants_another_key_is_not_ours(load):
    shared(MODEL, "a key that it does not take", load)
    assert isinstance(shared(MODEL, KEY, load), Loaded)


def test_of_two_at_once_one_loads_and_the_other_waits(load):
    begun, servers = threading.Barrier(2), []

    def start():
        begun.wait()
        servers.append(shared(MODEL, KEY, load))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(server).__name__ for server in servers) == ["LlamaServer", "Loaded"]
    assert Loaded.loads == 1


def test_nothing_is_shared_where_the_user_does_not_want_it(load, monkeypatch, runtime):
    monkeypatch.setenv("DSPY_PROGRAMS_SHARE", "0")
    assert [shared(MODEL, KEY, load).http for _ in range(2)] == [None, None]
    assert list(runtime.iterdir()) == []


def test_directory_that_others_could_enter_is_not_used(load, runtime):
    private_directory().chmod(0o755)
    assert private_directory() is None
    assert shared(MODEL, KEY, load).http is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_directory_of_somebody_else_is_not_used(load):
    os.chown(private_directory(), 12345, -1)
    assert private_directory() is None
    assert shared(MODEL, KEY, load).http is None


def test_link_in_the_place_of_the_directory_is_not_followed(runtime, tmp_path):
    tmp_path.chmod(0o700)
    (runtime / f"dspy-programs-{os.getuid()}").symlink_to(tmp_path)
    assert private_directory() is None


def test_path_that_is_too_long_for_a_socket_is_not_used(runtime, monkeypatch):
    deep = runtime / ("x" * 90)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    assert private_directory() is None


def test_model_runs_where_the_offer_cannot_be_written(load):
    def breaks(path):
        server = load(path)
        os.rename(path.parent, path.parent.with_name("gone"))  # as with a full disk, no offer can be made
        return server

    assert isinstance(shared(MODEL, KEY, breaks), Loaded)


def test_failure_to_load_is_the_callers_and_leaves_no_lock(load):
    def fails(path):
        raise OSError("no such weights")

    with pytest.raises(OSError, match="no such weights"):
        shared(MODEL, KEY, fails)
    assert isinstance(shared(MODEL, KEY, load), Loaded)


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_directory_in_one_where_others_could_replace_it_is_not_used(load, runtime, mode):
    runtime.chmod(mode)
    assert private_directory() is None
    assert shared(MODEL, KEY, load).http is None
    runtime.chmod(mode | 0o1000)  # as /tmp is: everybody may write there, and nobody can move what is another's
    assert private_directory() is not None


def test_directory_below_one_where_others_could_replace_it_is_not_used(runtime, monkeypatch):
    below = runtime / "a"
    below.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(below))
    assert private_directory() is not None
    runtime.chmod(0o777)
    assert private_directory() is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a directory away")
def test_directory_in_one_of_somebody_else_is_not_used(runtime):
    os.chown(runtime, 12345, -1)  # sudo keeps XDG_RUNTIME_DIR: the user could answer in root's stead
    assert private_directory() is None


def test_socket_is_the_users_alone_whatever_the_umask(load):
    before = os.umask(0)
    try:
        shared(MODEL, KEY, load)
    finally:
        os.umask(before)
    assert {path.suffix: path.stat().st_mode & 0o077 for path in private_directory().glob("*.[js]*")} == {
        ".json": 0,
        ".sock": 0,
    }


def test_tokens_are_counted_at_the_socket_and_never_at_the_port_of_a_process_that_may_have_ended(load, tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))  # no vocabulary here that could count them
    with ChatServer() as hostile:

        def ended(path):
            server = load(path)
            server.listening_address = hostile.url.removesuffix("/v1")  # somebody else listens there now
            return server

        shared(MODEL, KEY, ended)
        engine = EmbeddedEngine(CATALOG["smollm2-135m"])
        engine._server = shared(MODEL, KEY, never)
        assert engine.count_tokens("a secret") == 0
        assert hostile.requests == []


def test_process_that_is_loading_is_waited_for_with_a_line(load, capsys):
    lock = FileLock(private_directory() / "x.lock")
    with lock:
        waiter = threading.Thread(target=wait_for, args=(FileLock(lock.lock_file),), daemon=True)
        waiter.start()
        waiter.join(0.3)
    waiter.join(5)
    assert "Waiting for another process that is loading the same model" in capsys.readouterr().err and not waiter.is_alive()


def test_model_is_loaded_here_too_where_the_process_that_has_it_was_stopped(load, capsys):
    class Silent(Loaded):
        def __init__(self, path: Path) -> None:
            super().__init__(None)
            self.listening = socket.socket(socket.AF_UNIX)
            self.listening.bind(str(path))
            self.listening.listen()

    silent = shared(MODEL, KEY, Silent)
    begun = time.monotonic()
    assert isinstance(shared(MODEL, KEY, load), Loaded)
    assert 5 < time.monotonic() - begun < 15
    assert "was stopped (by Ctrl-Z?); the model is loaded anew" in capsys.readouterr().err
    silent.listening.close()
