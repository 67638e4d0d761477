"""A file on the hub: what its spec may be, and that the first fetch pins it. Nothing here leaves this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dspy_programs.errors import LanguageModelError
from dspy_programs.lm import connect
from dspy_programs.lm.weights.hub_file import hub_file

ROOT = Path(__file__).parents[3]
SPEC = "hf:nobody/tiny-GGUF/q4/tiny.gguf"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("hf:Qwen/Qwen3-1.7B-GGUF/Qwen3-1.7B-Q4_K_M.gguf", ("Qwen/Qwen3-1.7B-GGUF", "Qwen3-1.7B-Q4_K_M.gguf", None)),
        ("hf:o/r/sub/dir/F 1.GGUF@refs/pr/1", ("o/r", "sub/dir/F 1.GGUF", "refs/pr/1")),
        ("hf:o/r/f.gguf@0123abc", ("o/r", "f.gguf", "0123abc")),
    ],
)
def test_spec_names_repository_file_and_revision(name, parts):
    model = hub_file(name)
    assert (model.repo, model.hub_file, model.revision) == parts
    assert model.id == name


@pytest.mark.parametrize(
    "name",
    [
        "hf:",
        "hf:o/r",
        "hf:o/f.gguf",
        "hf:o/r/f.bin",
        "hf:o/r/../f.gguf",
        "hf:../r/f.gguf",
        "hf:o/r/f.gguf@",
        "hf:o/r/f.gguf@-x",
    ],
)
def test_spec_that_is_no_file_on_the_hub_is_refused_with_the_right_form(name):
    with pytest.raises(LanguageModelError, match=r"write local/hf:OWNER/REPO/FILE\.gguf"):
        connect(f"local/{name}")


def test_connect_fetches_nothing_and_keeps_the_spec():
    assert connect(f"local/{SPEC}").model == f"local/{SPEC}"


def test_places_in_the_cache_differ_wherever_specs_do():
    names = ["hf:o/r/a/x.gguf", "hf:o/r/b/x.gguf", "hf:o/r/a/x.gguf@main", "hf:o/q/a/x.gguf", "hf:o/r/a/X.gguf"]
    assert len({str(hub_file(name).place).lower() for name in names}) == len(names)


# The hub's client reads HF_ENDPOINT when imported, so this is a process of its own, with a small hub inside

HUB = """
import hashlib, json, os, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

