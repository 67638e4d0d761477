"""A data set of the hub is read as it comes, and what cannot be had is one line; so are files that hide a package."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from optimizers.data import as_jsonl
from tests.fakes import toy_row

ROOT = Path(__file__).resolve().parents[3]
COMMIT = "a" * 40
ROWS = [toy_row(number) for number in range(30)]
FILES = {"train.jsonl": ROWS[:12], "validation.jsonl": ROWS[12:20], "test.jsonl": ROWS[20:]}
ABOUT = {"id": "own/rows", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}


class Hub(BaseHTTPRequestHandler):
    """The part of the hub's interface that `datasets` asks for when it streams a data set of plain files."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.split("?")[0]
        name = path.rsplit("/", 1)[1]
        if path.startswith("/api/datasets/own/rows/tree/"):
            self.answer([self.listed(file) for file in FILES] if name == COMMIT else [])
        elif path.startswith("/api/datasets/own/rows"):
            self.answer(ABOUT)
        elif path.startswith("/datasets/own/rows/resolve/") and name in FILES:
            self.answer(as_jsonl(FILES[name]))
        else:
            missing = "EntryNotFound" if "own/rows" in path else "RepoNotFound"
            self.answer(b"", 404, {"X-Error-Code": missing})

    do_HEAD = do_GET

    def listed(self, name):
        data = as_jsonl(FILES[name])
        return {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}

    def answer(self, body, status=200, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        every = {"Content-Length": len(data), "ETag": '"x"', "X-Repo-Commit": COMMIT, **dict(headers)}
        for name, value in every.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextmanager
def hub():
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(folder, *command, **more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HOME": str(folder / "home"), **more}
    return subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)


def dry_run(folder, data, **more):
    return run(folder, "-m", "optimizers.train", "--module", "planner", "--dry-run", "--data", data, **more)


def require_one_line(done, fault):
    assert done.returncode == 2 and fault in done.stderr and done.stderr.count("\n") == 1, done.stderr


EACH = """
import contextlib, io, json, sys
from optimizers.train import main

def told(data):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["--module", "planner", "--dry-run", "--data", data])
    return [code, out.getvalue(), err.getvalue()]

print(json.dumps({data: told(data) for data in sys.argv[1:]}))
"""
FAULTS = {
    "hf:own/others@v1": "hf:own/others@v1: cannot be fetched: Dataset 'own/others' doesn't exist on the Hub",
    "hf:own/rows:big": "hf:own/rows:big: cannot be fetched: BuilderConfig 'big' not found. Available: ['default']; check",
    "hf:rows": "hf:rows: give a Hub data set as hf:OWNER/NAME[:CONFIG][@REVISION]",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the command says of each data set, in one process: the hub's client takes seconds, and HF_ENDPOINT when imported."""
    with hub() as url:
        done = run(tmp_path_factory.mktemp("hub"), "-c", EACH, "hf:own/rows", *FAULTS, HF_ENDPOINT=url)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return {data: subprocess.CompletedProcess(data, *each) for data, each in json.loads(done.stdout).items()}


def test_data_set_of_the_hub_is_read(told):
    done = told["hf:own/rows"]
    assert done.returncode == 0, done.stderr
    assert "12 train, at most 8 validation, 10 test" in done.stdout


@pytest.mark.parametrize("data", FAULTS)
def test_data_set_that_the_hub_has_not_is_one_line(told, data):
    require_one_line(told[data], FAULTS[data])


def test_hub_that_cannot_be_reached_is_one_line(tmp_path):
    fault = "hf:own/rows: cannot be fetched: Couldn't reach 'own/rows' on the Hub (OfflineModeIsEnabled); check its name and"
    require_one_line(dry_run(tmp_path, "hf:own/rows", HF_HUB_OFFLINE="1"), fault)


# Names in the user's folder ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["-m", "optimizers.train", "--help"], ["-c", "import optimizers"]], ids=["-m", "-c"])
@pytest.mark.parametrize("name", ["metrics.py", "metrics/__init__.py"])
def test_metrics_of_ones_own_is_one_line_and_is_not_run(tmp_path, command, name):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("raise SystemExit(7)")
    require_one_line(run(tmp_path, *command), f"error: {file} hides the package `metrics` that `optimizers` needs; rename it")


def test_script_beside_a_metrics_of_its_own_gets_an_error_that_says_so(tmp_path):
    (tmp_path / "metrics.py").write_text("raise SystemExit(7)")
    (tmp_path / "mine.py").write_text("import optimizers")
    done = run(tmp_path, "mine.py")
    assert done.returncode == 1 and f"ImportError: {tmp_path / 'metrics.py'} hides" in done.stderr.splitlines()[-1]


def test_folder_of_files_called_metrics_hides_nothing(tmp_path):
    (tmp_path / "metrics").mkdir()
    (tmp_path / "datasets.py").write_text("raise SystemExit(7)")
    assert run(tmp_path, "-m", "optimizers.train", "--help").returncode == 0


def test_datasets_of_ones_own_is_one_line_where_the_library_is_needed_and_is_not_run(tmp_path):
    (tmp_path / "datasets.py").write_text("raise SystemExit(7)")
    require_one_line(dry_run(tmp_path, "hf:own/rows"), f"{tmp_path / 'datasets.py'} hides the library `datasets`")
