"""The options about networks, from the command line to what they come to."""

from __future__ import annotations

import argparse

import pytest

from lingen_live.errors import ConfigError
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.network_arguments import add_network_arguments, media_options
from lingen_live.serve.whip import WhipTarget


def parsed(*arguments: str) -> MediaOptions:
    parser = argparse.ArgumentParser()
    add_network_arguments(parser)
    return media_options(parser.parse_args(arguments))


def test_by_default_nobody_is_asked_and_nothing_is_held_back() -> None:
    assert parsed() == MediaOptions()


def test_all_of_them_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "north")
    options = parsed(
        *("--ice-server", "stun:a", "--ice-server", "stun:b:3479"),
        *("--turn", "turn:c", "--turn-secret", "env:SECRET", "--turn-lifetime", "600"),
        *("--playout-delay", "0:200"),
        *("--publish", "https://media.example/whip", "--publish-token", "env:SECRET"),
    )
    assert options.ice.stun == ("stun:a", "stun:b:3479")
    assert (options.ice.turn, options.ice.secret, options.ice.lifetime_s) == (("turn:c",), "north", 600)
    assert options.publish == WhipTarget("https://media.example/whip", "north")
    assert (options.delay.min_ms, options.delay.max_ms) == (0, 200)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(ConfigError, match="--turn needs --turn-secret"):
        parsed("--turn", "turn:c")
    with pytest.raises(ConfigError, match="--publish-token is of no use without --publish"):
        parsed("--publish-token", "env:SECRET")
    with pytest.raises(ConfigError, match="holds nothing"):
        parsed("--turn", "turn:c", "--turn-secret", "env:NO_SUCH_VARIABLE")
