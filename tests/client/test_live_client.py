"""A program that steers and watches, against a whole server."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from served import running_server

from lingen_live.client import LiveClient, Refused, Watcher, WatchError


async def test_it_steers_and_sees_what_it_asked_for(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("", encoding="utf-8")
    async with running_server(tmp_path) as live, LiveClient(f"http://127.0.0.1:{live.port}/") as client:
        assert client.state["prompt"] == "a day"
        async with aclosing(client.frames()) as frames:
            bright = await anext(frames)
            applied = await client.steer("night", chunks=1)
            async with asyncio.timeout(10):
                async for dark in frames:
                    if dark.image.mean() < 60:
                        break
        assert (bright.image.shape, str(bright.image.dtype)) == ((64, 64, 3), "uint8")
        assert bright.image.mean() > 200
        assert bright.weights == client.state["weights"] == "random"
        assert dark.rtp > bright.rtp
        assert applied.pts % 5625 == 0
        cut = await client.cut("a day")
        assert cut.pts > applied.pts
        async with asyncio.timeout(5):
            while len(live.viewers):  # noqa: ASYNC110 (a count has no event)
                await asyncio.sleep(0.01)


async def test_refusals_are_errors_with_the_servers_words(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("", encoding="utf-8")
    async with running_server(tmp_path) as live, LiveClient(f"http://127.0.0.1:{live.port}/") as client:
        with pytest.raises(Refused, match="refuses") as refused:
            await client.steer("refuse this")
        assert refused.value.code == "bad_prompt"
        with pytest.raises(Refused) as unknown:
            await client.control("dance")
        assert unknown.value.code == "unknown_type"
        assert (await client.control("pause")).chunk_index >= 0


async def test_a_server_that_is_not_there() -> None:
    with pytest.raises(WatchError, match="cannot be reached"):
        async with Watcher("http://127.0.0.1:9/whep"):
            pass
