"""`data push`, to a hub on loopback; and what it says when there is none, or no token."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from dspy_programs.__main__ import main
from tests.dspy_programs.data.small_set import NAME, data_set
from tests.processes import Started

TOKEN = "hf_" + "t" * 30


class Hub:
    """Takes a repository and a commit, as the hub does, or answers everything with one status."""

    def __init__(self, status=200):
        hub = self
        self.status, self.calls, self.files, self.made = status, [], {}, None

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hub.calls.append((self.path, self.headers["Authorization"]))
                answer = hub.answer(self.path, body) if hub.status == 200 else {"error": "refused\nwith lines"}
                content = json.dumps(answer).encode()
                self.send_response(hub.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path, body):
        if path == "/api/repos/create":
            self.made = json.loads(body)
            return {"url": f"{self.url}/datasets/ada/sums", "id": "1", "name": "ada/sums"}
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if "/preupload/" in path:
            files = json.loads(body)["files"]
            return {"files": [{"path": each["path"], "uploadMode": "regular", "shouldIgnore": False} for each in files]}
        for line in body.splitlines():
            value = json.loads(line)["value"]
            if "path" in value:
                self.files[value["path"]] = base64.b64decode(value["content"])
        return {"commitUrl": f"{self.url}/datasets/ada/sums/commit/1", "commitOid": "1", "pullRequestUrl": None}


def push(tmp_path, *arguments, url="http://127.0.0.1:9", token=TOKEN):
    (tmp_path / "home").mkdir(exist_ok=True)
    environment = {"HF_ENDPOINT": url, "HF_TOKEN": token, "HUGGINGFACE_TOKEN": "", "HF_HOME": str(tmp_path / "home")}
    argv = ["data", "push", "-d", NAME, "--data", str(tmp_path), *arguments]
    started = Started(main, argv, tmp_path, **environment, HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_OFFLINE="0")
    out, err = started.communicate(120)
    return started.returncode, out, err


@pytest.fixture
def pairs(tmp_path):
    return data_set(tmp_path, 10)


def test_files_and_card_are_one_commit_of_a_private_repository(tmp_path, pairs):
    with Hub() as hub:
        code, out, err = push(tmp_path, "--repo", "ada/sums", "--split", "train=.8,test=.2", url=hub.url)
    assert code == 0, err
    assert out == f"{hub.url}/datasets/ada/sums/commit/1: 10 rows in 2 files\n"
    assert sorted(hub.files) == ["README.md", "sums.test.jsonl", "sums.train.jsonl"]
    assert hub.files["sums.train.jsonl"].count(b"\n") == 8
    assert b"license: cc0-1.0" in hub.files["README.md"] and b"data push" in hub.files["README.md"]
    assert hub.made["visibility"] == "private" and hub.made["type"] == "dataset"
    assert {key for _, key in hub.calls} == {f"Bearer {TOKEN}"} and TOKEN not in out + err
    assert TOKEN.encode() not in b"".join(hub.files.values())


@pytest.mark.parametrize(("status", "said"), [(401, "the token is not accepted"), (403, "may not write there"), (404, "owner")])
def test_a_hub_that_refuses_is_one_line(tmp_path, pairs, status, said):
    with Hub(status) as hub:
        code, out, err = push(tmp_path, "--repo", "ada/sums", url=hub.url)
    assert code == 2 and out == "" and err.count("\n") == 1
    assert f"the hub answers {status}" in err and said in err and TOKEN not in err


def test_a_hub_that_is_not_there_is_one_line(tmp_path, pairs):
    code, out, err = push(tmp_path, "--repo", "ada/sums")
    assert code == 2 and out == "" and err.count("\n") == 1 and "cannot be reached" in err and TOKEN not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--repo", "sums"], "give OWNER/NAME"),
        (["--repo", "../../x"], "--repo"),
        (["--repo", "ada/sums", "--filter", "score > 3"], "did you mean scores?"),
        (["--repo", "ada/sums", "--format", "xml"], "choose from"),
    ],
)
def test_nothing_is_sent_for_bad_input(tmp_path, pairs, arguments, said):
    with Hub() as hub:
        code, _, err = push(tmp_path, *arguments, url=hub.url)
    assert code == 2 and said in err and err.count("\n") == 1 and hub.calls == []


def test_no_token_is_said_before_anything_is_done(tmp_path, pairs):
    with Hub() as hub:
        code, _, err = push(tmp_path, "--repo", "ada/sums", url=hub.url, token="")
    assert code == 2 and "set HF_TOKEN" in err and err.count("\n") == 1 and hub.calls == []
