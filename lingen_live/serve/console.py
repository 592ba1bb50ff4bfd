"""What the person at the terminal sees: a progress line, an address, errors. Knows a text stream only."""

from __future__ import annotations

from typing import TextIO

BAR_CHARS = 24


class Console:
    """Writes to `stream`; redraws a line on a terminal, and says each stage once anywhere else.

    Attributes:
        is_terminal: whether it is one.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_terminal = stream.isatty()
        self._stage: str | None = None
        self._drawn_chars = 0

    def progress(self, stage: str, fraction: float) -> None:
        """`stage` is `fraction` done, 0 to 1."""
        if self.is_terminal:
            n_full = round(BAR_CHARS * min(max(fraction, 0.0), 1.0))
            line = f"  {'█' * n_full}{'·' * (BAR_CHARS - n_full)}  {stage}"
            self._write("\r" + line.ljust(self._drawn_chars))
            self._drawn_chars = len(line)
        elif stage != self._stage:
            self._write(f"  {stage}\n")
        self._stage = stage

    def say(self, text: str = "") -> None:
        """A line of its own; a progress line before it is wiped."""
        if self._drawn_chars:
            self._write("\r" + " " * self._drawn_chars + "\r")
            self._drawn_chars = 0
        self._write(text + "\n")

    def error(self, message: str) -> None:
        """Why it did not work, in one sentence."""
        self.say(f"error: {message}")

    def _write(self, text: str) -> None:
        # A pipe that the reader closed, or a terminal without these letters, must not end a stream.
        try:
            self._stream.write(text)
            self._stream.flush()
        except UnicodeEncodeError:
            self._stream.write(text.encode("ascii", "replace").decode())
            self._stream.flush()
        except BrokenPipeError:
            pass
