# SPDX-License-Identifier: MIT
"""A real Chromium without a window, told what to do by its DevTools protocol over two pipes."""

import fcntl
import json
import os
import select
import subprocess
import time

HANG_S = 60
_TO_CHROMIUM, _FROM_CHROMIUM = 3, 4  # the descriptors that --remote-debugging-pipe reads and writes


class Browser:
    """One page of it. `events`: all that the page did since it was opened, (method, params)."""

    def __init__(self, program, profile):
        to_it, self._write = os.pipe()
        self._read, from_it = os.pipe()
        ends = [fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (to_it, from_it)]

        def place_ends():
            os.dup2(ends[0], _TO_CHROMIUM)
            os.dup2(ends[1], _FROM_CHROMIUM)

        options = ["--headless", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"]
        options += ["--no-sandbox"] * (os.geteuid() == 0)
        self._process = subprocess.Popen(
            [program, *options, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(_TO_CHROMIUM, _FROM_CHROMIUM), preexec_fn=place_ends,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for each in (to_it, from_it, *ends):
            os.close(each)
        self._number, self._buffer, self.events, self._session = 0, b"", [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.terminate()
        self._process.wait(HANG_S)
        os.close(self._write)
        os.close(self._read)

    def open(self, path, width_px, height_px=900, phone=False):
        """Load a file at a width; returns the URLs that were asked for."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width_px, height=height_px,
            deviceScaleFactor=2 if phone else 1, mobile=phone,
        )  # fmt: skip
        self.events.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not any(method == "Page.loadEventFired" for method, _ in self.events):
            self._take()
        return [
            params["request"]["url"]
            for method, params in self.events
            if method == "Network.requestWillBeSent"
        ]

    def complaints(self):
        """What stands on the console since the page was opened."""
        spoken = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return [params for method, params in self.events if method in spoken]

    def ask(self, expression):
        """The value of a JavaScript expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def call(self, method, **params):
        """One call of the protocol; what happens meanwhile goes to `events`."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._take()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _take(self):
        """The next message."""
        end_s = time.monotonic() + HANG_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(end_s - time.monotonic(), 0))
            data = os.read(self._read, 1 << 20) if ready else b""
            assert data, f"Chromium says nothing for {HANG_S} s, or has died"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(line)
        if "method" in message:
            self.events.append((message["method"], message["params"]))
        return message
