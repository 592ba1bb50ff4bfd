"""Frames to an MP4 file that plays everywhere: H.264, 4:2:0, BT.709 and said so, index in front.

Knows PyAV. Does not know where frames come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from lingen_live.errors import EngineError

_BT709 = 1
_CPU_INFO = Path("/proc/cpuinfo")


def _x264_options() -> dict[str, str]:
    """Two thirds of the processor time of the preset `veryfast` at the same PSNR, for a tenth more bytes.

    Of the same pictures x264's AVX-512 code made B-frames that differed from run to run, of small ones in every other
    film; up to AVX2 it did not, at the same speed. Both in docs/lab-notes.md.
    """
    has_avx512 = _CPU_INFO.exists() and "avx512" in _CPU_INFO.read_text(encoding="utf-8", errors="replace")
    asm = ":asm=avx2" if has_avx512 else ""
    return {"crf": "18", "preset": "superfast", "threads": "1", "x264-params": f"mbtree=1:rc-lookahead=10{asm}"}


_OPTIONS = _x264_options()
_CONTAINER = {"movflags": "+faststart"}


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
    writer = MovieWriter(path, fps)
    try:
        for frames in chunks:
            writer.add(frames)
        return writer.finish()
    finally:
        writer.close()


class MovieWriter:
    """A film that is written chunk by chunk; `write_movie` says of what and where, and what is raised."""

    def __init__(self, path: Path, fps: float) -> None:
        check_name(path)
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial")
        self._rate = Fraction(fps).limit_denominator(1001)
        self._container = av.open(str(self._partial), "w", format="mp4", options=_CONTAINER)
        self._stream: VideoStream = self._container.add_stream("libx264", rate=self._rate, options=_OPTIONS)
        self._reformatter = VideoReformatter()
        self.n_frames = 0

    def add(self, frames: NDArray[np.uint8]) -> None:
        """Write frames, (F, H, W, 3)."""
        for picture in frames:
            if self.n_frames == 0:
                _describe(self._stream.codec_context, *picture.shape[:2])
            frame = self._reformatter.reformat(
                av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(picture), format="rgb24"),
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                interpolation=Interpolation.AREA,  # a mean of four is what a colour of 4:2:0 is, and the least work
                threads=1,
            )
            frame.pts, frame.time_base = self.n_frames, 1 / self._rate
            self._container.mux(self._stream.encode(frame))
            self.n_frames += 1

    def finish(self) -> int:
        """Have the film where it belongs; returns how many frames it has."""
        if self.n_frames == 0:
            raise EngineError("There is not one frame to write.")
        self._container.mux(self._stream.encode())
        self._container.close()
        self._partial.replace(self._path)
        return self.n_frames

    def close(self) -> None:
        """Let go of everything; what was not finished is gone. Idempotent."""
        try:
            self._container.close()
        finally:
            self._partial.unlink(missing_ok=True)


def join_movies(path: Path, parts: Sequence[Path]) -> int:
    """Put films of `write_movie` one after the other, as they are; returns how many frames there are.

    Args:
        path: ends with .mp4; appears only when it is whole.
        parts: one or more, of one size and rate.

    Raises:
        EngineError: they do not fit together.
        OSError: one cannot be read, or nothing be written there.
    """
    check_name(path)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with av.open(str(partial), "w", format="mp4", options=_CONTAINER) as target:
            n_frames = _append_all(target, parts)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return n_frames


def check_name(path: Path) -> None:
    """Refuse a name that no film has.

    Raises:
        EngineError: it does not end with .mp4.
    """
    if path.suffix.lower() != ".mp4":
        raise EngineError(f"{path.name} does not end with .mp4; only that is written.")


def _append_all(target: av.container.OutputContainer, parts: Sequence[Path]) -> int:
    stream: VideoStream | None = None
    header: bytes | None = None
    n_frames = 0
    for part in parts:
        with av.open(str(part)) as source:
            (given,) = source.streams.video
            if stream is None:
                stream = target.add_stream_from_template(given)
                header = given.codec_context.extradata
            if given.codec_context.extradata != header:
                raise EngineError(f"{part.name} was encoded in another way than the parts before it.")
            assert given.time_base is not None
            assert given.average_rate is not None
            offset = round(n_frames / given.average_rate / given.time_base)
            for packet in source.demux(given):
                if packet.dts is None or packet.pts is None:  # the end
                    continue
                packet.pts, packet.dts, packet.stream = packet.pts + offset, packet.dts + offset, stream
                target.mux(packet)
                n_frames += 1
    if n_frames == 0:
        raise EngineError("There is not one frame to write.")
    return n_frames


def _describe(context: av.VideoCodecContext, height_px: int, width_px: int) -> None:
    """Say what the pictures are, before the first one."""
    if height_px % 2 or width_px % 2:
        raise EngineError(f"The frames have {width_px} x {height_px} px; 4:2:0 video needs even sides.")
    context.width, context.height = width_px, height_px
    context.pix_fmt = "yuv420p"
    context.color_range = ColorRange.MPEG
    context.colorspace = context.color_primaries = context.color_trc = _BT709
