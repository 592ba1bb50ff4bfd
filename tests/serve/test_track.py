"""The track of one viewer: coded frames in order, until it is stopped."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from lingen_live.serve.coded import CodedFrame
from lingen_live.serve.colour import ColourConverter
from lingen_live.serve.ticks import to_pts
from lingen_live.serve.track import ViewerTrack


def test_ticks() -> None:
    assert [to_pts(slot / 16) for slot in (0, 1, 2)] == [0, 5625, 11250]
    assert to_pts(1 / 24) == 3750


async def test_frames_are_waited_for_and_come_as_they_are() -> None:
    track = ViewerTrack(lambda: None)
    receiving = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    assert not receiving.done()
    frame = CodedFrame(b"key", 0, True, (b"k", b"ey"))
    track.queue.deliver(frame)
    assert await receiving is frame


async def test_stop_wakes_who_waits_and_refuses_who_comes() -> None:
    track = ViewerTrack(lambda: None)
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
