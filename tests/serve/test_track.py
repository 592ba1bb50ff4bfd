"""The track of one viewer: newest image, rising time, new frames."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError
from numpy.typing import NDArray

from lingen_live.serve.colour import ColourConverter
from lingen_live.serve.track import TIME_BASE, ViewerTrack, to_pts


def image(level: int) -> NDArray[np.uint8]:
    (planes,) = ColourConverter().to_yuv420p(np.full((1, 32, 32, 3), level, np.uint8))
    return planes


def test_ticks() -> None:
    assert [to_pts(slot / 16) for slot in (0, 1, 2)] == [0, 5625, 11250]
    assert to_pts(1 / 24) == 3750


async def test_the_newest_image_wins() -> None:
    track = ViewerTrack()
    track.publish(image(10), 0.0)
    track.publish(image(200), 0.5)
    frame = await track.recv()
    assert (frame.pts, frame.time_base) == (45_000, TIME_BASE)
    assert (frame.width, frame.height, frame.format.name) == (32, 32, "yuv420p")
    assert frame.to_ndarray(format="rgb24").mean() == pytest.approx(200, abs=2)


async def test_a_frame_is_waited_for() -> None:
    track = ViewerTrack()
    receiving = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    assert not receiving.done()
    track.publish(image(1), 0.0)
    assert (await receiving).pts == 0


async def test_one_image_twice_is_two_frames() -> None:
    track = ViewerTrack()
    same = image(9)
    frames = []
    for media_time_s in (0.0, 0.5):
        track.publish(same, media_time_s)
        frames.append(await track.recv())
    assert frames[0] is not frames[1]


async def test_time_that_stands_still_is_ignored() -> None:
    track = ViewerTrack()
    track.publish(image(1), 1.0)
    await track.recv()
    track.publish(image(2), 1.0)
    track.publish(image(2), 0.5)
    track.publish(image(3), 1.5)
    assert (await track.recv()).pts == 135_000


async def test_stop_wakes_who_waits_and_refuses_who_comes() -> None:
    track = ViewerTrack()
    receiving = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    track.stop()
    with pytest.raises(MediaStreamError):
        await receiving
    with pytest.raises(MediaStreamError):
        await track.recv()


def test_odd_sizes_are_refused_with_both_numbers() -> None:
    with pytest.raises(ValueError, match="31 x 32 px"):
        ColourConverter().to_yuv420p(np.zeros((1, 32, 31, 3), np.uint8))
