"""The whole process: options, errors before anything is loaded, and the end by a signal."""

from __future__ import annotations

import argparse
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live_server import FAKE_LIVE, LiveServer

from lingen_live.serve.launch import add_arguments, launch
from lingen_live.serve.listen import bind


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_defaults_are_for_this_machine_only() -> None:
    args = parse()
    assert (args.host, args.port, args.threads, args.dtype) == ("127.0.0.1", 8000, 1, "auto")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--prompt", ""), "prompt is empty"),
        (("--prompt", "x" * 10_000), "10000 characters; at most 500"),
        (("--prompt", "🎈"), "no letter or digit"),
        (("--seed", "-1"), "seed is -1; it must be 0 to 4294967295"),
        (("--fps", "0"), "fps is 0; it must be 1 to 120"),
        (("--fps", "nan"), "fps is nan"),
        (("--threads", "0"), "n_threads is 0"),
        (("--transition", "17"), "transition is 17; it must be 1 to 16"),
        (("--checkpoint", "/no/such/place"), "no model at '/no/such/place'"),
        (("--token", "env:NO_SUCH_NAME"), "--token names 'env:NO_SUCH_NAME', which holds nothing"),
        (("--token", __file__), "What --token names must be one word"),
        (("--token", "env:SHORT_TOKEN"), "What --token names has 5 characters; it must have at least 16"),
        (("--port", "70000"), "port is 70000"),
        (("--host", "no.such.name.invalid"), "not an address of this machine"),
    ],
)
def test_wrong_options_are_told_before_anything_is_loaded(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHORT_TOKEN", "short")
    assert launch(parse("--port", "0", *arguments)) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert words in said
    assert said.count("\n") == 1


def test_an_occupied_port_is_told_before_anything_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert launch(parse("--port", str(port))) == 2
    assert f"Port {port} of 127.0.0.1 is in use" in capsys.readouterr().err


@pytest.fixture
def live() -> Iterator[LiveServer]:
    it = LiveServer(script=FAKE_LIVE)
    yield it
    it.close()


@pytest.mark.parametrize("end", [LiveServer.interrupt, LiveServer.terminate])
def test_a_signal_ends_it_in_order_and_leaves_nothing(live: LiveServer, end: Callable[[LiveServer], int]) -> None:
    with urllib.request.urlopen(f"{live.url}readyz") as response:
        assert json.load(response)["status"] == "running"
    assert live.children()
    start_s = time.monotonic()
    assert end(live) == 0
    took_s = time.monotonic() - start_s
    assert live.said.splitlines()[-1] == "Ended."
    assert "Warning" not in live.said
    assert "Traceback" not in live.said
    assert live.leaves_nothing()
    assert took_s < 2  # the promise to the person who waits


def test_ctrl_c_while_warming_up(live: LiveServer) -> None:
    live.read_until("warming up the model")
    assert live.interrupt() == 0
    assert "Traceback" not in live.said
    assert live.leaves_nothing()


def test_a_killed_server_takes_its_worker_along(live: LiveServer) -> None:
    assert live.url
    assert live.children()
    live.process.kill()
    live.process.wait()
    assert live.leaves_nothing()


def test_an_engine_that_cannot_be_built_ends_it_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "missing"  # the fake engine knows this checkpoint by its name only
    missing.mkdir()
    (missing / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    server = LiveServer("--checkpoint", "missing", script=FAKE_LIVE)
    assert server.wait(20) == 1
    assert server.said.splitlines()[-1] == "error: There is no checkpoint at 'missing'."


def test_an_open_server_says_so() -> None:
    server = LiveServer("--host", "0.0.0.0", script=FAKE_LIVE)
    server.read_until("Whoever has this address can watch and steer")
    server.interrupt()
    assert "http://127.0.0.1:" in server.said
