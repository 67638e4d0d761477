"""What needs no cluster: options that contradict each other, addresses where there is none, the extra that is missing."""

import socket
import subprocess
import sys
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from dspy_programs.cluster import Cluster, cluster_named, joined
from dspy_programs.errors import UsageError
from optimizers.evaluate import main as evaluate

HERE = ["--module", "planner", "--lm", "openai/scripted", "--api-base", "http://127.0.0.1:9/v1"]


def test_the_options_name_a_cluster_or_none():
    assert cluster_named("here", None, None) is None
    assert cluster_named("ray", "auto", 5) == Cluster(5, "auto")
    assert cluster_named("ray", None, None) == Cluster(2, None)


def test_a_cluster_keeps_its_workers_busy():
    assert (Cluster(3).threads(is_embedded=True), Cluster(3).threads(is_embedded=False)) == (3, 24)


@pytest.mark.parametrize("option", [["--address", "auto"], ["--workers", "3"]])
def test_an_option_of_a_cluster_without_one_is_refused(option, capsys):
    assert evaluate([*HERE, *option]) == 2
    assert "are for --engine ray" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["head", "head:", ":6379", "ray://head:10001", "http://head:1", "head:port"])
def test_an_address_of_another_form_is_refused(address):
    with pytest.raises(UsageError, match="give HOST:PORT"), joined(Cluster(2, address)):
        pass


def refused_within_ten_seconds(address):
    start = time.monotonic()
    with pytest.raises(UsageError, match="no Ray cluster answers there") as raised, joined(Cluster(2, address)):
        pass
    assert time.monotonic() - start < 10 and "\n" not in str(raised.value)


def test_an_address_where_nobody_listens_is_refused_soon():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        refused_within_ten_seconds(f"127.0.0.1:{taken.getsockname()[1]}")


def test_an_address_where_somebody_is_silent_is_refused_soon():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        refused_within_ten_seconds(f"127.0.0.1:{silent.getsockname()[1]}")


def test_an_address_of_a_web_server_is_refused_soon():
    server = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        refused_within_ten_seconds(f"127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()


def test_without_the_extra_one_line_says_how_to_install_it(tmp_path):
    code = "import sys; sys.modules['ray'] = None; from dspy_programs.__main__ import main; sys.exit(main(sys.argv[1:]))"
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "mine.jsonl").write_text('{"instruction": "Say hello", "output": "Hello"}\n')
    command = ["data", "validate", "-d", "mine", "--data", str(tmp_path), "--engine", "ray"]
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == 'error: --engine ray needs an extra: pip install "dspy-programs[distributed]"\n'
    assert not (tmp_path / "validation" / "mine.report.json").exists()
