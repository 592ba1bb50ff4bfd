"""The stream pushed to a media server: without a page, again after an end, and with a good-bye."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from served import Live, running_server
from whip_server import whip_server

from lingen_live.serve.destination import Destination
from lingen_live.serve.publish import Publisher


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    (tmp_path / "index.html").write_text("", encoding="utf-8")
    async with running_server(tmp_path) as live:
        yield live


@asynccontextmanager
async def publishing(live: Live, to: Destination) -> AsyncIterator[list[str]]:
    """What is said of it."""
    said: list[str] = []
    publisher = Publisher(live.house, to, said.append, pauses_s=(0.1, 0.2))
    publisher.start()
    yield said
    await publisher.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0.02)


async def test_a_media_server_gets_the_stream_without_a_page_and_a_goodbye(live: Live) -> None:
    async with whip_server("word") as server:
        async with publishing(live, Destination(server.url, "word")) as said:
            async with asyncio.timeout(20):
                frames = [await server.frames.get() for _ in range(20)]
            assert frames[-1].to_ndarray(format="rgb24").mean() > 200  # the day that the stream begins with
            assert len(live.viewers) == 1
            assert said == [f"Published to {server.url} as VP8."]
        assert server.n_goodbyes == 1
    await until(lambda: len(live.viewers) == 0)


async def test_after_an_end_it_begins_again(live: Live) -> None:
    async with whip_server("word") as server, publishing(live, Destination(server.url, "word")) as said:
        async with asyncio.timeout(20):
            await server.frames.get()
        await server.peers[0].close()
        await until(lambda: len(server.peers) == 2 and said[-1].startswith("Published"))
        assert "the connection ended. Next try in 0.1 s." in said[1]


async def test_a_refusal_is_said_with_the_reason_and_tried_again(live: Live) -> None:
    async with whip_server("word") as server, publishing(live, Destination(server.url, "other")) as said:
        await until(lambda: len(said) >= 3)
        assert "answered 401: who are you?. Next try in 0.1 s." in said[0]
        assert "Next try in 0.2 s." in said[2]
        assert "other" not in "".join(said)
    assert len(live.viewers) == 0


async def test_nobody_there_is_said_too_and_the_stream_does_not_care(live: Live) -> None:
    async with publishing(live, Destination("http://127.0.0.1:9/whip")) as said:
        await until(lambda: len(said) >= 1)
        assert "cannot be reached" in said[0]
        assert (await live.http.get("/readyz")).status_code == 200
