"""Encoded once for everybody, as long as there is anybody."""

from __future__ import annotations

import asyncio
import threading

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from lingen_live.serve.broadcast import Broadcast
from lingen_live.serve.channel import Channel
from lingen_live.serve.coded import CodedFrame
from lingen_live.serve.colour import ColourConverter
from lingen_live.serve.encoder import VideoEncoder


def image(level: int, size_px: int = 32) -> NDArray[np.uint8]:
    (planes,) = ColourConverter().to_yuv420p(np.full((1, size_px, size_px, 3), level, np.uint8))
    return planes


class Sink:
    def __init__(self) -> None:
        self.frames: list[CodedFrame] = []

    def deliver(self, frame: CodedFrame) -> None:
        self.frames.append(frame)

    async def has(self, n_frames: int) -> list[CodedFrame]:
        async with asyncio.timeout(5):
            while len(self.frames) < n_frames:  # noqa: ASYNC110 (a list has no event)
                await asyncio.sleep(0.001)
        return self.frames


def encoder_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("lingen-vp8")]


async def until_no_encoder_runs() -> None:
    async with asyncio.timeout(5):
        while encoder_threads():  # noqa: ASYNC110 (a thread's end has no event)
            await asyncio.sleep(0.001)


async def play(channel: Channel, first: int, n_frames: int, sink: Sink) -> None:
    for number in range(first, first + n_frames):
        n_before = len(sink.frames)
        channel.publish(image(number), number / 16)
        await sink.has(n_before + 1)


async def test_all_get_the_same_objects() -> None:
    channel, one, two = Channel("VP8", lambda: 16.0), Sink(), Sink()
    channel.add(one)
    channel.add(two)
    await play(channel, 0, 4, one)
    assert all(a is b for a, b in zip(one.frames, two.frames, strict=True))
    assert [frame.is_key for frame in one.frames] == [True, False, False, False]
    assert (channel.n_frames, channel.n_keyframes) == (4, 1)
    channel.remove(one)
    channel.remove(two)


async def test_who_joins_gets_a_keyframe_soon_and_many_get_one() -> None:
    now_s = 0.0
    channel, first = Channel("VP8", lambda: 16.0, clock=lambda: now_s), Sink()
    channel.add(first)
    await play(channel, 0, 2, first)
    late = [Sink() for _ in range(5)]
    for sink in late:
        channel.add(sink)
    await play(channel, 2, 2, first)
    assert channel.n_keyframes == 1  # the last one is too fresh
    now_s = 0.5
    await play(channel, 4, 3, first)
    assert [frame.is_key for frame in late[-1].frames] == [False, False, True, False, False]
    for sink in [first, *late]:
        channel.remove(sink)


async def test_nothing_runs_without_anybody() -> None:
    await until_no_encoder_runs()
    channel, sink = Channel("VP8", lambda: 16.0), Sink()
    channel.publish(image(1), 0.0)
    assert encoder_threads() == []
    channel.add(sink)
    await play(channel, 1, 1, sink)
    assert len(encoder_threads()) == 1
    channel.remove(sink)
    channel.remove(sink)
    await until_no_encoder_runs()
    assert channel.bitrate_bps == 0
    channel.add(sink)
    await play(channel, 2, 1, sink)
    assert sink.frames[-1].is_key
    channel.remove(sink)


async def test_time_that_stands_still_is_ignored_and_the_newest_image_wins() -> None:
    channel, sink = Channel("VP8", lambda: 16.0), Sink()
    channel.add(sink)
    for media_time_s in (1.0, 1.0, 1.5):  # none can be taken before this coroutine waits
        channel.publish(image(1), media_time_s)
    await sink.has(1)
    channel.publish(image(1), 0.5)
    await play(channel, 40, 1, sink)
    assert [frame.pts for frame in sink.frames] == [135_000, 225_000]
    channel.remove(sink)


async def test_another_size_begins_anew() -> None:
    channel, sink = Channel("VP8", lambda: 16.0), Sink()
    channel.add(sink)
    await play(channel, 0, 2, sink)
    channel.publish(image(3, size_px=64), 1.0)
    assert (await sink.has(3))[2].is_key
    channel.remove(sink)


async def test_an_encoder_that_fails_is_made_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    channel, sink = Channel("VP8", lambda: 16.0), Sink()
    channel.add(sink)
    await play(channel, 0, 1, sink)

    def fail(*_: object, **__: object) -> CodedFrame:
        raise av.FFmpegError(1, "a bad day")

    with monkeypatch.context() as patch:
        patch.setattr(VideoEncoder, "encode", fail)
        channel.publish(image(1), 1.0)
        async with asyncio.timeout(5):
            while "made anew" not in caplog.text:  # noqa: ASYNC110 (a log has no event)
                await asyncio.sleep(0.001)
    await play(channel, 32, 1, sink)
    assert sink.frames[-1].is_key
    channel.remove(sink)


async def test_an_h264_encoder_that_fails_makes_room_for_software() -> None:
    channel, sink = Channel("H264", lambda: 16.0, h264="h264_of_no_maker"), Sink()
    assert channel.encoder_name == "h264_of_no_maker"
    channel.add(sink)
    for i in range(200):
        channel.publish(image(i), i / 16)
        await asyncio.sleep(0.01)
        if sink.frames:
            break
    assert sink.frames[0].is_key
    assert channel.encoder_name == "libx264"
    channel.remove(sink)


async def test_a_narrow_line_lowers_the_bitrate() -> None:
    now_s = 0.0
    channel, sink = Channel("VP8", lambda: 16.0, clock=lambda: now_s), Sink()
    channel.add(sink)
    await play(channel, 0, 1, sink)
    assert channel.bitrate_bps == 1_000_000
    now_s = 3.0
    noise = np.random.default_rng(0).integers(0, 255, (2, 48, 32), np.uint8)
    channel.publish(noise[0], 3.0)
    await sink.has(2)
    channel.note_estimate(sink, 100)
    channel.publish(noise[1], 3.1)
    await sink.has(3)
    assert channel.bitrate_bps == 700_000
    channel.remove(sink)


async def test_a_broadcast_has_a_channel_for_each_codec() -> None:
    broadcast, vp8, h264 = Broadcast(lambda: 16.0), Sink(), Sink()
    broadcast.channels["VP8"].add(vp8)
    broadcast.channels["H264"].add(h264)
    broadcast.publish(image(100), 0.0)
    (a,), (b,) = await vp8.has(1), await h264.has(1)
    assert a.pts == b.pts
    assert b.data.startswith(b"\0\0\0\1")
    broadcast.channels["VP8"].remove(vp8)
    broadcast.channels["H264"].remove(h264)
