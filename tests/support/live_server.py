"""A live server in a process of its own, as a person starts it in a terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

RUN_LIVE = Path(__file__).parents[2] / "run_live.py"
FAKE_LIVE = Path(__file__).with_name("fake_live.py")


class LiveServer:
    """`run_live.py`, or another `script` like it, on a free port.

    Attributes:
        process: the main process, first of a session of its own.
        said: what was read of its standard error so far.
    """

    def __init__(self, *arguments: str, script: Path = RUN_LIVE) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", script, "--port", "0", *arguments],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.said = ""
        self._url: str | None = None

    @property
    def url(self) -> str:
        """Where it is, as soon as it is warm."""
        if self._url is None:
            self._url = self.read_until(r"Open (http://\S+:\d+/)")[1]
        return self._url

    def read_until(self, pattern: str) -> re.Match[str]:
        """Read lines until one matches.

        Raises:
            AssertionError: it ended before; the message holds what it said.
        """
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"It ended without saying {pattern!r}: {self.said}")

    def interrupt(self, timeout_s: float = 20.0) -> int:
        """Ctrl-C: every process of the session gets it. The exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.wait(timeout_s)

    def terminate(self, timeout_s: float = 20.0) -> int:
        """What a service manager does: the main process is told, and only that. The exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float) -> int:
        """Read to the end; the exit code."""
        _, rest = self.process.communicate(timeout=timeout_s)
        self.said += rest
        return self.process.returncode

    def children(self) -> list[int]:
        """Process ids of all that it started and that still run."""
        command = ["ps", "-o", "pid=,stat=", "-g", str(self.process.pid)]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        rows = [row.split() for row in listed.splitlines()]
        return [int(pid) for pid, state in rows if int(pid) != self.process.pid and state[0] != "Z"]

    def leaves_nothing(self) -> bool:
        """Whether nothing that it started is left, given a moment.

        Python's bookkeeper of shared memory ends by itself, when it notices that its master is gone.
        """
        deadline_s = time.monotonic() + 10
        while self.children() and time.monotonic() < deadline_s:
            time.sleep(0.05)
        return not self.children()

    def close(self) -> None:
        """Make an end, whatever state it is in; idempotent."""
        if self.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self.terminate()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
        elif self.process.stderr is not None:
            self.process.stderr.close()
