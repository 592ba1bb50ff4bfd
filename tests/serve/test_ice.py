"""STUN and TURN servers: what may be named, credentials, and Link headers."""

from __future__ import annotations

from pathlib import Path

import pytest
from served import running_server

from lingen_live.errors import ConfigError
from lingen_live.serve.ice import IcePlan, IceServer, credentials, from_links, to_links
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.secret_source import read_secret

TURN = "turn:turn.example:3478?transport=udp"


def test_nobody_is_asked_unless_somebody_is_named() -> None:
    assert IcePlan().servers(0) == ()


def test_credentials_are_those_that_coturn_makes() -> None:
    # printf 1700003600:ada | openssl dgst -sha1 -hmac north -binary | base64
    assert credentials("north", "ada", 1700003600) == ("1700003600:ada", "xnSlQG4JwD6eDlwPBFdbTt6sTJk=")


def test_every_asking_gets_a_name_of_its_own_that_runs_out() -> None:
    plan = IcePlan(("stun:s.example",), (TURN,), "north", lifetime_s=60)
    stun, one = plan.servers(1000.4)
    _, other = plan.servers(1000.4)
    assert stun == IceServer("stun:s.example")
    assert one.url == TURN
    assert one.username != other.username
    for each in (one, other):
        assert each.username is not None
        expiry, name = each.username.split(":")
        assert expiry == "1060"
        assert credentials("north", name, 1060) == (each.username, each.credential)
    assert "north" not in repr(plan)
    assert str(one.credential) not in repr(one)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (lambda: IcePlan(stun=("http://a",)), "'http://a' is no ICE server"),
        (lambda: IcePlan(stun=("stun:a:70000",)), "1 to 65535"),
        (lambda: IcePlan(turn=(TURN,)), "--turn needs --turn-secret"),
        (lambda: IcePlan(secret="x"), "of no use without --turn"),
        (lambda: IcePlan(stun=("stun:a",) * 9), "9 ICE servers are named; at most 8"),
        (lambda: IcePlan(turn=(TURN,), secret="x", lifetime_s=5), "5 s; it must be 60 to 604800 s"),
    ],
)
def test_what_cannot_be_is_refused(plan: object, words: str) -> None:
    assert callable(plan)
    with pytest.raises(ConfigError, match=words):
        plan()


def test_links_say_all_and_are_read_back() -> None:
    servers = (IceServer("stun:a:3478"), IceServer(TURN, "1:x", "a/b+c=="))
    assert from_links([", ".join(to_links(servers))]) == servers
    assert from_links(to_links(servers)) == servers
    others = ['<http://a>; rel="ice-server"', '<stun:a>; rel="next"', "nonsense", '<turn:b>; rel=ice-server; x="']
    assert from_links(others) == (IceServer("turn:b"),)


async def test_whep_names_the_servers_to_whoever_asks_and_posts(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("", encoding="utf-8")
    media = MediaOptions(IcePlan((), (TURN,), "north"))
    async with running_server(tmp_path, media=media) as live:
        described = await live.http.options("/whep")
        assert described.status_code == 200
        assert described.headers["cache-control"] == "no-store"
        (server,) = from_links(described.headers.get_list("link"))
        assert server.url == TURN
        assert server.username is not None
        expiry, name = server.username.split(":")
        assert credentials("north", name, int(expiry)) == (server.username, server.credential)


async def test_without_any_there_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("", encoding="utf-8")
    async with running_server(tmp_path) as live:
        assert "link" not in (await live.http.options("/whep")).headers


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORTH", " word\n")
    assert read_secret("env:NORTH", "--turn-secret") == "word"
    (tmp_path / "secret").write_text("word\n", encoding="utf-8")
    assert read_secret(str(tmp_path / "secret"), "--turn-secret") == "word"


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "holds nothing"), ("two words", "must be one word"), ("x" * 5000, "at most 4096"), ("sch\u00f6n", "ASCII")],
)
def test_a_secret_that_is_none_is_refused_and_never_shown(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "secret").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as refused:
        read_secret(str(tmp_path / "secret"), "--turn-secret")
    assert not content or content not in refused.value.message
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_secret(str(tmp_path / "nowhere"), "--turn-secret")