asked = []
class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self):
        asked.append([self.command, self.path, self.headers.get("Authorization")])
        self.send_response(200 if content else 404)
        sha256 = hashlib.sha256(content).hexdigest() if says is None else says
        for name, value in {"X-Repo-Commit": commit, "ETag": sha256, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(content)

    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", 0), Hub)
os.environ |= {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "NO_PROXY": "127.0.0.1", "HF_TOKEN": "hf_secretsecret"}
os.environ.pop("HF_HUB_OFFLINE", None)
from dspy_programs.errors import ProgramsError
from dspy_programs.lm.weights.hub_file import fetch_pinned, hub_file
from dspy_programs.lm.weights.local_models import located
from tests.ggufs import gguf

threading.Thread(target=server.serve_forever, daemon=True).start()
model, other = hub_file(sys.argv[1]), gguf({"general.name": "other"})
content, commit, says, answers = gguf(), "0" * 40, None, {}

def case(name):
    asked.clear()
    try:
        said = str(located(model).path)
    except ProgramsError as error:
        said = str(error)
    answers[name] = {"said": said, "asked": list(asked), "pin": model.pin.exists(), "file": model.place.exists()}

content = gguf(without=["tokenizer.chat_template"])
case("base model")
content = gguf()
case("first")
case("again")
model.place.write_bytes(other)
case("changed here")
model.place.unlink()
content, commit = other, "1" * 40
case("changed there")
says = '"weak"'
case("changed there, without a hash")
says, content = None, gguf()
case("back again")
content = other
model.place.unlink(); model.pin.unlink()
case("accepted")
pin = json.loads(model.pin.read_text())
model.pin.write_text("{")
case("damaged pin")
model.pin.unlink(); model.place.unlink()
content = b""
case("not there")
server.shutdown(); server.server_close()
case("closed")
left = [path.name for path in model.place.parent.iterdir() if not path.name.endswith(".lock")]
print(json.dumps({"answers": answers, "pin": pin, "left": left, "sha256": hashlib.sha256(other).hexdigest()}))
"""


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """What a life with one spec is like, case by case."""
    cache = tmp_path_factory.mktemp("cache")
    environment = {**os.environ, "DSPY_PROGRAMS_CACHE": str(cache), "PYTHONPATH": str(ROOT), "HF_HOME": str(cache / "hf")}
    command = [sys.executable, "-c", HUB, SPEC]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, env=environment)
    assert run.returncode == 0, run.stderr
    assert "hf_secretsecret" not in run.stderr
    return json.loads(run.stdout) | {"cache": str(cache), "stderr": run.stderr}


def test_first_fetch_pins_the_commit_and_the_hash(story):
    first = story["answers"]["first"]
    assert first["said"].startswith(story["cache"]) and first["said"].endswith("-tiny.gguf") and first["pin"]
    paths = [path for _, path, _ in first["asked"]]
    assert paths[0] == "/nobody/tiny-GGUF/resolve/main/q4/tiny.gguf"
    assert f"/nobody/tiny-GGUF/resolve/{'0' * 40}/q4/tiny.gguf" in paths, "the very commit that was asked about"
    assert {key for *_, key in first["asked"]} == {"Bearer hf_secretsecret"}, "HF_TOKEN counts"
    assert f"Fetching {SPEC}, 0 MB, from the Hub into" in story["stderr"]


def test_pinned_file_is_used_without_asking_the_hub(story):
    assert story["answers"]["again"] == {**story["answers"]["first"], "asked": []}


def test_file_that_changed_in_the_cache_is_refused(story):
    changed = story["answers"]["changed here"]
    assert "but " in changed["said"] and "is pinned; delete the file to download it again" in changed["said"]
    assert changed["asked"] == []


@pytest.mark.parametrize("case", ["changed there", "changed there, without a hash"])
def test_another_file_of_that_name_on_the_hub_is_refused_and_the_way_to_accept_it_is_said(story, case):
    there = story["answers"][case]
    assert f"{SPEC}: the Hub has a different file now, SHA-256 {story['sha256']}, but" in there["said"]
    assert "-tiny.gguf.json to accept it" in there["said"] and not there["file"]


def test_another_file_is_refused_before_it_is_fetched_where_the_hub_says_its_hash(story):
    assert [method for method, *_ in story["answers"]["changed there"]["asked"]] == ["HEAD"]


def test_pinned_commit_is_asked_for_when_the_file_has_gone(story):
    assert f"/resolve/{'0' * 40}/" in story["answers"]["back again"]["asked"][0][1]
    assert story["answers"]["back again"]["said"] == story["answers"]["first"]["said"]


def test_another_file_is_pinned_once_the_pin_was_deleted(story):
    assert story["answers"]["accepted"]["said"] == story["answers"]["first"]["said"]
    assert (story["pin"]["sha256"], story["pin"]["revision"]) == (story["sha256"], "1" * 40)


def test_what_is_no_chat_model_is_never_pinned(story):
    base = story["answers"]["base model"]
    assert base["said"].startswith(f"{SPEC}: has no chat template")
    assert (base["pin"], base["file"]) == (False, False)


def test_damaged_pin_is_an_error_that_says_what_to_delete(story):
    assert "damaged; delete it and" in story["answers"]["damaged pin"]["said"]


@pytest.mark.parametrize("case", ["not there", "closed"])
def test_file_that_cannot_be_had_is_said_in_one_line(story, case):
    said = story["answers"][case]["said"]
    assert said.startswith(f"{SPEC} could not be fetched: ") and "\n" not in said
    assert story["left"] == []


def test_offline_is_obeyed(tmp_path):
    code = f"from dspy_programs.lm.weights.hub_file import *; fetch_pinned(hub_file({SPEC!r}))"
    environment = {**os.environ, "DSPY_PROGRAMS_CACHE": str(tmp_path), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment)
    assert "could not be fetched" in run.stderr and "offline mode is enabled" in run.stderr.lower()
