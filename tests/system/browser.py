"""Chromium without a window, driven by its DevTools protocol over two pipes: no port, no network, no other package."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import define

_WITHIN: Final = 60.0
"""Seconds for one answer."""
_HIGH: Final = 10
_START: Final = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
"""The protocol is on the descriptors 3 and 4."""
_OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
)


@define
class Page:
    """One page of the browser."""

    commands: int
    answers: int
    session: str = ""
    last: int = 0
    held: bytes = b""

    def call(self, method: str, parameters: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Call the protocol, and wait for the answer."""
        self.last += 1
        message: dict[str, object] = {"id": self.last, "method": method, "params": dict(parameters or {})}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._next())
            if answer.get("id") == self.last:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result

    def show(self, html: str, *, width: int, height: int = 700, dark: bool = False) -> None:
        """Show a document in a window of that many CSS pixels, in the reader's light or dark scheme."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", {"features": [scheme]})
        frame = self.call("Page.getFrameTree")["frameTree"]["frame"]["id"]
        self.call("Page.setDocumentContent", {"frameId": frame, "html": html})

    def value(self, script: str) -> Any:
        """What a script in the page returns; a promise is waited for."""
        asked = {"expression": script, "awaitPromise": True, "returnByValue": True}
        answer = self.call("Runtime.evaluate", asked)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def picture(self) -> bytes:
        """The whole document as PNG."""
        asked = {"format": "png", "captureBeyondViewport": True, "optimizeForSpeed": False}
        size = self.value(
            "[document.documentElement.clientWidth, Math.ceil(document.body.getBoundingClientRect().bottom) + 8]"
        )
        clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
        return base64.b64decode(self.call("Page.captureScreenshot", {**asked, "clip": clip})["data"])

    def _next(self) -> bytes:
        ends = time.monotonic() + _WITHIN
        while b"\0" not in self.held:
            ready, _, _ = select.select([self.answers], [], [], max(ends - time.monotonic(), 0))
            assert ready, "the browser does not answer"
            octets = os.read(self.answers, 1 << 20)
            assert octets, "the browser ended"
            self.held += octets
        message, _, self.held = self.held.partition(b"\0")
        return message


@contextmanager
def browser(program: str, folder: Path) -> Generator[Page]:
    """Run the browser with a profile in that folder, and open a page."""
    (its_input, commands), (answers, its_output) = os.pipe(), os.pipe()
    ends = [fcntl.fcntl(one, fcntl.F_DUPFD, _HIGH) for one in (its_input, its_output)]
    run = subprocess.Popen(
        [sys.executable, "-c", _START, *map(str, ends), program, *_OPTIONS, f"--user-data-dir={folder}", "about:blank"],
        pass_fds=ends,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for one in (its_input, its_output, *ends):
        os.close(one)
    try:
        page = Page(commands, answers)
        target = page.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        page.session = page.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page.call("Page.enable")
        yield page
    finally:
        os.close(commands)
        os.close(answers)
        run.terminate()
        try:
            run.wait(timeout=_WITHIN)
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
