"""Frames to an MP4 file that plays everywhere: H.264, 4:2:0, BT.709 and said so, index in front.

Knows PyAV. Does not know where frames come from.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from lingen_live.errors import EngineError

_BT709 = 1
_CRF = "18"


def write_movie(path: Path, chunks: Iterable[NDArray[np.uint8]], fps: float) -> int:
    """Write a film; it appears at `path` only when it is whole.

    Args:
        path: ends with .mp4.
        chunks: uint8 RGB frames, (F, H, W, 3) each, H and W even.
        fps: frames a second.

    Returns:
        How many frames were written.

    Raises:
        EngineError: the name is of another kind of file, or there are no frames, or they have an odd side.
        OSError: it cannot be written there.
    """
    if path.suffix.lower() != ".mp4":
        raise EngineError(f"{path.name} does not end with .mp4; only that is written.")
    partial = path.with_name(f"{path.name}.partial")
    try:
        with av.open(str(partial), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            n_frames = _fill(container, chunks, fps)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return n_frames


def _fill(container: av.container.OutputContainer, chunks: Iterable[NDArray[np.uint8]], fps: float) -> int:
    rate = Fraction(fps).limit_denominator(1001)
    stream = container.add_stream("libx264", rate=rate, options={"crf": _CRF, "preset": "medium", "threads": "1"})
    reformatter = VideoReformatter()
    n_frames = 0
    for picture in (picture for frames in chunks for picture in frames):
        if n_frames == 0:
            _describe(stream.codec_context, *picture.shape[:2])
        frame = reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        frame.pts, frame.time_base = n_frames, 1 / rate
        container.mux(stream.encode(frame))
        n_frames += 1
    if n_frames == 0:
        raise EngineError("There is not one frame to write.")
    container.mux(stream.encode())
    return n_frames


def _describe(context: av.VideoCodecContext, height_px: int, width_px: int) -> None:
    """Say what the pictures are, before the first one."""
    if height_px % 2 or width_px % 2:
        raise EngineError(f"The frames have {width_px} x {height_px} px; 4:2:0 video needs even sides.")
    context.width, context.height = width_px, height_px
    context.pix_fmt = "yuv420p"
    context.color_range = ColorRange.MPEG
    context.colorspace = context.color_primaries = context.color_trc = _BT709
