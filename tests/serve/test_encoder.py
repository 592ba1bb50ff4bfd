"""Coded frames: what a decoder makes of them, keyframes when asked, colours as they were."""

from __future__ import annotations

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from lingen_live.serve.coded import CODECS, Codec, CodedFrame
from lingen_live.serve.colour import ColourConverter
from lingen_live.serve.encoder import VideoEncoder
from lingen_live.serve.ticks import to_pts

ORANGE = (255, 60, 20)


def image(colour: tuple[int, int, int] = ORANGE) -> NDArray[np.uint8]:
    (planes,) = ColourConverter().to_yuv420p(np.full((1, 64, 64, 3), colour, np.uint8))
    return planes


def encode(codec: Codec, keys: list[bool]) -> list[CodedFrame]:
    encoder = VideoEncoder(codec, 64, 64, 16.0, 1_000_000)
    same = image()
    frames = [encoder.encode(same, to_pts(i / 16), is_key=is_key) for i, is_key in enumerate(keys)]
    return [frame for frame in frames if frame is not None]


@pytest.mark.parametrize("codec", CODECS)
def test_keyframes_come_first_and_when_asked_and_at_no_other_time(codec: Codec) -> None:
    frames = encode(codec, [False, False, False, True, False, False])
    assert [frame.is_key for frame in frames] == [True, False, False, True, False, False]
    assert [frame.pts for frame in frames] == [5625 * i for i in range(6)]
    assert len(frames[4].data) < len(frames[3].data)


@pytest.mark.parametrize("codec", CODECS)
def test_a_decoder_may_begin_with_any_keyframe_and_sees_the_colours(codec: Codec) -> None:
    frames = encode(codec, [False, False, True, False])
    decoder = av.CodecContext.create("libvpx" if codec == "VP8" else "h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoded = [shown for frame in frames[2:] for shown in decoder.decode(av.Packet(frame.data))]
    decoded += decoder.decode(None)
    pixel = decoded[0].to_ndarray(format="rgb24")[32, 32]
    assert np.abs(pixel.astype(int) - ORANGE).max() <= 6


def test_h264_says_what_its_colours_mean() -> None:
    """Untagged, Chromium takes them for those of high definition."""
    (frame,) = encode("H264", [True])
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    shown = [*decoder.decode(av.Packet(frame.data)), *decoder.decode(None)][0]
    smpte170m = 6
    assert (shown.colorspace, shown.color_primaries, shown.color_trc) == (smpte170m, smpte170m, smpte170m)


@pytest.mark.parametrize("codec", CODECS)
def test_payloads_fit_into_packets(codec: Codec) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1, 256, 256, 3), np.uint8)
    (planes,) = ColourConverter().to_yuv420p(noise)
    frame = VideoEncoder(codec, 256, 256, 16.0, 1_000_000).encode(planes, 0, is_key=True)
    assert frame is not None
    assert len(frame.payloads) > 1
    assert max(map(len, frame.payloads)) <= 1300
    assert sum(map(len, frame.payloads)) >= len(frame.data) - 16
