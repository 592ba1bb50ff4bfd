"""Ctrl-C waits at the gate; what cannot be held back is left alone."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from lingen_live.train.interrupt import InterruptGate


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.usefixtures("plain_ctrl_c")
def test_the_first_ctrl_c_waits_until_it_is_asked_for() -> None:
    with InterruptGate() as gate:
        assert not gate.is_asked
        press_ctrl_c()
        assert gate.is_asked
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("plain_ctrl_c")
def test_the_second_ctrl_c_strikes_at_once() -> None:
    with InterruptGate(), pytest.raises(KeyboardInterrupt):  # noqa: PT012  (two statements are the point)
        press_ctrl_c()
        press_ctrl_c()
    with pytest.raises(KeyboardInterrupt):  # outside, all is as it was
        press_ctrl_c()


@pytest.mark.usefixtures("plain_ctrl_c")
def test_a_program_with_its_own_handler_keeps_it() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    with InterruptGate() as gate:
        press_ctrl_c()
        assert not gate.is_asked
    assert heard == [signal.SIGINT]


def test_another_thread_may_enter_the_gate() -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with InterruptGate() as gate:
                assert not gate.is_asked
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == []


def test_a_kill_is_noted_too_also_where_ctrl_c_is_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell leaves it to a job in the background
    try:
        with InterruptGate() as gate:
            os.kill(os.getpid(), signal.SIGINT)
            assert not gate.is_asked
            os.kill(os.getpid(), signal.SIGTERM)
            assert gate.is_asked
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
