"""Which H.264 encoder there is: one of hardware that really encodes here, or software. Knows PyAV.

No hardware path has been run: the machines that this was made on have none. What is tried is what would be used, and
whatever fails makes room for software, at the start and later.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
from av.video.frame import PictureType

from lingen_live.errors import ConfigError
from lingen_live.serve.ticks import TIME_BASE

SOFTWARE = "libx264"
HARDWARE = ("h264_nvenc", "h264_vaapi", "h264_qsv", "h264_v4l2m2m")
CHOICES = ("auto", "software", *HARDWARE)

_NEVER = 1_000_000  # frames; keyframes are made when somebody needs one
_PROBE_PX, _PROBE_BPS, _PROBE_FRAMES = 256, 1_000_000, 3
_GREY = 128
_SMPTE170M = 6

_OPTIONS = {
    SOFTWARE: {
        # 9 times cheaper than x264's default at the same bitrate.
        "preset": "superfast",
        "tune": "zerolatency",
        "level": "31",
        "forced-idr": "1",
        # A cut of the scene is no reason for a keyframe; and untagged colours are shown wrongly by Chromium.
        "x264-params": "scenecut=0:colormatrix=smpte170m:colorprim=smpte170m:transfer=smpte170m",
    },
    "h264_nvenc": {"preset": "p1", "tune": "ull", "zerolatency": "1", "delay": "0", "rc": "cbr", "forced-idr": "1"},
    "h264_vaapi": {"async_depth": "1"},
    "h264_qsv": {"async_depth": "1", "preset": "veryfast", "forced_idr": "1"},
    "h264_v4l2m2m": {},
}


def make_context(name: str, width_px: int, height_px: int, fps: float, bitrate_bps: int) -> av.VideoCodecContext:
    """An encoder that has not begun: baseline, without reordering or look-ahead, keyframes on request only.

    Raises:
        av.FFmpegError: it cannot be had.
        ValueError: PyAV has none of that name.
    """
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width_px, height_px, "yuv420p"
    context.framerate, context.time_base = Fraction(round(fps)), TIME_BASE
    context.bit_rate, context.gop_size, context.max_b_frames = bitrate_bps, _NEVER, 0
    context.options = _OPTIONS.get(name, {})
    if name == SOFTWARE:
        context.profile = "Baseline"
    else:
        context.options = {**context.options, "profile": "baseline"}
        context.colorspace = context.color_primaries = context.color_trc = _SMPTE170M
    return context


def why_not(name: str) -> str | None:
    """What is wrong with encoder `name`; None if it encodes, at once, what a decoder reads."""
    try:
        context = make_context(name, _PROBE_PX, _PROBE_PX, 16.0, _PROBE_BPS)
        packets = []
        for i in range(_PROBE_FRAMES):
            grey = np.full((_PROBE_PX * 3 // 2, _PROBE_PX), _GREY, np.uint8)
            frame = av.VideoFrame.from_numpy_buffer(grey, format="yuv420p")
            frame.pts, frame.time_base = 5625 * i, TIME_BASE
            # Not the first: that is one anyway.
            frame.pict_type = PictureType.I if i == _PROBE_FRAMES - 1 else PictureType.NONE
            made = context.encode(frame)
            if len(made) != 1:
                return f"{len(made)} packets came for a frame; one must"
            packets += made
        return _what_is_wrong_with([packet.is_keyframe for packet in packets], bytes(packets[-1]))
    except (av.FFmpegError, ValueError) as error:
        return str(error) or type(error).__name__


def choose(wanted: str, why: Callable[[str], str | None] = why_not) -> str:
    """The encoder to use for `wanted`, one of `CHOICES`.

    Args:
        wanted: `auto` takes hardware where it works.
        why: says what is wrong with an encoder.

    Raises:
        ConfigError: a certain one is wanted, and does not work here.
    """
    if wanted == "software":
        return SOFTWARE
    if wanted == "auto":
        return next((name for name in HARDWARE if why(name) is None), SOFTWARE)
    if wanted not in CHOICES:
        raise ConfigError(f"The encoder is {wanted[:40]!r}; it must be one of {', '.join(CHOICES)}.")
    if (reason := why(wanted)) is not None:
        raise ConfigError(f"The encoder {wanted} does not work here ({reason}); auto takes one that does.")
    return wanted


def _what_is_wrong_with(keys: list[bool], last: bytes) -> str | None:
    """Of a stream whose first and last frame must be keyframes, so that a decoder may begin with the last."""
    if keys != [True, *[False] * (_PROBE_FRAMES - 2), True]:
        return f"its keyframes are {keys}; the first and the last must be"
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    shown = [*decoder.decode(av.Packet(last)), *decoder.decode(None)]
    if len(shown) != 1 or (shown[0].width, shown[0].height) != (_PROBE_PX, _PROBE_PX):
        return "a decoder does not read its keyframe"
    level = float(shown[0].to_ndarray(format="yuv420p").mean())
    return None if abs(level - _GREY) < 4 else f"grey of {_GREY} came out as {level:.0f}"
