"""Weights from Hugging Face."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import huggingface_hub
from tqdm import tqdm

from dspy_programs.errors import WeightsError
from dspy_programs.lm.weights.cache import scratch
from dspy_programs.lm.weights.catalog import Weights
from dspy_programs.lm.weights.messages import without_credentials

_HUB_SECONDS = 8.0
T = TypeVar("T")


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


class HiddenBar(tqdm):
    """A progress bar that the Hub's client drives and nobody sees."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **(options | {"disable": True}))
