"""A headless Chromium for tests of pages, spoken to by its debugging protocol over a pipe: no driver, no network.

Debian: `apt install chromium`. Where there is none, the tests that ask for a page are skipped.
"""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INSTALL = "there is no Chromium; apt install chromium"
_SECONDS = 60


def program() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page:
    """One page of a browser."""

    def __init__(self, requests: int, replies: int) -> None:
        self._requests, self._replies = os.fdopen(requests, "wb", 0), os.fdopen(replies, "rb")
        self._number, self._session, self._held = 0, "", b""
        self.errors: list[str] = []
        """What the page's scripts threw and what the browser refused them."""
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._send(f"{domain}.enable")

    def open(self, url: str, width: int, height: int = 900) -> None:
        small = width < 600
        self._send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if small else 1, mobile=small
        )
        self._send("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def value(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        told = self._send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, f"{script}: {told['exceptionDetails']}"
        return told["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression is true."""
        until = time.monotonic() + _SECONDS
        while not self.value(script):
            assert time.monotonic() < until, f"never true: {script}\n{self.value('document.body.innerText')}"
            time.sleep(0.05)

    def type(self, field: str, text: str) -> None:
        self.value(f"document.querySelector({json.dumps(field)}).focus()")
        self._send("Input.insertText", text=text)

    def click(self, button: str) -> None:
        """Click in the middle of an element, as a finger or a mouse would."""
        where = f"document.querySelector({json.dumps(button)})"
        self.value(f"{where}.scrollIntoView({{block: 'center'}})")
        box = self.value(f"{where}.getBoundingClientRect().toJSON()")
        place = dict(x=box["x"] + box["width"] / 2, y=box["y"] + box["height"] / 2, button="left", clickCount=1)
        for kind in ("mousePressed", "mouseReleased"):
            self._send("Input.dispatchMouseEvent", type=kind, **place)

    def press(self, key: str) -> None:
        told = {"key": key, "windowsVirtualKeyCode": 13, "text": "\r"} if key == "Enter" else {"key": key}
        for kind in ("keyDown", "keyUp"):
            self._send("Input.dispatchKeyEvent", type=kind, **told)

    def picture(self, path: Path) -> None:
        shown = self._send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shown["data"]))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._requests.close()
            self._replies.close()

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._requests.write(json.dumps(message).encode() + b"\0")
        while (told := self._next()).get("id") != self._number:
            if told.get("method") == "Runtime.exceptionThrown":
                self.errors.append(str(told["params"]["exceptionDetails"]))
            if told.get("method") == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
                self.errors.append(told["params"]["entry"]["text"])
        assert "error" not in told, f"{method}: {told['error']}"
        result: dict[str, Any] = told["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._held:
            part = self._replies.read1(1 << 20)
            assert part, "the browser has ended"
            self._held += part
        one, _, self._held = self._held.partition(b"\0")
        told: dict[str, Any] = json.loads(one)
        return told


@contextlib.contextmanager
def browser() -> Iterator[Page]:
    """Start a browser with one empty page, and end it."""
    found = program()
    assert found is not None, INSTALL
    its_requests, requests = os.pipe()
    replies, its_replies = os.pipe()
    options = ["--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
    options += ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    options += ["--no-sandbox"] if os.getuid() == 0 else []  # Chromium refuses to run as root with it
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        as_3_and_4 = (
            f"import os, sys; os.dup2({its_requests}, 3); os.dup2({its_replies}, 4); os.execv(sys.argv[1], sys.argv[1:])"
        )
        argv = [sys.executable, "-I", "-S", "-c", as_3_and_4, found, *options, f"--user-data-dir={folder}"]
        process = subprocess.Popen(
            argv, pass_fds=(its_requests, its_replies), stderr=subprocess.DEVNULL, start_new_session=True
        )
        os.close(its_requests)
        os.close(its_replies)
        page = Page(requests, replies)
        try:
            yield page
        finally:
            page.close()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()
