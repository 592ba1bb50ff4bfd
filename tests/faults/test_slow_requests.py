"""Requests that never end (slowloris): let go after a while, while everybody else is served."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from served import Live, Talk, running_server

from lingen_live.serve.patience import Patience

HEAD_S, BODY_S, N_WAITING = 0.6, 1.2, 6


@contextlib.asynccontextmanager
async def impatient_server(folder: Path, head_s: float = HEAD_S) -> AsyncIterator[Live]:
    (folder / "index.html").write_text("<p>here", encoding="utf-8")
    patience = Patience(head_s=head_s, body_s=BODY_S, n_waiting=N_WAITING)
    async with running_server(folder, patience=patience) as live:
        yield live
    assert not patience.waiting


async def trickle(live: Live, start: bytes, byte: bytes) -> tuple[bytes, float]:
    """Send a beginning, then a byte at a time until the server hangs up; what it said, and how long it bore it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    begun_s = asyncio.get_running_loop().time()
    answer = asyncio.create_task(reader.read())
    with contextlib.suppress(ConnectionError):
        writer.write(start)
        while not answer.done():
            writer.write(byte)
            await writer.drain()
            await asyncio.sleep(0.05)
    with contextlib.suppress(ConnectionError):
        said = await answer
    took_s = asyncio.get_running_loop().time() - begun_s
    writer.close()
    return said, took_s


async def test_headers_that_never_end_are_given_up_and_others_served_meanwhile(tmp_path: Path) -> None:
    async with impatient_server(tmp_path) as live:
        slow = asyncio.create_task(trickle(live, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", b"x"))
        while not slow.done():
            assert (await live.http.get("/readyz")).status_code == 200
            await asyncio.sleep(0.05)
        said, took_s = await slow
        assert said.startswith(b"HTTP/1.1 408 ")
        assert took_s >= HEAD_S


async def test_a_body_that_never_ends_is_given_up(tmp_path: Path) -> None:
    head = f"POST /uploads HTTP/1.1\r\nHost: 127.0.0.1:{{}}\r\nContent-Length: {10**5}\r\n\r\n"
    async with impatient_server(tmp_path) as live:
        said, took_s = await trickle(live, head.format(live.port).encode(), b"x")
        assert b" 200 " not in said
        assert took_s >= BODY_S
        assert (await live.http.get("/readyz")).status_code == 200


async def test_a_later_request_on_a_kept_connection_may_not_dawdle_either(tmp_path: Path) -> None:
    whole = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    async with impatient_server(tmp_path) as live:
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        for _ in range(2):
            writer.write(whole)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await reader.readexactly(len((await live.http.get("/healthz")).content))
        writer.write(whole[:20])
        async with asyncio.timeout(10):
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_only_so_many_are_waited_for_and_the_oldest_go_first(tmp_path: Path) -> None:
    async with impatient_server(tmp_path, head_s=60) as live:
        opened = [await asyncio.open_connection("127.0.0.1", live.port) for _ in range(N_WAITING + 2)]
        for reader, _ in opened[:2]:
            async with asyncio.timeout(10):
                assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        assert (await live.http.get("/readyz")).status_code == 200
        for _, writer in opened:
            writer.close()


async def test_a_control_socket_stays_however_long_it_is_silent(tmp_path: Path) -> None:
    async with impatient_server(tmp_path) as live, live.socket() as socket:
        talk = Talk(socket)
        await talk.say(type="hello", version=1)
        await talk.hear("state")
        await asyncio.sleep(2 * BODY_S)
        await talk.say(type="steer", id=1, prompt="night")
        await talk.hear("received")
