"""WHIP out: the stream reaches a media server, comes back after failures, and harms nobody meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from live_server import FAKE_LIVE, LiveServer
from served import Live, running_server
from whep_player import player
from whip_receiver import whip_receiver

from lingen_live.errors import ConfigError
from lingen_live.serve.offer import choice_of
from lingen_live.serve.publisher import Publisher
from lingen_live.serve.whip import WhipTarget


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    (tmp_path / "index.html").write_text("", encoding="utf-8")
    async with running_server(tmp_path) as live:
        yield live


@asynccontextmanager
async def publishing(live: Live, target: WhipTarget, said: Said) -> AsyncIterator[Publisher]:
    publisher = Publisher(live.house, target, said.say, first_wait_s=0.05)
    running = asyncio.create_task(publisher.run())
    yield publisher
    running.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(running, return_exceptions=True)


class Said(list[str]):
    """What the person at the terminal was told."""

    def __init__(self) -> None:
        super().__init__()
        self._has_news = asyncio.Event()

    def say(self, text: str) -> None:
        self.append(text)
        self._has_news.set()

    async def until(self, words: str) -> None:
        async with asyncio.timeout(15):
            while not any(words in text for text in self):
                self._has_news.clear()
                await self._has_news.wait()


async def test_frames_arrive_without_any_page_and_it_says_good_bye(live: Live) -> None:
    said = Said()
    async with whip_receiver() as receiver:
        async with publishing(live, WhipTarget(receiver.url, "north"), said) as publisher:
            await receiver.receive(8)
            assert publisher.is_connected
            assert live.house.n_viewers == 1
            assert ("publish_connected", 1) in [(each.name, each.samples[0][1]) for each in publisher.metrics()]
        assert live.house.n_viewers == 0
        assert receiver.tokens == ["Bearer north"] * 2
        assert receiver.deleted == ["/whip/sessions/1"]
    assert "a=sendonly" in receiver.offers[0]
    info = live.session.info
    assert info is not None
    assert receiver.sizes == {(info.width_px, info.height_px)}
    assert said == [f"The stream goes to {receiver.url}."]


async def test_one_encoder_serves_it_and_the_viewers(live: Live) -> None:
    async with whip_receiver() as receiver, publishing(live, WhipTarget(receiver.url), Said()), player() as watching:
        await watching.play(live)
        await watching.frame()
        await receiver.receive(4)
        channels = live.viewers.booth.outlets
        assert (len(channels["VP8"]), len(channels["H264"])) == (2, 0)
        assert receiver.tokens == [None]


async def test_it_comes_back_after_refusals_and_after_a_hang_up(live: Live) -> None:
    said = Said()
    async with whip_receiver() as receiver:
        receiver.n_refusals_left = 2
        async with publishing(live, WhipTarget(receiver.url), said) as publisher:
            await receiver.receive(2)
            assert publisher.n_failures == 2
            await receiver.peers[0].close()
            await said.until("the connection ended")
            await receiver.receive(2)
            assert publisher.n_connections == 2
    assert [text for text in said if "answered 503" in text] == [said[0]]  # the same reason once


@pytest.mark.parametrize("kind", ["nobody", "silent", "nonsense"])
async def test_a_media_server_that_is_none_disturbs_nobody(live: Live, kind: str) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if kind == "silent":
            await asyncio.sleep(1)
        else:
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 6\r\nConnection: close\r\n\r\nv=0 no")
        writer.close()

    stranger = await asyncio.start_server(behave, "127.0.0.1", 0)
    port = stranger.sockets[0].getsockname()[1]
    if kind == "nobody":
        stranger.close()
    said = Said()
    async with publishing(live, WhipTarget(f"http://127.0.0.1:{port}/whip"), said) as publisher, player() as watching:
        await watching.play(live)
        for _ in range(4):
            await watching.frame()
        words = {"nobody": "cannot be reached", "silent": "cannot be reached", "nonsense": "neither VP8 nor H264"}
        await said.until(words[kind])
        assert not publisher.is_connected
        assert publisher.n_failures > 0
    stranger.close()


async def test_the_command_line_publishes_and_metrics_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORTH", "a-token")
    async with whip_receiver() as receiver:
        options = ("--prompt", "a day", "--publish", receiver.url, "--publish-token", "env:NORTH")
        server = LiveServer(*options, script=FAKE_LIVE)
        try:
            await asyncio.to_thread(server.read_until, f"The stream goes to {receiver.url}")
            await receiver.receive(4)
            address = re.search(r"Open (http://\S+:\d+/)", server.said)
            assert address is not None
            async with httpx.AsyncClient() as http:
                assert "lingen_publish_connected 1" in (await http.get(f"{address[1]}metrics")).text
            assert await asyncio.to_thread(server.interrupt) == 0
        finally:
            server.close()
        assert receiver.deleted == ["/whip/sessions/1"]
        assert set(receiver.tokens) == {"Bearer a-token"}


@pytest.mark.parametrize("url", ["", "ftp://a/b", "http://", "http://user:word@a/b", "http://a b/", "http://a:99999/"])
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is no WHIP endpoint"):
        WhipTarget(url)


def test_neither_token_nor_query_is_shown() -> None:
    target = WhipTarget("https://a.example/whip?key=secret", "north")
    assert target.name == "https://a.example/whip"
    assert "north" not in repr(target)


def test_what_is_sent_is_our_first_choice_of_what_they_take() -> None:
    h264, vp8 = "a=rtpmap:102 H264/90000\r\n", "a=rtpmap:97 VP8/90000\r\n"
    assert choice_of(h264 + vp8, "VP8") == "VP8"
    assert choice_of(vp8 + h264, "H264") == "H264"
    assert choice_of(vp8, "H264") == "VP8"
    assert choice_of(h264, "VP8") == "H264"
    with pytest.raises(ValueError, match="neither"):
        choice_of("a=rtpmap:98 VP9/90000\r\n", "VP8")
