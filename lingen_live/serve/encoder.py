"""One video encoder: images in, coded frames out. Knows PyAV and packets; does not know threads, viewers or when.

VP8 by default: every browser takes it. H.264 for players that take nothing else.
"""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from av.video.frame import PictureType
from numpy.typing import NDArray

from lingen_live.serve.coded import Codec, CodedFrame
from lingen_live.serve.h264 import SOFTWARE, make_context
from lingen_live.serve.ticks import TIME_BASE

_ONE_THREAD_PX = 640 * 480
_NEVER = 1_000_000  # frames; keyframes are made when somebody needs one


class VideoEncoder:
    """An encoder for images of one size at one bitrate.

    Args:
        codec: how.
        width_px: even.
        height_px: even.
        fps: nominal frames a second; frames may come at any later time.
        bitrate_bps: held on average.
        h264: which encoder makes H.264.
    """

    def __init__(
        self, codec: Codec, width_px: int, height_px: int, fps: float, bitrate_bps: int, h264: str = SOFTWARE
    ) -> None:
        self.width_px, self.height_px, self.bitrate_bps = width_px, height_px, bitrate_bps
        self._packer = Vp8Encoder() if codec == "VP8" else H264Encoder()
        if codec == "VP8":
            context = _make_vp8(width_px, height_px, fps, bitrate_bps)
        else:
            context = make_context(h264, width_px, height_px, fps, bitrate_bps)
        # A second thread is worth its waking only for large pictures.
        context.thread_count = 1 if width_px * height_px <= _ONE_THREAD_PX else 2
        self._context = context

    def encode(self, image: NDArray[np.uint8], pts: int, *, is_key: bool) -> CodedFrame | None:
        """Encode yuv420p `image` (3 H / 2, W); None if the encoder chose to skip it.

        Raises:
            av.FFmpegError: the encoder gave up.
        """
        # A new frame object each time, also for the same image: the encoder marks the one it gets.
        frame = av.VideoFrame.from_numpy_buffer(image, format="yuv420p")
        frame.pts, frame.time_base = pts, TIME_BASE
        if is_key:
            frame.pict_type = PictureType.I
        packets = self._context.encode(frame)
        if not packets:
            return None
        packet = packets[0]  # without look-ahead there is one for each frame
        packet.pts, packet.time_base = pts, TIME_BASE
        payloads, _ = self._packer.pack(packet)
        return CodedFrame(bytes(packet), pts, packet.is_keyframe, tuple(payloads))


def _make_vp8(width_px: int, height_px: int, fps: float, bitrate_bps: int) -> av.VideoCodecContext:
    context = av.CodecContext.create("libvpx", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width_px, height_px, "yuv420p"
    context.framerate, context.time_base = Fraction(round(fps)), TIME_BASE
    context.bit_rate, context.gop_size = bitrate_bps, _NEVER
    context.qmin, context.qmax = 2, 56
    context.options = _vp8_options(bitrate_bps)
    return context


def _vp8_options(bitrate_bps: int) -> dict[str, str]:
    return {
        "bufsize": str(bitrate_bps),  # one second
        "minrate": str(bitrate_bps),
        "maxrate": str(bitrate_bps),
        "deadline": "realtime",
        "cpu-used": "-6",
        "lag-in-frames": "0",
        "noise-sensitivity": "4",
        "overshoot-pct": "15",
        "undershoot-pct": "100",
        "partitions": "0",
        "static-thresh": "1",
    }
