"""The video over a WebSocket, against a whole server."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import fake_engine
import pytest
from served import Live, running_server
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from whep_player import player

from lingen_live.config import Weights
from lingen_live.serve import media_socket
from lingen_live.serve.coded import CodedFrame
from lingen_live.serve.media_socket import HEADER, KEYFRAME, RANDOM_WEIGHTS, pack


def watch(live: Live, **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{live.port}/media", **options)


async def frames(socket: ClientConnection, n: int) -> list[tuple[bool, int, bytes]]:
    """The next frames: whether each is a keyframe, its pts, and it."""
    taken: list[tuple[bool, int, bytes]] = []
    async with asyncio.timeout(10):
        while len(taken) < n:
            message = await socket.recv()
            assert isinstance(message, bytes)
            flags, pts = HEADER.unpack_from(message)
            assert flags & RANDOM_WEIGHTS  # the fake engine's, on every frame
            taken.append((bool(flags & KEYFRAME), pts, message[HEADER.size :]))
    return taken


async def ended(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(15):
        with suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code


async def until_alone(live: Live) -> None:
    async with asyncio.timeout(10):
        while len(live.viewers):  # noqa: ASYNC110 (a count has no event)
            await asyncio.sleep(0.01)


async def test_the_same_frames_as_over_webrtc_that_a_decoder_takes(live: Live) -> None:
    async with watch(live) as socket:
        described = json.loads(await socket.recv())
        assert described == {
            "type": "media",
            "version": 1,
            "codec": "vp8",
            "width_px": 64,
            "height_px": 64,
            "fps": 16.0,
            "weights": "random",
        }
        taken = await frames(socket, 4)
        assert live.viewers.booth.outlets["VP8"].n_keyframes == 1
        assert live.session.state().n_viewers == 1
    assert [is_key for is_key, _, _ in taken] == [True, False, False, False]
    assert all(pts % 5625 == 0 for _, pts, _ in taken)
    decoder = av.CodecContext.create("libvpx", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    shown = [frame for _, _, data in taken for frame in decoder.decode(av.Packet(data))]
    assert shown[-1].to_ndarray(format="rgb24").mean() == pytest.approx(fake_engine.colour_of("a day")[0], abs=4)
    await until_alone(live)


@pytest.mark.parametrize(
    ("is_key", "weights", "flags"),
    [(True, "trained", 1), (False, "trained", 0), (True, "random", 3), (False, "random", 2)],
)
def test_every_frame_says_what_it_is(is_key: bool, weights: Weights, flags: int) -> None:
    frame = CodedFrame(b"abc", 9000, is_key, (b"abc",))
    assert pack(frame, weights) == bytes([flags]) + (9000).to_bytes(8, "big") + b"abc"


async def test_who_lost_the_picture_gets_a_keyframe(live: Live) -> None:
    async with watch(live) as socket:
        await socket.recv()
        await frames(socket, 10)
        await socket.send('{"type": "keyframe"}')
        assert any(is_key for is_key, _, _ in await frames(socket, 12))


@pytest.mark.parametrize("message", ["", "{}", '{"type": "steer"}', "x" * 1000, b"\0\1", '{"type":"keyframe","id":1}'])
async def test_anything_else_ends_it(live: Live, message: str | bytes) -> None:
    async with watch(live) as socket:
        await socket.recv()
        await socket.send(message)
        assert await ended(socket) == 4400
    await until_alone(live)


async def test_a_full_house_has_no_seats_and_a_seat_fills_it(live: Live) -> None:
    async with watch(live) as one, watch(live) as two, watch(live) as three, player() as fourth:
        await one.recv()
        await two.recv()
        assert await ended(three) == 4503
        assert (await fourth.play(live)).status_code == 503
    await until_alone(live)


async def test_a_page_of_another_site_is_turned_away(live: Live) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with watch(live, additional_headers={"Origin": "http://evil.example"}):
            pass
    assert refused.value.response.status_code == 403


async def test_who_never_reads_harms_nobody_and_is_given_up(
    web_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own buffers fill up; then frames are dropped, and then it is hung up on."""
    # A megabyte a frame, so that the system's buffers are full at once.
    monkeypatch.setattr(media_socket, "pack", lambda frame, weights: bytes(1_000_000))
    monkeypatch.setattr(media_socket.MediaSockets.__init__, "__defaults__", (0.7,))
    async with (
        running_server(web_directory) as live,
        watch(live, max_queue=1, max_size=None, close_timeout=0.2),
        player() as other,
    ):
        await other.play(live)
        shown = [await other.frame() for _ in range(40)]
        pts = [frame.pts for frame in shown if frame.pts is not None]
        assert pts[-1] - pts[0] < 90_000 * 40 / 16 + 90_000  # no slower than without it
        async with asyncio.timeout(10):
            while len(live.viewers) > 1:  # noqa: ASYNC110 (a count has no event)
                await asyncio.sleep(0.02)
        assert live.viewers.n_dropped_frames > 0
