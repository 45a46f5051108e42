"""A headless Chromium for tests, spoken to in its own protocol over a pipe: open a page, wait, look, take a picture.

Where there is no Chromium a test skips, and fails with CI=true.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

DEADLINE_S = 60.0
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # Chromium refuses its sandbox as root; it opens pages of our own only
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
"""The last one makes every other host than this computer unreachable."""

STATES = "[...document.querySelectorAll('.panel')].map((panel) => panel.dataset.state)"
PAINTED = "document.body?.dataset.painted > 0"
WIDER = "document.documentElement.scrollWidth > innerWidth"


def need_chromium() -> str:
    """The program; a skip where there is none."""
    found = next((path for path in map(shutil.which, _PROGRAMS) if path), None)
    if found is None:
        # In CI that is a failure (tests/fix_honest.py).
        pytest.skip("chromium is not installed; apt-get install chromium")  # in CI a failure (tests/fix_honest.py)
    return found


class Browser:
    """One page. `complaints` collects what the console says of errors and warnings, and requests that failed."""

    def __init__(self, program: str, zone: str = "UTC") -> None:
        self.complaints: list[str] = []
        self._numbers = itertools.count(1)
        self._profile = tempfile.mkdtemp(prefix="stanok-chromium-")
        self._read, theirs_out = os.pipe()
        theirs_in, self._write = os.pipe()
        self._left = b""
        command = [program, *_FLAGS, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs_in, theirs_out),
            env={**os.environ, "TZ": zone},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(DEADLINE_S)
        os.close(self._read)
        os.close(self._write)
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, url: str, width: int, height: int, *, dark: bool = False) -> None:
        """Load a page at a size; below 600 pixels as a phone."""
        phone = width < 600
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self._call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives, waited for if it is a promise."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Until an expression is true."""
        deadline = time.monotonic() + DEADLINE_S
        while not self.value(expression):
            assert time.monotonic() < deadline, f"not true within {DEADLINE_S:.0f} s: {expression}; {self.complaints}"
            time.sleep(0.05)

    def picture(self, *, whole: bool = False, scale: float = 1.0) -> bytes:
        """A PNG of what is seen, or of the whole page."""
        given: dict[str, Any] = {"format": "png", "captureBeyondViewport": whole}
        if whole or scale != 1:
            size = self._call("Page.getLayoutMetrics")["cssContentSize" if whole else "cssVisualViewport"]
            ends = [size["width"], size["height"]] if whole else [size["clientWidth"], size["clientHeight"]]
            given["clip"] = {"x": 0, "y": 0, "width": ends[0], "height": ends[1], "scale": scale}
        return base64.b64decode(self._call("Page.captureScreenshot", **given)["data"])

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == number:
                assert "error" not in found, (method, found["error"])
                result: dict[str, Any] = found["result"]
                return result
            self._listen(found.get("method", ""), found.get("params", {}))

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + DEADLINE_S
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"Chromium says nothing for {DEADLINE_S:.0f} s"
            read = os.read(self._read, 1 << 20)
            assert read, f"Chromium has ended with code {self._process.poll()}"
            self._left += read
        message, _, self._left = self._left.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _listen(self, method: str, found: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(found["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and found["type"] in ("error", "warning", "assert"):
            self.complaints.append(str([argument.get("value") for argument in found["args"]]))
        elif method == "Log.entryAdded" and found["entry"]["level"] in ("error", "warning"):
            self.complaints.append(found["entry"]["text"])
        elif method == "Network.loadingFailed" and not found.get("canceled"):
            self.complaints.append(str(found))


def save(path: Path, png: bytes) -> None:
    """Write a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png)


def keep(name: str, browser: Browser) -> None:
    """A picture for whoever looks at what a run gave: in the folder STANOK_TEST_PICTURES."""
    folder = os.environ.get("STANOK_TEST_PICTURES")
    if folder:
        save(Path(folder) / f"{name}.png", browser.picture(whole=True))
