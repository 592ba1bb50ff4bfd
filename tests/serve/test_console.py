"""What a terminal and a log file show."""

from __future__ import annotations

import io

from lingen_live.serve.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class AsciiPipe(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="ascii")

    def isatty(self) -> bool:
        return True


class ClosedPipe(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_log_says_each_stage_once() -> None:
    stream = io.StringIO()
    console = Console(stream)
    for stage, fraction in (("loading", 0.0), ("loading", 0.5), ("warming up", 0.0), ("warming up", 1.0)):
        console.progress(stage, fraction)
    console.say("ready")
    assert stream.getvalue() == "  loading\n  warming up\nready\n"


def test_a_terminal_redraws_one_line_and_wipes_it() -> None:
    stream = Terminal()
    console = Console(stream)
    console.progress("loading a long name", 0.5)
    console.progress("warm", 1.0)
    console.say("ready")
    lines = stream.getvalue().split("\r")
    assert lines[1] == "  " + "█" * 12 + "·" * 12 + "  loading a long name"
    assert lines[2].startswith("  " + "█" * 24 + "  warm")
    assert len(lines[2]) == len(lines[1])  # the rest of the longer line is overwritten
    assert lines[3].strip() == ""
    assert lines[4] == "ready\n"


def test_fractions_out_of_range_do_not_break_the_bar() -> None:
    stream = Terminal()
    Console(stream).progress("x", 7.0)
    assert stream.getvalue() == "\r  " + "█" * 24 + "  x"


def test_a_terminal_without_these_letters_gets_others() -> None:
    stream = AsciiPipe()
    Console(stream).progress("x", 1.0)
    stream.seek(0)
    assert "?" * 24 in stream.read()


def test_a_closed_pipe_ends_nothing() -> None:
    Console(ClosedPipe()).error("nobody reads this")
