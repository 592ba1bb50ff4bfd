"""The options about networks, from the command line to what they come to."""

from __future__ import annotations

import argparse

import pytest

from lingen_live.errors import ConfigError
from lingen_live.serve.destination import Destination
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.network_arguments import add_network_arguments, destination, media_options


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
    )
    assert options.ice.stun == ("stun:a", "stun:b:3479")
    assert (options.ice.turn, options.ice.secret, options.ice.lifetime_s) == (("turn:c",), "north", 600)
    assert (options.delay.min_ms, options.delay.max_ms) == (0, 200)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(ConfigError, match="--turn needs --turn-secret"):
        parsed("--turn", "turn:c")
    with pytest.raises(ConfigError, match="holds nothing"):
        parsed("--turn", "turn:c", "--turn-secret", "env:NO_SUCH_VARIABLE")


def publishing(*arguments: str) -> Destination | None:
    parser = argparse.ArgumentParser()
    add_network_arguments(parser)
    return destination(parser.parse_args(arguments))


def test_a_stream_is_published_where_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "word")
    assert publishing() is None
    assert publishing("--publish", "http://a/whip") == Destination("http://a/whip")
    with_token = publishing("--publish", "https://a/whip?x=1", "--publish-token", "env:TOKEN")
    assert with_token == Destination("https://a/whip?x=1", "word")
    assert "word" not in repr(with_token)
    for arguments, words in (
        (("--publish", "a/whip"), "no WHIP endpoint"),
        (("--publish-token", "env:TOKEN"), "no use"),
    ):
        with pytest.raises(ConfigError, match=words):
            publishing(*arguments)
